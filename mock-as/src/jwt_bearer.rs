//! The token endpoint by the rules of the documents: a grant is redeemed for an access token.
//!
//! RFC 6749 sections 3.2 and 5, RFC 7523 section 2.1, ID-JAG draft -04 section 4.4. A description names what is
//! wrong and never repeats what was sent.

use axum::http::HeaderMap;

use crosscheck_scenarios::{Party, TokenBend};
use crosscheck_wire::client_authentication::authenticate;
use crosscheck_wire::constants::{FORM, GRANT_TYPE_JWT_BEARER};
use crosscheck_wire::form::{self, Form};
use crosscheck_wire::{Answer, Stage};

use crate::access_token;
use crate::grant::Grant;

/// Answers a token request; `bend` changes the access token before it is signed.
pub(crate) async fn token(
    stage: &Stage,
    keys: &reqwest::Client,
    headers: &HeaderMap,
    body: &[u8],
    bend: &TokenBend,
) -> Answer {
    match granted(stage, keys, headers, body).await {
        Ok(scope) => access_token::answer(stage, scope.as_deref(), bend),
        Err(refusal) => refusal,
    }
}

/// A refusal with status 400.
pub(crate) fn refuse(code: &str, why: &str) -> Answer {
    Answer::error(400, code, why)
}

/// The scope that is granted; `None` where the grant names none.
async fn granted(
    stage: &Stage,
    keys: &reqwest::Client,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<String>, Answer> {
    let form = read(headers, body)?;
    authenticate(stage, Party::As, headers, &form)?;
    match form.first("grant_type") {
        None => return Err(refuse("invalid_request", "grant_type is missing")),
        Some(GRANT_TYPE_JWT_BEARER) => {}
        Some(_) => return Err(refuse("unsupported_grant_type", "grant_type is not jwt-bearer")),
    }
    let assertion =
        form.first("assertion").ok_or_else(|| refuse("invalid_request", "assertion is missing"))?;
    let invalid_grant = |why| refuse("invalid_grant", why);
    let grant = Grant::verify(stage, keys, assertion).await.map_err(invalid_grant)?;
    let targets = stage.scenario.resource_as.targets;
    if !form.all("resource").all(|resource| targets.accepts(resource, &stage.urls.mcp_resource)) {
        return Err(refuse("invalid_target", "resource is not one that the grant is for"));
    }
    let scope = scope(grant.scope.as_deref(), form.first("scope"))?;
    // Last, so that a request refused for another reason does not use the grant up.
    grant.redeem(stage).map_err(invalid_grant)?;
    Ok(scope)
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Form, Answer> {
    if form::media_type(headers) != FORM {
        return Err(refuse("invalid_request", &format!("the content type is not {FORM}")));
    }
    let form = Form::parse(body);
    match form.repeated(&["resource"]) {
        None => Ok(form),
        // A name of the client's making stays out of the answer: it may be anything.
        Some(name) => {
            let name = PARAMETERS.iter().find(|known| **known == name).unwrap_or(&"an unknown parameter");
            Err(refuse("invalid_request", &format!("{name} stands more than once")))
        }
    }
}

/// What is in the grant and, where the request names a scope, in that as well.
fn scope(granted: Option<&str>, requested: Option<&str>) -> Result<Option<String>, Answer> {
    let (Some(granted), Some(requested)) = (granted, requested) else {
        return Ok(granted.map(str::to_owned));
    };
    let requested: Vec<_> = requested.split(' ').filter(|scope| !scope.is_empty()).collect();
    let both: Vec<_> = granted.split(' ').filter(|scope| requested.contains(scope)).collect();
    match both.is_empty() {
        true => Err(refuse("invalid_scope", "scope holds nothing that the grant allows")),
        false => Ok(Some(both.join(" "))),
    }
}

/// Parameters that a description may name.
const PARAMETERS: [&str; 7] = [
    "assertion",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "grant_type",
    "scope",
];
