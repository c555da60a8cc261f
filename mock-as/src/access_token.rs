//! The access token: a JWT that is good at the MCP server alone (RFC 9068, RFC 6749 section 5.1).

use serde_json::{Map, Value, json};

use crosscheck_scenarios::{Party, TokenBend};
use crosscheck_wire::constants::TYP_ACCESS_TOKEN;
use crosscheck_wire::{AccessToken, Answer, SUBJECT, Stage};

/// Seconds until an access token expires.
const LIFETIME: u64 = 3600;

/// 200 with a new access token; `bend` changes it before it is signed.
pub(crate) fn answer(stage: &Stage, scope: &str, bend: &TokenBend) -> Answer {
    let mut members = json!({
        "access_token": mint(stage, scope, bend),
        "token_type": "Bearer",
        "expires_in": LIFETIME,
    });
    if !scope.is_empty() {
        members["scope"] = json!(scope);
    }
    Answer::token(members)
}

/// Signs the token, registers it, and tells the MCP server what it says.
fn mint(stage: &Stage, scope: &str, bend: &TokenBend) -> String {
    let now = stage.now();
    let mut claims: Map<_, _> = [
        ("iss", json!(stage.urls.as_issuer)),
        ("sub", json!(SUBJECT)),
        ("aud", json!(stage.urls.mcp_resource)),
        ("client_id", json!(stage.at_as.client_id)),
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
    let mut header = stage.as_key.header(TYP_ACCESS_TOKEN);
    stage.bend(&bend.header, &mut header);
    stage.bend(&bend.claims, &mut claims);
    let token = stage.as_key.sign(&header, &claims);
    stage.ledger.mint_token("access_token", &token, stage.as_key.name, &[Party::Mcp]);
    // What the script made of the claims counts: a token for elsewhere is not good here.
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let facts = AccessToken {
        resource: text("aud"),
        scope: text("scope"),
        expires_at: claims.get("exp").and_then(Value::as_u64).unwrap_or_default(),
    };
    stage.issue(token.clone(), facts);
    token
}
