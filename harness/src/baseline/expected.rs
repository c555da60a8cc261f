//! Our own form of a baseline: findings that a run is expected to have, each with the reason why.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crosscheck_scenarios::{Catalogue, Problem, Scenarios, nearest, problem_in};

use crate::check::{Check, Verdict};
use crate::run::Played;

use super::{BaselineError, Changes, Place, Stale};

/// The expected findings of one client.
#[derive(Clone, Debug, Default)]
pub struct Expected(Vec<Entry>);

/// One expected finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The scenario's id.
    pub scenario: String,
    /// The requirement as it is reported, such as `cauth-present@as`, or of all parties, such as `cauth-present`.
    pub requirement: String,
    /// Why it is expected.
    pub reason: String,
    /// Where it stands.
    pub place: Place,
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
    pub fn read(path: &Path, scenarios: &Scenarios) -> Result<Self, BaselineError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| BaselineError::Unreadable { path: name.clone(), why: error.to_string() })?;
        let file: File = toml::from_str(&text).map_err(|error| {
            let problem = problem_in(&name, &text, error.span(), error.message().trim().to_owned(), None);
            BaselineError::Wrong(vec![problem])
        })?;
        Self::of(file.expected, &name, &text, scenarios)
    }

    /// Takes rows that stand in the `text` of a file called `name`.
    ///
    /// # Errors
    /// When one names a scenario or a requirement that does not exist, or gives no reason.
    pub fn of(rows: Vec<Row>, name: &str, text: &str, scenarios: &Scenarios) -> Result<Self, BaselineError> {
        let problems = problems(&rows, name, text, scenarios);
        if !problems.is_empty() {
            return Err(BaselineError::Wrong(problems));
        }
        let entry = |row: Row| Entry {
            place: Place { path: name.to_owned(), line: line_of(text, row.scenario.span().start) },
            scenario: row.scenario.into_inner(),
            requirement: row.requirement.into_inner(),
            reason: row.reason.into_inner(),
        };
        Ok(Self(rows.into_iter().map(entry).collect()))
    }

    /// The entries in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter()
    }

    /// As they are once `changes` are written.
    pub fn changed(&self, changes: &Changes) -> Self {
        let kept = self.iter().filter(|entry| {
            !changes.removed.iter().any(|(scenario, requirement)| entry.is(scenario, requirement))
        });
        let added = changes.added.iter().map(|addition| Entry {
            scenario: addition.scenario.clone(),
            requirement: addition.requirement.clone(),
            reason: addition.reason.clone(),
            place: Place::default(),
        });
        Self(kept.cloned().chain(added).collect())
    }

    /// Whether a finding is listed.
    pub(super) fn covers(&self, played: &Played, check: &Check) -> bool {
        self.iter().any(|entry| entry.matches(played, check))
    }

    /// Why a finding that is listed is expected.
    pub(super) fn reason(&self, played: &Played, check: &Check) -> Option<&str> {
        self.iter().find(|entry| entry.matches(played, check)).map(|entry| entry.reason.as_str())
    }

    /// Entries about scenarios in `played` that match no finding there.
    pub(super) fn stale<'a>(&'a self, played: &[&Played]) -> impl Iterator<Item = Stale<'a>> {
        let is_stale = |entry: &&Entry| {
            let found = |played: &&Played| {
                let found = |check: &Check| check.verdict >= Verdict::Warn && entry.matches(played, check);
                played.checks().iter().any(found)
            };
            let mut about =
                played.iter().filter(|played| played.scenario.id.as_str() == entry.scenario).peekable();
            about.peek().is_some() && !about.any(found)
        };
        self.iter()
            .filter(is_stale)
            .map(|entry| Stale {
                scenario: &entry.scenario,
                check: Some(&entry.requirement),
                place: &entry.place,
                is_ours: true,
            })
            .collect::<Vec<_>>()
            .into_iter()
    }
}

impl Entry {
    fn is(&self, scenario: &str, requirement: &str) -> bool {
        self.scenario == scenario && self.requirement == requirement
    }

    fn matches(&self, played: &Played, check: &Check) -> bool {
        self.scenario == played.scenario.id.as_str() && check.is_called(&self.requirement)
    }
}

/// Every name that a requirement is reported by: its id, and where it is judged party by party its id at each.
pub(super) fn requirement_names() -> Vec<String> {
    let rows = Catalogue::embedded().iter();
    let names = rows.flat_map(|row| {
        let at_each = row.at.iter().map(|party| format!("{}@{party}", row.id));
        std::iter::once(row.id.to_string()).chain(at_each)
    });
    names.collect()
}

/// The line at a byte of `text`, counted from 1.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}

fn problems(rows: &[Row], name: &str, text: &str, scenarios: &Scenarios) -> Vec<Problem> {
    let ids: Vec<_> = scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
    let requirements = requirement_names();
    let requirements: Vec<_> = requirements.iter().map(String::as_str).collect();
    let mut problems = Vec::new();
    let mut check = |word: &Spanned<String>, known: &[&str], kind: &str| {
        let named = word.get_ref().as_str();
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
        check(&row.scenario, &ids, "scenario");
        check(&row.requirement, &requirements, "requirement");
    }
    for row in rows.iter().filter(|row| row.reason.get_ref().trim().is_empty()) {
        problems.push(problem_in(name, text, Some(row.reason.span()), "the reason is empty".into(), None));
    }
    problems
}
