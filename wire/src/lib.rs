//! What the mocks and the judge share.
//!
//! The mocks use [`Stage`] (the facts of one run), [`Answer`] (what a server says, and how a script bends it),
//! [`record`] (everything that crosses the wire) and the readers of forms, tokens and client authentication.
//! The judge uses [`Transcript`] alone, in which every minted value stands by its name.

pub mod client_authentication;
pub mod constants;
pub mod endpoint;
pub mod form;
pub mod jose;
pub mod ledger;
pub mod transcript;

mod answer;
mod body;
mod canary;
mod close;
mod context;
mod fill;
mod naming;
mod record;
mod registration;
mod seen;
mod stage;
mod text;
mod urls;

pub use answer::{Answer, HeadAct, refuse};
pub use canary::Canary;
pub use close::{RawClient, RawOutput};
pub use ledger::Ledger;
pub use record::{BODY_LIMIT, Caller, Recorder, STAGE_HEADER, record};
pub use registration::{Declared, Registration};
pub use seen::{Seen, Watcher};
pub use stage::{AccessToken, SUBJECT, SUBJECT_2, Stage, StepList};
pub use text::{Alteration, Encoding, Part, Text};
pub use transcript::Transcript;
pub use urls::{Origins, Urls};
