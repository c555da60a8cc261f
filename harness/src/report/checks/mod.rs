//! `checks.json`: the checks of a scenario in the form of the official MCP conformance suite.

pub(super) mod official;
pub(super) mod own;
