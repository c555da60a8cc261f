//! Which path of the MCP server is which endpoint, and which methods it takes.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware;
use axum::response::Response;
use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party, Rules};
use crosscheck_wire::{Answer, SUBJECT, Stage, record};

use crate::mcp::{access, resource_metadata, rpc};

/// The MCP server of one run.
///
/// The script chooses the paths, so they are compared rather than routed: a router refuses some of them.
pub fn mcp_server(stage: Arc<Stage>) -> Router {
    let recording = middleware::from_fn_with_state((Arc::clone(&stage), Party::Mcp), record);
    Router::new().fallback(respond).layer(recording).with_state(stage)
}

async fn respond(
    State(stage): State<Arc<Stage>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let script = &stage.scenario.mcp;
    let endpoint = match script.rules.path(uri.path()) {
        path if resource_metadata::is_at(script, path) => EndpointName::ResourceMetadata,
        "/" if script.path.is_empty() => EndpointName::Mcp,
        path if path == script.path => EndpointName::Mcp,
        _ => EndpointName::Unknown,
    };
    let is_read = method == Method::GET || method == Method::HEAD;
    let official = script.rules == Rules::OfficialSuite;
    // The list of the script that has its say in the answer.
    let (list, answer) = match endpoint {
        EndpointName::ResourceMetadata if is_read => {
            (Some(endpoint), Answer::json(resource_metadata::document(&stage)))
        }
        EndpointName::ResourceMetadata => (None, Answer::not_allowed("GET, HEAD")),
        EndpointName::Mcp if !(official && method != Method::POST) => {
            match access::is_granted(&stage, &headers) {
                true => (Some(endpoint), admitted(&stage, &method, &headers, &body)),
                false => (Some(EndpointName::Authorization), access::challenge(&stage, &headers)),
            }
        }
        _ => (None, Answer::status(404).refusal("nothing is served here")),
    };
    let step = list.map(|list| stage.next_step(Party::Mcp, list)).unwrap_or_default();
    answer.send(&stage, endpoint, &step).await
}

/// What a request with a good access token gets. No stream and no session is offered to clients that speak MCP;
/// a client of plain OAuth has reached what it came for.
fn admitted(stage: &Stage, method: &Method, headers: &HeaderMap, body: &[u8]) -> Answer {
    let speaks_mcp = rpc::accepts(headers, "text/event-stream")
        || headers.keys().any(|name| name.as_str().starts_with("mcp-"));
    match *method {
        Method::POST => rpc::answer(stage.scenario.mcp.rules, headers, body),
        Method::GET | Method::HEAD if !speaks_mcp => {
            Answer::json(json!({ "resource": stage.urls.mcp_resource, "user": SUBJECT }))
        }
        _ => Answer::not_allowed("POST"),
    }
}
