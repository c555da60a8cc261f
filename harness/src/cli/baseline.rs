//! Options that say what is expected of the client, and by the rules of which release.

use std::io;
use std::path::PathBuf;

use crosscheck_scenarios::{Release, Scenarios};

use crate::baseline::{Baseline, Changes, Expected, ExpectedFailures, update};
use crate::cli::Hinted;
use crate::cli::output::Format;
use crate::config::{Client, Config};
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

impl BaselineOptions {
    /// The option that is about one client, where one was given.
    pub(super) fn of_one_client(&self) -> Option<&'static str> {
        let expected = self.expected.as_ref().map(|_| "--expected");
        expected.or(self.expected_failures.as_ref().map(|_| "--expected-failures"))
    }

    /// Reads the files that are named, and what is configured where none is.
    ///
    /// # Errors
    /// When one cannot be used, there is no such release, or nothing that could be updated.
    pub(super) fn open(
        &self,
        scenarios: &Scenarios,
        config: Option<&Config>,
        client: Option<&Client>,
    ) -> anyhow::Result<Measure> {
        let configured = config.zip(client);
        let target = self.update_baseline.then(|| self.target(configured)).transpose()?;
        let expected = match (&self.expected, configured) {
            // What is yet to be written expects nothing.
            (Some(path), _) if self.update_baseline && !path.exists() => Expected::default(),
            (Some(path), _) => Expected::read(path, scenarios)?,
            (None, Some((config, client))) => config.expected(client, scenarios)?,
            (None, None) => Expected::default(),
        };
        let failures = self.expected_failures.as_deref();
        let failures = failures
            .or(client.and_then(|client| Some(client.expected_failures.as_ref()?.get_ref().as_path())));
        let failures = failures.map(|path| ExpectedFailures::read(path, scenarios)).transpose()?;
        let baseline = Baseline { expected, failures: failures.unwrap_or_default() };
        Ok(Measure { baseline, as_of: self.release(config)?, target })
    }

    /// The release whose rules count, where one is named.
    fn release(&self, config: Option<&Config>) -> anyhow::Result<Option<Release>> {
        let configured = config.and_then(|config| Some((config, config.as_of.as_ref()?)));
        let (version, place) = match (&self.as_of, configured) {
            (Some(version), _) => (version, None),
            (None, Some((config, version))) => (version.get_ref(), Some((config, version.span()))),
            (None, None) => return Ok(None),
        };
        Release::named(version).map(Some).map_err(|error| {
            let hint = format!("the releases are {}", error.known.join(", "));
            match place {
                Some((config, span)) => {
                    anyhow::Error::msg(config.problem(span, error.to_string(), Some(hint)))
                }
                None => Hinted::error(error.to_string(), hint),
            }
        })
    }

    fn target(&self, configured: Option<(&Config, &Client)>) -> anyhow::Result<Target> {
        match (&self.expected, configured, &self.expected_failures) {
            (Some(path), ..) => Ok(Target { path: path.clone(), client: None }),
            (None, Some((config, client)), _) => {
                Ok(Target { path: config.path().to_owned(), client: Some(client.name.clone()) })
            }
            (None, None, Some(_)) => Err(Hinted::error(
                "--update-baseline writes expected findings, and leaves the official suite's file alone",
                "add --expected FILE: findings that stand in neither file are written there",
            )),
            (None, None, None) => Err(Hinted::error(
                "--update-baseline has no baseline to write",
                "name its file with --expected FILE; it need not exist yet",
            )),
        }
    }
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
