//! Who gets past the door, and what is said to those who do not.
//!
//! RFC 6750 sections 2.1 and 3, RFC 9728 section 5.1, MCP authorization. The access token is read from the
//! `Authorization` header alone, on every request; one in the query counts as absent.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use crosscheck_scenarios::Rules;
use crosscheck_wire::{Answer, Stage};

/// Whether the request carries an access token of this run that is good here and now.
pub(super) fn is_granted(stage: &Stage, headers: &HeaderMap) -> bool {
    let Some(token) = bearer(headers) else { return false };
    let official = stage.scenario.mcp.rules == Rules::OfficialSuite;
    // The official suite takes any token that begins like one of its own.
    if official && ["test-token", "cc-token"].iter().any(|start| token.starts_with(start)) {
        return true;
    }
    stage
        .access_token(token)
        .is_some_and(|known| known.expires_at > stage.now() && known.resource == stage.urls.mcp_resource)
}

/// 401 with what the client needs to get a token. `error` stands there only when a token was sent
/// (RFC 6750 section 3.1), or always in the official suite.
pub(super) fn challenge(stage: &Stage, headers: &HeaderMap) -> Answer {
    let script = &stage.scenario.mcp;
    let official = script.rules == Rules::OfficialSuite;
    let why = match bearer(headers) {
        Some(_) => "the access token is not one for this server",
        None => "there is no access token",
    };
    let mut parameters = Vec::new();
    if official || bearer(headers).is_some() {
        parameters.push("error=\"invalid_token\"".to_owned());
        parameters.push(format!("error_description=\"{why}\""));
    }
    parameters.push(format!("resource_metadata=\"{}\"", stage.urls.mcp_metadata_url));
    if let (false, Some(scope)) = (official, &script.challenge_scope) {
        parameters.push(format!("scope=\"{scope}\""));
    }
    Answer::status(401).header("www-authenticate", &format!("Bearer {}", parameters.join(", "))).refusal(why)
}

/// The bearer token of the header; its scheme is compared without case (RFC 9110 section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
