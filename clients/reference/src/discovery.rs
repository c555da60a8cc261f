//! Finds out from the challenge of the MCP server which servers to ask, and for what.
//!
//! RFC 9728 section 3, RFC 8414 section 3, OpenID Connect Discovery section 4, and the discovery pages of
//! MCP 2026-07-28. Identifiers are compared character for character.

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION};
use serde_json::{Map, Value};
use url::Url;

use crate::authorization_server::AuthorizationServer;
use crate::challenge::BearerChallenge;
use crate::client::Client;
use crate::http::parse_url;
use crate::jwt_bearer::guessed_token_endpoint;
use crate::outcome::Cause;
use crate::protected_resource::ProtectedResource;
use crate::token_answer::text;
use crate::{Control, Fault, well_known};

/// What the two legs are about.
#[derive(Clone)]
pub(crate) struct Target {
    /// The resource identifier of the MCP server.
    pub(crate) resource: String,
    /// The resource authorization server that protects it.
    pub(crate) server: AuthorizationServer,
    /// The scope to ask for.
    pub(crate) scope: Option<String>,
    pub(crate) idp_token_endpoint: Url,
}

impl Client {
    /// Reads all metadata that the flow needs.
    pub(crate) async fn discover(&self, challenge: &BearerChallenge) -> Result<Target, Cause> {
        if self.has(Fault::AsGuessedFromResourceHost) {
            let mut origin = self.mcp.url.clone();
            origin.set_path("/");
            drop(self.metadata(well_known::authorization_server(&origin, &self.behaviour), None).await);
        }
        let resource = match self.protected_resource(challenge).await {
            Ok(resource) => resource,
            Err(cause) => return self.discover_without_resource_metadata(challenge, cause).await,
        };
        let server = self.listed_server(&resource).await?;
        self.target(challenge, resource, server).await
    }

    async fn target(
        &self,
        challenge: &BearerChallenge,
        resource: ProtectedResource,
        mut server: AuthorizationServer,
    ) -> Result<Target, Cause> {
        if self.has(Fault::FetchesDocumentationLinks) {
            let links = [resource.text("resource_documentation"), server.text("service_documentation")];
            for url in links.into_iter().flatten().filter_map(|link| Url::parse(link).ok()) {
                self.visit(url, None).await;
            }
        }
        let mut idp_token_endpoint = self.idp_token_endpoint(&resource, &server).await?;
        if self.has(Fault::EndpointQueryDropped) {
            server.token_endpoint.set_query(None);
            idp_token_endpoint.set_query(None);
        }
        Ok(Target {
            scope: self.scope(challenge, &resource),
            resource: resource.identifier,
            server,
            idp_token_endpoint,
        })
    }

    /// What an honest client does not do when there is no usable protected resource metadata: go on.
    async fn discover_without_resource_metadata(
        &self,
        challenge: &BearerChallenge,
        cause: Cause,
    ) -> Result<Target, Cause> {
        let origin = self.mcp.origin();
        let resource = ProtectedResource::undocumented(self.mcp.text.clone(), origin.clone());
        if self.has(Fault::ExchangesWithoutMetadata) {
            let target = self.target(challenge, resource, AuthorizationServer::guessed(origin)?).await?;
            drop(self.exchange(&target).await);
        } else if self.has(Fault::FallsBackToResourceHost) {
            let server = self.authorization_server(&origin).await?;
            return self.target(challenge, resource, server).await;
        }
        Err(cause)
    }

    async fn idp_token_endpoint(
        &self,
        resource: &ProtectedResource,
        server: &AuthorizationServer,
    ) -> Result<Url, Cause> {
        let issuer = &self.context.idp_issuer;
        let issuer_url = parse_url(issuer, "`idp_issuer`")?;
        if self.has(Fault::IdpTokenEndpointGuessed) {
            return Ok(guessed_token_endpoint(issuer_url));
        }
        if self.has(Fault::IdpFromResourceMetadata)
            && let Some(offered) =
                resource.text("idp_token_endpoint").or_else(|| server.text("idp_token_endpoint"))
        {
            return parse_url(offered, "`idp_token_endpoint`");
        }
        if let Some(configured) = &self.context.idp_token_endpoint {
            return parse_url(configured, "`idp_token_endpoint`");
        }
        let metadata = self.metadata(well_known::identity_provider(&issuer_url), None).await?;
        if !self.has(Fault::IdpIssuerNotCompared) {
            require_issuer(&metadata, issuer)?;
        }
        self.token_endpoint(&metadata, &issuer_url)
    }

