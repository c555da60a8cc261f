//! Leg 2: the ID-JAG is redeemed at the resource authorization server.
//!
//! RFC 7523 section 2.1, draft-ietf-oauth-identity-assertion-authz-grant-04 section 4.4; `resource` as MCP
//! 2026-07-28 asks of token requests.

use serde_json::{Map, Value};
use url::Url;

use crate::client::Client;
use crate::client_authentication::{Method, Registration};
use crate::discovery::Target;
use crate::outcome::Cause;
use crate::token_endpoint::{Body, TokenRequest, altered, text};
use crate::token_exchange::{self, Grant, ID_JAG};
use crate::{Control, Fault};

pub(crate) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What the resource authorization server issued.
#[derive(Clone)]
pub(crate) struct AccessToken {
    pub(crate) value: String,
    /// The scope granted: what the server said, else what was asked for.
    pub(crate) scope: Option<String>,
    /// Whether the server said how long it is good for.
    pub(crate) has_lifetime: bool,
}

impl Client {
    /// Redeems `grant` for an access token.
    pub(crate) async fn redeem(&self, target: &Target, grant: &Grant) -> Result<AccessToken, Cause> {
        let registration = self.context.at_as(&target.server.issuer, &self.behaviour);
        let method = self.method_at_as(&registration, &target.server)?;
        let mut answer = self.request_token(self.grant_request(target, grant, &registration, method)?).await;
        if let Some(next) = self.next_method(&answer, method) {
            answer = self.request_token(self.grant_request(target, grant, &registration, next)?).await;
        } else if let Some(next) = self.next_registration(&answer, &registration) {
            answer = self.request_token(self.grant_request(target, grant, &next, method)?).await;
        }
        let answer = answer?;
        Ok(AccessToken {
            value: access_token(&answer)?,
            scope: text(&answer, "scope").or(grant.scope.as_deref()).map(str::to_owned),
            has_lifetime: answer.get("expires_in").is_some_and(|value| !value.is_null()),
        })
    }

    fn grant_request(
        &self,
        target: &Target,
        grant: &Grant,
        registration: &Registration<'_>,
        method: Method,
    ) -> Result<TokenRequest, Cause> {
        let exchange_type = self.has(Fault::TokenExchangeGrantTypeAtAs);
        let grant_type = if exchange_type { token_exchange::GRANT_TYPE } else { GRANT_TYPE };
        let mut request = TokenRequest::new(self.as_token_endpoint(target)?, grant_type);
        self.add_assertion(grant, &mut request);
        if !self.varies(Control::NoResourceNoScope) {
            let wrong = self.has(Fault::WrongResourceAtAs);
            let resource = if wrong { &target.server.issuer } else { &target.resource };
            request.form.add("resource", resource.as_str());
        }
        if let Some(scope) = &grant.scope {
            request.form.add("scope", scope.as_str());
        }
        if self.has(Fault::ExchangeParametersAtAs) {
            request.form.add("audience", target.server.issuer.as_str());
            request.form.add("requested_token_type", ID_JAG);
        }
        if self.has(Fault::SubjectTokenAtAs) {
            request.form.add("id_token", self.context.idp_id_token.as_str());
        }

        self.authenticate(registration, method, &mut request)?;
        if let Some(for_idp) =
            grant.client_assertion.as_ref().filter(|_| self.has(Fault::ClientAssertionReused))
            && request.form.remove("client_assertion").is_some()
        {
            request.form.add("client_assertion", for_idp.as_str());
        }

        if self.has(Fault::GrantRequestAsJson) {
            request.body = Body::Json;
        } else if self.has(Fault::GrantParametersRunTogether) {
            request.body = Body::RunTogether;
        } else if self.has(Fault::GrantBodyNotEncoded) {
            request.body = Body::Raw;
        }
        Ok(request)
    }

    fn as_token_endpoint(&self, target: &Target) -> Result<Url, Cause> {
        if self.has(Fault::TokenEndpointGuessed) {
            return Ok(guessed_token_endpoint(target.server.issuer_url()?));
        }
        Ok(target.server.token_endpoint.clone())
    }

    fn add_assertion(&self, grant: &Grant, request: &mut TokenRequest) {
        let assertion =
            if self.has(Fault::AssertionAltered) { altered(&grant.id_jag) } else { grant.id_jag.clone() };
        if self.has(Fault::AssertionInUrl) {
            return request.append_to_url("assertion", &assertion);
        }
        let as_subject_token = self.has(Fault::GrantAsSubjectTokenAtAs);
        let name = if as_subject_token { "subject_token" } else { "assertion" };
        if self.has(Fault::AssertionRepeated) {
            request.form.add(name, assertion.as_str());
        }
        request.form.add(name, assertion);
    }
}

/// `/token` below `issuer`, which nobody advertised.
pub(crate) fn guessed_token_endpoint(mut issuer: Url) -> Url {
    let path = format!("{}/token", issuer.path().trim_end_matches('/'));
    issuer.set_path(&path);
    issuer
}

/// The token in a successful answer; it is opaque, and of no use unless it is a Bearer token.
fn access_token(answer: &Map<String, Value>) -> Result<String, Cause> {
    let unusable = |problem: &str| Err(Cause::Unusable(format!("the answer {problem}")));
    if !text(answer, "token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer")) {
        return unusable("has a token_type other than Bearer");
    }
    text(answer, "access_token").map_or_else(|| unusable("has no access_token"), |token| Ok(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judge(answer: Value) -> Result<String, Cause> {
        let Value::Object(members) = answer else { unreachable!() };
        access_token(&members)
    }

    #[test]
    fn only_a_bearer_token_is_taken_in_any_case() {
        assert_eq!(judge(json!({"access_token": "t", "token_type": "bEARER"})).unwrap(), "t");
        for answer in [
            json!({"access_token": "t", "token_type": "DPoP"}),
            json!({"access_token": "t"}),
            json!({"access_token": null, "token_type": "Bearer"}),
            json!({"access_token": "", "token_type": "Bearer"}),
        ] {
            assert!(judge(answer.clone()).is_err(), "{answer}");
        }
    }

    #[test]
    fn the_guess_drops_the_final_slash_of_the_issuer() {
        let guess = |issuer| guessed_token_endpoint(Url::parse(issuer).unwrap()).to_string();
        assert_eq!(guess("http://as/t1/"), "http://as/t1/token");
        assert_eq!(guess("http://as"), "http://as/token");
    }
}
