//! How a run ends: what the client says of it in one line, and in the outcome report.

use std::path::Path;
use std::{fmt, fs, io, process};

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

/// Why a step failed. The texts hold no secret and no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error("failed")]
    Lost,
    #[error("HTTP {status}, error {:.64}", answer.error)]
    Refused { status: u16, answer: Box<ErrorAnswer> },
    #[error("HTTP {status} from {what}")]
    Status { what: &'static str, status: u16 },
    #[error("{0}")]
    Transport(&'static str),
    #[error("{0}")]
    Unusable(String),
}

impl Cause {
    /// The error code of an OAuth server.
    pub(crate) fn error(&self) -> Option<&str> {
        match self {
            Self::Refused { answer, .. } => Some(&answer.error),
            Self::Lost | Self::Status { .. } | Self::Transport(_) | Self::Unusable(_) => None,
        }
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Status { status, .. } => Some(*status),
            Self::Lost | Self::Transport(_) | Self::Unusable(_) => None,
        }
    }
}

/// An OAuth error answer (RFC 6749 section 5.2).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorAnswer {
    pub(crate) error: String,
    description: Option<String>,
    uri: Option<String>,
    members: Map<String, Value>,
}

impl ErrorAnswer {
    /// An error that came without more than its code.
    pub(crate) fn from_code(error: String) -> Self {
        Self { error, ..Self::default() }
    }

    /// Reads an answer whose `error` is a string; anything else is no error answer.
    pub(crate) fn from_members(mut members: Map<String, Value>) -> Option<Self> {
        let mut take = |name| match members.get(name) {
            Some(Value::String(_)) => {
                members.remove(name).and_then(|value| value.as_str().map(str::to_owned))
            }
            _ => None,
        };
        let (error, description, uri) = (take("error")?, take("error_description"), take("error_uri"));
        Some(Self { error, description, uri, members })
    }
}

/// A step that failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("refused at {}: {cause}", name(*step))]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) cause: Cause,
}

/// Turns a cause into the failure of `step`; made for `map_err`.
pub(crate) fn at(step: Step) -> impl Fn(Cause) -> Failure {
    move |cause| Failure { step, cause }
}

/// The outcome report: one JSON object, every member but `outcome` optional.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Outcome<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl<'a> Outcome<'a> {
    pub(crate) fn authorized(scope: Option<&'a str>) -> Self {
        Self { outcome: "authorized", step: Some(Step::Resource), scope, ..Self::default() }
    }

    /// `short` reports only the beginning of the description.
    pub(crate) fn refused(failure: &'a Failure, short: bool) -> Self {
        let answer = match &failure.cause {
            Cause::Refused { answer, .. } => Some(answer.as_ref()),
            _ => None,
        };
        let shown = |text: &'a str| match text.char_indices().nth(10) {
            Some((end, _)) if short => &text[..end],
            _ => text,
        };
        Self {
            outcome: "refused",
            step: Some(failure.step),
            error: failure.cause.error(),
            error_description: answer.and_then(|answer| answer.description.as_deref()).map(shown),
            error_uri: answer.and_then(|answer| answer.uri.as_deref()),
            status: failure.cause.status(),
            members: answer.map(|answer| &answer.members).filter(|members| !members.is_empty()),
            message: Some(printable(failure)),
            ..Self::default()
        }
    }

    /// A run that could not begin.
    pub(crate) fn not_started(message: &str) -> Self {
        Self { outcome: "refused", message: Some(printable(message)), ..Self::default() }
    }

    /// Writes the report beside `path` first, so that nobody reads half of it.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let unfinished = path.with_extension(format!("{}.unfinished", process::id()));
        fs::write(&unfinished, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&unfinished, path)
    }
}

/// What servers said may be in `text`: control characters are escaped, and it is cut after 300 characters.
pub(crate) fn printable(text: impl fmt::Display) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.to_string().chars().take(300).map(escape).collect()
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Discovery => "discovery",
        Step::TokenExchange => "token_exchange",
        Step::JwtBearer => "jwt_bearer",
        Step::Resource => "resource",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_keeps_every_member_of_the_error_answer() {
        let Value::Object(members) = json!({
            "error": "insufficient_user_authentication", "error_description": "too old", "max_age": 60,
        }) else {
            unreachable!()
        };
        let answer = Box::new(ErrorAnswer::from_members(members).unwrap());
        let failure = at(Step::TokenExchange)(Cause::Refused { status: 400, answer });
        assert_eq!(
            serde_json::to_value(Outcome::refused(&failure, false)).unwrap(),
            json!({
                "outcome": "refused", "step": "token_exchange", "error": "insufficient_user_authentication",
                "error_description": "too old", "status": 400, "members": {"max_age": 60},
                "message": "refused at token_exchange: HTTP 400, error insufficient_user_authentication",
            })
        );
    }

    #[test]
    fn an_error_that_is_no_string_is_no_error_answer() {
        let members = Map::from_iter([("error".to_owned(), json!({"code": 1}))]);
        assert_eq!(ErrorAnswer::from_members(members), None);
    }

    #[test]
    fn the_report_is_written_whole_and_nothing_is_left_beside_it() {
        let folder = std::env::temp_dir().join(format!("crosscheck-outcome-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("outcome.json");
        Outcome::authorized(Some("a b")).write(&path).unwrap();
        let report: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let files = fs::read_dir(&folder).unwrap().count();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(report, json!({"outcome": "authorized", "step": "resource", "scope": "a b"}));
        assert_eq!(files, 1);
    }

    #[test]
    fn control_characters_are_escaped_and_long_texts_cut() {
        assert_eq!(printable("a\u{1b}[31m\r\n"), r"a\u{1b}[31m\r\n");
        assert_eq!(printable("x".repeat(1000)).len(), 300);
    }
}
