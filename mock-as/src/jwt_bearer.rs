//! The token endpoint by the rules of the documents: a grant is redeemed for an access token.
//!
//! RFC 6749 sections 3.2 and 5, RFC 7523 section 2.1, ID-JAG draft -04 section 4.4. A description names what is
//! wrong and never repeats what was sent.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::{Map, json};

use crosscheck_scenarios::{Party, TokenBend};
use crosscheck_wire::client_authentication::authenticate;
use crosscheck_wire::constants::{FORM, GRANT_TYPE_JWT_BEARER, TYP_ACCESS_TOKEN};
use crosscheck_wire::form::Form;
use crosscheck_wire::{AccessToken, Answer, SUBJECT, Stage};

use crate::grant;

/// Seconds until an access token expires.
pub(crate) const LIFETIME: u64 = 3600;

/// Answers a token request; `bend` changes the access token before it is signed.
pub(crate) async fn token(
    stage: &Stage,
    keys: &reqwest::Client,
    headers: &HeaderMap,
    body: &[u8],
    bend: &TokenBend,
) -> Answer {
    match granted(stage, keys, headers, body).await {
        Ok(scope) => answer(stage, scope.as_deref(), bend),
        Err(refusal) => refusal,
    }
}

/// The scope that is granted; `None` where neither the grant nor the request names one.
async fn granted(
    stage: &Stage,
    keys: &reqwest::Client,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<String>, Answer> {
    if media_type(headers) != FORM {
        return Err(refuse("invalid_request", &format!("the content type is not {FORM}")));
    }
    let form = Form::parse(body);
    if form.repeated(&["resource"]).is_some() {
        return Err(refuse("invalid_request", "a parameter stands more than once"));
    }
    authenticate(stage, Party::As, headers, &form)?;
    match form.first("grant_type") {
        None => return Err(refuse("invalid_request", "grant_type is missing")),
        Some(GRANT_TYPE_JWT_BEARER) => {}
        Some(_) => return Err(refuse("unsupported_grant_type", "grant_type is not jwt-bearer")),
    }
    let Some(assertion) = form.first("assertion") else {
        return Err(refuse("invalid_request", "assertion is missing"));
    };
    let grant = grant::verify(stage, keys, assertion).await.map_err(|why| refuse("invalid_grant", why))?;
    let targets = stage.scenario.resource_as.targets;
    if !form.all("resource").all(|resource| targets.accepts(resource, &stage.urls.mcp_resource)) {
        return Err(refuse("invalid_target", "resource is not one that the grant is for"));
    }
    scope(grant.scope, form.first("scope"))
}

/// What is in the grant and, where the request names a scope, in that as well.
fn scope(granted: Option<String>, requested: Option<&str>) -> Result<Option<String>, Answer> {
    let Some(granted) = granted else { return Ok(None) };
    let Some(requested) = requested else { return Ok(Some(granted)) };
    let wanted: Vec<_> = requested.split(' ').collect();
    let both: Vec<_> = granted.split(' ').filter(|scope| wanted.contains(scope)).collect();
    if both.is_empty() {
        return Err(refuse("invalid_scope", "scope holds nothing that the grant allows"));
    }
    Ok(Some(both.join(" ")))
}

/// 200 with a new access token for the MCP server.
pub(crate) fn answer(stage: &Stage, scope: Option<&str>, bend: &TokenBend) -> Answer {
    let mut members = json!({
        "access_token": mint(stage, scope, bend),
        "token_type": "Bearer",
        "expires_in": LIFETIME,
    });
    if let Some(scope) = scope {
        members["scope"] = json!(scope);
    }
    Answer::token(members)
}

/// Signs an access token that is good at the MCP server alone (RFC 9068 section 2), and registers it.
fn mint(stage: &Stage, scope: Option<&str>, bend: &TokenBend) -> String {
    let now = stage.now();
    let mut claims: Map<_, _> = [
        ("iss", json!(stage.urls.as_issuer)),
        ("sub", json!(SUBJECT)),
        ("aud", json!(stage.urls.mcp_resource)),
        ("client_id", json!(stage.at_as.client_id)),
        ("jti", json!(stage.canary.mint())),
        ("iat", json!(now)),
        ("exp", json!(now + LIFETIME)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect();
    if let Some(scope) = scope {
        claims.insert("scope".into(), json!(scope));
    }
    let mut header = stage.as_key.header(TYP_ACCESS_TOKEN);
    stage.bend(&bend.header, &mut header);
    stage.bend(&bend.claims, &mut claims);
    let token = stage.as_key.sign(&header, &claims);
    stage.ledger.mint_token("access_token", &token, stage.as_key.name, &[Party::Mcp]);
    let facts = AccessToken {
        resource: stage.urls.mcp_resource.clone(),
        scope: scope.unwrap_or_default().to_owned(),
        expires_at: now + LIFETIME,
    };
    stage.issue(token.clone(), facts);
    token
}

/// The media type of a body, in lower case and without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A refusal with status 400.
pub(crate) fn refuse(code: &str, why: &str) -> Answer {
    Answer::error(400, code, why)
}
