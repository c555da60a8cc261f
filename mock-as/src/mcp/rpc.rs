//! JSON-RPC by hand: MCP 2025-11-25 (initialize, no session) and 2026-07-28 (stateless), by the request's shape.
//!
//! Extensions and `_meta` of the client are ignored, apart from the members that the stateless revision asks for.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crosscheck_scenarios::Rules;
use crosscheck_wire::Answer;

/// Answers a POST by a client that may; `tools` are those that it can call.
pub(super) fn answer(rules: Rules, tools: &[&str], headers: &HeaderMap, body: &[u8]) -> Answer {
    let malformed = |why| failure(headers, 400, &Value::Null, Failure::new(INVALID_REQUEST, why));
    let message = match serde_json::from_slice(body) {
        Ok(Value::Object(message)) => message,
        Ok(_) => return malformed("the body is no single JSON-RPC message"),
        Err(_) => {
            let refusal = Failure::new(PARSE_ERROR, "the body is no JSON");
            return failure(headers, 400, &Value::Null, refusal);
        }
    };
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return malformed("jsonrpc is not 2.0");
    }
    let Some(method) = message.get("method").and_then(Value::as_str) else {
        // A response is taken, though nothing here asked for one.
        let is_response = message.contains_key("result") || message.contains_key("error");
        return if is_response { Answer::status(202) } else { malformed("method is missing") };
    };
    let id = match message.get("id") {
        None => return Answer::status(202),
        Some(id @ (Value::String(_) | Value::Number(_))) => id,
        Some(_) => return malformed("id is neither string nor number"),
    };
    let request = Request { method, params: message.get("params").and_then(Value::as_object) };
    let stateless = request.is_stateless(headers);
    let checked = match stateless {
        true => request.check_stateless(rules, headers),
        false => check_stateful(headers),
    };
    if let Err(refusal) = checked {
        return failure(headers, 400, id, refusal);
    }
    match request.result(stateless, tools) {
        Ok(result) => reply(headers, 200, &json!({ "jsonrpc": "2.0", "id": id, "result": result })),
        // The stateless revision shows this one in the status too.
        Err(refusal) if stateless && refusal.code == METHOD_NOT_FOUND => failure(headers, 404, id, refusal),
        Err(refusal) => failure(headers, 200, id, refusal),
    }
}

/// The method of a message; `None` where the body is none.
pub(super) fn method(body: &[u8]) -> Option<String> {
    let message: Value = serde_json::from_slice(body).ok()?;
    message.get("method")?.as_str().map(str::to_owned)
}

/// Whether the client takes `media_type` by that name.
pub(super) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| range.trim().starts_with(media_type))
}

/// A message that wants a result.
struct Request<'a> {
    method: &'a str,
    params: Option<&'a Map<String, Value>>,
}

