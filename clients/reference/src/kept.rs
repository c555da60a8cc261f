//! What the client keeps through a run: the access token for each server, user and issuer.

use std::collections::HashMap;

use crate::Fault;
use crate::client::Client;
use crate::discovery::Target;
use crate::jwt_bearer::AccessToken;
use crate::token_exchange::Grant;

/// What one flow has obtained, and for what.
pub(crate) struct Authorization {
    pub(crate) target: Target,
    pub(crate) grant: Grant,
    pub(crate) token: AccessToken,
}

#[derive(Default)]
pub(crate) struct Kept {
    authorizations: HashMap<Key, Authorization>,
    /// The first issuer gone to; credentials that are bound to none in the context are bound to it.
    pub(crate) issuer: Option<String>,
    /// How often the client has asked for more because of a 403.
    pub(crate) asked_for_more: usize,
    /// The audience of the first exchange, for the fault that repeats it.
    pub(crate) first_audience: Option<String>,
    /// The first grant with the issuer it is for, for the fault that presents it elsewhere.
    pub(crate) first_grant: Option<(String, Grant)>,
}

/// What a token is good for.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    resource: String,
    issuer: Option<String>,
    user: String,
}

impl Client {
    /// Takes out what was kept for the present server and user.
    pub(crate) fn take_kept(&self) -> Option<Authorization> {
        self.kept.borrow_mut().authorizations.remove(&self.key())
    }

    pub(crate) fn keep(&self, authorization: Authorization) {
        self.kept.borrow_mut().authorizations.insert(self.key(), authorization);
    }

    fn key(&self) -> Key {
        let mut key = Key {
            resource: self.mcp.text.clone(),
            issuer: self.context.issuer.clone(),
            user: self.context.idp_id_token.clone(),
        };
        if self.has(Fault::OneTokenForAllResources) {
            key.resource.clear();
            key.issuer = None;
        }
        if self.has(Fault::TokenKeptAcrossUsers) {
            key.user.clear();
        }
        key
    }
}
