//! The calls that a run is told to make, one after another, in one process.

use std::mem;

use serde::Deserialize;

use crate::client::{Client, McpEndpoint};
use crate::http::parse_url;
use crate::jwt_bearer::AccessToken;
use crate::outcome::{Cause, Failure, Step, at};

/// One call, as the context has it. It holds secrets, hence no `Debug`.
#[derive(Clone, Deserialize)]
pub(crate) struct Call {
    url: String,
    tool: String,
    client_id: Option<String>,
    client_secret: Option<String>,
    issuer: Option<String>,
    id_token: Option<String>,
}

impl Client {
    /// Reaches the MCP server of every call in turn, without calls that of the command line; the last access
    /// token. The first failure ends the run.
    pub(crate) async fn run(mut self) -> Result<AccessToken, Failure> {
        let calls = mem::take(&mut self.context.calls);
        let (context, mcp) = (self.context.clone(), self.mcp.clone());
        let mut reached = None;
        for call in calls {
            self.context = context.clone();
            self.turn_to(call, &mcp).map_err(at(Step::Discovery))?;
            reached = Some(self.reach().await?);
        }
        match reached {
            Some(token) => Ok(token),
            None => self.reach().await,
        }
    }

    /// Takes on what `call` says; what it leaves out is as it is for `usual`, the server of the command line.
    fn turn_to(&mut self, call: Call, usual: &McpEndpoint) -> Result<(), Cause> {
        if call.url != usual.text {
            self.context.resource = None;
        }
        if let Some(client_id) = call.client_id {
            self.context.client_id = client_id;
            self.context.client_secret = call.client_secret;
        }
        self.context.issuer = call.issuer.or(self.context.issuer.take());
        if let Some(id_token) = call.id_token {
            self.context.idp_id_token = id_token;
        }
        self.mcp = McpEndpoint { url: parse_url(&call.url, "a call")?, text: call.url };
        self.tool = Some(call.tool);
        Ok(())
    }
}
