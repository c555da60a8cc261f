//! Findings that a run is expected to have: which, and why.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crosscheck_scenarios::{Catalogue, Problem, Scenarios, nearest, problem_in};
use crosscheck_wire::transcript::Ended;

use crate::check::{Check, Verdict};
use crate::run::{Played, PlayedResult};

/// The expected findings of one client.
#[derive(Clone, Debug, Default)]
pub struct Expected(Vec<Entry>);

/// One expected finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The scenario's id.
    pub scenario: String,
    /// The requirement as it is reported, such as `cauth-present@as`.
    pub requirement: String,
    /// Why it is expected.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    expected: Vec<Row>,
}

/// An expected finding as it stands in a file, unchecked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The scenario's id.
    #[schemars(with = "String")]
    scenario: Spanned<String>,
    /// The requirement as it is reported, such as `cauth-present@as`.
    #[schemars(with = "String")]
    requirement: Spanned<String>,
    /// Why it is expected.
    #[schemars(with = "String")]
    reason: Spanned<String>,
}

impl Expected {
    /// Reads a file of `[[expected]]` tables with `scenario`, `requirement` and `reason`.
    ///
    /// # Errors
    /// When it cannot be read, or names scenarios or requirements that do not exist.
    pub fn read(path: &Path, scenarios: &Scenarios) -> Result<Self, ExpectedError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ExpectedError::Unreadable { path: name.clone(), why: error.to_string() })?;
        let file: File = toml::from_str(&text).map_err(|error| {
            let problem = problem_in(&name, &text, error.span(), error.message().trim().to_owned(), None);
            ExpectedError::Wrong(vec![problem])
        })?;
        Self::of(file.expected, &name, &text, scenarios)
    }

    /// Takes rows that stand in the `text` of a file called `name`.
    ///
    /// # Errors
    /// When one names a scenario or a requirement that does not exist, or gives no reason.
    pub fn of(rows: Vec<Row>, name: &str, text: &str, scenarios: &Scenarios) -> Result<Self, ExpectedError> {
        let problems = problems(&rows, name, text, scenarios);
        if !problems.is_empty() {
            return Err(ExpectedError::Wrong(problems));
        }
        let entry = |row: Row| Entry {
            scenario: row.scenario.into_inner(),
            requirement: row.requirement.into_inner(),
            reason: row.reason.into_inner(),
        };
        Ok(Self(rows.into_iter().map(entry).collect()))
    }

    /// Whether a finding is expected. A client that was ended at its time limit or died by a signal never is.
    pub fn covers(&self, played: &Played, check: &Check) -> bool {
        let crashed = match &played.result {
            PlayedResult::Judged { transcript, .. } => {
                matches!(transcript.client.ended, Ended::TimedOut(_) | Ended::Signal(_))
            }
            PlayedResult::NotApplicable(_) => false,
        };
        !crashed && self.0.iter().any(|entry| entry.matches(played, check))
    }

    /// Entries about the played scenarios that no finding matched.
    pub fn stale<'a>(&'a self, all: &'a [Played]) -> impl Iterator<Item = &'a Entry> {
        self.0.iter().filter(|entry| {
            let mut played =
                all.iter().filter(|played| played.scenario.id.as_str() == entry.scenario).peekable();
            let judged = |played: &&Played| matches!(played.result, PlayedResult::Judged { .. });
            let was_played = played.peek().is_some_and(judged);
            let found = |played: &Played| {
                played
                    .checks()
                    .iter()
                    .any(|check| check.verdict >= Verdict::Warn && entry.matches(played, check))
            };
            was_played && !played.any(found)
        })
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "{} @ {} is expected and no longer found: remove the entry",
            self.requirement, self.scenario
        )
    }
}

impl Entry {
    fn matches(&self, played: &Played, check: &Check) -> bool {
        let requirement = self.requirement == check.id() || self.requirement == check.requirement.as_str();
        requirement && self.scenario == played.scenario.id.as_str()
    }
}

/// Why expected findings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExpectedError {
    /// The file cannot be read.
    #[error("could not read `{path}`: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's reason.
        why: String,
    },
    /// The file is wrong; every problem found.
    #[error("the expected findings are wrong\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Problem>),
}

fn problems(rows: &[Row], name: &str, text: &str, scenarios: &Scenarios) -> Vec<Problem> {
    let ids: Vec<_> = scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
    let requirements: Vec<_> = Catalogue::embedded().iter().map(|row| row.id.as_str()).collect();
    let mut problems = Vec::new();
    let mut check = |word: &Spanned<String>, known: &[&str], kind: &str, named: &str| {
        if !known.contains(&named) {
            let hint = nearest(named, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            problems.push(problem_in(
                name,
                text,
                Some(word.span()),
                format!("no {kind} is called `{named}`"),
                hint,
            ));
        }
    };
    for row in rows {
        check(&row.scenario, &ids, "scenario", row.scenario.get_ref());
        let requirement = row.requirement.get_ref();
        check(
            &row.requirement,
            &requirements,
            "requirement",
            requirement.split('@').next().unwrap_or_default(),
        );
    }
    for row in rows.iter().filter(|row| row.reason.get_ref().trim().is_empty()) {
        problems.push(problem_in(name, text, Some(row.reason.span()), "the reason is empty".into(), None));
    }
    problems
}
