//! Who gets past the door, and what is said to those who do not.
//!
//! RFC 6750 sections 2.1 and 3, RFC 9728 section 5.1, MCP authorization. The access token is read from the
//! `Authorization` header alone, on every request; one in the query counts as absent.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use crosscheck_scenarios::{Party, Rules};
use crosscheck_wire::{AccessToken, Answer, SUBJECT, Stage};

use crate::mcp::rpc;

/// The access token of this run that the request carries, if it is good at `party` and now.
pub(super) fn granted(stage: &Stage, party: Party, headers: &HeaderMap) -> Option<AccessToken> {
    let token = bearer(headers)?;
    let official = stage.scenario.mcp_script(party).rules == Rules::OfficialSuite;
    let resource = stage.urls.resource(party);
    // The official suite takes any token that begins like one of its own.
    if official && ["test-token", "cc-token"].iter().any(|start| token.starts_with(start)) {
        return Some(AccessToken {
            resource: resource.to_owned(),
            subject: SUBJECT.to_owned(),
            scope: String::new(),
            expires_at: u64::MAX,
            uses_left: None,
        });
    }
    let known = stage.use_access_token(token, resource)?;
    (known.expires_at > stage.now() && known.uses_left != Some(0)).then_some(known)
}

/// 401 with what the client needs to get a token. `error` stands there only when a token was sent
/// (RFC 6750 section 3.1), or always in the official suite.
pub(super) fn challenge(stage: &Stage, party: Party, headers: &HeaderMap) -> Answer {
    let script = stage.scenario.mcp_script(party);
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
    parameters.push(format!("resource_metadata=\"{}\"", stage.urls.metadata_url(party)));
    if let (false, Some(scope)) = (official, &script.challenge_scope) {
        parameters.push(format!("scope=\"{scope}\""));
    }
    Answer::status(401).header("www-authenticate", &format!("Bearer {}", parameters.join(", "))).refusal(why)
}

/// 403 where the method asks for a scope that the token lacks (RFC 6750 section 3.1, MCP authorization).
pub(super) fn step_up(stage: &Stage, party: Party, token: &AccessToken, body: &[u8]) -> Option<Answer> {
    let required = &stage.scenario.mcp_script(party).required_scopes;
    if required.is_empty() {
        return None;
    }
    let scope = required.get(&rpc::method(body)?)?;
    let lacks = |one: &str| token.scope.split(' ').all(|held| held != one);
    if !scope.split(' ').any(lacks) {
        return None;
    }
    let challenge = format!(
        "Bearer error=\"insufficient_scope\", scope=\"{scope}\", resource_metadata=\"{}\"",
        stage.urls.metadata_url(party)
    );
    let answer = Answer::status(403).header("www-authenticate", &challenge);
    Some(answer.refusal("the access token lacks a scope that the method asks for"))
}

/// The bearer token of the header; its scheme is compared without case (RFC 9110 section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
