//! The token endpoint by the rules of the documents: a grant is redeemed for an access token.
//!
//! RFC 6749 sections 3.2 and 5, RFC 7523 section 2.1, ID-JAG draft -04 section 4.4. A description names what is
//! wrong and never repeats what was sent.

use axum::http::HeaderMap;

use crosscheck_scenarios::{Party, TokenBend};
use crosscheck_wire::client_authentication::authenticate;
use crosscheck_wire::constants::GRANT_TYPE_JWT_BEARER;
use crosscheck_wire::form::Form;
use crosscheck_wire::{Answer, Stage, refuse};

use crate::access_token::{self, Granted};
use crate::grant::Grant;

/// Answers a token request at `party`; `bend` changes the access token before it is signed.
pub(crate) async fn token(
    stage: &Stage,
    party: Party,
    keys: &reqwest::Client,
    headers: &HeaderMap,
    body: &[u8],
    bend: &TokenBend,
) -> Answer {
    match granted(stage, party, keys, headers, body).await {
        Ok(granted) => access_token::answer(stage, party, &granted, bend),
        Err(refusal) => refusal,
    }
}

/// What the grant is good for.
async fn granted(
    stage: &Stage,
    party: Party,
    keys: &reqwest::Client,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Granted, Answer> {
    let form = Form::of_token_request(headers, body, &["resource"])
        .map_err(|why| refuse("invalid_request", &why))?;
    authenticate(stage, party, headers, &form)?;
    match form.first("grant_type") {
        None => return Err(refuse("invalid_request", "grant_type is missing")),
        Some(GRANT_TYPE_JWT_BEARER) => {}
        Some(_) => return Err(refuse("unsupported_grant_type", "grant_type is not jwt-bearer")),
    }
    let assertion =
        form.first("assertion").ok_or_else(|| refuse("invalid_request", "assertion is missing"))?;
    let invalid_grant = |why| refuse("invalid_grant", why);
    let grant = Grant::verify(stage, party, keys, assertion).await.map_err(invalid_grant)?;
    let targets = stage.scenario.as_script(party).targets;
    let is_for = |sent| grant.servers.iter().any(|one| targets.accepts(sent, stage.urls.resource(*one)));
    if !form.all("resource").all(is_for) {
        return Err(refuse("invalid_target", "resource is not one that the grant is for"));
    }
    let server = stage.named_server(&grant.servers, form.all("resource"));
    let scope = scope(stage, server, grant.scope.as_deref(), form.first("scope"))?;
    // Last, so that a request refused for another reason does not use the grant up.
    grant.redeem(stage, party).map_err(invalid_grant)?;
    Ok(Granted { server, subject: grant.subject, scope })
}

/// What policy leaves of the grant's scope and, where the request names a scope, of that as well. A grant without
/// one leaves it to this server.
fn scope(
    stage: &Stage,
    server: Party,
    granted: Option<&str>,
    requested: Option<&str>,
) -> Result<String, Answer> {
    let named = granted.or(requested);
    let permitted = stage.scenario.permitted_scope(server, named);
    let is_asked_for = |scope: &&str| requested.is_none_or(|all| all.split(' ').any(|one| one == *scope));
    let scope = permitted.split(' ').filter(is_asked_for).collect::<Vec<_>>().join(" ");
    match named.is_some() && scope.is_empty() {
        true => Err(refuse("invalid_scope", "scope holds nothing that the grant allows")),
        false => Ok(scope),
    }
}
