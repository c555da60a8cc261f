//! Requests to the mock authorization server and the MCP server, which meet the IdP's keys over a real socket.

mod client_authentication;
mod mcp_access;
mod mcp_rpc;
mod metadata;
mod official_suite;
mod refusals;
mod stage;
mod token;
