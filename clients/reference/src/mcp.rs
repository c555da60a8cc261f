//! Speaks to the MCP server: opens, lists the tools, calls the first one, closes.
//!
//! Streamable HTTP in both forms: with a session (MCP 2025-11-25 and before), and stateless with the protocol
//! version and the client's capabilities in every request (MCP 2026-07-28).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderValue, REFERER};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::challenge::BearerChallenge;
use crate::client::Client;
use crate::event_stream::events;
use crate::http::Answer;
use crate::kept::Authorization;
use crate::outcome::{Cause, ErrorAnswer};
use crate::{Control, Fault};

const EXTENSION: &str = "io.modelcontextprotocol/enterprise-managed-authorization";
/// The first revision without sessions.
const STATELESS_SINCE: &str = "2026-07-28";

/// One connection to the MCP server, with a token or without.
pub(crate) struct Session<'a> {
    client: &'a Client,
    token: Option<Cow<'a, str>>,
    /// Where the token is from, if it came out of a flow.
    authorization: Option<&'a Authorization>,
    protocol_version: String,
    session_id: Option<HeaderValue>,
    /// How many HTTP requests were sent.
    sent: u64,
    /// Whether the MCP server has taken the token at least once.
    accepted: bool,
    /// The Bearer challenge of the last refusal.
    challenge: Option<BearerChallenge>,
}

impl Client {
    /// Asks the MCP server without a token, and reads the challenge of its refusal.
    pub(crate) async fn challenge(&self) -> Result<BearerChallenge, Cause> {
        let mut repeats = if self.has(Fault::RepeatsBareRequest) { 8 } else { 0 };
        loop {
            let mut session = Session::new(self, None);
            let answer = session.post(&session.opening()).await?;
            match (answer.status.as_u16(), session.challenge) {
                (401, None) if repeats > 0 => repeats -= 1,
                (401, challenge) => return Ok(challenge.unwrap_or_default()),
                (status, _) => {
                    return Err(Cause::Status { what: "the MCP server, asked without a token", status });
                }
            }
        }
    }

    /// Presents a token that the MCP server must not be shown; the refusal is ignored.
    pub(crate) async fn present_at_mcp_server(&self, token: &str) {
        let mut session = Session::new(self, Some(token));
        drop(session.post(&session.opening()).await);
    }
}

impl<'a> Session<'a> {
    fn new(client: &'a Client, token: Option<&'a str>) -> Self {
        Self {
            client,
            token: token.map(Cow::Borrowed),
            authorization: None,
            protocol_version: client.protocol_version.clone(),
            session_id: None,
            sent: 0,
            accepted: false,
            challenge: None,
        }
    }

    /// A session with the token of `authorization`.
    pub(crate) fn authorized(client: &'a Client, authorization: &'a Authorization) -> Self {
        Self { authorization: Some(authorization), ..Self::new(client, Some(&authorization.token.value)) }
    }

    /// The challenge of the last refusal, and whether the MCP server has taken the token at least once.
    pub(crate) fn end(self) -> (BearerChallenge, bool) {
        (self.challenge.unwrap_or_default(), self.accepted)
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
        if let Some(name) = self.client.tool.as_deref().or(tools["tools"][0]["name"].as_str()) {
            self.call("tools/call", json!({"name": name, "arguments": {}})).await?;
        }
        self.close().await
    }

    async fn open(&mut self) -> Result<(), Cause> {
        let opening = self.opening();
        let answer = self.post(&opening).await?;
        let opened = self.result(&answer, &opening["id"])?;
        if self.is_stateless() {
            return Ok(());
        }
        self.session_id = answer.headers.get("mcp-session-id").cloned();
        if let Some(version) = opened["protocolVersion"].as_str() {
            self.protocol_version = version.to_owned();
        }
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let answer = self.post(&initialized).await?;
        self.require_success(&answer)
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
        self.result(&answer, &message["id"])
    }

