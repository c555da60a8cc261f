//! Whether a grant is one that this server honours, and for what.
//!
//! ID-JAG draft -04 sections 3.1 and 4.4.1, RFC 7523 section 3, RFC 8725.

use serde_json::Value;

use crosscheck_scenarios::{Party, Replay, Tolerance};
use crosscheck_wire::constants::TYP_ID_JAG;
use crosscheck_wire::jose::Jwt;
use crosscheck_wire::{SUBJECT, Stage};

use crate::keys;

/// A grant that was found good.
pub(crate) struct Grant {
    /// The scope it carries; `None` leaves it to this server.
    pub(crate) scope: Option<String>,
}

/// Checks an assertion.
///
/// # Errors
/// What is wrong with it, in words that hold nothing of it.
pub(crate) async fn verify(
    stage: &Stage,
    keys: &reqwest::Client,
    assertion: &str,
) -> Result<Grant, &'static str> {
    let jwt = Jwt::decode(assertion).ok_or("the assertion is no JWT")?;
    if !has_typ(&jwt) {
        return Err("typ of the assertion is not oauth-id-jag+jwt");
    }
    if jwt.claim("iss") != Some(stage.urls.idp_issuer.as_str()) {
        return Err("iss of the assertion is no trusted issuer");
    }
    let Some(key) = keys::key_of(stage, keys, &jwt).await else {
        return Err("kid of the assertion names no published key of its issuer");
    };
    if !jwt.verifies_with(&key) {
        return Err("the assertion's signature does not verify with a published key of its issuer");
    }
    claims(stage, &jwt)?;
    resource(&jwt, stage, stage.scenario.resource_as.targets)?;
    Ok(Grant { scope: jwt.claim("scope").map(str::to_owned) })
}

/// Media types are compared without case, and `application/` may stand in front (RFC 7515 section 4.1.9).
pub(crate) fn has_typ(jwt: &Jwt) -> bool {
    let typ = jwt.header.get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == TYP_ID_JAG
}

fn claims(stage: &Stage, jwt: &Jwt) -> Result<(), &'static str> {
    let script = &stage.scenario.resource_as;
    let (now, leeway) = (stage.now(), script.leeway);
    let audience_is_ours = match jwt.audiences().as_slice() {
        [one] => script.targets.accepts(one, &stage.urls.as_issuer),
        _ => false,
    };
    if !audience_is_ours {
        return Err("aud of the assertion is not exactly this server's issuer identifier");
    }
    if jwt.claim("client_id") != Some(stage.at_as.client_id.as_str()) {
        return Err("client_id of the assertion is not the authenticated client");
    }
    if jwt.claim("sub") != Some(SUBJECT) {
        return Err("sub of the assertion is no user known here");
    }
    if jwt.seconds("exp").is_none_or(|exp| exp.saturating_add(leeway) <= now) {
        return Err("the assertion has no exp, or is past it");
    }
    if jwt.seconds("iat").is_none_or(|iat| iat > now + leeway) {
        return Err("the assertion has no iat, or was issued in the future");
    }
    if jwt.seconds("nbf").is_some_and(|nbf| nbf > now + leeway) {
        return Err("the assertion is not valid yet");
    }
    let Some(jti) = jwt.claim("jti").filter(|jti| !jti.is_empty()) else {
        return Err("the assertion has no jti");
    };
    let new = stage.use_jti(Party::As, jti);
    if script.replay == Replay::Refuse && !new { Err("jti of the assertion was used before") } else { Ok(()) }
}

/// A grant without `resource` is good for the only resource there is.
pub(crate) fn resource(jwt: &Jwt, stage: &Stage, targets: Tolerance) -> Result<(), &'static str> {
    let ours =
        |value: &Value| value.as_str().is_some_and(|sent| targets.accepts(sent, &stage.urls.mcp_resource));
    let good = match jwt.claims.get("resource") {
        None => true,
        Some(Value::Array(several)) => several.iter().any(ours),
        Some(one) => ours(one),
    };
    if good { Ok(()) } else { Err("resource of the assertion is not served here") }
}
