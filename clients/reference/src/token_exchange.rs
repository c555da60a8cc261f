//! Leg 1: the token exchange at the IdP authorization server.
//!
//! RFC 8693 section 2, draft-ietf-oauth-identity-assertion-authz-grant-04 section 4.3, and section 4 of MCP
//! Enterprise-Managed Authorization.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::client::Client;
use crate::client_authentication::{Method, Registration};
use crate::discovery::Target;
use crate::jwt_bearer;
use crate::outcome::Cause;
use crate::token_endpoint::{Body, TokenRequest, altered, final_slash_toggled, text};
use crate::{Control, Fault};

pub(crate) const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub(crate) const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";

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
}

impl Grant {
    pub(crate) fn is_past(&self) -> bool {
        self.good_until.is_some_and(|end| end <= Instant::now())
    }
}

impl Client {
    /// Exchanges the ID token for an ID-JAG.
    pub(crate) async fn exchange(&self, target: &Target) -> Result<Grant, Cause> {
        let registration = self.context.at_idp(&self.behaviour);
        let method = registration.own_method();
        let request = self.exchange_request(target, &registration, method)?;
        let client_assertion = request.form.value("client_assertion").map(str::to_owned);
        let mut answer = self.request_token(request).await;
        if let Some(next) = self.next_method(&answer, method) {
            answer = self.request_token(self.exchange_request(target, &registration, next)?).await;
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(Cause::Refused { .. } | Cause::Status { .. }) if self.has(Fault::IgnoresExchangeError) => {
                let id_jag = "null".to_owned();
                return Ok(Grant { id_jag, scope: None, client_assertion, good_until: None });
            }
            Err(cause) => return Err(cause),
        };
        let lifetime = answer.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs);
        Ok(Grant {
            id_jag: id_jag(&answer, self.varies(Control::LenientTokenType))?,
            scope: text(&answer, "scope").or(target.scope.as_deref()).map(str::to_owned),
            client_assertion,
            good_until: lifetime.and_then(|lifetime| Instant::now().checked_add(lifetime)),
        })
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
        drop(self.request_token(request).await);
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

/// The grant in a successful answer. It is opaque to the client; a missing `token_type` is tolerated, and
/// any other too if `lenient`.
fn id_jag(answer: &Map<String, Value>, lenient: bool) -> Result<String, Cause> {
    let unusable = |problem: &str| Err(Cause::Unusable(format!("the answer {problem}")));
    if text(answer, "issued_token_type") != Some(ID_JAG) {
        return unusable("is no ID-JAG by its issued_token_type");
    }
    match answer.get("token_type") {
        None => {}
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("N_A") => {}
        Some(_) if lenient => {}
        Some(_) => return unusable("has a token_type other than N_A"),
    }
    text(answer, "access_token")
        .map_or_else(|| unusable("has no access_token"), |id_jag| Ok(id_jag.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judge(answer: Value) -> Result<String, Cause> {
        let Value::Object(members) = answer else { unreachable!() };
        id_jag(&members, false)
    }

    #[test]
    fn the_regular_answer_is_taken_in_any_case_of_its_token_type() {
        for token_type in ["N_A", "n_a"] {
            let answer = json!({"access_token": "g", "issued_token_type": ID_JAG, "token_type": token_type});
            assert_eq!(judge(answer).unwrap(), "g");
        }
        assert_eq!(judge(json!({"access_token": "g", "issued_token_type": ID_JAG})).unwrap(), "g");
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
            assert!(judge(answer.clone()).is_err(), "{answer}");
        }
    }
}
