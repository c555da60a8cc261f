//! The honest reference client of the cross-app access flow, its faults and its controls.
//!
//! The client walks the whole flow as the documents ask: discovery at the MCP server, token exchange at the
//! IdP authorization server, jwt-bearer at the resource authorization server, MCP requests with the access
//! token. A [`Fault`] makes it do exactly one thing wrong, a [`Control`] makes it use a freedom that it
//! rightly has.
//!
//! It shares no code with the servers or the judge: two implementations of each rule are what makes one the
//! oracle of the other. It speaks plain HTTP to loopback addresses only.

mod authorization_server;
mod behaviour;
mod calls;
mod challenge;
mod cli;
mod client;
mod client_assertion;
mod client_authentication;
mod context;
mod controls;
mod discovery;
mod event_stream;
mod faults;
mod flow;
mod form;
mod http;
mod jwt_bearer;
mod kept;
mod legs;
mod mcp;
mod outcome;
mod protected_resource;
mod refusal;
mod remedy;
mod repetition;
mod report;
mod token_answer;
mod token_endpoint;
mod token_exchange;
mod well_known;

#[cfg(test)]
mod complete_flow;

pub use behaviour::UnknownSlug;
pub use cli::main;
pub use controls::Control;
pub use faults::Fault;
