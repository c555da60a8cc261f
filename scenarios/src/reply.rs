//! What a scripted server answers instead of, or on top of, its conforming answer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One scripted answer. A list of steps answers one request each; the last one repeats.
///
/// An empty step is the conforming answer, so that "once, then success" is `[{ reply = … }, {}]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// The answer that stands in for the conforming one.
    pub reply: Option<Reply>,
    /// Changes to the JSON members of the conforming answer.
    pub json: Bend,
    /// Headers added to the answer, or put in the place of those of the same name.
    pub headers: BTreeMap<String, Vec<String>>,
    /// Changes to the token that the answer carries, made before it is signed.
    pub token: TokenBend,
    /// Milliseconds to wait before the answer starts.
    pub delay_ms: u64,
    /// What is done to the connection.
    pub act: Option<Act>,
}

/// A complete answer. Text may name parts of the stage in braces, such as `{as.issuer}`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The HTTP status code.
    #[schemars(range(min = 200, max = 599))]
    pub status: u16,
    /// Headers; `content-type` defaults to `application/json` where there is `json`.
    #[serde(default)]
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body as JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// The body as it is, for what `json` cannot express: null at the top, broken JSON, HTML.
    #[serde(default)]
    pub body: Option<String>,
    /// The body as bytes in base64, for what is no UTF-8.
    #[serde(default)]
    pub base64: Option<String>,
    /// A body too long to be written down.
    #[serde(default)]
    pub long: Option<Long>,
    /// Whether the body is compressed, with a `Content-Encoding` that says so.
    #[serde(default)]
    pub gzip: bool,
}

/// A body that repeats itself; it is sent as it is made, so that its length costs nothing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Long {
    /// What stands before the repetitions.
    pub head: String,
    /// What is repeated; `{n}` in it stands for the number of the repetition, from 0.
    pub repeat: String,
    /// How often; without it the body has no end.
    pub times: Option<u64>,
    /// What stands behind the repetitions.
    pub tail: String,
}

impl Long {
    /// Bytes that a body with numbers in it may have, as it is made at once.
    pub(crate) const NUMBERED: u64 = 4 << 20;

    /// Whether the repetitions are numbered.
    pub fn is_numbered(&self) -> bool {
        self.repeat.contains("{n}")
    }

    /// How long the body is, numbers as long as the last of them; `None` where it has no end.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let times = self.times?;
        let each = self.repeat.replace("{n}", &times.to_string()).len() as u64;
        Some(times.saturating_mul(each).saturating_add((self.head.len() + self.tail.len()) as u64))
    }
}

/// A document of the script's at a path, whatever else the server has there.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The path, which starts with a slash.
    pub path: String,
    /// What every request is answered there.
    pub reply: Reply,
}

/// Changes to the members of a JSON object.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Bend {
    /// Members set to these values.
    pub set: Map<String, Value>,
    /// Members set to null, which TOML cannot write.
    pub null: Vec<String>,
    /// Members taken away.
    pub remove: Vec<String>,
}

impl Bend {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.null.is_empty() && self.remove.is_empty()
    }

    /// Changes `object`: removals first, then nulls, then values.
    pub fn apply(&self, object: &mut Map<String, Value>) {
        for member in &self.remove {
            object.shift_remove(member);
        }
        let nulls = self.null.iter().map(|member| (member.clone(), Value::Null));
        object.extend(nulls.chain(self.set.clone()));
    }
}

/// Changes to a JWT that a server mints.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct TokenBend {
    /// Changes to the JOSE header.
    pub header: Bend,
    /// Changes to the claims.
    pub claims: Bend,
    /// Bytes of a claim that makes the token long.
    pub padding: usize,
    /// What the client is given to carry.
    pub form: TokenForm,
}

impl TokenBend {
    /// Makes the claims as long as the script says.
    pub fn pad(&self, claims: &mut Map<String, Value>) {
        if self.padding > 0 {
            claims.insert("padding".to_owned(), "x".repeat(self.padding).into());
        }
    }
}

/// What a token looks like to its bearer; the server that it is for knows it whatever its form.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum TokenForm {
    /// The signed JWT.
    #[default]
    Signed,
    /// Five parts, as an encrypted JWT has them (RFC 7516 section 3.1).
    Encrypted,
    /// Characters without a meaning.
    Opaque,
}

/// What is done to the connection that carries an answer.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// The connection ends before the status line.
    Close,
    /// The connection ends after that many bytes of the body.
    Cut {
        /// Bytes of the body that are still sent.
        after_bytes: usize,
    },
    /// The connection ends after that many bytes of status line and headers.
    CutHead {
        /// Bytes that are still sent.
        after_bytes: usize,
    },
    /// The body goes out in pieces, each by itself.
    Pieces {
        /// Bytes of a piece.
        of_bytes: usize,
    },
    /// The body goes out byte by byte.
    Drip {
        /// Milliseconds before each byte.
        every_ms: u64,
    },
    /// Status line and headers go out byte by byte.
    DripHead {
        /// Milliseconds before each byte.
        every_ms: u64,
    },
    /// Nothing comes after that many bytes of the body, and the connection stays open.
    Stall {
        /// Bytes of the body that are still sent.
        after_bytes: usize,
    },
    /// Informational answers come before the final one (RFC 9110 section 15.2).
    Informational {
        /// Their status codes, 100 to 199 without 101.
        statuses: Vec<u16>,
    },
}
