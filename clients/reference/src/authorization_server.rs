//! Chooses the resource authorization server and reads its metadata (RFC 8414 sections 2 and 3).

use serde_json::{Map, Value};
use url::Url;

use crate::client::Client;
use crate::discovery::{refuse_unknown_members, require_issuer, strings, unusable};
use crate::http::parse_url;
use crate::outcome::Cause;
use crate::protected_resource::ProtectedResource;
use crate::token_answer::text;
use crate::{Control, Fault, well_known};

/// The members of RFC 8414 section 2, those that its registry got with this flow, and those that OpenID
/// Connect Discovery requires besides.
const MEMBERS: [&str; 28] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "service_documentation",
    "ui_locales_supported",
    "op_policy_uri",
    "op_tos_uri",
    "revocation_endpoint",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "introspection_endpoint",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "code_challenge_methods_supported",
    "signed_metadata",
    "authorization_grant_profiles_supported",
    "identity_chaining_requested_token_types_supported",
    "client_id_metadata_document_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
];

/// The resource authorization server, as far as the client uses it.
#[derive(Clone)]
pub(crate) struct AuthorizationServer {
    pub(crate) issuer: String,
    pub(crate) token_endpoint: Url,
    metadata: Map<String, Value>,
}

impl AuthorizationServer {
    /// A server that nobody named, with `/token` at `origin`.
    pub(crate) fn guessed(origin: String) -> Result<Self, Cause> {
        let token_endpoint = token_endpoint_at_root(&origin)?;
        Ok(Self { issuer: origin, token_endpoint, metadata: Map::new() })
    }

    pub(crate) fn issuer_url(&self) -> Result<Url, Cause> {
        parse_url(&self.issuer, "the issuer of the resource authorization server")
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        text(&self.metadata, name)
    }

    pub(crate) fn strings(&self, name: &str) -> Vec<String> {
        strings(&self.metadata, name)
    }
}

impl Client {
    /// The server that protects `resource` and that the credentials are for.
    pub(crate) async fn listed_server(
        &self,
        resource: &ProtectedResource,
    ) -> Result<AuthorizationServer, Cause> {
        let Some(first) = resource.authorization_servers.first() else {
            if self.has(Fault::GuessesUnlistedServer) {
                return AuthorizationServer::guessed(self.mcp.origin());
            }
            return Err(unusable("no authorization server is listed"));
        };
        let issuer = self.bound_issuer().unwrap_or_else(|| first.clone());
        if !resource.authorization_servers.contains(&issuer) {
            return Err(unusable("the server that the credentials are bound to is not among those listed"));
        }
        if self.context.issuer.is_none() {
            self.kept.borrow_mut().issuer.get_or_insert_with(|| issuer.clone());
        }
        if self.has(Fault::EndpointOfOtherServer) {
            return Ok(AuthorizationServer { issuer, ..self.authorization_server(first).await? });
        }
        self.authorization_server(&issuer).await
    }

    /// The issuer to which the credentials are bound: by the context, else by their first use.
    fn bound_issuer(&self) -> Option<String> {
        if self.has(Fault::CredentialsToAnyAs) {
            return None;
        }
        self.context.issuer.clone().or_else(|| self.kept.borrow().issuer.clone())
    }

    /// The server `issuer` by its own metadata.
    pub(crate) async fn authorization_server(&self, issuer: &str) -> Result<AuthorizationServer, Cause> {
        let issuer_url = parse_url(issuer, "the listed issuer")?;
        let credentials = self.has(Fault::CredentialsOnMetadataRequest).then(|| {
            self.basic(&self.context.client_id, self.context.client_secret.as_deref().unwrap_or(""))
        });
        let candidates = well_known::authorization_server(&issuer_url, &self.behaviour);
        let others = candidates.get(1..).unwrap_or_default().to_vec();
        let mut metadata = self.metadata(candidates, credentials).await?;
        if self.has(Fault::MetadataDocumentsMixed) && text(&metadata, "token_endpoint").is_none() {
            let other = self.metadata(others, None).await?;
            if let Some(endpoint) = other.get("token_endpoint") {
                metadata.insert("token_endpoint".to_owned(), endpoint.clone());
            }
        }
        self.refuse_metadata(&metadata)?;
        let issuer = match text(&metadata, "issuer") {
            Some(named) if self.takes_for(named, issuer) => named,
            None if self.has(Fault::AsIssuerNotCompared) => issuer,
            _ => {
                require_issuer(&metadata, issuer)?;
                issuer
            }
        };
        let absent = text(&metadata, "token_endpoint").is_none();
        let token_endpoint = if absent && self.has(Fault::TokenEndpointGuessedWhenAbsent) {
            token_endpoint_at_root(issuer)?
        } else {
            self.token_endpoint(&metadata, &issuer_url)?
        };
        Ok(AuthorizationServer { issuer: issuer.to_owned(), token_endpoint, metadata })
    }

    /// Whether a fault takes `named` for `issuer` without comparing every character.
    fn takes_for(&self, named: &str, issuer: &str) -> bool {
        let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin());
        self.has(Fault::AsIssuerNotCompared)
            || (self.has(Fault::IssuerComparedByOrigin) && origin(named) == origin(issuer))
            || (self.has(Fault::IssuerComparedByPrefix) && named.starts_with(issuer))
            || (self.has(Fault::IssuerComparedWithoutCase) && named.eq_ignore_ascii_case(issuer))
    }

    /// Fails where a fault or a control refuses metadata that would do.
    fn refuse_metadata(&self, metadata: &Map<String, Value>) -> Result<(), Cause> {
        if self.has(Fault::UnknownMembersRefused) {
            refuse_unknown_members(metadata, &MEMBERS)?;
        }
        let required = [
            (self.has(Fault::AuthorizationEndpointRequired), "authorization_endpoint"),
            (self.has(Fault::JwksUriRequired), "jwks_uri"),
            (self.varies(Control::PkceRequired), "code_challenge_methods_supported"),
        ];
        match required
            .iter()
            .find(|(required, name)| *required && metadata.get(*name).is_none_or(Value::is_null))
        {
            Some((_, name)) => Err(unusable(&format!("the metadata has no {name}"))),
            None => Ok(()),
        }
    }
}

/// `/token` at the origin of `issuer`, which nobody advertised.
fn token_endpoint_at_root(issuer: &str) -> Result<Url, Cause> {
    let mut endpoint = parse_url(issuer, "the issuer")?;
    endpoint.set_path("/token");
    endpoint.set_query(None);
    Ok(endpoint)
}
