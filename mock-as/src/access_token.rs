//! The access token: a JWT that is good at one MCP server alone (RFC 9068, RFC 6749 section 5.1).

use serde_json::{Map, Value, json};

use crosscheck_scenarios::{Party, TokenBend};
use crosscheck_wire::constants::TYP_ACCESS_TOKEN;
use crosscheck_wire::{AccessToken, Answer, Stage};

/// Seconds until an access token expires.
const LIFETIME: u64 = 3600;

/// What a client is granted.
pub(crate) struct Granted {
    /// The MCP server that the token is for.
    pub(crate) server: Party,
    /// The user it stands for.
    pub(crate) subject: String,
    /// Scopes separated by blanks; empty where not even the MCP server names one.
    pub(crate) scope: String,
}

/// 200 with a new access token of `issuer`; `bend` changes it before it is signed.
pub(crate) fn answer(stage: &Stage, issuer: Party, granted: &Granted, bend: &TokenBend) -> Answer {
    let mut members = json!({
        "access_token": mint(stage, issuer, granted, bend),
        "token_type": "Bearer",
        "expires_in": LIFETIME,
    });
    if !granted.scope.is_empty() {
        members["scope"] = json!(granted.scope);
    }
    Answer::token(members)
}

/// Signs the token, registers it, and tells the MCP server what it says.
fn mint(stage: &Stage, issuer: Party, granted: &Granted, bend: &TokenBend) -> String {
    let Granted { server, subject, scope } = granted;
    let now = stage.now();
    let mut claims: Map<_, _> = [
        ("iss", json!(stage.urls.issuer(issuer))),
        ("sub", json!(subject)),
        ("aud", json!(stage.urls.resource(*server))),
        ("client_id", json!(stage.registration(issuer).client_id)),
        ("jti", json!(stage.canary.mint())),
        ("iat", json!(now)),
        ("exp", json!(now + LIFETIME)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect();
    if !scope.is_empty() {
        claims.insert("scope".into(), json!(scope));
    }
    bend.pad(&mut claims);
    let key = stage.key(issuer);
    let mut header = key.header(TYP_ACCESS_TOKEN);
    stage.bend(&bend.header, &mut header);
    stage.bend(&bend.claims, &mut claims);
    let token = stage.hand_out("access_token", key.sign(&header, &claims), (key.name, bend.form), &[*server]);
    // A token that the script makes one for elsewhere is not good here. Its lifetime is the server's own knowledge.
    let text = |name: &str, own: &str| claims.get(name).and_then(Value::as_str).unwrap_or(own).to_owned();
    let facts = AccessToken {
        resource: text("aud", stage.urls.resource(*server)),
        subject: text("sub", subject),
        scope: text("scope", scope),
        expires_at: now + LIFETIME,
        uses_left: stage.scenario.mcp_script(*server).first_token_good_for,
    };
    stage.issue(token.clone(), facts);
    token
}
