//! Conformance test harness for cross-app access (ID-JAG) clients.
//!
//! Data flows one way: scenario → stage → transcript → judge → report.

pub mod baseline;
pub mod check;
pub mod cli;
pub mod config;
pub mod driver;
pub mod exit;
pub mod interruption;
pub mod judge;
pub mod live;
pub mod pin;
pub mod preparation;
pub mod report;
pub mod run;
pub mod saved;
pub mod select;
pub mod self_proof;
pub mod setup;
pub mod snapshot;
pub mod stage;
pub mod summary;

mod text;
mod whole;
