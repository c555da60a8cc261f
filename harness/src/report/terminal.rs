//! The report on a terminal or in a CI log: findings first, the lines that matter last.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use crosscheck_scenarios::Scenario;

use crate::check::{Finding, Verdict};
use crate::report::finding::{self, Told};
use crate::report::write_difference;
use crate::run::{Played, SLOW_THREADS, Settings};
use crate::setup::SetUp;
use crate::summary::{Found, Summary};

pub(super) const FAIL: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const PASS: Style = AnsiColor::Green.on_default().bold();

/// Lines that are shown of a difference.
const DIFFERENCE: usize = 20;

/// Writes the report of one run.
pub struct Terminal<'a> {
    out: Box<dyn Write + 'a>,
    /// The command that finds the same once more.
    again: Box<dyn Fn(&Played) -> String + 'a>,
    /// Whether the embedded client is driven by a user who is new here.
    reference: bool,
}

impl<'a> Terminal<'a> {
    /// A report on `out`. `again` is the command that finds the same once more; `reference` tells that the embedded
    /// client is driven.
    pub fn new(out: impl Write + 'a, again: impl Fn(&Played) -> String + 'a, reference: bool) -> Self {
        Self { out: Box::new(out), again: Box::new(again), reference }
    }

    /// The line above everything.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn head(&mut self, plan: &[Arc<Scenario>], settings: &Settings) -> io::Result<()> {
        let Settings { profile, threads, .. } = settings;
        let version = env!("CARGO_PKG_VERSION");
        let plural = if plan.len() == 1 { "scenario" } else { "scenarios" };
        let slow = plan.iter().filter(|scenario| scenario.slow).count();
        let pace = match ((*threads).min(plan.len() - slow), slow.min(SLOW_THREADS)) {
            (threads, 0) => format!("{threads} at a time"),
            (0, slow) => format!("{slow} at a time"),
            (threads, slow) => format!("{threads} at a time, {slow} slow ones beside"),
        };
        writeln!(self.out, "crosscheck {version} · profile {profile} · {} {plural} · {pace}", plan.len())
    }

    /// What the set-up check found.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn set_up(&mut self, set_up: SetUp, settings: &Settings) -> io::Result<()> {
        let report = if set_up.reports_outcomes { "reports outcomes" } else { "writes no outcome report" };
        let program = if self.reference { "the reference client".into() } else { settings.command.name() };
        let line = format!("set-up  {program} starts, sends requests, {report}");
        writeln!(self.out, "{line:<72} {}\n", seconds(set_up.took))
    }

    /// Findings, counts by subject, and the last lines.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn finish(
        &mut self,
        all: &[Played],
        summary: &Summary<'_>,
        took: Duration,
        report: Option<&Path>,
    ) -> io::Result<()> {
        let mut compared = BTreeSet::new();
        for (label, style, list) in [("WARN", WARN, &summary.warnings), ("FAIL", FAIL, &summary.failures)] {
            self.findings(label, style, list, &mut compared)?;
        }
        writeln!(self.out, "{}", by_subject(all, summary))?;
        self.counts(summary, took)?;
        self.hints(summary, report)
    }

    /// Tells findings; `compared` are the scenarios whose difference has been shown.
    fn findings<'b>(
        &mut self,
        label: &str,
        style: Style,
        list: &[Found<'b>],
        compared: &mut BTreeSet<&'b str>,
    ) -> io::Result<()> {
        let mut groups: Vec<(String, Vec<Found<'_>>)> = Vec::new();
        for found in list {
            // What was not reached for one cause is told once.
            let key = match (&found.check.verdict, &found.check.finding) {
                (Verdict::NotReached, Some(finding)) => finding.what.clone(),
                _ => found.check.id(),
            };
            match groups.iter_mut().find(|(id, _)| *id == key) {
                Some((_, group)) => group.push(*found),
                None => groups.push((key, vec![*found])),
            }
        }
        let nothing = Finding::default();
        for (_, group) in groups {
            let first = group[0];
            let id = first.check.id();
            let others: Vec<_> = group[1..].iter().map(|found| found.played.scenario.id.as_str()).collect();
            let label = if first.check.verdict == Verdict::NotReached { "NOT REACHED" } else { label };
            writeln!(self.out, "{style}{label}{style:#}  {} · {id}", first.played.scenario.id)?;
            let again = (self.again)(first.played);
            let message = finding::message(first.played, first.check);
            let told = Told {
                requirement: first.check.requirement.as_str(),
                finding: first.check.finding.as_ref().unwrap_or(&nothing),
                message: message.as_deref(),
                again: &again,
                others: &others,
            };
            for line in finding::lines(&told) {
                writeln!(self.out, "{}", line.trim_end())?;
            }
            let difference = first.played.difference();
            if !difference.is_empty() && compared.insert(first.played.scenario.id.as_str()) {
                writeln!(
                    self.out,
                    "      diff  from a conforming client's exchange (-) to this client's (+)"
                )?;
                write_difference(&mut self.out, difference, DIFFERENCE)?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn counts(&mut self, summary: &Summary<'_>, took: Duration) -> io::Result<()> {
        let style = if !summary.as_expected() {
            FAIL
        } else if summary.warned > 0 {
            WARN
        } else {
            PASS
        };
        let mut counts = format!("{} passed", summary.passed);
        for (count, what) in [
            (summary.failed, "failed"),
            (summary.warned, "with warnings"),
            (summary.known, "with expected findings"),
            (summary.not_applicable, "not applicable"),
        ] {
            if count > 0 {
                let _ = write!(counts, " · {count} {what}");
            }
        }
        writeln!(self.out, "{style}{counts:<72}{style:#} {}", seconds(took))
    }

    fn hints(&mut self, summary: &Summary<'_>, report: Option<&Path>) -> io::Result<()> {
        if let Some(level) = summary.level_in_words() {
            writeln!(self.out, "{level}")?;
        }
        if summary.codes_not_shown > 0 {
            let count = summary.codes_not_shown;
            let plural = if count == 1 { "error code" } else { "error codes" };
            writeln!(self.out, "{count} {plural} not shown: write the outcome report to have this judged")?;
        }
        for entry in &summary.stale {
            writeln!(self.out, "{FAIL}stale{FAIL:#}   {entry}")?;
        }
        if summary.denies_warnings() && summary.warned > 0 {
            writeln!(self.out, "warnings fail this run: --deny warnings")?;
        }
        if let Some(report) = report {
            writeln!(self.out, "report  {}", report.display())?;
        }
        if self.reference && summary.as_expected() {
            writeln!(
                self.out,
                "yours   crosscheck run -- COMMAND ARG…   (the MCP server's URL is appended)"
            )?;
            writeln!(
                self.out,
                "a fault crosscheck run -- crosscheck reference-client --fault audience-trailing-slash"
            )?;
            writeln!(self.out, "a file  crosscheck run --report DIR")?;
        }
        Ok(())
    }
}

/// Scenarios without an unexpected failure, of all that were judged, by folder.
fn by_subject(all: &[Played], summary: &Summary<'_>) -> String {
    let failed = |played: &Played| summary.failures.iter().any(|found| std::ptr::eq(found.played, played));
    let mut subjects: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for played in all.iter().filter(|played| played.verdict() != Verdict::NotApplicable) {
        let subject = played.scenario.id.as_str().split('/').next().unwrap_or_default();
        let (good, judged) = subjects.entry(subject).or_default();
        *judged += 1;
        *good += usize::from(!failed(played));
    }
    let mut text = String::new();
    for (place, (subject, (good, judged))) in subjects.into_iter().enumerate() {
        let count = if good == judged { judged.to_string() } else { format!("{good} of {judged}") };
        let _ = match place % 3 {
            0 => write!(text, "{}  {subject:<18}{count:>8}", if place == 0 { "" } else { "\n" }),
            _ => write!(text, "   {subject:<18}{count:>8}"),
        };
    }
    text.push('\n');
    text
}

pub(super) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
