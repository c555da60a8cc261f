//! Reads `WWW-Authenticate` challenges.
//!
//! Follows RFC 9110 sections 5.6 and 11.2 (lists, quoted strings, blanks around `=`) and RFC 6750 section 3.
//! What is malformed is skipped up to the next comma.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use crate::Fault;
use crate::behaviour::Behaviour;

/// What the client wants to know from a Bearer challenge.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct BearerChallenge {
    pub(crate) resource_metadata: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) error: Option<String>,
}

impl BearerChallenge {
    /// The Bearer challenge among all header lines; of several the one that names the resource metadata.
    pub(crate) fn from_headers(headers: &HeaderMap, behaviour: &Behaviour) -> Option<Self> {
        let exact_case = behaviour.has(Fault::ChallengeSchemeCaseSensitive);
        let looked_at = if behaviour.has(Fault::BearerBehindOtherSchemeMissed) { 1 } else { usize::MAX };
        let bearers: Vec<_> = headers
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .flat_map(|line| challenges(&String::from_utf8_lossy(line.as_bytes()), behaviour))
            .take(looked_at)
            .filter(|challenge| challenge.scheme.eq_ignore_ascii_case("Bearer"))
            .filter(|challenge| !exact_case || challenge.scheme == "Bearer")
            .collect();
        let names_metadata = |bearer: &&Challenge| bearer.parameter("resource_metadata").is_some();
        let bearer = bearers.iter().find(names_metadata).or_else(|| bearers.first())?;
        Some(Self {
            resource_metadata: bearer.parameter("resource_metadata"),
            scope: bearer.parameter("scope").filter(|scope| !scope.trim().is_empty()),
            error: bearer.parameter("error"),
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    fn parameter(&self, name: &str) -> Option<String> {
        let (_, value) = self.parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.clone())
    }
}

/// Every challenge of one header line.
fn challenges(line: &str, behaviour: &Behaviour) -> Vec<Challenge> {
    let mut cursor = Cursor { rest: line, behaviour };
    let mut challenges: Vec<Challenge> = Vec::new();
    loop {
        cursor.skip(|c| matches!(c, ' ' | '\t' | ','));
        if cursor.rest.is_empty() {
            return challenges;
        }
        let name = cursor.take(is_token);
        if name.is_empty() {
            cursor.skip_to_comma();
        } else if cursor.equals_sign() {
            let value = cursor.value();
            if let (Some(challenge), Some(value)) = (challenges.last_mut(), value) {
                challenge.parameters.push((name.to_owned(), value));
            }
        } else {
            cursor.skip_token68();
            challenges.push(Challenge { scheme: name.to_owned(), parameters: Vec::new() });
        }
    }
}

struct Cursor<'a> {
    rest: &'a str,
    behaviour: &'a Behaviour,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        self.take(unwanted);
    }

    /// Takes `=` and the blanks around it, or nothing.
    fn equals_sign(&mut self) -> bool {
        let close = self.behaviour.has(Fault::ChallengeBlanksUnread);
        let ahead = if close { self.rest } else { self.rest.trim_start_matches(is_blank) };
        let Some(rest) = ahead.strip_prefix('=') else { return false };
        self.rest = rest.trim_start_matches(is_blank);
        true
    }

    /// Takes a token or a quoted string; an unclosed quoted string is no value.
    fn value(&mut self) -> Option<String> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let token = self.take(is_token).to_owned();
            self.skip_to_comma();
            return Some(token).filter(|token| !token.is_empty());
        };
        let mut value = String::new();
        let mut chars = quoted.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => {
                    self.rest = chars.as_str();
                    return Some(value);
                }
                '\\' => {
                    value.extend(self.behaviour.has(Fault::ChallengeEscapesKept).then_some(c));
                    value.extend(chars.next());
                }
                ',' if self.behaviour.has(Fault::ChallengeSplitAtCommas) => {
                    self.rest = chars.as_str();
                    return Some(value);
                }
                _ => value.push(c),
            }
        }
        self.rest = "";
        None
    }

    /// Skips the token68 that some schemes have in place of parameters, such as `Negotiate abc==`.
    fn skip_token68(&mut self) {
        let mut ahead = Cursor { ..*self };
        ahead.skip(is_blank);
        ahead.skip(|c| c.is_ascii_alphanumeric() || "-._~+/".contains(c));
        ahead.skip(|c| c == '=');
        ahead.skip(is_blank);
        if ahead.rest.is_empty() || ahead.rest.starts_with(',') {
            self.rest = ahead.rest;
        }
    }

    fn skip_to_comma(&mut self) {
        self.skip(|c| c != ',');
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn bearer(lines: &[&'static str]) -> BearerChallenge {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(line));
        }
        BearerChallenge::from_headers(&headers, &Behaviour::default()).unwrap_or_default()
    }

    #[test]
    fn a_comma_inside_a_quoted_string_separates_nothing() {
        let challenge = bearer(&[
            r#"Basic realm="a, Bearer b", Bearer error="invalid_token", resource_metadata="http://rs/m""#,
        ]);
        assert_eq!(challenge.resource_metadata.as_deref(), Some("http://rs/m"));
        assert_eq!(challenge.error.as_deref(), Some("invalid_token"));
    }

    #[test]
    fn escapes_blanks_and_case_are_read() {
        let challenge = bearer(&[r#"BEARER Error_Description="say \"no\"" ,, SCOPE = "a b""#]);
        assert_eq!(challenge.scope.as_deref(), Some("a b"));
    }

    #[test]
    fn another_scheme_with_a_token68_hides_nothing() {
        let expected = Some("http://rs/m");
        let joined = bearer(&[r#"Negotiate abc==, Bearer, Bearer resource_metadata="http://rs/m""#]);
        assert_eq!(joined.resource_metadata.as_deref(), expected);
        let separate = bearer(&["Negotiate", r#"Bearer resource_metadata="http://rs/m""#]);
        assert_eq!(separate.resource_metadata.as_deref(), expected);
    }

    #[test]
    fn a_malformed_line_yields_what_can_be_read() {
        assert_eq!(bearer(&[r#"Bearer scope="never closed"#]), BearerChallenge::default());
        assert_eq!(bearer(&["=,\"", "", ", ,"]), BearerChallenge::default());
        let challenge = bearer(&[r#"Bearer error=http://x/, scope=one, @, resource_metadata="m""#]);
        assert_eq!(challenge.scope.as_deref(), Some("one"));
        assert_eq!(challenge.resource_metadata.as_deref(), Some("m"));
    }
}
