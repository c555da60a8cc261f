//! A run as a whole: what was found, what of it was expected, and whether it is as expected.

use crate::check::{Check, Verdict};
use crate::expected::{Entry, Expected};
use crate::run::Played;

/// Requirements that an error reaches the caller. Without an outcome report a breach is told, and not counted.
const SURFACING: [&str; 8] = [
    "txe-reported",
    "txe-unknown-code",
    "txe-odd-body",
    "txe-step-up",
    "txe-step-up-types",
    "jbe-reported",
    "jbe-unknown-code",
    "jbe-odd-body",
];

/// A finding in its scenario.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The scenario.
    pub played: &'a Played,
    /// The check that found it.
    pub check: &'a Check,
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
    /// Expected findings that no longer occur.
    pub stale: Vec<&'a Entry>,
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
    /// Sums up `all`.
    pub fn new(all: &'a [Played], expected: &'a Expected, deny_warnings: bool) -> Self {
        let mut summary = Self {
            failures: Vec::new(),
            warnings: Vec::new(),
            expected: Vec::new(),
            stale: expected.stale(all).collect(),
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
            summary.add(played, expected);
        }
        summary
    }

    fn add(&mut self, played: &'a Played, expected: &Expected) {
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
                if expected.covers(played, check) {
                    self.expected.push(found);
                    continue;
                }
                worst = worst.max(check.verdict);
                let list =
                    if check.verdict == Verdict::Warn { &mut self.warnings } else { &mut self.failures };
                list.push(found);
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
    let plural = if judged == 1 { "run" } else { "runs" };
    match (reported, judged) {
        (_, 0) => None,
        (0, _) => Some(format!("level 1: no outcome report in {judged} {plural}")),
        _ => Some(format!("level 2: outcome reports in {reported} of {judged} {plural}")),
    }
}
