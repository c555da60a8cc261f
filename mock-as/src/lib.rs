//! The mock resource authorization servers, the MCP servers they protect, and the trap.
//!
//! All are of one run and share its table of access tokens. They bind nothing, serve and record.

mod access_token;
mod authorization_server;
mod grant;
mod jwt_bearer;
mod keys;
mod mcp;
mod metadata;
mod official_suite;
mod page;
mod trap;

pub use authorization_server::authorization_server;
pub use keys::key_client;
pub use mcp::mcp_server;
pub use trap::trap;