    /// The first candidate that answers with a JSON object; without one, what the last had to say.
    pub(crate) async fn metadata(
        &self,
        candidates: Vec<Url>,
        authorization: Option<String>,
    ) -> Result<Map<String, Value>, Cause> {
        let mut problem = unusable("there is no metadata to ask for");
        for candidate in candidates {
            let mut request = self
                .http
                .request(Method::GET, candidate, "a metadata document")?
                .header(ACCEPT, "application/json");
            if let Some(authorization) = &authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            let answer = self.http.send(request).await?;
            match (answer.status.as_u16(), answer.json_object()) {
                (200, Some(metadata)) => return Ok(metadata),
                (200, None) => problem = unusable("a metadata document is no JSON object"),
                (status, _) => problem = Cause::Status { what: "a metadata document", status },
            }
            if answer.status.is_server_error() && self.varies(Control::StopsAt503) {
                break;
            }
        }
        Err(problem)
    }

    /// The token endpoint in the metadata of `issuer`.
    pub(crate) fn token_endpoint(&self, metadata: &Map<String, Value>, issuer: &Url) -> Result<Url, Cause> {
        let endpoint =
            text(metadata, "token_endpoint").ok_or_else(|| unusable("the metadata has no token endpoint"))?;
        let endpoint = parse_url(endpoint, "the token endpoint")?;
        if self.varies(Control::OwnOriginEndpointOnly) && endpoint.origin() != issuer.origin() {
            return Err(unusable("the token endpoint is not on the origin of the issuer"));
        }
        Ok(endpoint)
    }

    /// The challenge's scope, else all that is supported, else what is configured.
    fn scope(&self, challenge: &BearerChallenge, resource: &ProtectedResource) -> Option<String> {
        if self.varies(Control::NoResourceNoScope) {
            return None;
        }
        if self.has(Fault::ScopeInvented) && challenge.scope.is_none() {
            return Some("mcp:everything".to_owned());
        }
        let supported = resource.strings("scopes_supported");
        let mut challenged = challenge.scope.clone().filter(|_| !self.has(Fault::ScopeIgnoresChallenge));
        if self.has(Fault::ScopeFilteredBySupported) && !supported.is_empty() {
            let known = |scope: &&str| supported.iter().any(|supported| supported == scope);
            challenged = challenged
                .map(|scope| scope.split_whitespace().filter(known).collect::<Vec<_>>().join(" "))
                .filter(|scope| !scope.is_empty());
        }
        let supported = Some(supported.join(" ")).filter(|scope| !scope.is_empty());
        challenged.or(supported).or_else(|| self.context.scope.clone())
    }
}

/// Fails unless the metadata names `issuer` as its own.
pub(crate) fn require_issuer(metadata: &Map<String, Value>, issuer: &str) -> Result<(), Cause> {
    match text(metadata, "issuer") {
        Some(named) if named == issuer => Ok(()),
        Some(_) => Err(unusable("the metadata is that of another issuer")),
        None => Err(unusable("the metadata names no issuer")),
    }
}

/// The strings in an array; a member that is absent or no array has none.
pub(crate) fn strings(metadata: &Map<String, Value>, name: &str) -> Vec<String> {
    let values = metadata.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Wrongly fails where a member is null or none of `known`.
pub(crate) fn refuse_unknown_members(metadata: &Map<String, Value>, known: &[&str]) -> Result<(), Cause> {
    let odd = metadata.iter().any(|(name, value)| value.is_null() || !known.contains(&name.as_str()));
    if odd { Err(unusable("the metadata has a member that is unknown or null")) } else { Ok(()) }
}

pub(crate) fn unusable(problem: &str) -> Cause {
    Cause::Unusable(problem.to_owned())
}
