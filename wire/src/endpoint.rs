//! Which path of an authorization server is which endpoint, and which requests it takes.
//!
//! RFC 8414 section 3.1 inserts its well-known path before the issuer's; OpenID Connect Discovery section 4.1
//! appends its own, and MCP clients try both forms of the latter.

use http::{Method, Uri};

use crosscheck_scenarios::{EndpointName, OpenidForm, Party};

use crate::answer::{Answer, refuse};
use crate::stage::Stage;

/// Path of the authorization endpoint, which metadata requires and this flow never visits.
pub const AUTHORIZATION_PATH: &str = "/authorize";
/// Path of the public keys.
pub const JWKS_PATH: &str = "/jwks";
/// Path of dynamic client registration, which the IdP does not have.
pub const REGISTRATION_PATH: &str = "/register";
/// Where RFC 9728 section 3.1 puts protected resource metadata.
pub const RESOURCE_METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// The endpoint of an authorization server at `path`, served there or not.
pub fn endpoint(stage: &Stage, party: Party, path: &str) -> EndpointName {
    let [issuer, token, _] = parts(stage, party);
    if path == token {
        EndpointName::Token
    } else if path == format!("{OAUTH}{issuer}") {
        EndpointName::OauthMetadata
    } else if openid_form(issuer, path).is_some() {
        EndpointName::OpenidMetadata
    } else {
        match path {
            AUTHORIZATION_PATH => EndpointName::Authorization,
            JWKS_PATH => EndpointName::Jwks,
            REGISTRATION_PATH if party != Party::Idp => EndpointName::Registration,
            _ => EndpointName::Unknown,
        }
    }
}

/// The endpoint that a path names wherever it stands: by its well-known part, or as `/token`.
pub fn by_form(path: &str) -> EndpointName {
    match path {
        "/token" => EndpointName::Token,
        _ if path.starts_with(OAUTH) => EndpointName::OauthMetadata,
        _ if path.starts_with(OPENID) || path.ends_with(OPENID) => EndpointName::OpenidMetadata,
        _ if path.starts_with(RESOURCE_METADATA_PATH) => EndpointName::ResourceMetadata,
        _ => EndpointName::Unknown,
    }
}

/// What an authorization server answers before it looks at anything else: the method is none of the endpoint's,
/// the script does not serve that form of a metadata URL, or the token endpoint's own query is not there as
/// metadata has it (RFC 6749 section 3.2). A path that is none refuses nothing.
pub fn refused(
    stage: &Stage,
    party: Party,
    endpoint: EndpointName,
    method: &Method,
    uri: &Uri,
) -> Option<Answer> {
    let allowed: &[&str] = match endpoint {
        EndpointName::Registration | EndpointName::Token => &["POST"],
        EndpointName::Unknown => return None,
        _ => &["GET", "HEAD"],
    };
    if !allowed.contains(&method.as_str()) {
        return Some(Answer::not_allowed(&allowed.join(", ")));
    }
    let [issuer, _, query] = parts(stage, party);
    match endpoint {
        EndpointName::Token if !query.is_empty() && uri.query() != Some(query) => {
            Some(refuse("invalid_request", "the query is not that of the token endpoint in metadata"))
        }
        EndpointName::OpenidMetadata if party.is_authorization_server() && !issuer.is_empty() => {
            let served = &stage.scenario.as_script(party).openid_at;
            let form = openid_form(issuer, uri.path()).filter(|form| !served.contains(form));
            form.map(|_| Answer::status(404).refusal("the document is not served at this form of its URL"))
        }
        _ => None,
    }
}

/// How a path is built that is an OpenID well-known one of `issuer`, a path without a final slash.
fn openid_form(issuer: &str, path: &str) -> Option<OpenidForm> {
    if path == format!("{OPENID}{issuer}") {
        Some(OpenidForm::Inserted)
    } else {
        (path == format!("{issuer}{OPENID}")).then_some(OpenidForm::Appended)
    }
}

/// The path of the issuer without a final slash, and path and query of the token endpoint.
fn parts(stage: &Stage, party: Party) -> [&str; 3] {
    let urls = &stage.urls;
    let below = |url| str::strip_prefix(url, urls.origin(party)).unwrap_or(url);
    let issuer = below(urls.issuer(party));
    let token = below(urls.token_endpoint(party));
    let (token, query) = token.split_once('?').unwrap_or((token, ""));
    let token = if token.is_empty() { "/" } else { token };
    [issuer.strip_suffix('/').unwrap_or(issuer), token, query]
}

const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
