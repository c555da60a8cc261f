//! The authorization server as the official MCP conformance suite has it in its complete-flow scenario.
//!
//! Its token endpoint takes a form or JSON, knows Basic alone, and does not look at the issuer or a repeated
//! `jti` of the grant. Its checks come in the suite's order. Registration and authorization answer everybody,
//! though nothing that they give is good for this flow.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};

use crosscheck_scenarios::{Party, TokenBend, TokenForm, Tolerance};
use crosscheck_wire::constants::{GRANT_TYPE_JWT_BEARER, JSON_OF_OFFICIAL_SUITE, TYP_ID_JAG};
use crosscheck_wire::form::{self, Form};
use crosscheck_wire::jose::Jwt;
use crosscheck_wire::ledger::ValueKind;
use crosscheck_wire::{Answer, SUBJECT, Stage, refuse};

use crate::access_token::{self, Granted};
use crate::keys;

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
        Ok(form) => {
            let scope = form.first("scope").unwrap_or_default().to_owned();
            let granted = Granted { server: Party::Mcp, subject: SUBJECT.to_owned(), scope };
            // Its access tokens say nothing to whoever carries them.
            let bend = TokenBend { form: TokenForm::Opaque, ..bend.clone() };
            let answer = access_token::answer(stage, Party::As, &granted, &bend);
            answer.header("content-type", JSON_OF_OFFICIAL_SUITE)
        }
        Err(refusal) => refusal,
    }
}

/// Registers whoever asks.
pub(crate) fn register(stage: &Stage, body: &[u8]) -> Answer {
    let Ok(Value::Object(mut client)) = serde_json::from_slice(body) else {
        return refuse("invalid_client_metadata", "the body is no JSON object");
    };
    let (id, secret) = (stage.canary.mint(), stage.canary.mint());
    stage.ledger.mint("as.registered_client_id", &id, ValueKind::Identifier, &[Party::As]);
    stage.ledger.mint("as.registered_client_secret", &secret, ValueKind::Credential, &[Party::As]);
    client.insert("client_id".into(), json!(id));
    client.insert("client_secret".into(), json!(secret));
    Answer::created(client.into())
}

/// Sends the user back with a code, which the token endpoint refuses like every grant but ours.
pub(crate) fn authorize(stage: &Stage, query: &str) -> Answer {
    let query = Form::parse(query.as_bytes());
    let Some(redirect_uri) = query.first("redirect_uri") else {
        return refuse("invalid_request", "redirect_uri is missing");
    };
    let code = stage.canary.mint();
    stage.ledger.mint("authorization_code", &code, ValueKind::Token, &[Party::As]);
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    let state = query.first("state").map(|state| format!("&state={}", form::encode(state)));
    let location = format!("{redirect_uri}{joint}code={code}{}", state.unwrap_or_default());
    Answer::status(302).header("location", &location)
}

async fn checked(
    stage: &Stage,
    keys: &reqwest::Client,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Form, Answer> {
    let form = Form::from_either(headers, body)
        .ok_or_else(|| refuse("invalid_request", "the body is no JSON object"))?;
    // The suite makes a list of a parameter that stands twice, which is none of its values.
    if form.only("grant_type") != Some(GRANT_TYPE_JWT_BEARER) {
        return Err(refuse("unsupported_grant_type", "grant_type is not jwt-bearer"));
    }
    authenticate(stage, headers)?;
    let assertion =
        form.only("assertion").ok_or_else(|| refuse("invalid_request", "assertion does not stand once"))?;
    verify(stage, keys, assertion).await.map_err(|why| refuse("invalid_grant", why))?;
    Ok(form)
}

fn authenticate(stage: &Stage, headers: &HeaderMap) -> Result<(), Answer> {
    let refusal = |why| Err(Answer::error(401, "invalid_client", why));
    let Some((id, secret)) = basic(headers) else { return refusal("client_secret_basic is required") };
    let registered = stage.registration(Party::As);
    let is_known = id == registered.client_id && Some(secret) == registered.client_secret;
    if is_known { Ok(()) } else { refusal("the client or its credential is unknown") }
}

/// The suite reads the scheme to the letter, base64 of both alphabets with or without padding, and percent escapes
/// alone: a plus sign is one. A broken escape is no credential.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let value = value.trim().trim_end_matches('=').replace('-', "+").replace('_', "/");
    let pair = String::from_utf8(STANDARD_NO_PAD.decode(value).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decoded = |text: &str| form::decode(&text.replace('+', "%2B"));
    Some((decoded(id)?, decoded(secret)?))
}

async fn verify(stage: &Stage, keys: &reqwest::Client, assertion: &str) -> Result<(), &'static str> {
    let jwt = Jwt::decode(&stage.signed(assertion)).ok_or("the assertion is no JWT")?;
    if jwt.typ() != TYP_ID_JAG {
        return Err("typ of the assertion is not oauth-id-jag+jwt");
    }
    let key = keys::key_of(stage, keys, &jwt).await.ok_or("the assertion is signed with no known key")?;
    if !jwt.verifies_with(&key) {
        return Err("the assertion's signature does not verify");
    }
    if !jwt.audiences().iter().any(|aud| Tolerance::FinalSlash.accepts(aud, stage.urls.issuer(Party::As))) {
        return Err("aud of the assertion is not this server's issuer identifier");
    }
    let leeway = stage.scenario.resource_as.leeway;
    if jwt.seconds("exp").is_some_and(|exp| exp.saturating_add(leeway) <= stage.now()) {
        return Err("the assertion is past its exp");
    }
    if jwt.claim("client_id") != Some(stage.registration(Party::As).client_id.as_str()) {
        return Err("client_id of the assertion is not the authenticated client");
    }
    if jwt.claim("resource") != Some(stage.urls.resource(Party::Mcp)) {
        return Err("resource of the assertion is not the MCP server's URL");
    }
    Ok(())
}
