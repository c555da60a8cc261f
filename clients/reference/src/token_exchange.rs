//! Leg 1: the token exchange at the IdP authorization server.
//!
//! RFC 8693 section 2, draft-ietf-oauth-identity-assertion-authz-grant-04 section 4.3, and section 4 of MCP
//! Enterprise-Managed Authorization.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::client_authentication::{Method, Party, Registration};
use crate::discovery::Target;
use crate::jwt_bearer;
use crate::outcome::{Cause, is_refusal};
use crate::token_answer::{TokenAnswer, claims, has_three_parts};
use crate::token_endpoint::{Body, TokenRequest, altered, final_slash_toggled};
use crate::{Control, Fault};

pub(crate) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
/// The members of an answer that RFC 8693 section 2.2.1 requires.
const REQUIRED_MEMBERS: [&str; 3] = ["access_token", "issued_token_type", "token_type"];

/// The ID-JAG, and what belongs to it.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) id_jag: String,
    /// The scope granted: what the IdP said, else what was asked for.
    pub(crate) scope: Option<String>,
    /// The client assertion that was made for the IdP, if that was the method there.
    pub(crate) client_assertion: Option<String>,
    /// The end of the lifetime that the IdP named.
    pub(crate) good_until: Option<Instant>,
    /// What the IdP issued besides, for the fault that shows it around.
    pub(crate) refresh_token: Option<String>,
}

impl Grant {
    /// A grant of which no more is known.
    pub(crate) fn of(id_jag: String) -> Self {
        Self { id_jag, scope: None, client_assertion: None, good_until: None, refresh_token: None }
    }

    pub(crate) fn is_past(&self) -> bool {
        self.good_until.is_some_and(|end| end <= Instant::now())
    }
}

impl Client {
    /// Exchanges the ID token for an ID-JAG.
    pub(crate) async fn exchange(&self, target: &Target) -> Result<Grant, Cause> {
        let registration = self.context.at_idp(&self.behaviour);
        let method = registration.own_method();
        let mut client_assertion = None;
        let mut request = |registration: &_, method| {
            let request = self.exchange_request(target, registration, method)?;
            client_assertion = request.form.value("client_assertion").map(str::to_owned);
            Ok(request)
        };
        let mut answer = self.request_token(Party::Idp, || request(&registration, method)).await;
        if let Some((other, method)) = self.next_credential(&answer, &registration, method) {
            answer = self.request_token(Party::Idp, || request(&other, method)).await;
        }
        if is_refusal(&answer, "invalid_target") && self.has(Fault::ResourceDroppedAfterInvalidTarget) {
            let without_resource = || {
                let mut request = request(&registration, method)?;
                request.form.remove("resource");
                Ok(request)
            };
            answer = self.request_token(Party::Idp, without_resource).await;
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(Cause::Refused { .. } | Cause::Status { .. }) if self.has(Fault::IgnoresExchangeError) => {
                return Ok(Grant { client_assertion, ..Grant::of("null".to_owned()) });
            }
            Err(cause) => return Err(cause),
        };
        let granted = answer.text("scope").filter(|_| !self.has(Fault::NarrowedScopeIgnored));
        Ok(Grant {
            id_jag: self.id_jag(&answer)?,
            scope: granted.or(target.scope.as_deref()).map(str::to_owned),
            client_assertion,
            good_until: answer.lifetime().and_then(|s| Instant::now().checked_add(Duration::from_secs(s))),
            refresh_token: answer.text("refresh_token").map(str::to_owned),
        })
    }

