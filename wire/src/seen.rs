//! What is told of an exchange while the run goes on, to people who watch.
//!
//! It holds no path, no query and no value, for these may be secrets, and values have no names before the run is
//! closed. Nothing is judged here.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crosscheck_scenarios::{EndpointName, Party};

use crate::close::response_json;
use crate::naming::Namer;
use crate::record::{Caller, RawExchange};

/// An exchange that was answered just now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// Its number in the transcript, from 1.
    pub number: usize,
    /// The server.
    pub party: Party,
    /// Who made the request.
    pub caller: Caller,
    /// The endpoint.
    pub endpoint: EndpointName,
    /// The method; `None` for one that HTTP does not know.
    pub method: Option<&'static str>,
    /// The status; 0 where the connection ends before it.
    pub status: u16,
    /// The OAuth error code of the answer, where it has one that is a code (RFC 6749 section 5.2) and is written at
    /// once.
    pub error: Option<String>,
}

impl Seen {
    /// What may be told of an exchange; `namer` knows what was minted until now.
    pub(crate) fn new(number: usize, raw: &RawExchange, namer: &Namer) -> Self {
        Self {
            number,
            party: raw.party,
            caller: raw.caller,
            endpoint: raw.endpoint,
            method: known(&raw.method),
            status: raw.status,
            error: response_json(raw).and_then(|answer| code(&answer, namer)),
        }
    }
}

/// Is told of each exchange once it is answered, on the thread that answers.
#[derive(Clone)]
pub struct Watcher(Arc<dyn Fn(&Seen) + Send + Sync>);

impl Watcher {
    /// Hands each exchange to `tell`, which must not hold up the server for long.
    pub fn new(tell: impl Fn(&Seen) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, seen: &Seen) {
        (self.0)(seen);
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Watcher")
    }
}

/// A method by its name, for a client may send anything in its place.
fn known(method: &str) -> Option<&'static str> {
    const KNOWN: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method)
}

/// The member `error`, where it looks like a code and nothing minted is in it: a script may put anything there.
fn code(answer: &Value, namer: &Namer) -> Option<String> {
    let code = answer.get("error")?.as_str()?;
    let is_code = |c: char| c.is_ascii_alphanumeric() || "_-.:/".contains(c);
    let is_short = (1..=MOST).contains(&code.len());
    (is_short && code.chars().all(is_code)).then(|| namer.within(code).as_plain().map(str::to_owned))?
}

/// Characters of a code that is told.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::canary::Canary;
    use crate::ledger::{Ledger, ValueKind};

    use super::*;

    #[test]
    fn a_code_is_told_and_nothing_else() {
        let (ledger, minted) = (Ledger::default(), Canary::new().mint());
        ledger.mint("as.client_secret", &minted, ValueKind::Credential, &[]);
        let namer = Namer::new(ledger.values());
        let code = |error: Value| code(&json!({ "error": error }), &namer);
        for right in ["access_denied", "vendor.code", "urn:example:error/1"] {
            assert_eq!(code(right.into()), Some(right.to_owned()));
        }
        let within = format!("code-{minted}");
        let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln";
        let long = "x".repeat(65);
        for wrong in ["", "two words", "line\nbreak", "\u{202e}x", token, &minted, &within, &long] {
            assert_eq!(code(wrong.into()), None, "{wrong}");
        }
        assert_eq!(code(json!({ "code": -32600 })), None);
    }

    #[test]
    fn a_method_that_http_does_not_know_is_not_told() {
        assert_eq!((known("POST"), known("eyJhbGciOiJub25lIn0")), (Some("POST"), None));
    }
}
