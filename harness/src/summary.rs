//! A run as a whole: what was found, what of it counts, and whether it is as expected.
//!
//! The one place that decides. Reports read it, and read a check's own verdict only to show what was found.

use crosscheck_scenarios::{Release, Severity};

use crate::baseline::{Baseline, Stale};
use crate::check::{Check, Verdict};
use crate::judge::SURFACING;
use crate::run::{Played, PlayedResult};
use crate::text::count;

/// A finding in its scenario.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The scenario.
    pub played: &'a Played,
    /// The check that found it.
    pub check: &'a Check,
}

/// A finding that the release whose rules count would not have had, or not as such.
#[derive(Clone, Copy, Debug)]
pub struct Announced<'a> {
    /// The finding.
    pub found: Found<'a>,
    /// What is newer than the release.
    pub newer: Newer,
}

impl Announced<'_> {
    /// Whether it counts as a warning all the same.
    pub fn is_counted(&self) -> bool {
        self.newer == Newer::Severity(Some(Severity::Warn))
    }
}

/// What a release did not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Newer {
    /// The requirement.
    Requirement,
    /// The scenario.
    Scenario,
    /// So high a severity; what a breach was then, or `None` where the profile had no such rule.
    Severity(Option<Severity>),
}

/// Everything that decides the exit code and the last lines of a report.
#[derive(Debug)]
pub struct Summary<'a> {
    /// Findings that fail the run, in the order of scenarios.
    pub failures: Vec<Found<'a>>,
    /// Warnings.
    pub warnings: Vec<Found<'a>>,
    /// Findings that were expected.
    pub expected: Vec<Found<'a>>,
    /// Entries of the baseline that hold no longer.
    pub stale: Vec<Stale<'a>>,
    /// Unexpected findings that are told and count for less, or nothing, because the release whose rules count did not
    /// have them. Those that still count as a warning are also among the warnings.
    pub announced: Vec<Announced<'a>>,
    /// The release whose rules count, where it was named.
    pub as_of: Option<&'a Release>,
    /// Scenarios without any finding that counts.
    pub passed: usize,
    /// Scenarios whose only findings that count were expected.
    pub known: usize,
    /// Scenarios with an unexpected failure.
    pub failed: usize,
    /// Scenarios with unexpected warnings and no unexpected failure.
    pub warned: usize,
    /// Scenarios that need what the client does not declare.
    pub not_applicable: usize,
    /// Scenarios in which the client wrote an outcome report that can be read.
    pub outcome_reports: usize,
    /// Error codes that could not be judged because the client wrote no outcome report.
    pub codes_not_shown: usize,
    deny_warnings: bool,
}

impl<'a> Summary<'a> {
    /// Sums up `all`, by the rules of the release `as_of` or, without one, by those of this version.
    pub fn new(
        all: &'a [Played],
        baseline: &'a Baseline,
        as_of: Option<&'a Release>,
        deny_warnings: bool,
    ) -> Self {
        let mut summary = Self {
            failures: Vec::new(),
            warnings: Vec::new(),
            expected: Vec::new(),
            stale: baseline.stale(all),
            announced: Vec::new(),
            as_of,
            passed: 0,
            known: 0,
            failed: 0,
            warned: 0,
            not_applicable: 0,
            outcome_reports: 0,
            codes_not_shown: 0,
            deny_warnings,
        };
        for played in all {
            summary.add(played, baseline);
        }
        summary
    }

    fn add(&mut self, played: &'a Played, baseline: &Baseline) {
        if played.verdict() == Verdict::NotApplicable {
            self.not_applicable += 1;
            return;
        }
        let reports = played.level() == Some(2);
        self.outcome_reports += usize::from(reports);
        let mut worst = Verdict::Pass;
        let expected_before = self.expected.len();
        for check in played.checks() {
            let found = Found { played, check };
            if check.verdict >= Verdict::Warn {
                if baseline.covers(played, check) {
                    self.expected.push(found);
                    continue;
                }
                let verdict = self.counted(found);
                worst = worst.max(verdict);
                match verdict {
                    Verdict::Fail | Verdict::NotReached => self.failures.push(found),
                    Verdict::Warn => self.warnings.push(found),
                    _ => {}
                }
            } else if check.verdict == Verdict::Info
                && !reports
                && SURFACING.contains(&check.requirement.as_str())
            {
                self.codes_not_shown += 1;
            }
        }
        match worst {
            Verdict::Fail | Verdict::NotReached => self.failed += 1,
            Verdict::Warn => self.warned += 1,
            _ if self.expected.len() > expected_before => self.known += 1,
            _ => self.passed += 1,
        }
    }

    /// What an unexpected finding counts as; one that counts for less than its verdict is announced.
    fn counted(&mut self, found: Found<'a>) -> Verdict {
        let Some(newer) = self.as_of.and_then(|release| newer(found, release)) else {
            return found.check.verdict;
        };
        let announced = Announced { found, newer };
        self.announced.push(announced);
        if announced.is_counted() { Verdict::Warn } else { Verdict::Info }
    }

    /// Scenarios that were judged.
    pub fn judged(&self) -> usize {
        self.passed + self.known + self.failed + self.warned
    }

    /// The level of the contract that the run was judged at: 2 where the client wrote any outcome report, else 1;
    /// `None` where nothing was judged.
    pub fn level(&self) -> Option<u8> {
        (self.judged() > 0).then_some(if self.outcome_reports > 0 { 2 } else { 1 })
    }

    /// The level, and how many outcome reports it rests on: `level 2: outcome reports in 231 of 240 runs`.
    pub fn level_in_words(&self) -> Option<String> {
        level_in_words(self.outcome_reports, self.judged())
    }

    /// Whether the run has no failure, no denied warning and no stale entry.
    pub fn as_expected(&self) -> bool {
        self.failures.is_empty() && self.stale.is_empty() && !(self.deny_warnings && self.warned > 0)
    }

    /// Whether warnings fail the run.
    pub fn denies_warnings(&self) -> bool {
        self.deny_warnings
    }
}

/// The level of a run in which `judged` scenarios were judged, `reported` of them by an outcome report.
pub(crate) fn level_in_words(reported: usize, judged: usize) -> Option<String> {
    let runs = count(judged, "run");
    match (reported, judged) {
        (_, 0) => None,
        (0, _) => Some(format!("level 1: no outcome report in {runs}")),
        _ => Some(format!("level 2: outcome reports in {reported} of {runs}")),
    }
}

/// What of a finding is newer than `release`; `None` where it counted as it does now. A user's own scenario never is.
fn newer(Found { played, check }: Found<'_>, release: &Release) -> Option<Newer> {
    let PlayedResult::Judged { transcript, .. } = &played.result else { return None };
    let requirement = check.requirement.as_str();
    if played.scenario.built_in && !release.has_scenario(played.scenario.id.as_str()) {
        return Some(Newer::Scenario);
    }
    if !release.has_requirement(requirement) {
        return Some(Newer::Requirement);
    }
    let then = release.severity(requirement, transcript.profile);
    let now = if check.verdict == Verdict::Warn { Severity::Warn } else { Severity::Fail };
    (then < Some(now)).then_some(Newer::Severity(then))
}

#[cfg(test)]
mod tests;