    /// The grant in a successful answer. It is opaque to the client; a missing `token_type` is tolerated.
    fn id_jag(&self, answer: &TokenAnswer) -> Result<String, Cause> {
        let id_jag = self.token(answer)?;
        if self.presents_what_is_missing(answer) {
            return Ok(id_jag);
        }
        let token_type = answer.get("token_type").map(|kind| kind.as_str().unwrap_or_default());
        let is_type = |name: &str| token_type.is_some_and(|kind| kind.eq_ignore_ascii_case(name));
        let any_type = self.varies(Control::LenientTokenType)
            || self.has(Fault::IssuedTokenTypeIgnored)
            || self.has(Fault::BearerRequiredOfExchange);
        let is_grant = answer.text("issued_token_type") == Some(ID_JAG);
        answer.refuse(&[
            (!is_grant && !self.has(Fault::IssuedTokenTypeIgnored), "is no ID-JAG by its issued_token_type"),
            (!any_type && token_type.is_some() && !is_type("N_A"), "has a token_type other than N_A"),
        ])?;
        let audience = claims(&id_jag).and_then(|mut claims| claims.remove("aud"));
        answer.refuse(&[
            (
                self.has(Fault::BearerRequiredOfExchange) && !is_type("Bearer"),
                "has a token_type other than Bearer",
            ),
            (
                self.has(Fault::TokenTypeComparedWithCase) && token_type.is_some_and(|kind| kind != "N_A"),
                "has a token_type other than N_A",
            ),
            (self.has(Fault::ScopeRequiredOfExchange) && answer.text("scope").is_none(), "has no scope"),
            (
                self.has(Fault::MinimalExchangeAnswerRefused) && answer.has_only(&REQUIRED_MEMBERS),
                "does not say enough",
            ),
            (self.has(Fault::GrantMustHaveThreeParts) && !has_three_parts(&id_jag), "holds no signed JWT"),
            (
                self.has(Fault::GrantAudienceMustBeText)
                    && audience.is_some_and(|audience| !audience.is_string()),
                "holds a JWT whose aud is no text",
            ),
        ])?;
        Ok(id_jag)
    }

    fn exchange_request(
        &self,
        target: &Target,
        registration: &Registration<'_>,
        method: Method,
    ) -> Result<TokenRequest, Cause> {
        let grant_type =
            if self.has(Fault::JwtBearerGrantTypeAtIdp) { jwt_bearer::GRANT_TYPE } else { GRANT_TYPE };
        let mut request = TokenRequest::new(target.idp_token_endpoint.clone(), grant_type);
        if !self.has(Fault::RequestedTokenTypeMissing) {
            request.form.add("requested_token_type", ID_JAG);
        }
        request.form.add("audience", self.audience(target)?);
        if !self.has(Fault::ResourceOmitted) {
            request.form.add("resource", self.exchange_resource(target));
        }
        if let Some(scope) = self.exchange_scope(target) {
            request.form.add("scope", scope.as_str());
            if self.has(Fault::ParameterRepeated) {
                request.form.add("scope", scope);
            }
        }
        request.form.add("subject_token", self.subject_token());
        request.form.add("subject_token_type", self.subject_token_type());
        self.authenticate_at_idp(registration, method, &mut request)?;

        if self.has(Fault::ExchangeParametersInUrl) {
            request.append_to_url("requested_token_type", ID_JAG);
        }
        if self.has(Fault::SubjectTokenInUrl) {
            request.append_to_url("subject_token", &self.context.idp_id_token);
        }
        if self.has(Fault::ExchangeAsJson) {
            request.body = Body::Json;
        } else if self.has(Fault::ExchangeParametersRunTogether) {
            request.body = Body::RunTogether;
        } else if self.has(Fault::ExchangeBodyNotEncoded) {
            request.body = Body::Raw;
        }
        Ok(request)
    }

    /// Presents the grant to the IdP, which is not where it belongs; the refusal is ignored.
    pub(crate) async fn present_grant_at_idp(&self, target: &Target, grant: &Grant) -> Result<(), Cause> {
        let mut request = TokenRequest::new(target.idp_token_endpoint.clone(), jwt_bearer::GRANT_TYPE);
        request.form.add("assertion", grant.id_jag.as_str());
        let registration = self.context.at_idp(&self.behaviour);
        self.authenticate_at_idp(&registration, registration.own_method(), &mut request)?;
        drop(self.send_token_request(Party::Idp, request).await);
        Ok(())
    }

