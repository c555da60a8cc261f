//! Which path of an MCP server is which endpoint, and which methods it takes.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware;
use axum::response::Response;
use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party, Rules, Step};
use crosscheck_wire::{Answer, Stage, StepList, record};

use crate::mcp::{access, resource_metadata, rpc};
use crate::page;

/// An MCP server of one run, `party`. A second one that the scenario does not have serves nothing.
///
/// The script chooses the paths, so they are compared rather than routed: a router refuses some of them.
pub fn mcp_server(stage: Arc<Stage>, party: Party) -> Router {
    let recording = middleware::from_fn_with_state((Arc::clone(&stage), party), record);
    Router::new().fallback(respond).layer(recording).with_state((stage, party))
}

async fn respond(
    State((stage, party)): State<(Arc<Stage>, Party)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let nothing = Answer::status(404).refusal("nothing is served here");
    if !stage.mcp_servers().any(|server| server == party) {
        return nothing.send(&stage, EndpointName::Unknown, &Step::default()).await;
    }
    let script = stage.scenario.mcp_script(party);
    if let Some(page) = page::at(&script.pages, uri.path()) {
        return page::send(&stage, page).await;
    }
    let path = script.rules.path(uri.path());
    let served = resource_metadata::is_served(script, path);
    let endpoint = match path {
        _ if served.is_some() => EndpointName::ResourceMetadata,
        "/" if script.path.is_empty() => EndpointName::Mcp,
        path if path == script.path => EndpointName::Mcp,
        _ => EndpointName::Unknown,
    };
    let is_read = method == Method::GET || method == Method::HEAD;
    let official = script.rules == Rules::OfficialSuite;
    // The list of the script that has its say in the answer.
    let (list, answer) = match endpoint {
        EndpointName::ResourceMetadata if served == Some(false) => (None, nothing),
        EndpointName::ResourceMetadata if is_read => {
            (Some(endpoint.into()), Answer::json(resource_metadata::document(&stage, party)))
        }
        EndpointName::ResourceMetadata => (None, Answer::not_allowed("GET, HEAD")),
        EndpointName::Mcp if !(official && method != Method::POST) => {
            let (list, answer) = protected(&stage, party, &method, &headers, &body);
            (Some(list), answer)
        }
        _ => (None, nothing),
    };
    let step = list.map(|list| stage.next_step(party, list)).unwrap_or_default();
    answer.send(&stage, endpoint, &step).await
}

/// What the MCP endpoint answers, and the list of the script that has its say in it.
fn protected(
    stage: &Stage,
    party: Party,
    method: &Method,
    headers: &HeaderMap,
    body: &[u8],
) -> (StepList, Answer) {
    let Some(token) = access::granted(stage, party, headers) else {
        return (StepList::Challenge, access::challenge(stage, party, headers));
    };
    if let Some(answer) = access::step_up(stage, party, &token, body) {
        return (StepList::StepUp, answer);
    }
    // No stream and no session is offered to clients that speak MCP; a client of plain OAuth has reached what it
    // came for.
    let speaks_mcp = rpc::accepts(headers, "text/event-stream")
        || headers.keys().any(|name| name.as_str().starts_with("mcp-"));
    let answer = match *method {
        Method::POST => rpc::answer(stage.scenario.mcp_script(party).rules, &tools(stage), headers, body),
        Method::GET | Method::HEAD if !speaks_mcp => {
            Answer::json(json!({ "resource": stage.urls.resource(party), "user": token.subject }))
        }
        _ => Answer::not_allowed("POST"),
    };
    (EndpointName::Mcp.into(), answer)
}

/// The tool of every run, and those of the script's calls.
fn tools(stage: &Stage) -> Vec<&str> {
    let scripted = stage.scenario.client.calls.iter().map(|call| call.tool.as_str());
    std::iter::once(TOOL).chain(scripted.filter(|tool| *tool != TOOL)).collect()
}

const TOOL: &str = "test-tool";
