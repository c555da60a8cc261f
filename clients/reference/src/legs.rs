//! Both legs in turn, and what is done again when a grant is refused.
//!
//! draft-ietf-oauth-identity-assertion-authz-grant-04 sections 4.1 and 4.4.3. The honest client fetches a new
//! grant for every access token, and repeats nothing.

use crate::client::Client;
use crate::client_assertion::made_up_grant;
use crate::client_authentication::Party;
use crate::discovery::Target;
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
            let obtained = self.both_legs(target).await;
            let limit = match &obtained {
                Ok((_, token)) => self.repeats_for(target, token),
                Err(failure) => self.repeats_after(failure),
            };
            if repeats >= limit {
                return obtained;
            }
            repeats += 1;
        }
    }

    async fn both_legs(&self, target: &Target) -> Result<(Grant, AccessToken), Failure> {
        self.before_exchange(target).await;
        let grant = match self.grant_for_other_server(target) {
            Some(grant) => grant,
            None => self.fresh_grant(target).await.map_err(at(Step::TokenExchange))?,
        };
        self.before_redemption(target, &grant).await.map_err(at(Step::TokenExchange))?;

        let redeemed = self.redeem(target, &grant).await;
        if let Err(cause) = &redeemed {
            self.try_other_ways(Party::As, target, cause).await;
        }
        let token = redeemed.map_err(at(Step::JwtBearer))?;
        if self.has(Fault::PrintsTokens) {
            eprintln!("access token: {}", token.value);
        }
        Ok((grant, token))
    }

    async fn fresh_grant(&self, target: &Target) -> Result<Grant, Cause> {
        let exchanged = self.exchange(target).await;
        if let Err(cause) = &exchanged {
            self.try_other_ways(Party::Idp, target, cause).await;
        }
        let grant = exchanged?;
        if self.has(Fault::OneGrantForAllServers) {
            let first = || (target.server.issuer.clone(), grant.clone());
            self.kept.borrow_mut().first_grant.get_or_insert_with(first);
        }
        Ok(grant)
    }

    /// How often both legs are repeated for more than `token` is good for.
    fn repeats_for(&self, target: &Target, token: &AccessToken) -> usize {
        let granted = |scope: &str| token.scope.iter().any(|all| all.split(' ').any(|other| other == scope));
        let lacks = target.scope.iter().flat_map(|wanted| wanted.split(' ')).any(|scope| !granted(scope));
        if lacks && self.has(Fault::NarrowedScopeAskedAgain) { 4 } else { 0 }
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
        if self.has(Fault::OpensAuthorizationEndpoint) {
            self.open_authorization_endpoint(target).await;
        }
        if self.has(Fault::RedeemBeforeExchange)
            && let Ok(id_jag) = made_up_grant(&target.server.issuer)
        {
            let grant = Grant { scope: target.scope.clone(), ..Grant::of(id_jag) };
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
}
