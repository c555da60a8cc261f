//! The report on a terminal or in a CI log: findings first, the lines that matter last.

mod baseline;
mod difference;
mod live;
mod pinned;
mod self_test;

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
use crate::report::{Again, PAGE};
use crate::run::{Played, SLOW_THREADS, Settings};
use crate::select::Shard;
use crate::setup::SetUp;
use crate::summary::{Found, Summary};
use crate::text::{count, seconds};

pub use difference::write_difference;
pub(crate) use live::exchange_line;
pub use pinned::write_compared;
pub(crate) use self_test::SelfTest;
pub use self_test::{counts, told};

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
    /// Makes the command that plays the failing scenarios once more; none for saved transcripts.
    repeat: Option<&'a Again>,
    /// Whether the embedded client is driven by a user who is new here.
    reference: bool,
    /// Whether nothing but a line for each finding and the last lines is told.
    is_quiet: bool,
    shard: Option<Shard>,
    /// Scenarios that were not played, because an earlier one ended the run.
    not_played: usize,
}

impl<'a> Terminal<'a> {
    /// A report on `out` of a run. `again` makes the command that plays scenarios once more; `reference` tells that the
    /// embedded client alone is driven, by somebody who may be new here.
    pub fn new(out: impl Write + 'a, again: &'a Again, reference: bool) -> Self {
        let once_more = |played: &Played| again.of(&played.scenario.id);
        Self { repeat: Some(again), reference, ..Self::of_saved(out, once_more) }
    }

    /// A report on `out` of saved transcripts; `again` is the command that judges one of them.
    pub fn of_saved(out: impl Write + 'a, again: impl Fn(&Played) -> String + 'a) -> Self {
        Self {
            out: Box::new(out),
            again: Box::new(again),
            repeat: None,
            reference: false,
            is_quiet: false,
            shard: None,
            not_played: 0,
        }
    }

    /// Tells a line for each finding and the last lines, and nothing else, if it `is_quiet`.
    #[must_use]
    pub fn quiet(self, is_quiet: bool) -> Self {
        Self { is_quiet, ..self }
    }

    /// Says of which shard the run is.
    #[must_use]
    pub fn shard(self, shard: Option<Shard>) -> Self {
        Self { shard, ..self }
    }

    /// Says, if that many scenarios were `not_played`, that the run stopped at its first failure.
    pub fn stopped(&mut self, not_played: usize) {
        self.not_played = not_played;
    }

    /// The line above everything.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn head(&mut self, plan: &[Arc<Scenario>], settings: &Settings) -> io::Result<()> {
        if self.is_quiet {
            return Ok(());
        }
        let Settings { profile, threads, .. } = settings;
        let version = env!("CARGO_PKG_VERSION");
        let scenarios = count(plan.len(), "scenario");
        let slow = plan.iter().filter(|scenario| scenario.slow).count();
        let pace = match ((*threads).min(plan.len() - slow), slow.min(SLOW_THREADS)) {
            (0, 0) => String::new(),
            (threads, 0) => format!(" · {threads} at a time"),
            (0, slow) => format!(" · {slow} at a time"),
            (threads, slow) => format!(" · {threads} at a time, {slow} slow ones beside"),
        };
        let shard = self.shard.map(|shard| format!(" · shard {} of {}", shard.index(), shard.count()));
        let shard = shard.unwrap_or_default();
        writeln!(self.out, "crosscheck {version} · profile {profile}{shard} · {scenarios}{pace}")
    }

    /// What the set-up check found about the `client`.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn set_up(&mut self, set_up: SetUp, client: &str) -> io::Result<()> {
        if self.is_quiet {
            return Ok(());
        }
        let report = if set_up.reports_outcomes { "reports outcomes" } else { "writes no outcome report" };
        let line = format!("set-up  {client} starts, sends requests, {report}");
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
            match self.is_quiet {
                true => self.lines(label, style, list)?,
                false => self.findings(label, style, list, &mut compared)?,
            }
        }
        if !self.is_quiet {
            match all {
                [] if self.shard.is_some() => {
                    writeln!(self.out, "nothing to play: none of the selected scenarios is in this shard\n")?
                }
                _ => writeln!(self.out, "{}", by_subject(all, summary))?,
            }
        }
        self.counts(summary, took)?;
        self.hints(summary, report)?;
        match self.repeat.filter(|_| !self.is_quiet).and_then(|again| again.failing(summary)) {
            Some(again) => writeln!(self.out, "again   {again}"),
            None => Ok(()),
        }
    }

    /// Tells findings, each on one line.
    fn lines(&mut self, label: &str, style: Style, list: &[Found<'_>]) -> io::Result<()> {
        for found in list {
            let (scenario, id) = (&found.played.scenario.id, found.check.id());
            let label = label_of(found, label);
            let what = finding::first_sentence(*found);
            writeln!(self.out, "{style}{label}{style:#}  {scenario} · {id}  {what}")?;
        }
        Ok(())
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
            let label = label_of(&first, label);
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
        if let Some(stopped) = stopped(self.not_played) {
            writeln!(self.out, "{stopped}")?;
        }
        if let Some(level) = summary.level_in_words().filter(|_| !self.is_quiet) {
            writeln!(self.out, "{level}")?;
        }
        if summary.codes_not_shown > 0 && !self.is_quiet {
            let codes = count(summary.codes_not_shown, "error code");
            writeln!(self.out, "{codes} not shown: write the outcome report to have this judged")?;
        }
        baseline::write(&mut self.out, summary)?;
        if self.is_quiet {
            return Ok(());
        }
        if summary.denies_warnings() && summary.warned > 0 {
            writeln!(self.out, "warnings fail this run: --deny warnings")?;
        }
        if let Some(report) = report {
            writeln!(self.out, "report  {}", report.join(PAGE).display())?;
        }
        if self.reference && summary.as_expected() && summary.judged() > 0 {
            writeln!(
                self.out,
                "yours   crosscheck run -- COMMAND ARG…   (the MCP server's URL is appended)"
            )?;
            writeln!(
                self.out,
                "a fault crosscheck run -- crosscheck reference-client --fault audience-trailing-slash"
            )?;
            if report.is_none() {
                writeln!(self.out, "a file  crosscheck run --report DIR")?;
            }
        }
        Ok(())
    }
}

/// That a run stopped at its first failure, if any scenario was not played for that.
pub(crate) fn stopped(not_played: usize) -> Option<String> {
    let scenarios = count(not_played, "scenario");
    (not_played > 0).then(|| format!("stopped at the first failure: {scenarios} not played"))
}

fn label_of<'a>(found: &Found<'_>, label: &'a str) -> &'a str {
    if found.check.verdict == Verdict::NotReached { "NOT REACHED" } else { label }
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
