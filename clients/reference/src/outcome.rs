//! How a run ends: the step that failed, and why.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// The part of the flow in which a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    Discovery,
    TokenExchange,
    JwtBearer,
    Resource,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discovery => "discovery",
            Self::TokenExchange => "token_exchange",
            Self::JwtBearer => "jwt_bearer",
            Self::Resource => "resource",
        })
    }
}

/// Why a step failed. The texts hold no secret and no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error("failed")]
    Lost,
    #[error("HTTP {status}, error {:.64}", answer.error)]
    Refused { status: u16, answer: Box<ErrorAnswer> },
    #[error("HTTP {status} from {what}")]
    Status { what: &'static str, status: u16 },
    /// An answer that is neither a success nor a refusal, for what its body is.
    #[error("HTTP {status}, and the answer {problem}")]
    Unfit { status: u16, problem: String },
    /// No answer, or none that is whole; the status is there if its head had arrived.
    #[error("{problem}{}", status.map(|status| format!(", after HTTP {status}")).unwrap_or_default())]
    Transport { status: Option<u16>, problem: &'static str },
    #[error("{0}")]
    Unusable(String),
}

impl Cause {
    /// The error code of an OAuth server.
    pub(crate) fn error(&self) -> Option<&str> {
        self.answer().map(|answer| answer.error.as_str())
    }

    /// The answer of an OAuth server.
    pub(crate) fn answer(&self) -> Option<&ErrorAnswer> {
        match self {
            Self::Refused { answer, .. } => Some(answer),
            _ => None,
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Status { status, .. } | Self::Unfit { status, .. } => {
                Some(*status)
            }
            Self::Transport { status, .. } => *status,
            Self::Lost | Self::Unusable(_) => None,
        }
    }
}

/// Whether `answer` is the refusal with the error `code`.
pub(crate) fn is_refusal<T>(answer: &Result<T, Cause>, code: &str) -> bool {
    matches!(answer, Err(cause) if cause.error() == Some(code))
}

/// How many bytes are kept of a text in an error answer, and of all its other members together.
const KEPT: usize = 16 << 10;

/// An OAuth error answer (RFC 6749 section 5.2).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorAnswer {
    pub(crate) error: String,
    pub(crate) description: Option<String>,
    pub(crate) uri: Option<String>,
    /// The other members, without tokens.
    pub(crate) members: Map<String, Value>,
}

impl ErrorAnswer {
    /// An error that came without more than its code.
    pub(crate) fn from_code(error: String) -> Self {
        Self { error, ..Self::default() }
    }

    /// Reads an answer whose `error` is a string that says something; anything else is no error answer.
    pub(crate) fn from_members(members: &Map<String, Value>) -> Option<Self> {
        let texts = ["error", "error_description", "error_uri"];
        let text = |name| {
            let text = members.get(name)?.as_str()?;
            Some(text[..text.floor_char_boundary(KEPT)].to_owned())
        };
        let [error, description, uri] = texts.map(text);
        let mut room = KEPT;
        let others =
            members.iter().filter(|(name, value)| !(texts.contains(&name.as_str()) && value.is_string()));
        // What is named a token is none of the caller's business, and no part of an error.
        let others = others.filter(|(name, _)| !name.ends_with("token"));
        let fits = |(name, value): &(&String, &Value)| {
            let left = room.checked_sub(name.len() + value.to_string().len());
            room = left.unwrap_or(room);
            left.is_some()
        };
        Some(Self {
            error: error.filter(|error| !error.trim().is_empty())?,
            description,
            uri,
            members: others.filter(fits).map(|(name, value)| (name.clone(), value.clone())).collect(),
        })
    }
}

/// A step that failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("refused at {step}: {cause}")]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) cause: Cause,
}

/// Turns a cause into the failure of `step`; made for `map_err`.
pub(crate) fn at(step: Step) -> impl Fn(Cause) -> Failure {
    move |cause| Failure { step, cause }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(answer: Value) -> Option<ErrorAnswer> {
        let Value::Object(members) = answer else { unreachable!() };
        ErrorAnswer::from_members(&members)
    }

    #[test]
    fn an_error_that_is_no_text_is_no_error_answer() {
        for error in
            [json!({"code": 1}), json!(["invalid_grant"]), json!(7), json!(""), json!(" "), json!(null)]
        {
            assert_eq!(read(json!({"error": error})), None);
        }
        assert_eq!(read(json!({})), None);
    }

    #[test]
    fn a_description_that_is_no_text_is_a_member_like_others() {
        let answer = read(json!({"error": "e", "error_description": ["a"], "error_uri": null})).unwrap();
        assert_eq!((answer.description, answer.uri), (None, None));
        assert_eq!(Value::from(answer.members), json!({"error_description": ["a"], "error_uri": null}));
    }

    #[test]
    fn a_token_beside_an_error_is_not_kept() {
        let answer =
            read(json!({"error": "e", "access_token": "t", "mfa_token": "m", "max_age": 5})).unwrap();
        assert_eq!(Value::from(answer.members), json!({"max_age": 5}));
    }

    #[test]
    fn what_is_kept_of_an_answer_is_bounded() {
        let long = "é".repeat(KEPT);
        let answer =
            read(json!({"error": long, "error_description": long, "hint": long, "max_age": 5})).unwrap();
        assert_eq!((answer.error.len(), answer.description.unwrap().len()), (KEPT, KEPT));
        assert_eq!(Value::from(answer.members), json!({"max_age": 5}));
    }

    #[test]
    fn the_status_of_an_answer_that_broke_off_is_told() {
        let cause = |status| Cause::Transport { status, problem: "the connection broke" }.to_string();
        assert_eq!(cause(Some(400)), "the connection broke, after HTTP 400");
        assert_eq!(cause(None), "the connection broke");
    }
}
