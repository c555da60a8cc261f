//! Options that say what is expected of the client, and by the rules of which release.

use std::io;
use std::path::{Path, PathBuf};

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
    pub(super) expected: Option<PathBuf>,
    /// Failures that are expected, in a file of the official MCP suite: YAML of SCENARIO or SCENARIO:CHECK
    #[arg(long, value_name = "FILE")]
    pub(super) expected_failures: Option<PathBuf>,
    /// Rewrite the expected findings so that they are what this run found, and print what changed
    #[arg(long)]
    pub(super) update_baseline: bool,
    /// Count only what that release did; what is found by newer rules is told and does not fail the run
    #[arg(long, value_name = "VERSION")]
    pub(super) as_of: Option<String>,
}

impl BaselineOptions {
    /// Reads the files that are named.
    ///
    /// # Errors
    /// When one cannot be used, there is no such release, or nothing that could be updated.
    pub(super) fn open(&self, scenarios: &Scenarios) -> anyhow::Result<Measure> {
        let target = self.update_baseline.then(|| self.target()).transpose()?;
        let expected = match &self.expected {
            // What is yet to be written expects nothing.
            Some(path) if self.update_baseline && !path.exists() => Expected::default(),
            Some(path) => Expected::read(path, scenarios)?,
            None => Expected::default(),
        };
        let failures = failures(self.expected_failures.as_deref(), scenarios)?;
        let as_of = self.as_of.as_deref().map(release).transpose()?;
        Ok(Measure { baseline: Baseline { expected, failures }, as_of, target })
    }

    fn target(&self) -> anyhow::Result<Target> {
        match (&self.expected, &self.expected_failures) {
            (Some(path), _) => Ok(Target { path: path.clone(), client: None }),
            (None, Some(_)) => Err(Hinted::error(
                "--update-baseline writes expected findings, and leaves the official suite's file alone",
                "add --expected FILE: findings that stand in neither file are written there",
            )),
            (None, None) => Err(Hinted::error(
                "--update-baseline has no baseline to write",
                "name its file with --expected FILE; it need not exist yet",
            )),
        }
    }
}

/// The official suite's file, where one is named.
///
/// # Errors
/// When it cannot be used.
pub(super) fn failures(path: Option<&Path>, scenarios: &Scenarios) -> anyhow::Result<ExpectedFailures> {
    Ok(path.map(|path| ExpectedFailures::read(path, scenarios)).transpose()?.unwrap_or_default())
}

/// The release `version`.
///
/// # Errors
/// When there is none; the hint names those that there are.
pub(super) fn release(version: &str) -> anyhow::Result<Release> {
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
