//! Which path is which, and who gets past the door.
//!
//! RFC 6750 sections 2.1 and 3, RFC 9728 sections 3 and 5, MCP authorization. The access token is read from the
//! `Authorization` header alone, on every request.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{ACCEPT, AUTHORIZATION};
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crosscheck_scenarios::{EndpointName, Party, Rules};
use crosscheck_wire::{Answer, Stage, record};

use crate::mcp::rpc;

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
    let endpoint = endpoint(&stage, uri.path());
    let step = match endpoint {
        EndpointName::Mcp if !is_authorized(&stage, &headers) => {
            // The script of the challenge is that of authorization; the request was one to the MCP endpoint.
            let step = stage.next_step(Party::Mcp, EndpointName::Authorization);
            return challenge(&stage, &headers).send(&stage, endpoint, &step).await;
        }
        _ => stage.next_step(Party::Mcp, endpoint),
    };
    let answer = match endpoint {
        EndpointName::Mcp => authorized(&stage, &method, &headers, &body),
        EndpointName::ResourceMetadata if method == Method::GET => Answer::json(metadata(&stage)),
        EndpointName::ResourceMetadata => Answer::status(405).header("allow", "GET"),
        _ => Answer::status(404).refusal("nothing is served at this path"),
    };
    answer.send(&stage, endpoint, &step).await
}

fn endpoint(stage: &Stage, path: &str) -> EndpointName {
    let script = &stage.scenario.mcp;
    let inserted = format!("{METADATA}{}", script.path.trim_end_matches('/'));
    let at_root = path == METADATA && script.rules == Rules::Conforming;
    let is = |own: &str| path == if own.is_empty() { "/" } else { own };
    if path == inserted || at_root || script.metadata_path.as_deref() == Some(path) {
        EndpointName::ResourceMetadata
    } else if is(&script.path) {
        EndpointName::Mcp
    } else {
        EndpointName::Unknown
    }
}

const METADATA: &str = "/.well-known/oauth-protected-resource";

/// Protected resource metadata (RFC 9728 section 2), changed as the script says.
fn metadata(stage: &Stage) -> Value {
    let script = &stage.scenario.mcp;
    let mut members = vec![
        ("resource", json!(stage.urls.mcp_resource)),
        ("authorization_servers", json!([stage.urls.as_issuer])),
    ];
    if script.rules == Rules::Conforming {
        members.push(("scopes_supported", json!(script.scopes_supported)));
        members.push(("bearer_methods_supported", json!(["header"])));
        members.push(("resource_name", json!("A protected MCP server")));
    }
    let mut document: Map<_, _> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    stage.bend(&script.metadata, &mut document);
    document.into()
}

/// The bearer token of the header; its scheme is compared without case (RFC 9110 section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn is_authorized(stage: &Stage, headers: &HeaderMap) -> bool {
    let Some(token) = bearer(headers) else { return false };
    let official = stage.scenario.mcp.rules == Rules::OfficialSuite;
    // The official suite takes any token that begins like one of its own.
    let of_suite = ["test-token", "cc-token"].iter().any(|start| token.starts_with(start));
    let known = stage.access_token(token);
    (official && of_suite)
        || known
            .is_some_and(|known| known.expires_at > stage.now() && known.resource == stage.urls.mcp_resource)
}

/// 401 with what the client needs to get a token. `error` stands there only when a token was sent
/// (RFC 6750 section 3.1).
fn challenge(stage: &Stage, headers: &HeaderMap) -> Answer {
    let script = &stage.scenario.mcp;
    let metadata = format!("resource_metadata=\"{}\"", stage.urls.mcp_metadata_url);
    let sent = headers.contains_key(AUTHORIZATION);
    let mut parameters = Vec::new();
    if script.rules == Rules::OfficialSuite {
        let why = if sent { "Invalid token" } else { "Missing Authorization header" };
        parameters.extend(["error=\"invalid_token\"".to_owned(), format!("error_description=\"{why}\"")]);
    } else {
        if sent {
            parameters.push("error=\"invalid_token\"".to_owned());
            parameters.push("error_description=\"the access token is not one for this server\"".to_owned());
        }
        parameters.extend(script.challenge_scope.as_ref().map(|scope| format!("scope=\"{scope}\"")));
    }
    parameters.push(metadata);
    let why = if sent { "the access token is not one for this server" } else { "no access token" };
    Answer::status(401).header("www-authenticate", &format!("Bearer {}", parameters.join(", "))).refusal(why)
}

fn authorized(stage: &Stage, method: &Method, headers: &HeaderMap, body: &[u8]) -> Answer {
    let official = stage.scenario.mcp.rules == Rules::OfficialSuite;
    let streams =
        headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/event-stream"));
    let speaks_mcp = ["mcp-session-id", "mcp-protocol-version", "mcp-method"]
        .iter()
        .any(|name| headers.contains_key(*name));
    match *method {
        Method::POST => rpc::answer(headers, body),
        Method::GET if !official && !streams && !speaks_mcp => {
            // A client of plain OAuth has reached what it came for.
            Answer::json(json!({ "resource": stage.urls.mcp_resource, "user": crosscheck_wire::SUBJECT }))
        }
        _ if official => Answer::status(404).refusal("the official suite serves POST alone"),
        _ => Answer::status(405).header("allow", "POST").refusal("no stream and no session is offered here"),
    }
}
