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
use crosscheck_wire::endpoint::{endpoint, refused};
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
    let endpoint = endpoint(&stage, Party::Idp, stage.scenario.idp.rules.path(uri.path()));
    if let Some(refusal) = refused(&stage, Party::Idp, endpoint, &method, &uri) {
        return refusal.send(&stage, endpoint, &Step::default()).await;
    }
    let step = stage.next_step(Party::Idp, endpoint);
    let answer = match endpoint {
        // The script's reply replaces the answer, so nothing is minted for it.
        _ if step.reply.is_some() => Answer::status(200),
        EndpointName::Authorization => {
            let why = "no user signs on here: the client was given its subject token";
            Answer::text(400, "text/plain; charset=utf-8", format!("{why}\n")).refusal(why)
        }
        EndpointName::Jwks => Answer::json(json!({ "keys": [stage.key(Party::Idp).public_jwk()] })),
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
