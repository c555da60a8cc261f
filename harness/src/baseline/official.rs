//! Expected failures in the official MCP conformance suite's form, so that one file serves both.
//!
//! YAML: lists `client` and `server` of entries `SCENARIO` or `SCENARIO:CHECK`. Our scenarios and requirements stand
//! beside the suite's. Its rules hold, except that a misspelt check is an error here, as is an unknown key.

use std::path::Path;

use serde_saphyr::Spanned;

use crosscheck_scenarios::{Problem, Scenarios, nearest};

use crate::check::{Check, Verdict};
use crate::report::{OfficialCheck, official_checks};
use crate::run::{Played, PlayedResult};

use super::expected::{line_of, requirement_names};
use super::suite::{CHECKS, COMPLETE_FLOW, COMPLETE_FLOW_RENAMED, OTHERS};
use super::yaml::{self, File, Item};
use super::{BaselineError, Place, Stale};

/// The failures that a file lists for the scenarios that are played here.
#[derive(Clone, Debug, Default)]
pub struct ExpectedFailures(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    /// The id that we play it by.
    id: String,
    /// As the file names it.
    named: String,
    of: Of,
    place: Place,
}

/// What of a scenario may fail.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Of {
    /// A check that the suite has.
    Official(String),
    /// One of our requirements, at one party or at all.
    Requirement(String),
    /// Anything.
    Scenario,
}

/// How what an entry is about came out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Came {
    Failing,
    Passing,
    /// It was not judged, or only told; that proves nothing about the entry.
    Otherwise,
}

impl ExpectedFailures {
    /// Reads a file. Scenarios for clients that only the suite plays, and everything about servers, are left to it.
    ///
    /// # Errors
    /// When it cannot be read, has another form, or names what does not exist.
    pub fn read(path: &Path, scenarios: &Scenarios) -> Result<Self, BaselineError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| BaselineError::Unreadable { path: name.clone(), why: error.to_string() })?;
        Self::parse(&name, &text, scenarios)
    }

    /// Reads the `text` of a file called `name`.
    ///
    /// # Errors
    /// When it has another form, or names what does not exist.
    pub fn parse(name: &str, text: &str, scenarios: &Scenarios) -> Result<Self, BaselineError> {
        let File { client, server } =
            yaml::read(name, text).map_err(|problem| BaselineError::Wrong(vec![problem]))?;
        let mut reading = Reading { name, text, scenarios, entries: Vec::new(), problems: Vec::new() };
        for item in server.iter().flatten() {
            let _ = reading.word(item);
        }
        client.iter().flatten().for_each(|item| reading.read(item));
        match reading.problems.is_empty() {
            true => Ok(Self(reading.entries)),
            false => Err(BaselineError::Wrong(reading.problems)),
        }
    }

    /// Whether a finding is listed.
    pub(super) fn covers(&self, played: &Played, check: &Check) -> bool {
        self.0.iter().any(|entry| entry.covers(played, check))
    }

    /// Entries about scenarios in `played` of which what is listed passes.
    pub(super) fn stale<'a>(&'a self, played: &[&Played]) -> impl Iterator<Item = Stale<'a>> {
        let passes = |entry: &&Entry| {
            let mut about = played.iter().filter(|played| played.scenario.id.as_str() == entry.id);
            about.any(|played| entry.came(played) == Came::Passing)
        };
        let stale: Vec<_> = self.0.iter().filter(passes).map(Entry::stale).collect();
        stale.into_iter()
    }
}

impl Entry {
    fn covers(&self, played: &Played, check: &Check) -> bool {
        if self.id != played.scenario.id.as_str() {
            return false;
        }
        match (&self.of, &played.result) {
            (Of::Scenario, _) => true,
            (Of::Requirement(name), _) => check.is_called(name),
            (Of::Official(id), PlayedResult::Judged { transcript, .. }) => {
                covered_by(id, &official_checks(transcript), check)
            }
            (Of::Official(_), PlayedResult::NotApplicable(_)) => false,
        }
    }

    /// Several checks of one name count as the worst of them.
    fn came(&self, played: &Played) -> Came {
        let PlayedResult::Judged { transcript, checks, .. } = &played.result else { return Came::Otherwise };
        let (failing, passing) = match &self.of {
            Of::Official(id) => {
                let checks = official_checks(transcript);
                let mut named = checks.iter().filter(|check| check.id == id);
                let failing = named.clone().any(|check| check.is_failing());
                (failing, named.any(|check| check.is_passing()))
            }
            Of::Requirement(name) => {
                let mut named = checks.iter().filter(|check| check.is_called(name));
                let failing = named.clone().any(|check| check.verdict >= Verdict::Warn);
                (failing, named.any(|check| check.verdict == Verdict::Pass))
            }
            Of::Scenario => (checks.iter().any(|check| check.verdict >= Verdict::Warn), true),
        };
        match (failing, passing) {
            (true, _) => Came::Failing,
            (false, true) => Came::Passing,
            (false, false) => Came::Otherwise,
        }
    }

