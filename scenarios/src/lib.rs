//! Scenario scripts, the catalogue of requirements, and the types that read them.
//!
//! A scenario is a script: what the servers of one run do, what the client is told, and what a
//! conforming client does. This crate reads scripts and checks that they make sense; it plays none of them.

mod catalogue;
mod file;
mod id;
mod load;
mod party;
mod profile;
mod release;
mod reply;
mod scenario;
mod script;
mod source;
mod validate;

pub use catalogue::{Basis, Catalogue, Keyword, Requirement, Severity};
pub use id::{FaultSlug, RequirementId, ScenarioId};
pub use load::{LoadError, Problem, Scenarios, schema};
pub use party::{EndpointName, Party};
pub use profile::{AuthMethod, Capability, Profile, SpecVersion};
pub use release::{Release, UnknownRelease};
pub use reply::{Act, Bend, Long, Page, Reply, Step, TokenBend, TokenForm};
pub use scenario::{Expect, Kind, Outcome, Reached, Scenario, Surfaced};
pub use script::{
    AsScript, Call, ClientScript, IdpScript, McpScript, MetadataForm, OpenidForm, Presence, Replay, Rules,
    Tolerance, TrapScript, User,
};
pub use source::problem_in;
pub use validate::{PLACEHOLDERS, nearest};
