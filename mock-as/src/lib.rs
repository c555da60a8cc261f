//! The mock resource authorization server and the MCP server it protects.
//!
//! Both are of one run and share its table of access tokens. They bind nothing, serve and record.

mod access_token;
mod authorization_server;
mod grant;
mod jwt_bearer;
mod keys;
mod mcp;
mod metadata;
mod official_suite;

pub use authorization_server::authorization_server;
pub use keys::key_client;
pub use mcp::mcp_server;
