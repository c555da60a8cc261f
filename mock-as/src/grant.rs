//! Whether a grant is one that this server honours, and for what.
//!
//! ID-JAG draft -04 sections 3.1 and 4.4.1, RFC 7515 section 4.1, RFC 7523 section 3, RFC 8725. A reason names
//! the claim that is wrong and holds nothing of the grant.

use serde_json::Value;

use crosscheck_scenarios::{Party, Replay};
use crosscheck_wire::constants::TYP_ID_JAG;
use crosscheck_wire::jose::Jwt;
use crosscheck_wire::{SUBJECT, SUBJECT_2, Stage};

use crate::keys;

/// A grant that was found good.
pub(crate) struct Grant {
    /// The scope it carries; `None` leaves it to this server.
    pub(crate) scope: Option<String>,
    /// The user it stands for.
    pub(crate) subject: String,
    /// The MCP servers it is for.
    pub(crate) servers: Vec<Party>,
    jti: String,
}

impl Grant {
    /// Checks an assertion that is presented to `party`, its signature before its claims.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) async fn verify(
        stage: &Stage,
        party: Party,
        keys: &reqwest::Client,
        assertion: &str,
    ) -> Result<Self, &'static str> {
        let jwt = Jwt::decode(&stage.signed(assertion)).ok_or("the assertion is no JWT")?;
        if jwt.typ() != TYP_ID_JAG {
            return Err("typ of the assertion is not oauth-id-jag+jwt");
        }
        if jwt.header.contains_key("crit") {
            return Err("crit of the assertion asks for an extension that is not known here");
        }
        if jwt.claim("iss") != Some(stage.urls.issuer(Party::Idp)) {
            return Err("iss of the assertion is no trusted issuer");
        }
        let key = keys::key_of(stage, keys, &jwt)
            .await
            .ok_or("kid of the assertion names no key that its issuer publishes")?;
        if !jwt.verifies_with(&key) {
            return Err("the assertion's signature does not verify with its issuer's key");
        }
        let (subject, servers) = check_parties(stage, party, &jwt)?;
        check_times(stage, party, &jwt)?;
        let jti = jwt.claim("jti").filter(|jti| !jti.is_empty()).ok_or("the assertion has no jti")?;
        let scope = match jwt.claims.get("scope") {
            None => None,
            Some(Value::String(scope)) => Some(scope.clone()).filter(|scope| !scope.is_empty()),
            Some(_) => return Err("scope of the assertion is no string"),
        };
        Ok(Self { scope, subject: subject.to_owned(), servers, jti: jti.to_owned() })
    }

    /// Uses the grant up, where the script lets it be used once.
    ///
    /// # Errors
    /// When it was used before.
    pub(crate) fn redeem(&self, stage: &Stage, party: Party) -> Result<(), &'static str> {
        let is_new = stage.use_jti(party, &self.jti);
        match stage.scenario.as_script(party).replay {
            Replay::Refuse if !is_new => Err("jti of the assertion was used before"),
            Replay::Expired if !is_new => Err(EXPIRED),
            Replay::Allow | Replay::Expired | Replay::Refuse => Ok(()),
        }
    }
}

/// For this server, this client, a known user, who is returned, and MCP servers, likewise. A grant without
/// `resource` is good for every one that this server protects.
fn check_parties<'a>(
    stage: &Stage,
    party: Party,
    jwt: &'a Jwt,
) -> Result<(&'a str, Vec<Party>), &'static str> {
    let targets = stage.scenario.as_script(party).targets;
    let issuer = stage.urls.issuer(party);
    let is = |value: &Value, own: &str| value.as_str().is_some_and(|sent| targets.accepts(sent, own));
    let is_ours = match jwt.claims.get("aud") {
        Some(Value::Array(several)) if several.len() == 1 => is(&several[0], issuer),
        Some(one) => is(one, issuer),
        None => false,
    };
    if !is_ours {
        return Err("aud of the assertion is not this server's issuer identifier alone");
    }
    if jwt.claim("client_id") != Some(stage.registration(party).client_id.as_str()) {
        return Err("client_id of the assertion is not the authenticated client");
    }
    let subject = jwt.claim("sub").filter(|sub| [SUBJECT, SUBJECT_2].contains(sub));
    let subject = subject.ok_or("sub of the assertion is no user known here")?;
    let mut servers = stage.protected_by(party);
    servers.retain(|server| match jwt.claims.get("resource") {
        None => true,
        Some(Value::Array(several)) => several.iter().any(|one| is(one, stage.urls.resource(*server))),
        Some(one) => is(one, stage.urls.resource(*server)),
    });
    if servers.is_empty() {
        Err("resource of the assertion is not served here")
    } else {
        Ok((subject, servers))
    }
}

fn check_times(stage: &Stage, party: Party, jwt: &Jwt) -> Result<(), &'static str> {
    let leeway = stage.scenario.as_script(party).leeway;
    let now = stage.now();
    let is_to_come = |seconds: u64| seconds > now.saturating_add(leeway);
    if jwt.seconds("exp").is_none_or(|exp| exp.saturating_add(leeway) <= now) {
        return Err(EXPIRED);
    }
    if jwt.seconds("iat").is_none_or(is_to_come) {
        return Err("the assertion has no iat, or one in the future");
    }
    match jwt.claims.contains_key("nbf") && jwt.seconds("nbf").is_none_or(is_to_come) {
        true => Err("nbf of the assertion is in the future, or no number"),
        false => Ok(()),
    }
}

const EXPIRED: &str = "the assertion has no exp, or is past it";
