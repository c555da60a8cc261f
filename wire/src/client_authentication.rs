//! Reads how a client authenticated at a token endpoint, and checks it against its registration.
//!
//! Every method found is reported, in the order header, body: whether two of them are one too many is for the
//! server to refuse and for the judge to name. RFC 6749 section 2.3, RFC 7521 section 4.2, RFC 7523 section 3,
//! OpenID Connect Core section 9.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crosscheck_scenarios::{AuthMethod, Party};

use crate::answer::Answer;
use crate::constants::CLIENT_ASSERTION_TYPE;
use crate::form::{self, Form};
use crate::jose::Jwt;
use crate::registration::Registration;
use crate::stage::Stage;

/// One way in which a client said who it is, as it stood on the wire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Credential {
    /// `client_assertion` in the body.
    Assertion {
        /// `client_id` beside it.
        client_id: Option<String>,
        /// `client_assertion_type`.
        assertion_type: Option<String>,
        /// The assertion.
        assertion: String,
    },
    /// `Authorization: Basic`; both parts as they stood inside the base64, before any form-decoding.
    Basic {
        /// What stood before the first colon.
        user: String,
        /// What stood behind it.
        password: String,
    },
    /// `client_id` alone in the body.
    Identified(String),
    /// An `Authorization` header that is no readable Basic; its scheme.
    OtherHeader(String),
    /// `client_secret` in the body.
    Post {
        /// `client_id` beside it.
        client_id: Option<String>,
        /// The secret.
        client_secret: String,
    },
}

impl Credential {
    /// Everything that a request says about its client.
    pub fn read(headers: &HeaderMap, form: &Form) -> Vec<Self> {
        let mut found: Vec<_> =
            headers.get_all(AUTHORIZATION).iter().map(|value| header(value.as_bytes())).collect();
        let owned = |name| form.first(name).map(str::to_owned);
        let client_id = owned("client_id");
        if let Some(client_secret) = owned("client_secret") {
            found.push(Self::Post { client_id: client_id.clone(), client_secret });
        }
        if let Some(assertion) = owned("client_assertion") {
            let assertion_type = owned("client_assertion_type");
            found.push(Self::Assertion { client_id: client_id.clone(), assertion_type, assertion });
        }
        if let (true, Some(client_id)) = (found.is_empty(), client_id) {
            found.push(Self::Identified(client_id));
        }
        found
    }

    fn method(&self) -> Option<AuthMethod> {
        match self {
            Self::Assertion { .. } => Some(AuthMethod::PrivateKeyJwt),
            Self::Basic { .. } => Some(AuthMethod::ClientSecretBasic),
            Self::Identified(_) => Some(AuthMethod::None),
            Self::OtherHeader(_) => None,
            Self::Post { .. } => Some(AuthMethod::ClientSecretPost),
        }
    }
}

