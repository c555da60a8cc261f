//! Which path of a resource authorization server is which endpoint, and who answers there.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware;
use axum::response::Response;
use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party, Rules, Step};
use crosscheck_wire::endpoint::{endpoint, refused};
use crosscheck_wire::{Answer, Stage, record};

use crate::{jwt_bearer, metadata, official_suite};

/// A resource authorization server of one run, `party`. `keys` fetches the IdP's keys.
///
/// The script chooses the paths, so they are compared rather than routed: a router refuses some of them.
pub fn authorization_server(stage: Arc<Stage>, party: Party, keys: reqwest::Client) -> Router {
    let recording = middleware::from_fn_with_state((Arc::clone(&stage), party), record);
    Router::new().fallback(respond).layer(recording).with_state((stage, party, keys))
}

async fn respond(
    State((stage, party, keys)): State<(Arc<Stage>, Party, reqwest::Client)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let rules = stage.scenario.as_script(party).rules;
    let endpoint = endpoint(&stage, party, rules.path(uri.path()));
    if let Some(refusal) = refused(&stage, party, endpoint, &method, &uri) {
        return refusal.send(&stage, endpoint, &Step::default()).await;
    }
    let step = stage.next_step(party, endpoint);
    let official = rules == Rules::OfficialSuite;
    let answer = match endpoint {
        // The script's reply replaces the answer, so nothing is minted for it.
        _ if step.reply.is_some() => Answer::status(200),
        EndpointName::Authorization if official => {
            official_suite::authorize(&stage, uri.query().unwrap_or_default())
        }
        EndpointName::Authorization => {
            let why = "no user signs on here: the client presents a grant";
            Answer::text(400, "text/plain; charset=utf-8", format!("{why}\n")).refusal(why)
        }
        EndpointName::Jwks => Answer::json(json!({ "keys": [stage.key(party).public_jwk()] })),
        EndpointName::OauthMetadata | EndpointName::OpenidMetadata => {
            Answer::json(metadata::document(&stage, party, endpoint))
        }
        EndpointName::Registration if official => official_suite::register(&stage, &body),
        EndpointName::Registration => {
            Answer::error(403, "access_denied", "clients are registered by an administrator")
        }
        EndpointName::Token if official => {
            official_suite::token(&stage, &keys, &headers, &body, &step.token).await
        }
        EndpointName::Token => jwt_bearer::token(&stage, party, &keys, &headers, &body, &step.token).await,
        _ => Answer::status(404).refusal("nothing is served at this path"),
    };
    answer.send(&stage, endpoint, &step).await
}
