//! Which path of the resource authorization server is which endpoint, and who answers there.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware;
use axum::response::Response;
use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party, Rules, Step};
use crosscheck_wire::endpoint::{endpoint, refused_method};
use crosscheck_wire::{Answer, Stage, record};

use crate::{jwt_bearer, metadata, official_suite};

/// The resource authorization server of one run. `keys` fetches the IdP's keys.
///
/// The script chooses the paths, so they are compared rather than routed: a router refuses some of them.
pub fn authorization_server(stage: Arc<Stage>, keys: reqwest::Client) -> Router {
    let recording = middleware::from_fn_with_state((Arc::clone(&stage), Party::As), record);
    Router::new().fallback(respond).layer(recording).with_state((stage, keys))
}

async fn respond(
    State((stage, keys)): State<(Arc<Stage>, reqwest::Client)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let endpoint = endpoint(&stage, Party::As, stage.scenario.resource_as.rules.path(uri.path()));
    if let Some(refusal) = refused_method(endpoint, &method) {
        return refusal.send(&stage, endpoint, &Step::default()).await;
    }
    let step = stage.next_step(Party::As, endpoint);
    let official = stage.scenario.resource_as.rules == Rules::OfficialSuite;
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
        EndpointName::Jwks => Answer::json(json!({ "keys": [stage.as_key.public_jwk()] })),
        EndpointName::OauthMetadata | EndpointName::OpenidMetadata => {
            Answer::json(metadata::document(&stage, endpoint))
        }
        EndpointName::Registration if official => official_suite::register(&stage, &body),
        EndpointName::Registration => {
            Answer::error(403, "access_denied", "clients are registered by an administrator")
        }
        EndpointName::Token if official => {
            official_suite::token(&stage, &keys, &headers, &body, &step.token).await
        }
        EndpointName::Token => jwt_bearer::token(&stage, &keys, &headers, &body, &step.token).await,
        _ => Answer::status(404).refusal("nothing is served at this path"),
    };
    answer.send(&stage, endpoint, &step).await
}
