//! Requests to the mock authorization servers, the MCP servers and the trap. The IdP's keys come over a real socket.

mod client_authentication;
mod mcp_access;
mod mcp_rpc;
mod metadata;
mod official_suite;
mod refusals;
mod second_servers;
mod stage;
mod token;
mod trap;