    fn stale(&self) -> Stale<'_> {
        let check = match &self.of {
            Of::Official(name) | Of::Requirement(name) => Some(name.as_str()),
            Of::Scenario => None,
        };
        Stale { scenario: &self.named, check, place: &self.place, is_ours: false }
    }
}

/// Whether the suite tells a finding by its check `id`: by one that failed in the exchange in which it was found or, as
/// for a finding that ended the run early, by one that failed because the run lacks its step.
fn covered_by(id: &str, official: &[OfficialCheck], check: &Check) -> bool {
    let Some(finding) = &check.finding else { return false };
    let failed_there =
        |at: Option<usize>| official.iter().filter(move |check| check.is_failing() && check.exchange == at);
    let is_named = |check: &OfficialCheck| check.id == id;
    let mut here = failed_there(finding.exchange).peekable();
    let ended_run = !finding.then.is_empty() && here.peek().is_none();
    here.any(is_named) || (ended_run && failed_there(None).any(is_named))
}

/// A file that is being read.
struct Reading<'a> {
    name: &'a str,
    text: &'a str,
    scenarios: &'a Scenarios,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    /// The text of an element, which any list has.
    fn word<'b>(&mut self, item: &'b Spanned<Item>) -> Option<&'b str> {
        match &item.value {
            Item::Word(word) => return Some(word),
            Item::Mapping => self.problem(
                item,
                "an entry is one word, and this is a mapping",
                Some("write SCENARIO:CHECK without a space after the colon".into()),
            ),
            Item::Other => self.problem(
                item,
                "an entry is the name of a scenario, or SCENARIO:CHECK",
                Some("put a name that looks like something else in quotes".into()),
            ),
        }
        None
    }

    /// An entry about a client.
    fn read(&mut self, item: &Spanned<Item>) {
        let Some(word) = self.word(item) else { return };
        let (named, check) = match word.split_once(':') {
            Some((named, check)) => (named.trim(), Some(check.trim())),
            None => (word.trim(), None),
        };
        let Some(id) = self.scenario(item, named) else { return };
        let Some(of) = check.map_or(Some(Of::Scenario), |check| self.check(item, &id, check)) else { return };
        let place = Place { path: self.name.to_owned(), line: self.line(item) };
        if let Some(what) = self.entries.iter().find_map(|earlier| earlier.contradicts(&id, &of)) {
            self.problem(item, what, None);
        }
        self.entries.push(Entry { id, named: named.to_owned(), of, place });
    }

    /// The id that we play a scenario by; `None` where the suite alone has it, or nobody.
    fn scenario(&mut self, item: &Spanned<Item>, named: &str) -> Option<String> {
        if self.scenarios.find(named).is_some() {
            return Some(named.to_owned());
        }
        if named == COMPLETE_FLOW_RENAMED {
            return Some(COMPLETE_FLOW.to_owned());
        }
        if !OTHERS.contains(&named) {
            let ours = self.scenarios.iter().map(|scenario| scenario.id.as_str());
            let near = nearest(named, ours.chain(OTHERS).chain([COMPLETE_FLOW_RENAMED]));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            self.problem(item, format!("no scenario is called `{named}`"), hint);
        }
        None
    }

    fn check(&mut self, item: &Spanned<Item>, scenario: &str, named: &str) -> Option<Of> {
        let requirements = requirement_names();
        let official: &[&str] = if scenario == COMPLETE_FLOW { &CHECKS } else { &[] };
        if requirements.iter().any(|name| name == named) {
            return Some(Of::Requirement(named.to_owned()));
        }
        if official.contains(&named) {
            return Some(Of::Official(named.to_owned()));
        }
        let near = nearest(named, requirements.iter().map(String::as_str).chain(official.iter().copied()));
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        self.problem(item, format!("no check of `{scenario}` is called `{named}`"), hint);
        None
    }

    fn problem(&mut self, item: &Spanned<Item>, what: impl Into<String>, hint: Option<String>) {
        self.problems.push(yaml::problem(self.name, self.text, Some(item.referenced), what.into(), hint));
    }

    fn line(&self, item: &Spanned<Item>) -> usize {
        yaml::bytes(self.text, item.referenced).map_or(0, |bytes| line_of(self.text, bytes.start))
    }
}

impl Entry {
    /// Why this and a later entry cannot both stand.
    fn contradicts(&self, id: &str, of: &Of) -> Option<String> {
        let Self { id: own, of: own_of, place, .. } = self;
        if own != id {
            return None;
        }
        match (own_of, of) {
            (one, other) if one == other => Some(format!("this stands in line {} already", place.line)),
            (Of::Scenario, _) => Some(format!("line {} lists the scenario whole", place.line)),
            (_, Of::Scenario) => Some(format!("line {} lists a check of the scenario", place.line)),
            _ => None,
        }
    }
}
