//! Reads the answer of a token endpoint: a success, an OAuth error, or neither.
//!
//! RFC 6749 sections 5.1 and 5.2. The body counts, not the content type; members that are unknown are ignored, and a
//! lifetime of any odd form is an unknown one. A token is opaque.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::client::Client;
use crate::discovery::unusable;
use crate::http::Answer;
use crate::outcome::{Cause, ErrorAnswer};
use crate::{Control, Fault};

/// The members of RFC 6749 section 5.1 and RFC 8693 section 2.2.1.
const MEMBERS: [&str; 6] =
    ["access_token", "token_type", "expires_in", "refresh_token", "scope", "issued_token_type"];
/// The error codes of RFC 6749 section 5.2.
const ERROR_CODES: [&str; 6] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
];

/// The members of an answer that says success.
pub(crate) struct TokenAnswer {
    status: u16,
    members: Map<String, Value>,
}

impl TokenAnswer {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// The member as a string that says something.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        text(&self.members, name)
    }

    /// The token, in characters that a form and a header can hold.
    fn token(&self) -> Option<&str> {
        self.text("access_token").filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()))
    }

    /// The lifetime in seconds, where it is a number of them.
    pub(crate) fn lifetime(&self) -> Option<u64> {
        self.get("expires_in")?.as_u64()
    }

    pub(crate) fn has_only(&self, names: &[&str]) -> bool {
        self.members.keys().all(|name| names.contains(&name.as_str()))
    }

    /// Why the answer is of no use.
    pub(crate) fn unfit(&self, problem: &str) -> Cause {
        Cause::Unfit { status: self.status, problem: problem.to_owned() }
    }

    /// Fails with the first of `faults` that is so.
    pub(crate) fn refuse(&self, faults: &[(bool, &str)]) -> Result<(), Cause> {
        match faults.iter().find(|(found, _)| *found) {
            Some((_, problem)) => Err(self.unfit(problem)),
            None => Ok(()),
        }
    }
}

impl Client {
    /// The success that `answer` is, or why it is none.
    pub(crate) fn read(&self, answer: &Answer) -> Result<TokenAnswer, Cause> {
        let lenient = self.varies(Control::LenientBody);
        let status = answer.status.as_u16();
        let success = status == 200 || (lenient && status == 201);
        let body = String::from_utf8_lossy(&answer.body);
        let body = body.strip_prefix('\u{feff}').filter(|_| lenient).unwrap_or(&body);
        let members: Option<Map<String, Value>> = serde_json::from_str(body).ok();
        if let Some(refusal) = members.as_ref().and_then(ErrorAnswer::from_members)
            && !(success && self.has(Fault::ErrorInSuccessIgnored))
        {
            return Err(self.refusal(status, refusal));
        }
        match members {
            Some(members) if success => self.success(answer, TokenAnswer { status, members }),
            None if success && self.has(Fault::MissingTokenPresented) => {
                Ok(TokenAnswer { status, members: Map::new() })
            }
            None if success => Err(Cause::Unfit { status, problem: "is no JSON object".to_owned() }),
            _ => Err(Cause::Status { what: "the token endpoint", status }),
        }
    }

    /// The token of the answer.
    pub(crate) fn token(&self, answer: &TokenAnswer) -> Result<String, Cause> {
        match answer.token() {
            Some(token) if self.has(Fault::TokensCutAt4096) => Ok(token.chars().take(4096).collect()),
            Some(token) => Ok(token.to_owned()),
            None if self.presents_what_is_missing(answer) => Ok("undefined".to_owned()),
            None => Err(answer.unfit("has no access_token that can be sent")),
        }
    }

    /// Whether a fault takes the answer for a success although there is no token in it.
    pub(crate) fn presents_what_is_missing(&self, answer: &TokenAnswer) -> bool {
        let taken = self.has(Fault::MissingTokenPresented)
            || (self.has(Fault::ErrorInSuccessIgnored) && answer.text("error").is_some());
        taken && answer.token().is_none()
    }

    /// Fails where a fault refuses a success that would do.
    fn success(&self, answer: &Answer, success: TokenAnswer) -> Result<TokenAnswer, Cause> {
        let content_type = answer.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
        success.refuse(&[
            (
                self.has(Fault::ContentTypeComparedExactly) && content_type != Some(b"application/json"),
                "is of another type than application/json",
            ),
            (
                self.has(Fault::NullsInAnswerRefused) && success.members.values().any(Value::is_null),
                "has a member that is null",
            ),
            (
                self.has(Fault::UnknownTokenMembersRefused) && !success.has_only(&MEMBERS),
                "has a member that is unknown",
            ),
            (
                self.has(Fault::LifetimeMustBeNumber)
                    && !success.get("expires_in").is_some_and(Value::is_number),
                "has no expires_in that is a number",
            ),
        ])?;
        Ok(success)
    }

