//! Whether the subject token is an ID token of this IdP for the client that presents it.
//!
//! ID-JAG draft -04 section 4.3.3, OpenID Connect Core section 3.1.3.7, RFC 8725 section 3.12.

use crosscheck_scenarios::Party;
use crosscheck_wire::Stage;
use crosscheck_wire::constants::{TYP_ACCESS_TOKEN, TYP_ID_JAG};
use crosscheck_wire::jose::Jwt;

/// Seconds that clocks may differ.
const LEEWAY: u64 = 60;

/// Reads a token that is fit to be exchanged.
///
/// # Errors
/// What is wrong with it, in words that hold nothing of it.
pub(crate) fn verify(stage: &Stage, token: &str) -> Result<Jwt, &'static str> {
    let jwt = Jwt::decode(token).ok_or("subject_token is no JWT, so no ID token of this server")?;
    if !jwt.verifies_with(stage.key(Party::Idp).public_jwk()) {
        Err("subject_token is not signed with a key of this server")
    } else if [TYP_ACCESS_TOKEN, TYP_ID_JAG].contains(&jwt.typ().as_str()) {
        Err("subject_token is of another type than subject_token_type says")
    } else if jwt.claim("iss") != Some(stage.urls.issuer(Party::Idp)) {
        Err("subject_token is not from this issuer")
    } else if !jwt.audiences().contains(&stage.registration(Party::Idp).client_id.as_str()) {
        Err("subject_token was issued to another client")
    } else if jwt.seconds("exp").is_none_or(|exp| exp.saturating_add(LEEWAY) <= stage.now()) {
        Err("subject_token has expired")
    } else {
        Ok(jwt)
    }
}
