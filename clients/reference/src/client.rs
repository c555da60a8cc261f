//! The client of one run: what it was told, what it speaks with, and how it deviates.
//!
//! The steps of the flow are methods of it, one file each.

use std::cell::RefCell;
use std::env;

use url::Url;

use crate::behaviour::Behaviour;
use crate::context::Context;
use crate::http::Http;
use crate::kept::Kept;
use crate::{Control, Fault};

pub(crate) struct Client {
    pub(crate) context: Context,
    pub(crate) mcp: McpEndpoint,
    /// The tool to call; without a name the first one listed.
    pub(crate) tool: Option<String>,
    pub(crate) protocol_version: String,
    pub(crate) behaviour: Behaviour,
    pub(crate) http: Http,
    pub(crate) kept: RefCell<Kept>,
}

/// The URL of the MCP server, and how it was written.
#[derive(Debug, Clone)]
pub(crate) struct McpEndpoint {
    pub(crate) text: String,
    pub(crate) url: Url,
}

impl McpEndpoint {
    /// Scheme, host and port, without a final slash.
    pub(crate) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

impl Client {
    /// A client for `mcp`, as the environment has it; the error is a message.
    pub(crate) fn from_environment(mcp: McpEndpoint, behaviour: Behaviour) -> Result<Self, String> {
        Ok(Self {
            context: Context::from_environment()?,
            mcp,
            tool: None,
            protocol_version: env::var("MCP_CONFORMANCE_PROTOCOL_VERSION")
                .unwrap_or_else(|_| "2025-11-25".to_owned()),
            http: Http::new(&behaviour).map_err(|cause| cause.to_string())?,
            behaviour,
            kept: RefCell::default(),
        })
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.behaviour.has(fault)
    }

    pub(crate) fn varies(&self, control: Control) -> bool {
        self.behaviour.varies(control)
    }
}
