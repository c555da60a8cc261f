//! The trap: an authorization server on an origin of its own that is consistent in itself, and at which nobody is
//! registered.
//!
//! Whatever reaches it was led there by metadata that a conforming client refuses.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::Uri;
use axum::middleware;
use axum::response::Response;
use serde_json::{Map, Value, json};

use crosscheck_scenarios::{AuthMethod, EndpointName, Party, Step};
use crosscheck_wire::constants::{
    GRANT_PROFILE_ID_JAG, GRANT_TYPE_JWT_BEARER, GRANT_TYPE_TOKEN_EXCHANGE, TOKEN_TYPE_ID_JAG,
};
use crosscheck_wire::endpoint::{AUTHORIZATION_PATH, by_form, endpoint};
use crosscheck_wire::{Answer, Stage, record};

use crate::page;

/// The trap of one run.
pub fn trap(stage: Arc<Stage>) -> Router {
    let recording = middleware::from_fn_with_state((Arc::clone(&stage), Party::Trap), record);
    Router::new().fallback(respond).layer(recording).with_state(stage)
}

async fn respond(State(stage): State<Arc<Stage>>, uri: Uri) -> Response {
    if let Some(page) = page::at(&stage.scenario.trap.pages, uri.path()) {
        return page::send(&stage, page).await;
    }
    let nothing = || Answer::status(404).refusal("nothing is served at this path");
    let (endpoint, answer) = match endpoint(&stage, Party::Trap, uri.path()) {
        kind @ (EndpointName::OauthMetadata | EndpointName::OpenidMetadata) => {
            (kind, Answer::json(document(&stage)))
        }
        EndpointName::Token => {
            (EndpointName::Token, Answer::error(401, "invalid_client", "no such client is registered here"))
        }
        EndpointName::Unknown => (by_form(uri.path()), nothing()),
        other => (other, nothing()),
    };
    answer.send(&stage, endpoint, &Step::default()).await
}

/// Its metadata, the same at both kinds of URL, changed as the script says.
fn document(stage: &Stage) -> Value {
    let urls = &stage.urls;
    let members = [
        ("issuer", json!(urls.issuer(Party::Trap))),
        ("authorization_endpoint", json!(format!("{}{AUTHORIZATION_PATH}", urls.origin(Party::Trap)))),
        ("token_endpoint", json!(urls.token_endpoint(Party::Trap))),
        ("jwks_uri", json!(urls.jwks_uri(Party::Trap))),
        ("response_types_supported", json!(["code"])),
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["ES256", "RS256"])),
        (
            "grant_types_supported",
            json!(["authorization_code", GRANT_TYPE_JWT_BEARER, GRANT_TYPE_TOKEN_EXCHANGE]),
        ),
        ("authorization_grant_profiles_supported", json!([GRANT_PROFILE_ID_JAG])),
        ("identity_chaining_requested_token_types_supported", json!([TOKEN_TYPE_ID_JAG])),
        ("token_endpoint_auth_methods_supported", json!(AuthMethod::ALL.map(AuthMethod::as_str))),
        ("token_endpoint_auth_signing_alg_values_supported", json!(["ES256"])),
        ("code_challenge_methods_supported", json!(["S256"])),
    ];
    let mut document: Map<_, _> = members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    stage.bend(&stage.scenario.trap.metadata, &mut document);
    document.into()
}
