//! What the client says of how a run ended: one line, and the outcome report.

use std::path::Path;
use std::{fmt, fs, io, process};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::behaviour::Behaviour;
use crate::outcome::{Failure, Step};
use crate::{Control, Fault};

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

    pub(crate) fn refused(failure: &'a Failure, behaviour: &Behaviour) -> Self {
        if behaviour.has(Fault::RefusalReportedAsSuccess)
            && matches!(failure.step, Step::TokenExchange | Step::JwtBearer)
        {
            return Self { outcome: "authorized", ..Self::default() };
        }
        let step = match failure.step {
            step if !behaviour.has(Fault::WrongStepReported) => step,
            Step::JwtBearer => Step::TokenExchange,
            _ => Step::JwtBearer,
        };
        let short = behaviour.varies(Control::ShortDescription);
        let shown = |text: &'a str| match text.char_indices().nth(10) {
            Some((end, _)) if short => &text[..end],
            _ => text,
        };
        let answer = failure.cause.answer();
        Self {
            outcome: "refused",
            step: Some(step),
            error: failure.cause.error(),
            error_description: answer.and_then(|answer| answer.description.as_deref()).map(shown),
            error_uri: answer.and_then(|answer| answer.uri.as_deref()),
            status: failure.cause.status(),
            members: answer.map(|answer| &answer.members).filter(|members| !members.is_empty()),
            message: Some(printable(format!("refused at {step}: {}", failure.cause))),
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
        fs::write(&unfinished, serde_json::to_vec(self)?)?;
        fs::rename(&unfinished, path)
    }
}

/// What servers said may be in `text`: it is escaped, and cut after 300 characters.
pub(crate) fn printable(text: impl fmt::Display) -> String {
    escaped(&text.to_string().chars().take(300).collect::<String>())
}

/// `text` without the characters that a terminal or a log acts on: controls, line separators, and those that turn
/// the direction of writing.
pub(crate) fn escaped(text: &str) -> String {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if acts(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::outcome::{Cause, ErrorAnswer, at};

    #[test]
    fn a_refusal_keeps_every_member_of_the_error_answer() {
        let Value::Object(members) = json!({
            "error": "insufficient_user_authentication", "error_description": "too old", "max_age": 60,
        }) else {
            unreachable!()
        };
        let answer = Box::new(ErrorAnswer::from_members(&members).unwrap());
        let failure = at(Step::TokenExchange)(Cause::Refused { status: 400, answer });
        assert_eq!(
            serde_json::to_value(Outcome::refused(&failure, &Behaviour::default())).unwrap(),
            json!({
                "outcome": "refused", "step": "token_exchange", "error": "insufficient_user_authentication",
                "error_description": "too old", "status": 400, "members": {"max_age": 60},
                "message": "refused at token_exchange: HTTP 400, error insufficient_user_authentication",
            })
        );
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
    fn what_acts_on_a_terminal_is_escaped_and_long_texts_are_cut() {
        assert_eq!(printable("a\u{1b}[31m\r\n\u{202e}é"), r"a\u{1b}[31m\r\n\u{202e}é");
        assert_eq!(printable("x".repeat(1000)).len(), 300);
    }
}
