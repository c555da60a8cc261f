//! The token endpoint by the rules of the documents: an ID token is exchanged for a grant.
//!
//! RFC 6749 section 3.2, RFC 8693 section 2, RFC 8707 section 2, ID-JAG draft -04 section 4.3. A description
//! names the parameter that is wrong and never repeats what was sent.

use axum::http::HeaderMap;
use serde_json::json;

use crosscheck_scenarios::{Party, Presence, TokenBend};
use crosscheck_wire::client_authentication::authenticate;
use crosscheck_wire::constants::{GRANT_TYPE_TOKEN_EXCHANGE, TOKEN_TYPE_ID_JAG, TOKEN_TYPE_ID_TOKEN};
use crosscheck_wire::form::Form;
use crosscheck_wire::{Answer, Stage, refuse};

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
    let form = Form::of_token_request(headers, body, &["audience", "resource"])
        .map_err(|why| refuse("invalid_request", &why))?;
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
    let targets = stage.scenario.idp.targets;
    if !stage.authorization_servers().any(|party| targets.accepts(audience, stage.urls.issuer(party))) {
        let why = "audience is not the issuer of a resource authorization server known here";
        return Err(refuse("invalid_target", why));
    }
    let resources = resources(stage, &form)?;
    let servers = stage.protected_by(stage.addressee(audience));
    let server = stage.named_server(&servers, resources.iter().map(String::as_str));
    Ok(Grant { subject_token, audience: audience.to_owned(), resources, scope: scope(stage, server, &form)? })
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
    let known = |resource: &String| {
        stage.mcp_servers().any(|party| script.targets.accepts(resource, stage.urls.resource(party)))
    };
    if !resources.iter().all(known) {
        return Err(refuse("invalid_target", "resource is not one known here"));
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

/// What policy leaves of the scope that is requested for an MCP server.
fn scope(stage: &Stage, server: Party, form: &Form) -> Result<String, Answer> {
    let requested = form.first("scope");
    let granted = stage.scenario.permitted_scope(server, requested);
    match requested.is_some() && granted.is_empty() {
        true => Err(refuse("invalid_scope", "scope holds nothing that this client may ask for")),
        false => Ok(granted),
    }
}