fn header(value: &[u8]) -> Credential {
    let value = String::from_utf8_lossy(value);
    let (scheme, rest) = value.split_once(' ').unwrap_or((&value, ""));
    let other = || Credential::OtherHeader(scheme.to_owned());
    if !scheme.eq_ignore_ascii_case("basic") {
        return other();
    }
    let decoded = STANDARD.decode(rest.trim()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    match decoded.ok().as_deref().and_then(|pair| pair.split_once(':')) {
        Some((user, password)) => Credential::Basic { user: user.into(), password: password.into() },
        None => other(),
    }
}

/// Checks the credentials of a token request at `party` against the client's registration there.
///
/// # Errors
/// The answer of RFC 6749 section 5.2: `invalid_request` for two methods at once, else `invalid_client`, with
/// a challenge when the client used the header.
pub fn authenticate(stage: &Stage, party: Party, headers: &HeaderMap, form: &Form) -> Result<(), Answer> {
    let registration = stage.registration(party);
    let credentials = Credential::read(headers, form);
    let refuse = |why: &str| {
        let answer = Answer::error(401, "invalid_client", why);
        let header = headers.contains_key(AUTHORIZATION);
        Err(if header { answer.header("www-authenticate", "Basic realm=\"token\"") } else { answer })
    };
    let credential = match credentials.as_slice() {
        [] => return refuse("the request does not say which client sends it"),
        [one] => one,
        _ => {
            let why = "the request uses more than one client authentication method";
            return Err(Answer::error(400, "invalid_request", why));
        }
    };
    let Some(method) = credential.method() else {
        return refuse("the Authorization header is not readable as Basic");
    };
    if !registration.methods.contains(&method) {
        return refuse(&format!("the client is not registered for {method}"));
    }
    let beside = form.first("client_id").is_none_or(|id| id == registration.client_id);
    let known = match credential {
        Credential::Basic { user, password } => {
            let id = form::decode(user).as_deref() == Some(registration.client_id.as_str());
            id && form::decode(password) == registration.client_secret
        }
        Credential::Post { client_id, client_secret } => {
            client_id.is_some() && Some(client_secret) == registration.client_secret.as_ref()
        }
        Credential::Identified(_) => true,
        Credential::Assertion { assertion_type, assertion, .. } => {
            if let Err(why) = check_assertion(stage, party, assertion_type.as_deref(), assertion) {
                return refuse(why);
            }
            true
        }
        Credential::OtherHeader(_) => false,
    };
    if known && beside { Ok(()) } else { refuse("the client or its credential is unknown") }
}

fn check_assertion(
    stage: &Stage,
    party: Party,
    assertion_type: Option<&str>,
    assertion: &str,
) -> Result<(), &'static str> {
    let Registration { client_id, key, .. } = stage.registration(party);
    if assertion_type != Some(CLIENT_ASSERTION_TYPE) {
        return Err("client_assertion_type is not the one for JWTs");
    }
    let Some(jwt) = Jwt::decode(assertion) else { return Err("client_assertion is no JWT") };
    let now = stage.now();
    if !key.as_ref().is_some_and(|key| jwt.verifies_with(key.public_jwk())) {
        Err("the client assertion is not signed with the registered key")
    } else if [jwt.claim("iss"), jwt.claim("sub")] != [Some(client_id.as_str()); 2] {
        Err("iss and sub of the client assertion are not the client id")
    } else if jwt.audiences() != [stage.urls.issuer(party)] {
        Err("aud of the client assertion is not this server's issuer identifier")
    } else if jwt.seconds("exp").is_none_or(|exp| exp.saturating_add(LEEWAY) <= now) {
        Err("the client assertion has no exp, or is past it")
    } else if !jwt
        .claim("jti")
        .is_some_and(|jti| !jti.is_empty() && stage.use_jti(party, &format!("client:{jti}")))
    {
        Err("the client assertion has no jti, or one that was used before")
    } else {
        Ok(())
    }
}

/// Seconds that clocks may differ.
const LEEWAY: u64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authorization: Option<&str>, body: &str) -> Vec<Credential> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.parse().unwrap());
        }
        Credential::read(&headers, &Form::parse(body.as_bytes()))
    }

    #[test]
    fn a_client_id_beside_a_method_is_identification_and_no_second_method() {
        let basic = format!("basic {}", STANDARD.encode("id:se:cret"));
        let expected = Credential::Basic { user: "id".into(), password: "se:cret".into() };
        assert_eq!(read(Some(&basic), "client_id=id"), [expected]);
    }

    #[test]
    fn every_method_is_reported() {
        let basic = format!("Basic {}", STANDARD.encode("id:secret"));
        let found = read(Some(&basic), "client_id=id&client_secret=secret&client_assertion=x");
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn an_unreadable_header_is_named_by_its_scheme() {
        assert_eq!(read(Some("Basic !"), ""), [Credential::OtherHeader("Basic".into())]);
        assert_eq!(read(None, "client_id="), []);
    }
}