impl Request<'_> {
    fn is_stateless(&self, headers: &HeaderMap) -> bool {
        self.method == "server/discover"
            || self.meta("protocolVersion").is_some()
            || header(headers, VERSION).is_some_and(|version| version >= STATELESS)
    }

    /// Headers and `_meta` that every stateless request carries.
    fn check_stateless(&self, rules: Rules, headers: &HeaderMap) -> Result<(), Failure> {
        let refuse = |code, why| Err(Failure::new(code, why));
        let Some(version) = header(headers, VERSION) else {
            return refuse(HEADER_MISMATCH, "the header MCP-Protocol-Version is missing");
        };
        let Some(in_meta) = self.meta("protocolVersion").and_then(Value::as_str) else {
            return refuse(INVALID_PARAMS, "_meta lacks io.modelcontextprotocol/protocolVersion");
        };
        if !self.meta("clientCapabilities").is_some_and(Value::is_object) {
            return refuse(INVALID_PARAMS, "_meta lacks io.modelcontextprotocol/clientCapabilities");
        }
        if version != in_meta {
            return refuse(HEADER_MISMATCH, "MCP-Protocol-Version differs from the version in _meta");
        }
        if version != STATELESS {
            let data = json!({ "supported": [STATELESS], "requested": version });
            let refusal =
                Failure::new(UNSUPPORTED_VERSION, "the version is not one served without initialize");
            return Err(Failure { data, ..refusal });
        }
        // The official suite does not look at these two.
        if rules == Rules::OfficialSuite || self.is_named_by(headers) {
            return Ok(());
        }
        refuse(HEADER_MISMATCH, "Mcp-Method, or Mcp-Name of tools/call, is not what the body says")
    }

    /// Whether the headers by which intermediaries tell requests apart say what the body says.
    fn is_named_by(&self, headers: &HeaderMap) -> bool {
        let name = header(headers, "mcp-name").and_then(decoded);
        header(headers, "mcp-method") == Some(self.method)
            && (self.method != "tools/call" || name.as_deref() == self.param("name"))
    }

    fn result(&self, stateless: bool, tools: &[&str]) -> Result<Value, Failure> {
        let capabilities = json!({ "tools": { "listChanged": false } });
        let server = json!({ "name": "crosscheck-mcp-server", "version": env!("CARGO_PKG_VERSION") });
        let mut result = match self.method {
            "initialize" if !stateless => {
                let asked = self.param("protocolVersion");
                let version = STATEFUL.into_iter().find(|version| Some(*version) == asked);
                let version = version.unwrap_or(STATEFUL[0]);
                json!({ "protocolVersion": version, "capabilities": capabilities, "serverInfo": server })
            }
            "ping" => json!({}),
            "server/discover" => json!({
                "supportedVersions": [STATELESS],
                "capabilities": capabilities,
                "_meta": { "io.modelcontextprotocol/serverInfo": server },
            }),
            "tools/call" if self.param("name").is_some_and(|name| tools.contains(&name)) => {
                json!({ "content": [{ "type": "text", "text": "reached" }] })
            }
            "tools/call" => return Err(Failure::new(INVALID_PARAMS, "no tool has that name")),
            "tools/list" => {
                let schema = json!({ "type": "object", "properties": {} });
                let tool = |name| json!({ "name": name, "description": "Answers.", "inputSchema": schema });
                json!({ "tools": tools.iter().map(tool).collect::<Vec<_>>() })
            }
            _ => return Err(Failure::new(METHOD_NOT_FOUND, "no such method")),
        };
        if stateless {
            result["resultType"] = json!("complete");
            if matches!(self.method, "server/discover" | "tools/list") {
                result["ttlMs"] = json!(0);
                result["cacheScope"] = json!("private");
            }
        }
        Ok(result)
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.params?.get(name)?.as_str()
    }

    /// One of MCP's own members of `_meta`.
    fn meta(&self, name: &str) -> Option<&Value> {
        self.params?.get("_meta")?.get(format!("io.modelcontextprotocol/{name}"))
    }
}

/// After `initialize` a client names the revision that was agreed on; without the header it is an old one.
fn check_stateful(headers: &HeaderMap) -> Result<(), Failure> {
    match header(headers, VERSION) {
        Some(version) if !STATEFUL.contains(&version) => {
            Err(Failure::new(INVALID_REQUEST, "MCP-Protocol-Version is not one served here"))
        }
        _ => Ok(()),
    }
}

/// A JSON-RPC error.
struct Failure {
    code: i64,
    why: &'static str,
    /// Null when there is nothing to add.
    data: Value,
}

impl Failure {
    fn new(code: i64, why: &'static str) -> Self {
        Self { code, why, data: Value::Null }
    }
}

fn failure(headers: &HeaderMap, status: u16, id: &Value, refusal: Failure) -> Answer {
    let mut error = json!({ "code": refusal.code, "message": refusal.why });
    if !refusal.data.is_null() {
        error["data"] = refusal.data;
    }
    reply(headers, status, &json!({ "jsonrpc": "2.0", "id": id, "error": error })).refusal(refusal.why)
}

/// JSON, or one event of a stream for a client that takes nothing else.
fn reply(headers: &HeaderMap, status: u16, message: &Value) -> Answer {
    let takes = |media_type| accepts(headers, media_type);
    let streams = takes("text/event-stream") && !takes("application/json") && !takes("*/*");
    match status {
        200 if streams => {
            Answer::text(200, "text/event-stream", format!("event: message\ndata: {message}\n\n"))
        }
        200 => Answer::json(message.clone()),
        _ => Answer::text(status, "application/json", message.to_string()),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The text of a header value that may be in base64, as in `=?base64?dGV4dA==?=`.
fn decoded(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(text) => String::from_utf8(STANDARD.decode(text).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

/// The header that names the revision.
const VERSION: &str = "mcp-protocol-version";
/// The revision without sessions.
const STATELESS: &str = "2026-07-28";
/// Revisions that begin with `initialize`, the newest first.
const STATEFUL: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const HEADER_MISMATCH: i64 = -32020;
const UNSUPPORTED_VERSION: i64 = -32022;
