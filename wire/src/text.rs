//! Recorded text in which minted values stand by their names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text from the wire or from the client's output, without a single minted secret in it.
///
/// In JSON it is a string where nothing had to be named, else an array of parts.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(from = "Written", into = "Written")]
pub struct Text(Vec<Part>);

/// A stretch of a [`Text`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A near miss of a minted value.
    Altered {
        /// The value's name.
        value: String,
        /// What differs.
        how: Alteration,
    },
    /// Text as it was.
    Plain(String),
    /// Something shaped like a token that this run did not mint.
    Unknown {
        /// The beginning of its SHA-256, in hex.
        digest: String,
        /// How long it was, in bytes.
        bytes: usize,
    },
    /// A minted value.
    Value {
        /// Its name.
        name: String,
        /// In which form it stood there.
        encoding: Encoding,
    },
}

/// The form in which a value was found.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// base64 or base64url, at any alignment.
    Base64,
    /// Hex digits of its bytes.
    Hex,
    /// As part of a JSON string.
    JsonEscaped,
    /// The second segment of a JWT without the others.
    JwtPayload,
    /// Percent-encoded or form-encoded.
    Percent,
    /// As it is.
    #[default]
    Raw,
}

/// What tells a near miss from the value that was meant.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alteration {
    /// Some characters differ.
    Changed,
    /// Its end is missing.
    Cut,
    /// It was form-encoded once too often.
    EncodedTwice,
    /// It was not form-encoded, so that a reader decodes something else.
    NotEncoded,
    /// Header and claims are those of the token, the signature is not.
    Signature,
    /// White space was added or taken away.
    Whitespace,
}

impl Alteration {
    /// What was done to the value, as the end of a sentence.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Changed => "with characters changed",
            Self::Cut => "cut short",
            Self::EncodedTwice => "form-encoded once too often",
            Self::NotEncoded => "not form-encoded",
            Self::Signature => "with another signature",
            Self::Whitespace => "with white space changed",
        }
    }
}

impl Text {
    /// Text in which nothing is named.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::from_parts(vec![Part::Plain(text.into())])
    }

    /// Exactly the minted value `name`.
    pub fn value(name: impl Into<String>) -> Self {
        Self(vec![Part::Value { name: name.into(), encoding: Encoding::Raw }])
    }

    /// Joins parts; empty stretches vanish.
    pub fn from_parts(parts: Vec<Part>) -> Self {
        Self(parts.into_iter().filter(|part| *part != Part::Plain(String::new())).collect())
    }

    /// The stretches in order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The text when nothing in it is named.
    pub fn as_plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// The name when the whole text is one minted value as it is.
    pub fn as_value(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Value { name, encoding: Encoding::Raw }] => Some(name),
            _ => None,
        }
    }

    /// The name and the difference when the whole text is a near miss.
    pub fn as_altered(&self) -> Option<(&str, Alteration)> {
        match self.0.as_slice() {
            [Part::Altered { value, how }] => Some((value, *how)),
            _ => None,
        }
    }

    /// Whether the whole text is the minted value `name` as it is.
    pub fn is(&self, name: &str) -> bool {
        self.as_value() == Some(name)
    }

    /// Names of all minted values in it.
    pub fn names(&self) -> impl Iterator<Item = (&str, Encoding)> {
        self.0.iter().filter_map(|part| match part {
            Part::Value { name, encoding } => Some((name.as_str(), *encoding)),
            _ => None,
        })
    }
}

impl fmt::Display for Text {
    /// Values as `«id_jag#1»`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| part.fmt(out))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered { value, how } => write!(out, "«{value} {}»", how.describe()),
            Self::Plain(text) => out.write_str(text),
            Self::Unknown { digest, bytes } => write!(out, "«unknown token, {bytes} bytes, sha256 {digest}»"),
            Self::Value { name, encoding } => match encoding {
                Encoding::Raw => write!(out, "«{name}»"),
                Encoding::Base64 => write!(out, "«{name} in base64»"),
                Encoding::Hex => write!(out, "«{name} in hex»"),
                Encoding::JsonEscaped => write!(out, "«{name} JSON-escaped»"),
                Encoding::JwtPayload => write!(out, "«claims of {name}»"),
                Encoding::Percent => write!(out, "«{name} percent-encoded»"),
            },
        }
    }
}

/// A [`Text`] in JSON.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Written {
    Plain(String),
    Parts(Vec<Part>),
}

impl From<Written> for Text {
    fn from(written: Written) -> Self {
        match written {
            Written::Plain(text) => Self::plain(text),
            Written::Parts(parts) => Self::from_parts(parts),
        }
    }
}

impl From<Text> for Written {
    fn from(text: Text) -> Self {
        match text.as_plain() {
            Some(plain) => Self::Plain(plain.to_owned()),
            None => Self::Parts(text.0),
        }
    }
}
