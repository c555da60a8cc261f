//! Requests to the mock IdP, without a socket.

mod metadata;
mod official_suite;
mod refusals;
mod stage;
mod token_exchange;
