//! Which path is which endpoint, and what every endpoint has in common: recording, methods, scripted answers.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware;
use axum::response::Response;
use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party, Rules, Step};
use crosscheck_wire::{Answer, Stage, record};

use crate::{metadata, official_suite, token_exchange};

/// The IdP authorization server of one run.
///
/// The script chooses the paths, so they are compared rather than routed: a router refuses some of them.
pub fn router(stage: Arc<Stage>) -> Router {
    let recording = middleware::from_fn_with_state((Arc::clone(&stage), Party::Idp), record);
    Router::new().fallback(respond).layer(recording).with_state(stage)
}

async fn respond(
    State(stage): State<Arc<Stage>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let endpoint = endpoint(&stage, stage.scenario.idp.rules.path(uri.path()));
    if let Some(allowed) = methods(endpoint)
        && !allowed.contains(&method.as_str())
    {
        let answer = Answer::not_allowed(&allowed.join(", "));
        return answer.send(&stage, endpoint, &Step::default()).await;
    }
    let step = stage.next_step(Party::Idp, endpoint);
    let answer = match endpoint {
        // The script's reply replaces the answer, so nothing is minted for it.
        _ if step.reply.is_some() => Answer::status(200),
        EndpointName::Authorization => {
            let why = "no user signs on here: the client was given its subject token";
            Answer::text(400, "text/plain; charset=utf-8", format!("{why}\n")).refusal(why)
        }
        EndpointName::Jwks => Answer::json(json!({ "keys": [stage.idp_key.public_jwk()] })),
        EndpointName::OauthMetadata | EndpointName::OpenidMetadata => {
            Answer::json(metadata::document(&stage))
        }
        EndpointName::Token => match stage.scenario.idp.rules {
            Rules::Conforming => token_exchange::answer(&stage, &headers, &body, &step.token),
            Rules::OfficialSuite => official_suite::answer(&stage, &headers, &body, &step.token),
        },
        _ => Answer::status(404).refusal("nothing is served at this path"),
    };
    answer.send(&stage, endpoint, &step).await
}

/// OpenID Connect Discovery appends its path to the issuer's; RFC 8414 section 3.1 inserts it before, and
/// MCP clients try that form with the OpenID document too.
fn endpoint(stage: &Stage, path: &str) -> EndpointName {
    let urls = &stage.urls;
    let issuer = path_of(&urls.idp_issuer, &urls.origins.idp);
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    if path == path_of(&urls.idp_token_endpoint, &urls.origins.idp) {
        EndpointName::Token
    } else if path == path_of(&urls.idp_jwks_uri, &urls.origins.idp) {
        EndpointName::Jwks
    } else if path == metadata::AUTHORIZATION_PATH {
        EndpointName::Authorization
    } else if path == format!("{issuer}{OPENID}") || path == format!("{OPENID}{issuer}") {
        EndpointName::OpenidMetadata
    } else if path == format!("{OAUTH}{issuer}") {
        EndpointName::OauthMetadata
    } else {
        EndpointName::Unknown
    }
}

fn path_of<'a>(url: &'a str, origin: &str) -> &'a str {
    match url.strip_prefix(origin).unwrap_or(url).split('?').next() {
        None | Some("") => "/",
        Some(path) => path,
    }
}

/// The methods of an endpoint; a path that is none has no method that it refuses.
fn methods(endpoint: EndpointName) -> Option<&'static [&'static str]> {
    match endpoint {
        EndpointName::Token => Some(&["POST"]),
        EndpointName::Unknown => None,
        _ => Some(&["GET", "HEAD"]),
    }
}

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";
