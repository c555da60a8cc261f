//! Leg 2: the ID-JAG is redeemed at the resource authorization server.
//!
//! RFC 7523 section 2.1, draft-ietf-oauth-identity-assertion-authz-grant-04 section 4.4; `resource` as MCP
//! 2026-07-28 asks of token requests.

use std::time::{SystemTime, UNIX_EPOCH};

use url::Url;

use crate::client::Client;
use crate::client_authentication::{Method, Party, Registration};
use crate::discovery::Target;
use crate::outcome::Cause;
use crate::token_answer::{TokenAnswer, claims, has_three_parts};
use crate::token_endpoint::{Body, TokenRequest, altered};
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
    /// What the server issued besides, for the fault that shows it around.
    pub(crate) refresh_token: Option<String>,
}

impl Client {
    /// Redeems `grant` for an access token.
    pub(crate) async fn redeem(&self, target: &Target, grant: &Grant) -> Result<AccessToken, Cause> {
        let other = self.server_of_grant(target, grant).await?;
        let target = other.as_ref().unwrap_or(target);
        let mut registration = self.context.at_as(&target.server.issuer, &self.behaviour);
        if other.is_some() {
            registration =
                Registration { secret: None, key_pem: None, method: Some(Method::None), ..registration };
        }
        let method = self.method_at_as(&registration, &target.server)?;
        let request = |registration: &_, method| self.grant_request(target, grant, registration, method);
        let mut answer = self.request_token(Party::As, || request(&registration, method)).await;
        if let Some((other, method)) = self.next_credential(&answer, &registration, method) {
            answer = self.request_token(Party::As, || request(&other, method)).await;
        }
        let answer = answer?;
        Ok(AccessToken {
            value: self.access_token(&answer)?,
            scope: answer.text("scope").or(grant.scope.as_deref()).map(str::to_owned),
            has_lifetime: answer.lifetime().is_some(),
            refresh_token: answer.text("refresh_token").map(str::to_owned),
        })
    }

    /// The token in a successful answer; it is opaque, and of no use unless it is a Bearer token.
    fn access_token(&self, answer: &TokenAnswer) -> Result<String, Cause> {
        let token = self.token(answer)?;
        if self.presents_what_is_missing(answer) {
            return Ok(token);
        }
        let token_type = answer.text("token_type").unwrap_or_default();
        let is_bearer = if self.has(Fault::TokenTypeComparedWithCase) {
            token_type == "Bearer"
        } else {
            token_type.eq_ignore_ascii_case("Bearer")
        };
        let end = || claims(&token).and_then(|claims| claims.get("exp")?.as_u64());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        answer.refuse(&[
            (!is_bearer && !self.has(Fault::UnknownTokenTypeAsBearer), "has a token_type other than Bearer"),
            (
                self.has(Fault::AccessTokenMustBeJwt) && !has_three_parts(&token),
                "holds an access token that is no JWT",
            ),
            (
                self.has(Fault::AccessTokenClaimsRead) && end().is_some_and(|end| end <= now),
                "holds an access token whose exp is past",
            ),
        ])?;
        Ok(token)
    }

    /// The target with the server that the grant's `aud` names, where a fault goes there and it is another.
    async fn server_of_grant(&self, target: &Target, grant: &Grant) -> Result<Option<Target>, Cause> {
        let audience = claims(&grant.id_jag).and_then(|mut claims| claims.remove("aud"));
        let audience = audience.as_ref().and_then(|aud| aud.as_str().or(aud[0].as_str()));
        match audience.filter(|audience| *audience != target.server.issuer) {
            Some(issuer) if self.has(Fault::FollowsGrantAudience) => {
                Ok(Some(Target { server: self.authorization_server(issuer).await?, ..target.clone() }))
            }
            _ => Ok(None),
        }
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
        if let Some(refresh_token) = &grant.refresh_token
            && self.has(Fault::RefreshTokenShownAround)
        {
            request.form.add("refresh_token", refresh_token.as_str());
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::complete_flow::{answer, client};

    fn judge(members: &Value) -> Result<String, Cause> {
        client().access_token(&answer(members))
    }

    #[test]
    fn only_a_bearer_token_is_taken_in_any_case() {
        assert_eq!(judge(&json!({"access_token": "t", "token_type": "bEARER"})).unwrap(), "t");
        for answer in [
            json!({"access_token": "t", "token_type": "DPoP"}),
            json!({"access_token": "t"}),
            json!({"access_token": null, "token_type": "Bearer"}),
            json!({"access_token": "", "token_type": "Bearer"}),
        ] {
            assert_eq!(judge(&answer).unwrap_err().status(), Some(200), "{answer}");
        }
    }

    #[test]
    fn the_guess_drops_the_final_slash_of_the_issuer() {
        let guess = |issuer| guessed_token_endpoint(Url::parse(issuer).unwrap()).to_string();
        assert_eq!(guess("http://as/t1/"), "http://as/t1/token");
        assert_eq!(guess("http://as"), "http://as/token");
    }
}
