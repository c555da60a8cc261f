//! The token endpoint as the official MCP conformance suite has it in its complete-flow scenario.
//!
//! It takes a form or JSON, wants no client authentication, and accepts any audience and resource, as long
//! as both are there. Its checks come in the suite's order.

use axum::http::HeaderMap;
use serde_json::json;

use crosscheck_scenarios::TokenBend;
use crosscheck_wire::constants::{
    GRANT_TYPE_TOKEN_EXCHANGE, JSON_OF_OFFICIAL_SUITE, TOKEN_TYPE_ID_JAG, TOKEN_TYPE_ID_TOKEN,
};
use crosscheck_wire::form::Form;
use crosscheck_wire::{Answer, Stage, refuse};

use crate::grant::Grant;
use crate::subject_token;
use crate::token_exchange::{fixed, required};

/// Answers a token request; `bend` changes the grant before it is signed.
pub(crate) fn answer(stage: &Stage, headers: &HeaderMap, body: &[u8], bend: &TokenBend) -> Answer {
    let grant = match grant(stage, headers, body) {
        Ok(grant) => grant,
        Err(refusal) => return refusal,
    };
    Answer::token(json!({
        "issued_token_type": TOKEN_TYPE_ID_JAG,
        "access_token": grant.mint(stage, bend),
        "token_type": "N_A",
    }))
    .header("content-type", JSON_OF_OFFICIAL_SUITE)
}

fn grant(stage: &Stage, headers: &HeaderMap, body: &[u8]) -> Result<Grant, Answer> {
    let form = Form::from_either(headers, body)
        .ok_or_else(|| refuse("invalid_request", "the body is no JSON object"))?;
    if form.only("grant_type") != Some(GRANT_TYPE_TOKEN_EXCHANGE) {
        return Err(refuse("unsupported_grant_type", "grant_type is not that of token exchange"));
    }
    let subject_token = required(&form, "subject_token")?;
    fixed(&form, "subject_token_type", TOKEN_TYPE_ID_TOKEN)?;
    fixed(&form, "requested_token_type", TOKEN_TYPE_ID_JAG)?;
    let audience = required(&form, "audience")?.to_owned();
    required(&form, "resource")?;
    // The suite makes a list of a parameter that stands twice, and these three it wants as text.
    for name in ["subject_token", "subject_token_type", "requested_token_type"] {
        form.only(name).ok_or_else(|| refuse("invalid_request", &format!("{name} stands more than once")))?;
    }
    let subject_token =
        subject_token::verify(stage, subject_token).map_err(|why| refuse("invalid_grant", why))?;
    let scope = form.first("scope").unwrap_or_default().to_owned();
    let resources = form.all("resource").map(str::to_owned).collect();
    Ok(Grant { subject_token, audience, resources, scope })
}
