//! The flow in its order: discovery, token exchange, jwt-bearer, MCP requests.
//!
//! draft-ietf-oauth-identity-assertion-authz-grant-04 section 4.1. Nothing is repeated but one fresh flow
//! where a token that was good is refused later.

use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use url::Url;

use crate::client::Client;
use crate::client_assertion::made_up_grant;
use crate::discovery::Target;
use crate::jwt_bearer::AccessToken;
use crate::mcp::Session;
use crate::outcome::{Cause, Failure, Step, at};
use crate::token_exchange::Grant;
use crate::{Control, Fault};

impl Client {
    /// Runs the whole flow; the access token with which the MCP server was reached.
    pub(crate) async fn run(&self) -> Result<AccessToken, Failure> {
        let challenge = self.challenge().await.map_err(at(Step::Discovery))?;
        let target = self.discover(&challenge).await.map_err(at(Step::Discovery))?;
        let mut sessions = if self.varies(Control::NewGrantPerAccessToken) { 2 } else { 1 };
        let mut renewed = false;
        loop {
            let token = self.obtain(&target).await?;
            if self.has(Fault::AccessTokenUnused) {
                return Ok(token);
            }
            if self.has(Fault::IdTokenAsBearer) {
                self.present_at_mcp_server(&self.context.idp_id_token).await;
            }
            let mut session = Session::new(self, Some(&token.value));
            match session.run().await {
                Ok(()) if sessions > 1 => sessions -= 1,
                Ok(()) => {
                    self.after_success(&token).await;
                    return Ok(token);
                }
                Err(cause) if cause.status() == Some(401) && session.accepted() && !renewed => renewed = true,
                Err(cause) => return Err(at(Step::Resource)(cause)),
            }
        }
    }

    /// Both legs.
    async fn obtain(&self, target: &Target) -> Result<AccessToken, Failure> {
        self.before_exchange(target).await;
        let lost = self.has(Fault::ErrorCodeLostAtIdp);
        let exchanged = self.exchange(target).await.map_err(|cause| if lost { Cause::Lost } else { cause });
        let grant = exchanged.map_err(at(Step::TokenExchange))?;
        self.before_redemption(target, &grant).await.map_err(at(Step::TokenExchange))?;

        let lost = self.has(Fault::ErrorCodeLostAtAs);
        let redeemed =
            self.redeem(target, &grant).await.map_err(|cause| if lost { Cause::Lost } else { cause });
        let token = redeemed.map_err(at(Step::JwtBearer))?;
        if self.has(Fault::PrintsTokens) {
            eprintln!("access token: {}", token.value);
        }
        Ok(token)
    }

    /// What an honest client does not do before the exchange.
    async fn before_exchange(&self, target: &Target) {
        if self.has(Fault::OpensAuthorizationEndpoint)
            && let Some(Ok(url)) = target.server.authorization_endpoint.as_deref().map(Url::parse)
        {
            self.visit(url, None).await;
        }
        if self.has(Fault::RedeemBeforeExchange)
            && let Ok(id_jag) = made_up_grant(&target.server.issuer)
        {
            let grant = Grant { id_jag, scope: target.scope.clone(), client_assertion: None };
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

    /// What an honest client does not do with an access token.
    async fn after_success(&self, token: &AccessToken) {
        let userinfo = format!("{}/userinfo", self.context.idp_issuer.trim_end_matches('/'));
        if self.has(Fault::AccessTokenAtIdp)
            && let Ok(url) = Url::parse(&userinfo)
        {
            self.visit(url, Some(format!("Bearer {}", token.value))).await;
        }
    }

    /// Gets a page that an honest client has no business with; the answer is ignored.
    async fn visit(&self, url: Url, authorization: Option<String>) {
        if let Ok(mut request) = self.http.request(Method::GET, url, "a page") {
            if let Some(authorization) = authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            drop(self.http.send(request).await);
        }
    }
}
