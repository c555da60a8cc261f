//! The flow to one MCP server in its order: discovery, token exchange, jwt-bearer, MCP requests.
//!
//! draft-ietf-oauth-identity-assertion-authz-grant-04 section 4.1.

use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use url::Url;

use crate::challenge::BearerChallenge;
use crate::client::Client;
use crate::jwt_bearer::AccessToken;
use crate::kept::Authorization;
use crate::mcp::Session;
use crate::outcome::{Failure, Step, at};
use crate::remedy::Remedy;
use crate::token_exchange::Grant;
use crate::{Control, Fault};

impl Client {
    /// Reaches the MCP server, with a kept token if there is one; the access token with which it was reached.
    pub(crate) async fn reach(&self) -> Result<AccessToken, Failure> {
        let kept = self.take_kept();
        let taken_before = kept.is_some();
        let mut authorization = match kept {
            Some(kept) => kept,
            None => {
                let challenge = self.challenge().await.map_err(at(Step::Discovery))?;
                self.authorize(&challenge, None).await?
            }
        };
        let mut renewals = 0;
        let mut wants_second_token = !taken_before && self.uses_two_tokens();
        loop {
            if self.has(Fault::AccessTokenUnused) {
                return Ok(authorization.token);
            }
            if self.has(Fault::IdTokenAsBearer) {
                self.present_at_mcp_server(&self.context.idp_id_token).await;
            }
            let mut session = Session::authorized(self, &authorization);
            let ended = session.run().await;
            let (challenge, taken) = session.end();
            let Authorization { target, grant, token } = &mut authorization;
            let Err(cause) = ended else {
                if wants_second_token {
                    wants_second_token = false;
                    (*grant, *token) = self.obtain(target, Some(grant)).await?;
                    continue;
                }
                self.after_success(token).await;
                let token = token.clone();
                self.keep(authorization);
                return Ok(token);
            };
            match self.remedy(&cause, &challenge, taken || taken_before, renewals, target.scope.as_deref()) {
                Some(Remedy::NewFlow) => {
                    renewals += 1;
                    wants_second_token = false;
                    authorization = self.authorize(&challenge, Some(grant)).await?;
                }
                Some(Remedy::Scope(scope)) => {
                    target.scope = scope;
                    (*grant, *token) = self.obtain(target, None).await?;
                }
                None => return Err(at(Step::Resource)(cause)),
            }
        }
    }

    /// Discovery and both legs; `earlier` is the grant that the client has already.
    async fn authorize(
        &self,
        challenge: &BearerChallenge,
        earlier: Option<&Grant>,
    ) -> Result<Authorization, Failure> {
        let target = self.discover(challenge).await.map_err(at(Step::Discovery))?;
        let (grant, token) = self.obtain(&target, earlier).await?;
        Ok(Authorization { target, grant, token })
    }

    /// Whether the client goes through the server a second time with a second token.
    fn uses_two_tokens(&self) -> bool {
        self.varies(Control::NewGrantPerAccessToken) || self.presents_grants_again()
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
    pub(crate) async fn visit(&self, url: Url, authorization: Option<String>) {
        if let Ok(mut request) = self.http.request(Method::GET, url, "a page") {
            if let Some(authorization) = authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            drop(self.http.send(request).await);
        }
    }
}
