//! Puts names in the place of what varies from run to run.

use serde_json::{Map, Value};

use crosscheck_scenarios::Party;
use crosscheck_wire::Transcript;
use crosscheck_wire::transcript::JwtFacts;

use crate::text::printable;

/// Headers, parameters, members and claims whose values are made anew for each request or run.
const RANDOM: &[&str] = &[
    "code_challenge",
    "code_verifier",
    "idempotency-key",
    "jti",
    "mcp-session-id",
    "nonce",
    "request-id",
    "state",
    "traceparent",
    "tracestate",
    "x-correlation-id",
    "x-request-id",
];

/// Members of JSON-RPC messages that tell requests apart.
const REQUEST_IDS: &[&str] = &["id", "progressToken", "requestId"];
/// Characters from which such a member is random, and no counter.
const RANDOM_FROM: usize = 16;
/// The number from which it is.
const RANDOM_NUMBER_FROM: f64 = 1e9;

/// Knows what varies in one run.
pub(super) struct Normal {
    /// Ports by the names of their servers.
    ports: Vec<(String, Party)>,
    /// Seconds from 1970 to the start of the run.
    started: f64,
}

impl Normal {
    pub(super) fn new(transcript: &Transcript) -> Self {
        let port = |party: Party| {
            let origin = transcript.stage.get(&format!("{party}.origin"))?;
            Some((origin.rsplit(':').next()?.to_owned(), party))
        };
        let started = std::time::Duration::from_millis(transcript.started_at_ms).as_secs_f64();
        Self { ports: Party::ALL.into_iter().filter_map(port).collect(), started }
    }

    /// A value called `name` on one line.
    pub(super) fn value(&self, name: &str, value: &str) -> String {
        if RANDOM.contains(&name) && !value.is_empty() {
            return "«random»".to_owned();
        }
        if self.tells_time(value) { "«time»".to_owned() } else { printable(&self.text(value)) }
    }

    /// Text of any kind.
    pub(super) fn text(&self, text: &str) -> String {
        let mut normal = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            if let Some((length, name)) = self.varying(&text[..at], &text[at..]) {
                normal.push_str(&name);
                at += length;
            } else {
                normal.push(next);
                at += next.len_utf8();
            }
        }
        normal
    }

    /// What varies at the beginning of `rest`: its length, and the name for it.
    fn varying(&self, before: &str, rest: &str) -> Option<(usize, String)> {
        let origin = rest.strip_prefix(HOST).and_then(|port| self.port(port));
        if let Some((length, party)) = origin {
            return Some((HOST.len() + length, format!("{{{party}.origin}}")));
        }
        let is_word = |c: char| c.is_ascii_alphanumeric();
        if before.ends_with(is_word) || before.ends_with(']') {
            let colon = [":", "%3A", "%3a"].into_iter().find(|colon| rest.starts_with(colon))?;
            let (length, party) = self.port(&rest[colon.len()..])?;
            return Some((colon.len() + length, format!("{colon}{{{party}.port}}")));
        }
        if rest.starts_with("«unknown token,") {
            return Some((rest.find('»')? + '»'.len_utf8(), "«unknown token»".to_owned()));
        }
        let shapes = [(UUID, "«uuid»"), (HTTP_DATE, "«time»"), (TIMESTAMP, "«time»"), (CANARY, "«random»")];
        let (length, name) =
            shapes.into_iter().find_map(|(shape, name)| Some((matched(shape, rest)?, name)))?;
        (!rest[length..].starts_with(is_word) || name == "«time»").then(|| (length, name.to_owned()))
    }

    /// The port at the beginning of `rest`: its length, and whose it is.
    fn port(&self, rest: &str) -> Option<(usize, Party)> {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (_, party) = self.ports.iter().find(|(port, _)| *port == rest[..length])?;
        Some((length, *party))
    }

    /// JSON, its members in order. `name` is that of the member whose value it is.
    pub(super) fn json(&self, name: &str, value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.json("", item)).collect(),
            Value::Object(members) => self.object(members).into(),
            Value::String(text) if RANDOM.contains(&name) && !text.is_empty() => "«random»".into(),
            Value::String(text) if REQUEST_IDS.contains(&name) && text.len() >= RANDOM_FROM => {
                "«random»".into()
            }
            Value::String(text) if self.tells_time(text) => "«time»".into(),
            Value::String(text) => self.text(text).into(),
            Value::Number(number) => match number.as_f64() {
                Some(number) if REQUEST_IDS.contains(&name) && number >= RANDOM_NUMBER_FROM => {
                    "«random»".into()
                }
                Some(number) if self.is_time(number) => "«time»".into(),
                _ => value.clone(),
            },
            Value::Bool(_) | Value::Null => value.clone(),
        }
    }

    fn object(&self, members: &Map<String, Value>) -> Map<String, Value> {
        members.iter().map(|(name, value)| (self.text(name), self.json(name, value))).collect()
    }

    /// The claims of a token.
    pub(super) fn claims(&self, jwt: &JwtFacts) -> Map<String, Value> {
        let mut claims = self.object(&jwt.claims);
        let time =
            |name: &str| jwt.claims.get(name).and_then(Value::as_f64).filter(|time| *time >= FIRST_TIME);
        for name in ["auth_time", "exp", "iat", "nbf"].into_iter().filter(|name| time(name).is_some()) {
            claims.insert(name.to_owned(), "«time»".into());
        }
        for name in ["exp", "nbf"] {
            let (Some(time), Some(issued)) = (time(name), time("iat")) else { continue };
            // A client that reads the clock twice may see the next second.
            let after = ((time - issued) / 10.0).round() * 10.0;
            if after.abs() < FIRST_TIME {
                let sign = if after < 0.0 { '-' } else { '+' };
                claims.insert(name.to_owned(), format!("«iat {sign} {} s»", after.abs()).into());
            }
        }
        claims
    }

    /// Whether a text is a number that is a time.
    fn tells_time(&self, text: &str) -> bool {
        text.parse().is_ok_and(|number| self.is_time(number))
    }

    /// Whether a number is a time about that of the run, in seconds or milliseconds.
    fn is_time(&self, number: f64) -> bool {
        [number, number / 1000.0].into_iter().any(|seconds| (seconds - self.started).abs() < DAY)
    }
}

