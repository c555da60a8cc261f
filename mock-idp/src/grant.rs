//! The grant: an Identity Assertion JWT Authorization Grant (ID-JAG draft -04, section 3.1).

use serde_json::{Map, json};

use crosscheck_scenarios::{Party, TokenBend};
use crosscheck_wire::Stage;
use crosscheck_wire::constants::TYP_ID_JAG;
use crosscheck_wire::jose::Jwt;

/// Seconds until a grant expires.
pub(crate) const LIFETIME: u64 = 300;

/// What a client is granted.
pub(crate) struct Grant {
    /// The ID token that it stands on.
    pub(crate) subject_token: Jwt,
    /// The audience as the client wrote it.
    pub(crate) audience: String,
    /// The resources as the client wrote them.
    pub(crate) resources: Vec<String>,
    /// Scopes separated by blanks; empty when there are none.
    pub(crate) scope: String,
}

impl Grant {
    /// Signs the grant, changed as the script says, and registers it.
    pub(crate) fn mint(&self, stage: &Stage, bend: &TokenBend) -> String {
        let now = stage.now();
        let addressee = stage.addressee(&self.audience);
        let subject = self.subject_token.claims.get("sub");
        let mut claims: Map<_, _> = [
            ("iss", json!(stage.urls.issuer(Party::Idp))),
            ("sub", json!(subject)),
            ("aud", json!(self.audience)),
            ("client_id", json!(stage.registration(addressee).client_id)),
            ("jti", json!(stage.canary.mint())),
            ("iat", json!(now)),
            ("exp", json!(now + LIFETIME)),
            ("aud_sub", json!(subject)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect();
        if let Some(auth_time) = self.subject_token.claims.get("auth_time") {
            claims.insert("auth_time".into(), auth_time.clone());
        }
        if !self.scope.is_empty() {
            claims.insert("scope".into(), json!(self.scope));
        }
        match self.resources.as_slice() {
            [] => None,
            [one] => claims.insert("resource".into(), json!(one)),
            several => claims.insert("resource".into(), json!(several)),
        };
        bend.pad(&mut claims);
        let key = stage.key(Party::Idp);
        let mut header = key.header(TYP_ID_JAG);
        stage.bend(&bend.header, &mut header);
        stage.bend(&bend.claims, &mut claims);
        stage.hand_out("id_jag", key.sign(&header, &claims), (key.name, bend.form), &[addressee])
    }
}
