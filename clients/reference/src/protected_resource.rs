//! Reads the protected resource metadata of the MCP server (RFC 9728 sections 2 and 3).

use serde_json::{Map, Value};
use url::Url;

use crate::challenge::BearerChallenge;
use crate::client::Client;
use crate::discovery::{refuse_unknown_members, strings, unusable};
use crate::http::parse_url;
use crate::outcome::Cause;
use crate::token_answer::text;
use crate::{Control, Fault, well_known};

/// The members of RFC 9728 section 2.
const MEMBERS: [&str; 15] = [
    "resource",
    "authorization_servers",
    "jwks_uri",
    "scopes_supported",
    "bearer_methods_supported",
    "resource_signing_alg_values_supported",
    "resource_name",
    "resource_documentation",
    "resource_policy_uri",
    "resource_tos_uri",
    "tls_client_certificate_bound_access_tokens",
    "authorization_details_types_supported",
    "dpop_signing_alg_values_supported",
    "dpop_bound_access_tokens_required",
    "signed_metadata",
];

/// What is known of the resource.
pub(crate) struct ProtectedResource {
    pub(crate) identifier: String,
    pub(crate) authorization_servers: Vec<String>,
    metadata: Map<String, Value>,
}

impl ProtectedResource {
    /// A resource whose metadata nobody has read, protected by `issuer`.
    pub(crate) fn undocumented(identifier: String, issuer: String) -> Self {
        Self { identifier, authorization_servers: vec![issuer], metadata: Map::new() }
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        text(&self.metadata, name)
    }

    pub(crate) fn strings(&self, name: &str) -> Vec<String> {
        strings(&self.metadata, name)
    }
}

impl Client {
    /// Reads the metadata that the challenge names, else that at the well-known URLs.
    pub(crate) async fn protected_resource(
        &self,
        challenge: &BearerChallenge,
    ) -> Result<ProtectedResource, Cause> {
        if self.varies(Control::IssuerConfigured)
            && let Some(issuer) = &self.context.issuer
        {
            let identifier = self.context.resource.as_ref().unwrap_or(&self.mcp.text);
            return Ok(ProtectedResource::undocumented(identifier.clone(), issuer.clone()));
        }
        let candidates = match &challenge.resource_metadata {
            Some(url) if !self.has(Fault::IgnoresChallengeUrl) => vec![parse_url(url, "resource_metadata")?],
            _ => well_known::protected_resource(&self.mcp.url, &self.behaviour),
        };
        let metadata = self.metadata(candidates, None).await?;
        if self.has(Fault::PrmUnknownMembersRefused) {
            refuse_unknown_members(&metadata, &MEMBERS)?;
        }
        let identifier = text(&metadata, "resource").filter(|resource| self.is_own_resource(resource));
        Ok(ProtectedResource {
            identifier: identifier
                .ok_or_else(|| unusable("the protected resource metadata is about another resource"))?
                .to_owned(),
            authorization_servers: strings(&metadata, "authorization_servers"),
            metadata,
        })
    }

    /// Whether `resource` is the one asked for; a bare origin may be written with or without its slash.
    fn is_own_resource(&self, resource: &str) -> bool {
        let own = &self.mcp.text;
        if self.has(Fault::PrmResourceNotCompared)
            || (self.has(Fault::PrmResourceComparedByPrefix) && resource.starts_with(own))
            || (self.has(Fault::PrmResourceComparedWithoutCase) && resource.eq_ignore_ascii_case(own))
        {
            return true;
        }
        if let Some(configured) = &self.context.resource {
            return resource == configured;
        }
        let url = &self.mcp.url;
        let is_bare_origin = url.path() == "/" && url.query().is_none();
        resource == own || (is_bare_origin && Url::parse(resource).is_ok_and(|other| other == *url))
    }
}