    fn authenticate_at_idp(
        &self,
        registration: &Registration<'_>,
        method: Method,
        request: &mut TokenRequest,
    ) -> Result<(), Cause> {
        match method {
            Method::None if self.has(Fault::NoClientAtIdp) => Ok(()),
            method => self.authenticate(registration, method, request),
        }
    }

    fn audience(&self, target: &Target) -> Result<String, Cause> {
        let issuer = &target.server.issuer;
        Ok(if self.has(Fault::AudienceTrailingSlash) {
            final_slash_toggled(issuer)
        } else if self.has(Fault::AudienceAndResourceSwapped) {
            target.resource.clone()
        } else if self.has(Fault::AudienceIsTokenEndpoint) {
            target.server.token_endpoint.to_string()
        } else if self.has(Fault::AudienceIsIssuerOrigin) {
            target.server.issuer_url()?.origin().ascii_serialization()
        } else if self.has(Fault::AudienceOfFirstServer) {
            self.kept.borrow_mut().first_audience.get_or_insert_with(|| issuer.clone()).clone()
        } else {
            issuer.clone()
        })
    }

    fn exchange_resource(&self, target: &Target) -> String {
        let resource = &target.resource;
        if self.has(Fault::ResourceTrailingSlash) {
            final_slash_toggled(resource)
        } else if self.has(Fault::AudienceAndResourceSwapped) {
            target.server.issuer.clone()
        } else if self.has(Fault::ResourceWithFragment) {
            format!("{resource}#mcp")
        } else {
            resource.clone()
        }
    }

    fn exchange_scope(&self, target: &Target) -> Option<String> {
        let scope = target.scope.as_ref()?;
        Some(if self.has(Fault::ScopeCommaSeparated) { scope.replace(' ', ",") } else { scope.clone() })
    }

    fn subject_token(&self) -> String {
        let id_token = &self.context.idp_id_token;
        match &self.context.idp_access_token {
            Some(access_token) if self.has(Fault::IdpAccessTokenAsSubject) => access_token.clone(),
            _ if self.has(Fault::SubjectTokenAltered) => altered(id_token),
            _ => id_token.clone(),
        }
    }

    fn subject_token_type(&self) -> &'static str {
        if self.has(Fault::SubjectTokenTypeJwt) {
            "urn:ietf:params:oauth:token-type:jwt"
        } else {
            "urn:ietf:params:oauth:token-type:id_token"
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::complete_flow::{answer, client};

    fn judge(members: &Value) -> Result<String, Cause> {
        client().id_jag(&answer(members))
    }

    #[test]
    fn the_regular_answer_is_taken_in_any_case_of_its_token_type() {
        for token_type in ["N_A", "n_a"] {
            let answer = json!({"access_token": "g", "issued_token_type": ID_JAG, "token_type": token_type});
            assert_eq!(judge(&answer).unwrap(), "g");
        }
        assert_eq!(judge(&json!({"access_token": "g", "issued_token_type": ID_JAG})).unwrap(), "g");
    }

    #[test]
    fn what_is_no_grant_is_refused() {
        for answer in [
            json!({"access_token": "g", "token_type": "N_A"}),
            json!({"access_token": "g", "issued_token_type": ID_JAG.replace("id-jag", "access_token")}),
            json!({"access_token": "g", "issued_token_type": ID_JAG, "token_type": "Bearer"}),
            json!({"access_token": "g", "issued_token_type": ID_JAG, "token_type": null}),
            json!({"access_token": "", "issued_token_type": ID_JAG}),
            json!({"access_token": 7, "issued_token_type": ID_JAG}),
        ] {
            assert_eq!(judge(&answer).unwrap_err().status(), Some(200), "{answer}");
        }
    }
}
