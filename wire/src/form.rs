//! Form bodies and queries, with order and repeated names kept (RFC 6749 appendix B).

use std::collections::HashSet;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::constants::FORM;

/// Decoded pairs in the order of the body.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `body` as `application/x-www-form-urlencoded`. Bytes that are no UTF-8 become replacement
    /// characters.
    pub fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The top-level members of a JSON object as if they were a form, for servers that take both; null
    /// counts as absent.
    pub fn from_json(body: &[u8]) -> Option<Self> {
        let serde_json::Value::Object(members) = serde_json::from_slice(body).ok()? else { return None };
        let pair = |(name, value): (String, serde_json::Value)| match value {
            serde_json::Value::Null => (name, String::new()),
            serde_json::Value::String(text) => (name, text),
            other => (name, other.to_string()),
        };
        Some(Self(members.into_iter().map(pair).collect()))
    }

    /// Reads a form or, where the type says so, JSON; a body of any other type has no parameters. `None` when
    /// what is announced as JSON is no object.
    pub fn from_either(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        match media_type(headers).as_str() {
            FORM => Some(Self::parse(body)),
            "application/json" => Self::from_json(body),
            _ => Some(Self::default()),
        }
    }

    /// Reads the body of a token request, in which a parameter stands once unless `repeatable` holds its name
    /// (RFC 6749 section 3.2).
    ///
    /// # Errors
    /// What is wrong with it, in words that are not the client's.
    pub fn of_token_request(headers: &HeaderMap, body: &[u8], repeatable: &[&str]) -> Result<Self, String> {
        if media_type(headers) != FORM {
            return Err(format!("the content type is not {FORM}"));
        }
        let form = Self::parse(body);
        match form.repeated(repeatable) {
            None => Ok(form),
            // A name of the client's making may be anything, so it stays out of the answer.
            Some(name) => {
                let known = PARAMETERS.iter().find(|known| **known == name);
                Err(format!("{} stands more than once", known.unwrap_or(&"an unknown parameter")))
            }
        }
    }

    /// Every pair.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The first value of `name`. An empty value counts as absent (RFC 6749 section 3.2).
    pub fn first(&self, name: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(key, value)| key == name && !value.is_empty());
        pair.map(|(_, value)| value.as_str())
    }

    /// The value of `name` where it stands once.
    pub fn only<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// Every value of `name` that is not empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The first name that stands twice with a value and is not in `repeatable`.
    pub fn repeated(&self, repeatable: &[&str]) -> Option<&str> {
        let mut seen = HashSet::new();
        let named = self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_str());
        named.filter(|name| !repeatable.contains(name)).find(|name| !seen.insert(*name))
    }
}

/// The media type of a body, in lower case and without parameters; empty when there is none.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// `text` as a form would carry it: a blank becomes `+`.
pub fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// What a form reader makes of `text`. `None` when a percent sign is followed by no hex digits, or when
/// the result is no UTF-8.
pub fn decode(text: &str) -> Option<String> {
    let mut escapes = text.split('%').skip(1).map(|rest| rest.as_bytes());
    if !escapes.all(|rest| rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit)) {
        return None;
    }
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

/// Parameters of token requests that an answer may name.
const PARAMETERS: [&str; 13] = [
    "actor_token",
    "actor_token_type",
    "assertion",
    "authorization_details",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "grant_type",
    "requested_token_type",
    "scope",
    "subject_token",
    "subject_token_type",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_name_is_found_and_an_empty_value_counts_as_absent() {
        let form = Form::parse(b"scope=a&code=&code=&resource=x&resource=y&scope=b");
        assert_eq!(form.repeated(&["resource"]), Some("scope"));
        assert_eq!(form.first("code"), None);
        assert_eq!((form.only("scope"), form.only("code")), (None, None));
        assert_eq!(form.all("resource").count(), 2);
    }

    #[test]
    fn a_broken_escape_is_not_decoded() {
        assert_eq!(decode("100%"), None);
        assert_eq!(decode("a%2Bb+c"), Some("a+b c".into()));
    }
}
