//! The token endpoint by the rules of the documents: an ID token is exchanged for a grant.
//!
//! RFC 6749 section 3.2, RFC 8693 section 2, RFC 8707 section 2, ID-JAG draft -04 section 4.3. A description
//! names the parameter that is wrong and never repeats what was sent.

use std::collections::HashSet;

use axum::http::HeaderMap;
use serde_json::json;

use crosscheck_scenarios::{McpScript, Party, Presence, TokenBend};
use crosscheck_wire::client_authentication::authenticate;
use crosscheck_wire::constants::{FORM, GRANT_TYPE_TOKEN_EXCHANGE, TOKEN_TYPE_ID_JAG, TOKEN_TYPE_ID_TOKEN};
use crosscheck_wire::form::{self, Form};
use crosscheck_wire::{Answer, Stage};

use crate::grant::{Grant, LIFETIME};
use crate::subject_token;

/// Answers a token request; `bend` changes the grant before it is signed.
pub(crate) fn answer(stage: &Stage, headers: &HeaderMap, body: &[u8], bend: &TokenBend) -> Answer {
    let grant = match grant(stage, headers, body) {
        Ok(grant) => grant,
        Err(refusal) => return refusal,
    };
    let mut members = json!({
        "issued_token_type": TOKEN_TYPE_ID_JAG,
        "access_token": grant.mint(stage, bend),
        "token_type": "N_A",
        "expires_in": LIFETIME,
    });
    if !grant.scope.is_empty() {
        members["scope"] = json!(grant.scope);
    }
    Answer::token(members)
}

/// A refusal with status 400.
pub(crate) fn refuse(code: &str, why: &str) -> Answer {
    Answer::error(400, code, why)
}

/// The value of a parameter that must be there.
pub(crate) fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, Answer> {
    form.first(name).ok_or_else(|| refuse("invalid_request", &format!("{name} is missing")))
}

/// Refuses any other value of a parameter than `value`.
pub(crate) fn fixed(form: &Form, name: &str, value: &str) -> Result<(), Answer> {
    match required(form, name)? {
        sent if sent == value => Ok(()),
        _ => Err(refuse("invalid_request", &format!("{name} is not {value}"))),
    }
}

fn grant(stage: &Stage, headers: &HeaderMap, body: &[u8]) -> Result<Grant, Answer> {
    let form = read(headers, body)?;
    authenticate(stage, Party::Idp, headers, &form)?;
    if required(&form, "grant_type")? != GRANT_TYPE_TOKEN_EXCHANGE {
        return Err(refuse("unsupported_grant_type", "grant_type is not that of token exchange"));
    }
    fixed(&form, "requested_token_type", TOKEN_TYPE_ID_JAG)?;
    fixed(&form, "subject_token_type", TOKEN_TYPE_ID_TOKEN)?;
    let audience = required(&form, "audience")?;
    if form.all("audience").nth(1).is_some() {
        return Err(refuse("invalid_request", "audience stands more than once"));
    }
    let subject_token = required(&form, "subject_token")?;
    let subject_token =
        subject_token::verify(stage, subject_token).map_err(|why| refuse("invalid_grant", why))?;
    if !stage.scenario.idp.targets.accepts(audience, &stage.urls.as_issuer) {
        let why = "audience is not the issuer of a resource authorization server known here";
        return Err(refuse("invalid_target", why));
    }
    Ok(Grant {
        subject_token,
        audience: audience.to_owned(),
        resources: resources(stage, &form)?,
        scope: scope(stage, &form)?,
    })
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Form, Answer> {
    if form::media_type(headers) != FORM {
        return Err(refuse("invalid_request", &format!("the content type is not {FORM}")));
    }
    let form = Form::parse(body);
    match form.repeated(&["audience", "resource"]) {
        None => Ok(form),
        // A name of the client's making stays out of the answer: it may be anything.
        Some(name) => {
            let name = PARAMETERS.iter().find(|known| **known == name).unwrap_or(&"an unknown parameter");
            Err(refuse("invalid_request", &format!("{name} stands more than once")))
        }
    }
}

fn resources(stage: &Stage, form: &Form) -> Result<Vec<String>, Answer> {
    let script = &stage.scenario.idp;
    let resources: Vec<_> = form.all("resource").map(str::to_owned).collect();
    if resources.is_empty() && script.resource == Presence::Required {
        return Err(refuse("invalid_request", "resource is missing"));
    }
    if !resources.iter().all(|resource| is_absolute_uri(resource)) {
        return Err(refuse("invalid_target", "resource is not an absolute URI without fragment"));
    }
    if !resources.iter().all(|resource| script.targets.accepts(resource, &stage.urls.mcp_resource)) {
        return Err(refuse("invalid_target", "resource is not known at the audience"));
    }
    Ok(resources)
}

/// RFC 3986 section 4.3, as far as the scheme and the characters go.
fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(in_scheme)
        && !rest.is_empty()
        && rest.chars().all(|c| c.is_ascii_graphic() && !"#\"<>\\^`{|}".contains(c))
}

/// What policy leaves of the requested scope; without a request, the scope that the MCP server asks for.
fn scope(stage: &Stage, form: &Form) -> Result<String, Answer> {
    let McpScript { challenge_scope, scopes_supported, .. } = &stage.scenario.mcp;
    let Some(requested) = form.first("scope") else {
        return Ok(challenge_scope.clone().unwrap_or_else(|| scopes_supported.join(" ")));
    };
    let configured = &stage.scenario.client.scope;
    let texts = scopes_supported.iter().chain(challenge_scope).chain(configured);
    let allowed: HashSet<_> = texts.flat_map(|text| text.split(' ')).collect();
    let granted: Vec<_> =
        requested.split(' ').filter(|scope| !scope.is_empty() && allowed.contains(scope)).collect();
    match granted.is_empty() {
        true => Err(refuse("invalid_scope", "scope holds nothing that this client may ask for")),
        false => Ok(granted.join(" ")),
    }
}

/// Parameters that a description may name.
const PARAMETERS: [&str; 13] = [
    "actor_token",
    "actor_token_type",
    "assertion",
    "authorization_details",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "grant_type",
    "requested_token_type",
    "scope",
    "subject_token",
    "subject_token_type",
];
