//! Options that say what is expected of the client, and by the rules of which release.

use std::io;
use std::path::PathBuf;

use crosscheck_scenarios::{Release, Scenarios};

use crate::baseline::{Baseline, Changes, Expected, ExpectedFailures, update};
use crate::cli::Hinted;
use crate::cli::run::Format;
use crate::run::Played;
use crate::summary::Summary;

/// What is expected of the client.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct BaselineOptions {
    /// Findings that are expected: a TOML file of scenario, requirement and reason
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// Failures that are expected, in a file of the official MCP suite: YAML of SCENARIO or SCENARIO:CHECK
    #[arg(long, value_name = "FILE")]
    expected_failures: Option<PathBuf>,
    /// Rewrite the expected findings so that they are what this run found, and print what changed
    #[arg(long)]
    update_baseline: bool,
    /// Count only what that release did; what is found by newer rules is told and does not fail the run
    #[arg(long, value_name = "VERSION")]
    as_of: Option<String>,
}

/// What a configuration says of the same for one client; what the command line says wins.
#[derive(Clone, Debug, Default)]
pub(super) struct Configured {
    /// Its expected findings.
    pub(super) expected: Expected,
    /// Where they stand, or would.
    pub(super) place: Option<Target>,
    /// The official suite's file.
    pub(super) expected_failures: Option<PathBuf>,
    /// The release whose rules count.
    pub(super) as_of: Option<String>,
}

impl BaselineOptions {
    /// Reads the files that are named here or in the configuration.
    ///
    /// # Errors
    /// When one cannot be used, there is no such release, or nothing that could be updated.
    pub(super) fn open(&self, configured: Configured, scenarios: &Scenarios) -> anyhow::Result<Measure> {
        let failures = self.expected_failures.as_ref().or(configured.expected_failures.as_ref());
        let named = self.expected.clone().map(|path| Target { path, client: None });
        let target = match named.or(configured.place) {
            target @ Some(_) => target.filter(|_| self.update_baseline),
            None if self.update_baseline => return Err(nothing_to_update(failures.is_some())),
            None => None,
        };
        let expected = match &self.expected {
            // What is yet to be written expects nothing.
            Some(path) if self.update_baseline && !path.exists() => Expected::default(),
            Some(path) => Expected::read(path, scenarios)?,
            None => configured.expected,
        };
        let failures = failures.map(|path| ExpectedFailures::read(path, scenarios)).transpose()?;
        let as_of = self.as_of.as_ref().or(configured.as_of.as_ref());
        let as_of = as_of.map(|version| release(version)).transpose()?;
        Ok(Measure { baseline: Baseline { expected, failures: failures.unwrap_or_default() }, as_of, target })
    }
}

fn nothing_to_update(has_failures: bool) -> anyhow::Error {
    if has_failures {
        Hinted::error(
            "--update-baseline writes expected findings, and leaves the official suite's file alone",
            "add --expected FILE: findings that stand in neither file are written there",
        )
    } else {
        Hinted::error(
            "--update-baseline has no baseline to write",
            "name its file with --expected FILE; it need not exist yet",
        )
    }
}

/// The release `version`.
///
/// # Errors
/// When there is none; the hint names those that there are.
fn release(version: &str) -> anyhow::Result<Release> {
    Release::named(version).map_err(|error| {
        Hinted::error(error.to_string(), format!("the releases are {}", error.known.join(", ")))
    })
}

/// What one client's run is measured by.
#[derive(Debug, Default)]
pub(super) struct Measure {
    /// What is expected.
    pub(super) baseline: Baseline,
    /// The release whose rules count; this version where none is named.
    pub(super) as_of: Option<Release>,
    /// Where the expected findings are brought up to date, if they are.
    pub(super) target: Option<Target>,
}

/// Expected findings in a file.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The file.
    pub(super) path: PathBuf,
    /// The client in a configuration whose they are; `None` in a file of expected findings alone.
    pub(super) client: Option<String>,
}

impl Measure {
    /// What `all` comes to.
    pub(super) fn summary<'a>(&'a self, all: &'a [Played], deny_warnings: bool) -> Summary<'a> {
        Summary::new(all, &self.baseline, self.as_of.as_ref(), deny_warnings)
    }

    /// Brings the expected findings up to date where that is asked for, so that from here on the run is measured by
    /// them; then says what changed.
    ///
    /// # Errors
    /// When the file cannot be written; it is then as it was.
    pub(super) fn update(&mut self, all: &[Played]) -> anyhow::Result<Option<Updated>> {
        let Some(Target { path, client }) = &self.target else { return Ok(None) };
        let changes = Changes::of(&self.summary(all, false));
        update(path, client.as_deref(), &changes)?;
        let updated = Updated { path: path.clone(), client: client.clone(), changes };
        self.baseline.expected = self.baseline.expected.changed(&updated.changes);
        Ok(Some(updated))
    }
}

/// What an update changed.
#[derive(Debug)]
pub(super) struct Updated {
    path: PathBuf,
    client: Option<String>,
    changes: Changes,
}

impl Updated {
    /// Tells it below a report of `format`; beside one for programs, which stands alone on standard output.
    ///
    /// # Errors
    /// When the stream does not take it.
    pub(super) fn tell_beside(&self, format: Format) -> io::Result<()> {
        match format {
            Format::Human => self.tell(anstream::stdout().lock()),
            Format::Json => self.tell(anstream::stderr().lock()),
        }
    }

    fn tell(&self, mut out: impl io::Write) -> io::Result<()> {
        let of = self.client.as_ref().map(|client| format!(", client {client}")).unwrap_or_default();
        let state =
            if self.changes.is_empty() { " is as the run is" } else { " now holds what the run found" };
        write!(out, "baseline {}{of}{state}\n{}", self.path.display(), self.changes)
    }
}
