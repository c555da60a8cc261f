//! What an honest client does not do about a refusal by a token endpoint.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use url::Url;

use crate::Fault;
use crate::challenge::BearerChallenge;
use crate::client::Client;
use crate::client_authentication::Party;
use crate::discovery::Target;
use crate::http::{Answer, parse_url};
use crate::outcome::Cause;
use crate::report::escaped;
use crate::well_known;

impl Client {
    /// What is done with the words of `answer`, which `party` gave at `endpoint`, and which is read as `cause`.
    pub(crate) async fn believe(&self, party: Party, endpoint: &Url, answer: &Answer, cause: &Cause) {
        let said = cause.answer();
        let description = said.and_then(|said| said.description.as_deref());
        if let Some(description) = description
            && self.has(Fault::DescriptionPrintedRaw)
        {
            eprintln!("{description}");
        }
        if party == Party::As && self.has(Fault::ServerTextEchoed) {
            let body = String::from_utf8_lossy(&answer.body);
            eprintln!("{}", escaped(description.unwrap_or(&body)));
        }
        if let Some(Ok(url)) = said.and_then(|said| said.uri.as_deref()).map(Url::parse)
            && self.has(Fault::ErrorUriFetched)
        {
            self.visit(url, None).await;
        }
        if party == Party::Idp && answer.status == 401 && self.has(Fault::DiscoveryAfter401OfIdp) {
            let challenge =
                BearerChallenge::from_headers(&answer.headers, &self.behaviour).unwrap_or_default();
            let named = challenge.resource_metadata.and_then(|url| Url::parse(&url).ok());
            let well_known = || well_known::protected_resource(endpoint, &self.behaviour).into_iter().next();
            if let Some(url) = named.or_else(well_known) {
                self.visit(url, None).await;
            }
        }
    }

    /// The other ways in that are tried after `cause`, a refusal by `party`.
    pub(crate) async fn try_other_ways(&self, party: Party, target: &Target, cause: &Cause) {
        if party == Party::Idp && cause.answer().is_some() && self.has(Fault::RegistersAfterDenial) {
            drop(self.register(target).await);
        }
        if matches!(cause.error(), Some("access_denied" | "invalid_target"))
            && self.has(Fault::CodeFlowAfterDenial)
        {
            self.open_authorization_endpoint(target).await;
        }
    }

    /// Begins the flow that asks the user, though access is managed by the enterprise.
    pub(crate) async fn open_authorization_endpoint(&self, target: &Target) {
        if let Some(Ok(url)) = target.server.text("authorization_endpoint").map(Url::parse) {
            self.visit(url, None).await;
        }
    }

    /// Asks the resource authorization server for another registration, which nobody wants.
    async fn register(&self, target: &Target) -> Result<(), Cause> {
        let Some(endpoint) = target.server.text("registration_endpoint") else { return Ok(()) };
        let endpoint = parse_url(endpoint, "the registration endpoint")?;
        let wish =
            json!({"client_name": "crosscheck-reference-client", "redirect_uris": ["http://localhost/"]});
        let request = self.http.request(Method::POST, endpoint, "the registration endpoint")?;
        self.http.send(request.header(CONTENT_TYPE, "application/json").body(wish.to_string())).await?;
        Ok(())
    }
}
