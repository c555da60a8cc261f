//! Speaks to the MCP server: opens, lists the tools, calls the first one, closes.
//!
//! Streamable HTTP in both forms: with a session (MCP 2025-11-25 and before), and stateless with the protocol
//! version and the client's capabilities in every request (MCP 2026-07-28).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, REFERER};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::challenge::BearerChallenge;
use crate::client::Client;
use crate::event_stream::events;
use crate::http::Answer;
use crate::outcome::{Cause, ErrorAnswer};
use crate::{Control, Fault};

const EXTENSION: &str = "io.modelcontextprotocol/enterprise-managed-authorization";
/// The first revision without sessions.
const STATELESS_SINCE: &str = "2026-07-28";

/// One connection to the MCP server, with a token or without.
pub(crate) struct Session<'a> {
    client: &'a Client,
    token: Option<&'a str>,
    protocol_version: String,
    session_id: Option<HeaderValue>,
    /// How many HTTP requests were sent.
    sent: u64,
    /// Whether the MCP server has taken the token at least once.
    accepted: bool,
}

impl Client {
    /// Asks the MCP server without a token, and reads the challenge of its refusal.
    pub(crate) async fn challenge(&self) -> Result<BearerChallenge, Cause> {
        let mut session = Session::new(self, None);
        let answer = session.post(&session.opening()).await?;
        match answer.status.as_u16() {
            401 => Ok(BearerChallenge::from_headers(&answer.headers)),
            status => Err(Cause::Status { what: "the MCP server, asked without a token", status }),
        }
    }

    /// Presents a token that the MCP server must not be shown; the refusal is ignored.
    pub(crate) async fn present_at_mcp_server(&self, token: &str) {
        let mut session = Session::new(self, Some(token));
        drop(session.post(&session.opening()).await);
    }
}

impl<'a> Session<'a> {
    pub(crate) fn new(client: &'a Client, token: Option<&'a str>) -> Self {
        let protocol_version = client.protocol_version.clone();
        Self { client, token, protocol_version, session_id: None, sent: 0, accepted: false }
    }

    /// Whether the MCP server has taken the token at least once.
    pub(crate) fn accepted(&self) -> bool {
        self.accepted
    }

    /// Does what every MCP client does: opens, lists the tools, calls one, closes.
    pub(crate) async fn run(&mut self) -> Result<(), Cause> {
        self.open().await?;
        let mut tools = self.call("tools/list", json!({})).await?;
        if self.client.varies(Control::SeveralMcpRequests) {
            for _ in 0..3 {
                tools = self.call("tools/list", json!({})).await?;
            }
        }
        if let Some(name) = tools["tools"][0]["name"].as_str() {
            self.call("tools/call", json!({"name": name, "arguments": {}})).await?;
        }
        self.close().await
    }

    async fn open(&mut self) -> Result<(), Cause> {
        let opening = self.opening();
        let answer = self.post(&opening).await?;
        let opened = result(&answer, &opening["id"])?;
        if self.is_stateless() {
            return Ok(());
        }
        self.session_id = answer.headers.get("mcp-session-id").cloned();
        if let Some(version) = opened["protocolVersion"].as_str() {
            self.protocol_version = version.to_owned();
        }
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        require_success(&self.post(&initialized).await?)
    }

    /// The first message: what this client is, and that it can do enterprise-managed authorization.
    fn opening(&self) -> Value {
        if self.is_stateless() {
            return self.request("server/discover", json!({}));
        }
        let params = json!({
            "protocolVersion": self.protocol_version,
            "capabilities": capabilities(),
            "clientInfo": client_info(),
        });
        self.request("initialize", params)
    }

    async fn call(&mut self, method: &str, params: Value) -> Result<Value, Cause> {
        let message = self.request(method, params);
        let answer = self.post(&message).await?;
        result(&answer, &message["id"])
    }

    /// Ends the session, if there is one; a server that has no such request answers 405.
    async fn close(&mut self) -> Result<(), Cause> {
        if self.session_id.is_none() {
            return Ok(());
        }
        let request = self.prepare(Method::DELETE)?;
        let answer = self.client.http.send(request).await?;
        if answer.status == 405 { Ok(()) } else { require_success(&answer) }
    }