const HOST: &str = "http://127.0.0.1:";
/// Seconds.
const DAY: f64 = 86_400.0;
/// Seconds from 1970 from which a claim is a time, and no mistake such as 0 or a lifetime.
const FIRST_TIME: f64 = 1e9;

/// Shapes: `x` is a hex digit, `9` a digit, `A` a letter, `b` one of a canary; anything else is itself.
const UUID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
const HTTP_DATE: &str = "AAA, 99 AAA 9999 99:99:99 GMT";
const TIMESTAMP: &str = "9999-99-99T99:99:99";
const CANARY: &str = "ccbbbbbbbbbbbbbbbbbbbb";

/// The length of what stands in `text` in that shape.
fn matched(shape: &str, text: &str) -> Option<usize> {
    let fits = |(shape, byte): (u8, u8)| match shape {
        b'x' => byte.is_ascii_hexdigit(),
        b'9' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_alphabetic(),
        b'b' => byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte),
        _ => shape == byte,
    };
    (text.len() >= shape.len() && shape.bytes().zip(text.bytes()).all(fits)).then_some(())?;
    let mut length = shape.len();
    if shape == TIMESTAMP {
        // Fractions and the offset.
        length += text[length..]
            .bytes()
            .take_while(|byte| byte.is_ascii_digit() || b".:+-Z".contains(byte))
            .count();
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn normal() -> Normal {
        Normal { ports: vec![("41873".into(), Party::As), ("4187".into(), Party::Mcp)], started: 1.79e9 }
    }

    #[test]
    fn ports_stand_by_the_names_of_their_servers() {
        let normal = normal();
        for (text, named) in [
            ("http://127.0.0.1:41873/token", "{as.origin}/token"),
            ("http://127.0.0.1:4187", "{mcp.origin}"),
            ("http://127.0.0.1:418730/", "http://127.0.0.1:418730/"),
            ("a=http%3A%2F%2F127.0.0.1%3A41873%2Fx", "a=http%3A%2F%2F127.0.0.1%3A{as.port}%2Fx"),
            ("https://localhost:41873", "https://localhost:{as.port}"),
            ("{\"max_age\":41873}", "{\"max_age\":41873}"),
        ] {
            assert_eq!(normal.text(text), named);
        }
    }

    #[test]
    fn what_is_made_anew_is_named_and_what_is_not_stays() {
        let normal = normal();
        for (text, named) in [
            ("id 123e4567-e89b-12d3-a456-426614174000.", "id «uuid»."),
            ("123e4567-e89b-12d3-a456-4266141740000", "123e4567-e89b-12d3-a456-4266141740000"),
            ("kid cc7gqcaietw6fbeu3cyjbt", "kid «random»"),
            ("until Sun, 06 Nov 1994 08:49:37 GMT", "until «time»"),
            ("at 2026-11-24T12:00:00.123Z or 2025-11-25", "at «time» or 2025-11-25"),
            ("«unknown token, 40 bytes, sha256 00ff»!", "«unknown token»!"),
        ] {
            assert_eq!(normal.text(text), named);
        }
        assert_eq!(normal.value("traceparent", "00-1-2-01"), "«random»");
        assert_eq!(normal.value("x", "1790000100"), "«time»");
        assert_eq!(normal.value("x", "two\nlines"), "two\\nlines");
    }

    #[test]
    fn counters_stay_and_random_ids_go() {
        let normal = normal();
        let message = json!({"id": 7, "params": {"_meta": {"progressToken": "aZ0-aZ0-aZ0-aZ0-"}, "at": 1_790_000_000_123_u64}});
        let named = json!({"id": 7, "params": {"_meta": {"progressToken": "«random»"}, "at": "«time»"}});
        assert_eq!(normal.json("", &message), named);
        assert_eq!(normal.json("id", &json!(4_000_000_000_u64)), json!("«random»"));
    }

    #[test]
    fn the_lifetime_of_a_token_is_kept_and_its_times_are_not() {
        for (claims, named) in [
            (
                json!({"iat": 1_790_000_000, "exp": 1_790_000_301, "nbf": 1_789_999_990, "iss": "me"}),
                json!({"iat": "«time»", "exp": "«iat + 300 s»", "nbf": "«iat - 10 s»", "iss": "me"}),
            ),
            (
                json!({"auth_time": 1_700_000_000, "exp": 1_800_000_000}),
                json!({"auth_time": "«time»", "exp": "«time»"}),
            ),
            (json!({"iat": 0, "exp": 300, "nbf": "soon"}), json!({"iat": 0, "exp": 300, "nbf": "soon"})),
            (
                json!({"iat": 1_790_000_000, "exp": 1_790_000_300_000_u64}),
                json!({"iat": "«time»", "exp": "«time»"}),
            ),
        ] {
            let claims = claims.as_object().unwrap().clone();
            let jwt = JwtFacts { header: Map::new(), claims, verifies_with: None };
            assert_eq!(Value::Object(normal().claims(&jwt)), named);
        }
    }
}
