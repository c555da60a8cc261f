//! The token endpoint as the official MCP conformance suite has it in its complete-flow scenario.
//!
//! It takes a form or JSON, knows Basic alone, and does not look at the issuer or a repeated `jti` of the grant.
//! Its checks come in the suite's order.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crosscheck_scenarios::{TokenBend, Tolerance};
use crosscheck_wire::client_authentication::Credential;
use crosscheck_wire::constants::{FORM, GRANT_TYPE_JWT_BEARER};
use crosscheck_wire::form::Form;
use crosscheck_wire::jose::Jwt;
use crosscheck_wire::{Answer, Stage};

use crate::jwt_bearer::{answer, media_type, refuse};
use crate::{grant, keys};

/// Answers a token request; `bend` changes the access token before it is signed.
pub(crate) async fn token(
    stage: &Stage,
    keys: &reqwest::Client,
    headers: &HeaderMap,
    body: &[u8],
    bend: &TokenBend,
) -> Answer {
    match checked(stage, keys, headers, body).await {
        // The suite echoes whatever scope was asked for.
        Ok(form) => answer(stage, form.first("scope"), bend),
        Err(refusal) => refusal,
    }
}

/// Registers whoever asks.
pub(crate) fn register(body: &[u8]) -> Answer {
    let Ok(Value::Object(mut client)) = serde_json::from_slice(body) else {
        return refuse("invalid_client_metadata", "the body is no JSON object");
    };
    client.insert("client_id".into(), json!("registered-client"));
    client.insert("client_secret".into(), json!("registered-secret"));
    Answer::created(client.into())
}

async fn checked(
    stage: &Stage,
    keys: &reqwest::Client,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Form, Answer> {
    let form = match media_type(headers).as_str() {
        FORM => Form::parse(body),
        json if json.ends_with("json") => {
            Form::from_json(body).ok_or_else(|| refuse("invalid_request", "the body is no JSON object"))?
        }
        _ => Form::default(),
    };
    if form.first("grant_type") != Some(GRANT_TYPE_JWT_BEARER) {
        return Err(refuse("unsupported_grant_type", "grant_type is not jwt-bearer"));
    }
    authenticate(stage, headers)?;
    let assertion =
        form.first("assertion").ok_or_else(|| refuse("invalid_request", "assertion is missing"))?;
    let jwt = Jwt::decode(assertion).ok_or_else(|| refuse("invalid_grant", "the assertion is no JWT"))?;
    verify(stage, keys, &jwt).await.map_err(|why| refuse("invalid_grant", why))?;
    Ok(form)
}

fn authenticate(stage: &Stage, headers: &HeaderMap) -> Result<(), Answer> {
    let refusal = |why: &str| Answer::error(401, "invalid_client", why);
    if !headers.contains_key(AUTHORIZATION) {
        return Err(refusal("client_secret_basic is required"));
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned());
    let known = Credential::read(headers, &Form::default()).into_iter().any(|credential| match credential {
        Credential::Basic { user, password } => {
            decoded(&user).as_ref() == Some(&stage.at_as.client_id)
                && decoded(&password) == stage.at_as.client_secret
        }
        _ => false,
    });
    if known { Ok(()) } else { Err(refusal("the client or its credential is unknown")) }
}

async fn verify(stage: &Stage, keys: &reqwest::Client, jwt: &Jwt) -> Result<(), &'static str> {
    if !grant::has_typ(jwt) {
        return Err("typ of the assertion is not oauth-id-jag+jwt");
    }
    let key = keys::key_of(stage, keys, jwt).await.ok_or("the assertion is signed with no known key")?;
    if !jwt.verifies_with(&key) {
        return Err("the assertion's signature does not verify");
    }
    if !jwt.audiences().iter().any(|aud| Tolerance::FinalSlash.accepts(aud, &stage.urls.as_issuer)) {
        return Err("aud of the assertion is not this server's issuer identifier");
    }
    let leeway = stage.scenario.resource_as.leeway;
    if jwt.seconds("exp").is_some_and(|exp| exp.saturating_add(leeway) <= stage.now()) {
        return Err("the assertion is past its exp");
    }
    if jwt.claim("client_id") != Some(stage.at_as.client_id.as_str()) {
        return Err("client_id of the assertion is not the authenticated client");
    }
    if jwt.claim("resource") != Some(stage.urls.mcp_resource.as_str()) {
        return Err("resource of the assertion is not the MCP server's URL");
    }
    Ok(())
}
