//! A protected MCP server: challenge, protected resource metadata, and a small endpoint on both MCP wires.

mod access;
mod resource_metadata;
mod rpc;
mod server;

pub use server::mcp_server;
