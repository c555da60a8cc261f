//! What a run is expected to find: our own form of it, the official suite's, and how ours is brought up to date.
//!
//! A baseline only says what is listed and what is stale; what that makes of a run is decided in [`crate::summary`].

mod expected;
mod official;
mod suite;
mod update;
mod yaml;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use crosscheck_scenarios::Problem;
use crosscheck_wire::transcript::Ended;

use crate::check::Check;
use crate::run::{Played, PlayedResult};

pub use expected::{Entry, Expected, Row};
pub use official::ExpectedFailures;
pub use update::{Addition, Changes, UpdateError, update};

/// Everything that is expected of one client.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// Our own expected findings, each with a reason.
    pub expected: Expected,
    /// Failures that the official suite's file lists.
    pub failures: ExpectedFailures,
}

impl Baseline {
    /// Whether a finding is listed. One of a client that died by a signal or was ended at its time limit never is.
    pub fn covers(&self, played: &Played, check: &Check) -> bool {
        !is_cut_short(played) && (self.expected.covers(played, check) || self.failures.covers(played, check))
    }

    /// Why a finding that is listed is expected.
    pub fn reason(&self, played: &Played, check: &Check) -> Option<String> {
        let own = self.expected.reason(played, check).map(str::to_owned);
        own.or_else(|| {
            self.failures.covers(played, check).then(|| "listed among the expected failures".into())
        })
    }

    /// Entries about scenarios that were played to their end, in which they hold no longer.
    pub fn stale<'a>(&'a self, all: &[Played]) -> Vec<Stale<'a>> {
        let ended: Vec<_> = all.iter().filter(|played| is_judged(played) && !is_cut_short(played)).collect();
        self.expected.stale(&ended).chain(self.failures.stale(&ended)).collect()
    }
}

impl From<Expected> for Baseline {
    fn from(expected: Expected) -> Self {
        Self { expected, ..Self::default() }
    }
}

/// Whether the client died by a signal or was ended at its time limit, which shows nothing about a baseline.
pub(crate) fn is_cut_short(played: &Played) -> bool {
    match &played.result {
        PlayedResult::Judged { transcript, .. } => {
            matches!(transcript.client.ended, Ended::TimedOut(_) | Ended::Signal(_))
        }
        PlayedResult::NotApplicable(_) => false,
    }
}

fn is_judged(played: &Played) -> bool {
    matches!(played.result, PlayedResult::Judged { .. })
}

/// An entry that holds no longer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stale<'a> {
    /// The scenario, as the entry names it.
    pub scenario: &'a str,
    /// The requirement or check; `None` where the scenario is listed whole.
    pub check: Option<&'a str>,
    /// Where the entry stands.
    pub place: &'a Place,
    /// Whether it is one of ours, which `--update-baseline` removes.
    pub is_ours: bool,
}

/// As it is told: `tx-grant-type @ flow/complete`.
impl fmt::Display for Stale<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.check {
            Some(check) => write!(out, "{check} @ {}", self.scenario),
            None => out.write_str(self.scenario),
        }
    }
}

/// A line of a file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Place {
    /// The file, as the user named it.
    pub path: String,
    /// Counted from 1; 0 for an entry that has just been written.
    pub line: usize,
}

/// As compilers write it: `expected.toml:7`.
impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.path, self.line)
    }
}

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
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
