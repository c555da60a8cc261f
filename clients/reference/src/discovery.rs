//! Finds out from the challenge of the MCP server which servers to ask, and for what.
//!
//! RFC 9728 section 3, RFC 8414 section 3, OpenID Connect Discovery section 4, and the discovery pages of
//! MCP 2026-07-28. Identifiers are compared character for character.

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION};
use serde_json::{Map, Value};
use url::Url;

use crate::challenge::BearerChallenge;
use crate::client::Client;
use crate::http::parse_url;
use crate::jwt_bearer::guessed_token_endpoint;
use crate::outcome::Cause;
use crate::token_endpoint::text;
use crate::{Control, Fault, well_known};

/// What the two legs are about.
pub(crate) struct Target {
    /// The resource identifier of the MCP server.
    pub(crate) resource: String,
    /// The resource authorization server that protects it.
    pub(crate) server: AuthorizationServer,
    /// The scope to ask for.
    pub(crate) scope: Option<String>,
    pub(crate) idp_token_endpoint: Url,
}

/// The metadata of the resource authorization server, as far as the client uses it.
pub(crate) struct AuthorizationServer {
    pub(crate) issuer: String,
    pub(crate) token_endpoint: Url,
    pub(crate) authorization_endpoint: Option<String>,
    /// `token_endpoint_auth_methods_supported`; `None` where it says nothing.
    pub(crate) client_authentication_methods: Option<Vec<String>>,
}

impl AuthorizationServer {
    pub(crate) fn issuer_url(&self) -> Result<Url, Cause> {
        parse_url(&self.issuer, "the issuer of the resource authorization server")
    }
}

struct ProtectedResource {
    identifier: String,
    authorization_servers: Vec<String>,
    scopes: Vec<String>,
}

impl Client {
    /// Reads all metadata that the flow needs.
    pub(crate) async fn discover(&self, challenge: &BearerChallenge) -> Result<Target, Cause> {
        if self.has(Fault::AsGuessedFromResourceHost) {
            let mut origin = self.mcp.url.clone();
            origin.set_path("/");
            drop(self.metadata(well_known::authorization_server(&origin, &self.behaviour), None).await);
        }
        let resource = self.protected_resource(challenge).await?;
        let server = self.authorization_server(self.listed_issuer(&resource)?).await?;
        Ok(Target {
            scope: self.scope(challenge, &resource),
            resource: resource.identifier,
            server,
            idp_token_endpoint: self.idp_token_endpoint().await?,
        })
    }

    async fn protected_resource(&self, challenge: &BearerChallenge) -> Result<ProtectedResource, Cause> {
        let candidates = match &challenge.resource_metadata {
            Some(url) if !self.has(Fault::IgnoresChallengeUrl) => vec![parse_url(url, "resource_metadata")?],
            _ => well_known::protected_resource(&self.mcp.url, &self.behaviour),
        };
        let metadata = self.metadata(candidates, None).await?;
        let identifier = text(&metadata, "resource").filter(|resource| self.is_own_resource(resource));
        Ok(ProtectedResource {
            identifier: identifier
                .ok_or_else(|| unusable("the protected resource metadata is about another resource"))?
                .to_owned(),
            authorization_servers: strings(&metadata, "authorization_servers"),
            scopes: strings(&metadata, "scopes_supported"),
        })
    }

    /// Whether `resource` is the one asked for; a bare origin may be written with or without its slash.
    fn is_own_resource(&self, resource: &str) -> bool {
        if let Some(configured) = &self.context.resource {
            return resource == configured;
        }
        let url = &self.mcp.url;
        let is_bare_origin = url.path() == "/" && url.query().is_none();
        resource == self.mcp.text || (is_bare_origin && Url::parse(resource).is_ok_and(|other| other == *url))
    }

    /// The issuer to which the credentials are bound, if it is listed, else the first one listed.
    fn listed_issuer<'a>(&self, resource: &'a ProtectedResource) -> Result<&'a str, Cause> {
        let mut listed = resource.authorization_servers.iter();
        let issuer = match &self.context.issuer {
            Some(bound) => listed.find(|issuer| *issuer == bound),
            None => listed.next(),
        };
        issuer.map(String::as_str).ok_or_else(|| unusable("no usable authorization server is listed"))
    }

    async fn authorization_server(&self, issuer: &str) -> Result<AuthorizationServer, Cause> {
        let issuer_url = parse_url(issuer, "the listed issuer")?;
        let credentials = self.has(Fault::CredentialsOnMetadataRequest).then(|| {
            self.basic(&self.context.client_id, self.context.client_secret.as_deref().unwrap_or(""))
        });
        let candidates = well_known::authorization_server(&issuer_url, &self.behaviour);
        let metadata = self.metadata(candidates, credentials).await?;
        let methods = strings(&metadata, "token_endpoint_auth_methods_supported");
        Ok(AuthorizationServer {
            issuer: issuer.to_owned(),
            token_endpoint: token_endpoint(&metadata, issuer)?,
            authorization_endpoint: text(&metadata, "authorization_endpoint").map(str::to_owned),
            client_authentication_methods: Some(methods).filter(|methods| !methods.is_empty()),
        })
    }

    async fn idp_token_endpoint(&self) -> Result<Url, Cause> {
        let issuer = &self.context.idp_issuer;
        let issuer_url = parse_url(issuer, "`idp_issuer`")?;
        if self.has(Fault::IdpTokenEndpointGuessed) {
            return Ok(guessed_token_endpoint(issuer_url));
        }
        if let Some(configured) = &self.context.idp_token_endpoint {
            return parse_url(configured, "`idp_token_endpoint`");
        }
        let metadata = self.metadata(well_known::identity_provider(&issuer_url), None).await?;
        token_endpoint(&metadata, issuer)
    }

    /// The first candidate that answers with a JSON object; without one, what the last had to say.
    async fn metadata(
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
        }
        Err(problem)
    }

    /// The challenge's scope, else all that is supported, else what is configured.
    fn scope(&self, challenge: &BearerChallenge, resource: &ProtectedResource) -> Option<String> {
        if self.varies(Control::NoResourceNoScope) {
            return None;
        }
        let challenged = challenge.scope.clone().filter(|_| !self.has(Fault::ScopeIgnoresChallenge));
        let supported = Some(resource.scopes.join(" ")).filter(|scope| !scope.is_empty());
        challenged.or(supported).or_else(|| self.context.scope.clone())
    }
}

/// The token endpoint in metadata that must be that of `issuer`.
fn token_endpoint(metadata: &Map<String, Value>, issuer: &str) -> Result<Url, Cause> {
    if text(metadata, "issuer") != Some(issuer) {
        return Err(unusable("the metadata is that of another issuer"));
    }
    let endpoint =
        text(metadata, "token_endpoint").ok_or_else(|| unusable("the metadata has no token endpoint"))?;
    parse_url(endpoint, "the token endpoint")
}

/// The strings in an array; a member that is absent or no array has none.
fn strings(metadata: &Map<String, Value>, name: &str) -> Vec<String> {
    let values = metadata.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn unusable(problem: &str) -> Cause {
    Cause::Unusable(problem.to_owned())
}
