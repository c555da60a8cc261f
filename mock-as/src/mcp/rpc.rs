//! JSON-RPC by hand: MCP 2025-11-25 (initialize, no session) and 2026-07-28 (stateless), by the request's shape.

use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use crosscheck_wire::Answer;

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

/// Answers a POST by a client that may.
pub(super) fn answer(headers: &HeaderMap, body: &[u8]) -> Answer {
    let message = match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(message)) => message,
        Ok(_) => {
            return failure(400, &Value::Null, INVALID_REQUEST, "the body is no single JSON-RPC message");
        }
        Err(_) => return failure(400, &Value::Null, PARSE_ERROR, "the body is no JSON"),
    };
    let Some(method) = message.get("method").and_then(Value::as_str) else {
        // A response or an error of the client's: nothing here asked for one.
        return Answer::status(202);
    };
    let Some(id) = message.get("id") else { return Answer::status(202) };
    let params = message.get("params").and_then(Value::as_object);
    let version = header(headers, "mcp-protocol-version").or_else(|| in_meta(params, "protocolVersion"));
    let stateless = method == "server/discover" || version.is_some_and(|version| version >= STATELESS);
    if stateless && let Err((code, why)) = check_stateless(headers, method, params) {
        return failure(400, id, code, &why);
    }
    match result(method, params, stateless) {
        Some(result) => success(headers, id, &result, stateless),
        None if stateless => failure(404, id, METHOD_NOT_FOUND, "no such method"),
        None => failure(200, id, METHOD_NOT_FOUND, "no such method"),
    }
}

/// Headers and `_meta` that every stateless request carries.
fn check_stateless(
    headers: &HeaderMap,
    method: &str,
    params: Option<&Map<String, Value>>,
) -> Result<(), (i64, String)> {
    let Some(in_header) = header(headers, "mcp-protocol-version") else {
        return Err((HEADER_MISMATCH, "the header MCP-Protocol-Version is missing".into()));
    };
    let Some(in_meta_version) = in_meta(params, "protocolVersion") else {
        return Err((INVALID_PARAMS, format!("_meta lacks {META}protocolVersion")));
    };
    if in_header != in_meta_version {
        return Err((HEADER_MISMATCH, "MCP-Protocol-Version differs from that in _meta".into()));
    }
    if in_header != STATELESS {
        return Err((UNSUPPORTED_VERSION, format!("only {STATELESS} is served without initialize")));
    }
    let capabilities =
        params.and_then(|params| params.get("_meta")?.get(format!("{META}clientCapabilities")));
    if !capabilities.is_some_and(Value::is_object) {
        return Err((INVALID_PARAMS, format!("_meta lacks {META}clientCapabilities")));
    }
    let name = params.and_then(|params| params.get("name")).and_then(Value::as_str);
    for (header_name, expected) in [("mcp-method", Some(method)), ("mcp-name", name)] {
        if header(headers, header_name).is_some_and(|sent| Some(sent) != expected) {
            return Err((HEADER_MISMATCH, format!("the header {header_name} differs from the body")));
        }
    }
    Ok(())
}

/// How MCP's own members of `_meta` begin.
const META: &str = "io.modelcontextprotocol/";

fn result(method: &str, params: Option<&Map<String, Value>>, stateless: bool) -> Option<Map<String, Value>> {
    let capabilities = json!({ "tools": { "listChanged": false } });
    let server = json!({ "name": "crosscheck-mcp-server", "version": env!("CARGO_PKG_VERSION") });
    let result = match method {
        "initialize" if !stateless => {
            let asked = params.and_then(|params| params.get("protocolVersion")).and_then(Value::as_str);
            let version = STATEFUL.into_iter().find(|version| Some(*version) == asked).unwrap_or(STATEFUL[0]);
            json!({ "protocolVersion": version, "capabilities": capabilities, "serverInfo": server })
        }
        "server/discover" => json!({
            "supportedVersions": [STATELESS],
            "capabilities": capabilities,
            "_meta": { "io.modelcontextprotocol/serverInfo": server },
            "ttlMs": 0,
            "cacheScope": "private",
        }),
        "ping" => json!({}),
        "tools/list" => {
            let schema = json!({ "type": "object", "properties": {} });
            let tool = json!({ "name": TOOL, "description": "Answers.", "inputSchema": schema });
            match stateless {
                true => json!({ "tools": [tool], "ttlMs": 0, "cacheScope": "private" }),
                false => json!({ "tools": [tool] }),
            }
        }
        "tools/call" => match params.and_then(|params| params.get("name")).and_then(Value::as_str) {
            Some(TOOL) => json!({ "content": [{ "type": "text", "text": "reached" }] }),
            _ => json!({ "content": [{ "type": "text", "text": "no such tool" }], "isError": true }),
        },
        _ => return None,
    };
    let Value::Object(mut result) = result else { return None };
    if stateless {
        result.insert("resultType".into(), "complete".into());
    }
    Some(result)
}

/// The only tool.
const TOOL: &str = "test-tool";

fn success(headers: &HeaderMap, id: &Value, result: &Map<String, Value>, stateless: bool) -> Answer {
    let message = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    let accept = header(headers, "accept").unwrap_or_default();
    if !stateless
        && accept.contains("text/event-stream")
        && !accept.contains("json")
        && !accept.contains("*/*")
    {
        return Answer::text(200, "text/event-stream", format!("event: message\ndata: {message}\n\n"));
    }
    Answer::json(message)
}

fn failure(status: u16, id: &Value, code: i64, why: &str) -> Answer {
    let message = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": why } });
    Answer::text(status, "application/json", message.to_string()).refusal(why)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn in_meta<'a>(params: Option<&'a Map<String, Value>>, name: &str) -> Option<&'a str> {
    params?.get("_meta")?.get(format!("{META}{name}"))?.as_str()
}
