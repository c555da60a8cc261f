//! Conformance test harness for cross-app access (ID-JAG) clients.
//!
//! Data flows one way: scenario → stage → transcript → judge → report.

pub mod check;
pub mod judge;