    fn request(&self, method: &str, mut params: Value) -> Value {
        if self.is_stateless() {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": self.protocol_version,
                "io.modelcontextprotocol/clientInfo": client_info(),
                "io.modelcontextprotocol/clientCapabilities": capabilities(),
            });
        }
        json!({"jsonrpc": "2.0", "id": self.sent + 1, "method": method, "params": params})
    }

    async fn post(&mut self, message: &Value) -> Result<Answer, Cause> {
        let mut request = self
            .prepare(Method::POST)?
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
            .body(message.to_string());
        if self.is_stateless() {
            request = request.header("Mcp-Method", message["method"].as_str().unwrap_or_default());
            if let Some(name) = message["params"]["name"].as_str() {
                request = request.header("Mcp-Name", header_text(name));
            }
        }
        let id = message["id"].clone();
        let answered = |body: &[u8]| !id.is_null() && response_in_stream(body, &id).is_some();
        let answer = self.client.http.send_until(request, answered).await?;
        self.accepted |= self.token.is_some() && answer.status.is_success();
        Ok(answer)
    }

    /// A request to the MCP endpoint with the token and the headers that all requests have.
    fn prepare(&mut self, method: Method) -> Result<RequestBuilder, Cause> {
        let client = self.client;
        let first = self.sent == 0;
        self.sent += 1;
        let token = self.token.filter(|_| first || !client.has(Fault::TokenOnFirstRequestOnly));
        let mut url = client.mcp.url.clone();
        let mut with_token = url.clone();
        with_token.query_pairs_mut().append_pair("access_token", token.unwrap_or_default());
        if token.is_some() && (client.has(Fault::TokenInUrl) || client.has(Fault::TokenInHeaderAndUrl)) {
            url = with_token.clone();
        }

        let mut request = client.http.request(method, url, "the MCP server")?;
        if let Some(token) = token {
            if client.has(Fault::TokenInCustomHeader) {
                request = request.header("X-Access-Token", token);
            } else if !client.has(Fault::TokenInUrl) {
                request = request.bearer_auth(token);
            }
            if client.has(Fault::AccessTokenInReferer) {
                request = request.header(REFERER, with_token.as_str());
            }
        }
        if self.is_stateless() || !first {
            request = request.header("MCP-Protocol-Version", &self.protocol_version);
        }
        if let Some(id) = &self.session_id {
            request = request.header("Mcp-Session-Id", id.clone());
        }
        Ok(request)
    }

    /// Revisions are dates, so that their order is that of their text.
    fn is_stateless(&self) -> bool {
        self.protocol_version.as_str() >= STATELESS_SINCE
    }
}

fn capabilities() -> Value {
    json!({"extensions": {EXTENSION: {}}})
}

fn client_info() -> Value {
    json!({"name": "crosscheck-reference-client", "version": env!("CARGO_PKG_VERSION")})
}

/// Text as a header value; what a header cannot hold as it is travels in base64.
fn header_text(text: &str) -> String {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.trim() == text
        && !(text.starts_with("=?base64?") && text.ends_with("?="));
    if plain { text.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(text)) }
}

/// Fails unless the status says that the message was taken; a challenge names the error code.
fn require_success(answer: &Answer) -> Result<(), Cause> {
    let status = answer.status.as_u16();
    match BearerChallenge::from_headers(&answer.headers).error {
        _ if answer.status.is_success() => Ok(()),
        Some(code) => Err(Cause::Refused { status, answer: Box::new(ErrorAnswer::from_code(code)) }),
        None => Err(Cause::Status { what: "the MCP server", status }),
    }
}

/// The result of request `id`, from a JSON body or an event stream.
fn result(answer: &Answer, id: &Value) -> Result<Value, Cause> {
    require_success(answer)?;
    let response = match serde_json::from_slice(&answer.body) {
        Ok(response) => Some(response).filter(|response| is_response_to(response, id)),
        Err(_) => response_in_stream(&answer.body, id),
    };
    let response = response.ok_or_else(|| Cause::Unusable("the MCP server sent no response".to_owned()))?;
    match response.get("result") {
        Some(result) => Ok(result.clone()),
        None => {
            let code = response["error"]["code"].as_i64().unwrap_or_default();
            Err(Cause::Unusable(format!("the MCP server answered JSON-RPC error {code}")))
        }
    }
}

fn response_in_stream(body: &[u8], id: &Value) -> Option<Value> {
    events(&String::from_utf8_lossy(body))
        .iter()
        .filter_map(|data| serde_json::from_str(data).ok())
        .find(|message| is_response_to(message, id))
}

fn is_response_to(message: &Value, id: &Value) -> bool {
    message.get("id") == Some(id) && (message.get("result").is_some() || message.get("error").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_response_is_found_among_other_events() {
        let body =
            b"data: {\"method\":\"ping\",\"id\":1}\n\ndata: nonsense\n\ndata: {\"id\":1,\"result\":{}}\n\n";
        assert_eq!(response_in_stream(body, &json!(1)), Some(json!({"id": 1, "result": {}})));
        assert_eq!(response_in_stream(body, &json!(2)), None);
    }

    #[test]
    fn a_name_that_no_header_holds_travels_in_base64() {
        assert_eq!(header_text("test-tool"), "test-tool");
        assert_eq!(header_text("é"), "=?base64?w6k=?=");
        assert_eq!(header_text(" a"), "=?base64?IGE=?=");
    }
}
