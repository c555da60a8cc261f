//! Which path of an authorization server is which endpoint, and which methods it takes.
//!
//! RFC 8414 section 3.1 inserts its well-known path before the issuer's; OpenID Connect Discovery section 4.1
//! appends its own, and MCP clients try both forms of the latter.

use http::Method;

use crosscheck_scenarios::{EndpointName, Party};

use crate::answer::Answer;
use crate::stage::Stage;

/// Path of the authorization endpoint, which metadata requires and this flow never visits.
pub const AUTHORIZATION_PATH: &str = "/authorize";
/// Path of the public keys.
pub const JWKS_PATH: &str = "/jwks";
/// Path of dynamic client registration, which the IdP does not have.
pub const REGISTRATION_PATH: &str = "/register";

/// The endpoint of an authorization server at `path`.
pub fn endpoint(stage: &Stage, party: Party, path: &str) -> EndpointName {
    let urls = &stage.urls;
    let (origin, issuer, token) = match party {
        Party::Idp => (&urls.origins.idp, &urls.idp_issuer, &urls.idp_token_endpoint),
        _ => (&urls.origins.resource_as, &urls.as_issuer, &urls.as_token_endpoint),
    };
    let issuer = path_of(issuer, origin);
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    if path == path_of(token, origin) {
        EndpointName::Token
    } else if path == format!("{OAUTH}{issuer}") {
        EndpointName::OauthMetadata
    } else if path == format!("{OPENID}{issuer}") || path == format!("{issuer}{OPENID}") {
        EndpointName::OpenidMetadata
    } else {
        match path {
            AUTHORIZATION_PATH => EndpointName::Authorization,
            JWKS_PATH => EndpointName::Jwks,
            REGISTRATION_PATH if party == Party::As => EndpointName::Registration,
            _ => EndpointName::Unknown,
        }
    }
}

/// The refusal of a method that the endpoint does not have; a path that is none refuses no method.
pub fn refused_method(endpoint: EndpointName, method: &Method) -> Option<Answer> {
    let allowed: &[&str] = match endpoint {
        EndpointName::Registration | EndpointName::Token => &["POST"],
        EndpointName::Unknown => return None,
        _ => &["GET", "HEAD"],
    };
    (!allowed.contains(&method.as_str())).then(|| Answer::not_allowed(&allowed.join(", ")))
}

fn path_of<'a>(url: &'a str, origin: &str) -> &'a str {
    match url.strip_prefix(origin).unwrap_or(url).split('?').next() {
        None | Some("") => "/",
        Some(path) => path,
    }
}

const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