    /// The refusal as it is told, and as faults fail to tell it.
    fn refusal(&self, status: u16, answer: ErrorAnswer) -> Cause {
        let odd_text =
            ["error_description", "error_uri"].iter().any(|name| answer.members.contains_key(*name));
        let odd_age = answer.members.get("max_age").is_some_and(|age| !age.is_number());
        if self.has(Fault::ErrorCodeLost) {
            Cause::Lost
        } else if self.has(Fault::FixedErrorCodes) && !ERROR_CODES.contains(&answer.error.as_str()) {
            unusable("the error code is none of RFC 6749")
        } else if (self.has(Fault::DescriptionMustBeText) && odd_text)
            || (self.has(Fault::MaxAgeMustBeNumber) && odd_age)
        {
            unusable("a member of the error answer has another type")
        } else {
            Cause::Refused { status, answer: Box::new(answer) }
        }
    }
}

/// The member as a string that says something.
pub(crate) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// Whether `token` looks like a signed JWT, which is none of the client's business.
pub(crate) fn has_three_parts(token: &str) -> bool {
    token.split('.').count() == 3
}

/// The claims of `token`, which an honest client does not look into; none if it is no JWT.
pub(crate) fn claims(token: &str) -> Option<Map<String, Value>> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    use super::*;
    use crate::complete_flow::client;

    fn read(status: u16, body: impl Into<Vec<u8>>) -> Result<TokenAnswer, Cause> {
        let status = StatusCode::from_u16(status).unwrap();
        client().read(&Answer { status, headers: HeaderMap::new(), body: body.into() })
    }

    fn told(status: u16, body: impl Into<Vec<u8>>) -> (Option<u16>, Option<String>) {
        let cause = read(status, body).err().unwrap();
        (cause.status(), cause.error().map(str::to_owned))
    }

    #[test]
    fn an_oauth_error_is_a_refusal_whatever_the_status() {
        for status in [200, 207, 302, 400, 401, 503, 599] {
            let told = told(status, r#"{"error": "invalid_grant", "access_token": "t"}"#);
            assert_eq!(told, (Some(status), Some("invalid_grant".to_owned())));
        }
        let broken = b"{\"error\": \"e\", \"error_description\": \"f\xfcr\"}".to_vec();
        assert_eq!(told(400, broken), (Some(400), Some("e".to_owned())));
    }

    #[test]
    fn whatever_else_is_no_success_is_told_by_its_status() {
        let many: Vec<_> = (0..100_000).map(|number| format!("\"m{number}\": {{}}")).collect();
        let bodies = [
            "[".repeat(200_000),
            format!("{{{}}}", many.join(",")),
            "\u{1f}\u{8b}\u{8}".to_owned(),
            String::new(),
            "{}".to_owned(),
            "null".to_owned(),
            r#"{"error": {"code": 400}}"#.to_owned(),
            "\u{feff}{\"error\": \"invalid_grant\"}".to_owned(),
            "invalid_grant".to_owned(),
        ];
        for body in bodies {
            assert_eq!(told(400, body.clone()), (Some(400), None), "{body:.80}");
        }
        for body in ["", "<html>", "[]", "null", "\"t\""] {
            assert_eq!(told(200, body), (Some(200), None), "{body}");
        }
        assert_eq!(told(204, ""), (Some(204), None));
    }

    #[test]
    fn a_token_that_no_header_holds_is_none() {
        let token = |body: &str| client().token(&read(200, body).unwrap_or_else(|cause| panic!("{cause}")));
        assert_eq!(token(r#"{"access_token": "a.b-c_d~e+f/g=="}"#).unwrap(), "a.b-c_d~e+f/g==");
        for value in [r#""""#, "null", "7", "{}", r#""a\r\nb""#, r#""a b""#, r#""é""#] {
            let cause = token(&format!("{{\"access_token\": {value}}}")).unwrap_err();
            assert_eq!(cause.status(), Some(200), "{value}");
        }
    }

    #[test]
    fn a_lifetime_of_an_odd_form_is_unknown() {
        let lifetime = |value| read(200, format!("{{\"expires_in\": {value}}}")).ok().unwrap().lifetime();
        assert_eq!(lifetime("300"), Some(300));
        for odd in ["\"300\"", "-1", "300.5", "1e308", "100000000000000000000000", "null", "{}", "\"soon\""] {
            assert_eq!(lifetime(odd), None, "{odd}");
        }
    }
}