    /// Ends the session, if there is one; a server that has no such request answers 405.
    async fn close(&mut self) -> Result<(), Cause> {
        if self.session_id.is_none() {
            return Ok(());
        }
        let request = self.prepare(Method::DELETE).await?;
        let answer = self.send(request, |_| false).await?;
        if answer.status == 405 { Ok(()) } else { self.require_success(&answer) }
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
            .prepare(Method::POST)
            .await?
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
        let answer = self.send(request, answered).await?;
        self.accepted |= self.token.is_some() && answer.status.is_success();
        Ok(answer)
    }

    async fn send(
        &mut self,
        request: RequestBuilder,
        complete: impl Fn(&[u8]) -> bool,
    ) -> Result<Answer, Cause> {
        let follows = self.token.is_some() && self.client.has(Fault::FollowsRedirectWithToken);
        let answer = self.client.http.send_until(request, complete, follows).await?;
        if matches!(answer.status.as_u16(), 401 | 403) {
            self.challenge = BearerChallenge::from_headers(&answer.headers, &self.client.behaviour);
        }
        Ok(answer)
    }

    /// Wrongly fetches what the client has already: a token in the place of one without a lifetime, or a grant
    /// that is thrown away.
    async fn renew(&mut self) -> Result<(), Cause> {
        let Some(Authorization { target, token, .. }) = self.authorization else { return Ok(()) };
        if self.client.has(Fault::ExchangesIdly) && self.sent > 0 {
            self.client.exchange(target).await?;
        }
        if self.client.has(Fault::ExchangesForEveryRequest) && self.sent > 0 && !token.has_lifetime {
            // Boxed, since a fault of the flow opens a session itself.
            let obtained = Box::pin(self.client.obtain(target, None)).await;
            let (_, token) = obtained.map_err(|failure| failure.cause)?;
            self.token = Some(Cow::Owned(token.value));
        }
        Ok(())
    }

    /// A request to the MCP endpoint with the token and the headers that all requests have.
    async fn prepare(&mut self, method: Method) -> Result<RequestBuilder, Cause> {
        self.renew().await?;
        let client = self.client;
        let first = self.sent == 0;
        self.sent += 1;
        let token = self.token.as_deref().filter(|_| first || !client.has(Fault::TokenOnFirstRequestOnly));
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
            if client.has(Fault::TokenInCookieToo) {
                request = request.header(COOKIE, format!("access_token={token}"));
            }
            let refresh_token = self.authorization.and_then(|it| it.token.refresh_token.as_deref());
            if let Some(refresh_token) = refresh_token.filter(|_| client.has(Fault::RefreshTokenShownAround))
            {
                request = request.header("X-Refresh-Token", refresh_token);
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

    /// Fails unless the status says that the message was taken; a challenge names the error code.
    fn require_success(&self, answer: &Answer) -> Result<(), Cause> {
        let status = answer.status.as_u16();
        match BearerChallenge::from_headers(&answer.headers, &self.client.behaviour).and_then(|it| it.error) {
            _ if answer.status.is_success() => Ok(()),
            Some(code) => Err(Cause::Refused { status, answer: Box::new(ErrorAnswer::from_code(code)) }),
            None => Err(Cause::Status { what: "the MCP server", status }),
        }
    }

    /// The result of request `id`, from a JSON body or an event stream.
    fn result(&self, answer: &Answer, id: &Value) -> Result<Value, Cause> {
        self.require_success(answer)?;
        let response = match serde_json::from_slice(&answer.body) {
            Ok(response) => Some(response).filter(|response| is_response_to(response, id)),
            Err(_) => response_in_stream(&answer.body, id),
        };
        let response =
            response.ok_or_else(|| Cause::Unusable("the MCP server sent no response".to_owned()))?;
        match response.get("result") {
            Some(result) => Ok(result.clone()),
            None => {
                let code = response["error"]["code"].as_i64().unwrap_or_default();
                Err(Cause::Unusable(format!("the MCP server answered JSON-RPC error {code}")))
            }
        }
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
