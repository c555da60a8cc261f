//! Both legs in turn, and what is done again when a grant is refused.
//!
//! draft-ietf-oauth-identity-assertion-authz-grant-04 sections 4.1 and 4.4.3. The honest client fetches a new
//! grant for every access token, and repeats nothing.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use url::Url;

use crate::client::Client;
use crate::client_assertion::made_up_grant;
use crate::discovery::Target;
use crate::http::parse_url;
use crate::jwt_bearer::AccessToken;
use crate::outcome::{Cause, Failure, Step, at};
use crate::token_exchange::Grant;
use crate::{Control, Fault};

impl Client {
    /// An access token and the grant it was issued for; `earlier` is the grant that the client has already.
    pub(crate) async fn obtain(
        &self,
        target: &Target,
        earlier: Option<&Grant>,
    ) -> Result<(Grant, AccessToken), Failure> {
        if let Some(grant) = earlier
            && let Some(token) = self.present_again(target, grant).await?
        {
            return Ok((grant.clone(), token));
        }
        let mut repeats = 0;
        loop {
            match self.both_legs(target).await {
                Err(failure) if repeats < self.repeats_after(&failure) => repeats += 1,
                obtained => return obtained,
            }
        }
    }

    async fn both_legs(&self, target: &Target) -> Result<(Grant, AccessToken), Failure> {
        self.before_exchange(target).await;
        let grant = match self.grant_for_other_server(target) {
            Some(grant) => grant,
            None => self.fresh_grant(target).await.map_err(at(Step::TokenExchange))?,
        };
        self.before_redemption(target, &grant).await.map_err(at(Step::TokenExchange))?;

        let lost = self.has(Fault::ErrorCodeLost);
        let redeemed =
            self.redeem(target, &grant).await.map_err(|cause| if lost { Cause::Lost } else { cause });
        let token = redeemed.map_err(at(Step::JwtBearer))?;
        if self.has(Fault::PrintsTokens) {
            eprintln!("access token: {}", token.value);
        }
        Ok((grant, token))
    }

    async fn fresh_grant(&self, target: &Target) -> Result<Grant, Cause> {
        let exchanged = self.exchange(target).await;
        if let Err(Cause::Refused { .. }) = &exchanged
            && self.has(Fault::RegistersAfterDenial)
        {
            drop(self.register(target).await);
        }
        let lost = self.has(Fault::ErrorCodeLost);
        let grant = exchanged.map_err(|cause| if lost { Cause::Lost } else { cause })?;
        if self.has(Fault::OneGrantForAllServers) {
            let first = || (target.server.issuer.clone(), grant.clone());
            self.kept.borrow_mut().first_grant.get_or_insert_with(first);
        }
        Ok(grant)
    }

    /// How often both legs are repeated after `failure`.
    fn repeats_after(&self, failure: &Failure) -> usize {
        match failure.step {
            _ if failure.cause.error() != Some("invalid_grant") => 0,
            Step::JwtBearer if self.has(Fault::LoopsOnInvalidGrant) => 8,
            _ if self.varies(Control::RepeatsOnceAfterInvalidGrant) => 1,
            _ => 0,
        }
    }

    /// Whether a grant is presented for more than one access token.
    pub(crate) fn presents_grants_again(&self) -> bool {
        self.varies(Control::GrantPresentedAgain)
            || self.has(Fault::GivesUpOnRefusedGrant)
            || self.has(Fault::ExpiredGrantPresentedAgain)
    }

    /// The token for a grant that was redeemed before; none where a fresh grant is due.
    async fn present_again(&self, target: &Target, grant: &Grant) -> Result<Option<AccessToken>, Failure> {
        let past = self.varies(Control::GrantPresentedAgain) && grant.is_past();
        if !self.presents_grants_again() || past {
            return Ok(None);
        }
        let mut answer = self.redeem(target, grant).await;
        if matches!(answer, Err(Cause::Refused { .. })) && self.has(Fault::ExpiredGrantPresentedAgain) {
            answer = self.redeem(target, grant).await;
        }
        match answer {
            Err(Cause::Refused { .. }) if !self.has(Fault::GivesUpOnRefusedGrant) => Ok(None),
            answer => answer.map(Some).map_err(at(Step::JwtBearer)),
        }
    }

    /// The first grant, where it is for another server than that of `target`.
    fn grant_for_other_server(&self, target: &Target) -> Option<Grant> {
        let kept = self.kept.borrow();
        let (issuer, grant) = kept.first_grant.as_ref()?;
        (*issuer != target.server.issuer).then(|| grant.clone())
    }

    /// What an honest client does not do before the exchange.
    async fn before_exchange(&self, target: &Target) {
        if self.has(Fault::OpensAuthorizationEndpoint)
            && let Some(Ok(url)) = target.server.text("authorization_endpoint").map(Url::parse)
        {
            self.visit(url, None).await;
        }
        if self.has(Fault::RedeemBeforeExchange)
            && let Ok(id_jag) = made_up_grant(&target.server.issuer)
        {
            let grant =
                Grant { id_jag, scope: target.scope.clone(), client_assertion: None, good_until: None };
            drop(self.redeem(target, &grant).await);
        }
    }

    /// What an honest client does not do with a grant before it redeems it.
    async fn before_redemption(&self, target: &Target, grant: &Grant) -> Result<(), Cause> {
        if self.has(Fault::StopsAfterExchange) {
            return Err(Cause::Unusable("the answer is none that this client can use".to_owned()));
        }
        if self.has(Fault::GrantAsBearer) {
            self.present_at_mcp_server(&grant.id_jag).await;
        }
        if self.has(Fault::GrantAtIdp) {
            self.present_grant_at_idp(target, grant).await?;
        }
        Ok(())
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
