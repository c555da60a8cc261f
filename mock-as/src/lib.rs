//! The mock resource authorization server and the MCP server it protects.
