//! What a run is told: the context in the environment, as the client contract names it.

use std::borrow::Cow;
use std::env;

use serde::Deserialize;
use serde_json::error::Category;

use crate::behaviour::Behaviour;
use crate::calls::Call;
use crate::client_authentication::{Method, Party, Registration};
use crate::{Control, Fault};

/// The members of `MCP_CONFORMANCE_CONTEXT`; unknown ones are ignored. It holds secrets, hence no `Debug`.
#[derive(Clone, Deserialize)]
pub(crate) struct Context {
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<String>,
    pub(crate) private_key_pem: Option<String>,
    pub(crate) signing_algorithm: Option<String>,
    pub(crate) token_endpoint_auth_method: Option<Method>,
    /// The issuer to which the credentials above are bound.
    pub(crate) issuer: Option<String>,
    pub(crate) idp_client_id: String,
    pub(crate) idp_client_secret: Option<String>,
    pub(crate) idp_private_key_pem: Option<String>,
    pub(crate) idp_signing_algorithm: Option<String>,
    pub(crate) idp_token_endpoint_auth_method: Option<Method>,
    pub(crate) idp_issuer: String,
    pub(crate) idp_token_endpoint: Option<String>,
    pub(crate) idp_id_token: String,
    pub(crate) idp_access_token: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) scope: Option<String>,
    /// The calls to make, in order; without any, one session at the URL of the command line.
    #[serde(default)]
    pub(crate) calls: Vec<Call>,
}

impl Context {
    /// Reads the environment; the message of an error quotes no value.
    pub(crate) fn from_environment() -> Result<Self, String> {
        let text = env::var("MCP_CONFORMANCE_CONTEXT").map_err(|_| "MCP_CONFORMANCE_CONTEXT is not set")?;
        serde_json::from_str(&text).map_err(|error| {
            let message = error.to_string();
            let problem = match error.classify() {
                Category::Data if message.starts_with("missing field") => message.as_str(),
                Category::Data => "a member has another type",
                _ => "it is no JSON",
            };
            format!("MCP_CONFORMANCE_CONTEXT is unusable: {problem}")
        })
    }

    /// How the client is registered at the IdP authorization server.
    pub(crate) fn at_idp(&self, behaviour: &Behaviour) -> Registration<'_> {
        let honest = Registration {
            party: Party::Idp,
            issuer: &self.idp_issuer,
            client_id: Cow::Borrowed(&self.idp_client_id),
            secret: self.idp_client_secret.as_deref(),
            key_pem: self.idp_private_key_pem.as_deref(),
            algorithm: self.idp_signing_algorithm.as_deref(),
            method: self.idp_token_endpoint_auth_method,
        };
        let public = Registration { secret: None, key_pem: None, method: None, ..honest.clone() };
        if behaviour.has(Fault::AsClientIdAtIdp) {
            Registration { client_id: Cow::Borrowed(&self.client_id), ..public }
        } else if behaviour.has(Fault::UnknownClientIdAtIdp) {
            Registration { client_id: unknown(&self.idp_client_id), ..public }
        } else if behaviour.has(Fault::AsSecretAtIdp) {
            Registration {
                client_id: Cow::Borrowed(&self.client_id),
                secret: self.client_secret.as_deref(),
                ..public
            }
        } else if behaviour.has(Fault::NoClientAuthenticationAtIdp)
            || (behaviour.varies(Control::PublicAtIdp) && honest.method.is_none())
        {
            public
        } else {
            honest
        }
    }

    /// How the client is registered at the resource authorization server `issuer`.
    pub(crate) fn at_as<'a>(&'a self, issuer: &'a str, behaviour: &Behaviour) -> Registration<'a> {
        let honest = Registration {
            party: Party::As,
            issuer,
            client_id: Cow::Borrowed(&self.client_id),
            secret: self.client_secret.as_deref(),
            key_pem: self.private_key_pem.as_deref(),
            algorithm: self.signing_algorithm.as_deref(),
            method: self.token_endpoint_auth_method,
        };
        if behaviour.has(Fault::IdpClientIdAtAs) {
            Registration { client_id: Cow::Borrowed(&self.idp_client_id), ..honest }
        } else if behaviour.has(Fault::UnknownClientIdAtAs) {
            Registration { client_id: unknown(&self.client_id), ..honest }
        } else if behaviour.has(Fault::IdpSecretAtAs) {
            Registration { secret: self.idp_client_secret.as_deref().or(honest.secret), ..honest }
        } else if behaviour.has(Fault::NoClientAuthenticationAtAs) {
            Registration { secret: None, key_pem: None, method: Some(Method::None), ..honest }
        } else {
            honest
        }
    }
}

/// A client id that nobody registered.
fn unknown(client_id: &str) -> Cow<'_, str> {
    Cow::Owned(format!("{client_id}-x"))
}
