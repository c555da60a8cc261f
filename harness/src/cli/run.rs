//! `crosscheck run` and `crosscheck doctor`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use anyhow::Context as _;
use tokio::sync::watch;

use crosscheck_scenarios::{Scenario, Scenarios};

use crate::cli::progress::play;
use crate::cli::{CANNOT_LISTEN, Hinted, client, pin};
use crate::exit;
use crate::expected::Expected;
use crate::interruption;
use crate::report::model::RunFacts;
use crate::report::{
    Again, ClientReport, Driven, Folder, Matrix, Report, Terminal, annotations, step_summary, typed,
};
use crate::run::{Played, Settings};
use crate::select::Selection;
use crate::setup::{self, SetUp, SetUpError};
use crate::summary::Summary;

/// Options of `crosscheck run`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RunOptions {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    client: client::ClientOptions,
    /// List what would run, and run nothing
    #[arg(long)]
    list: bool,
    /// Findings that are expected: a TOML file of scenario, requirement and reason
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// Let warnings fail the run
    #[arg(long, value_name = "WHAT", value_parser = ["warnings"])]
    deny: Option<String>,
    /// Write report.json, the error-handling matrix, transcripts and checks.json there
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Save the values of tokens and secrets in the transcripts of the report, besides their names
    #[arg(long, requires = "report")]
    reveal: bool,
    #[command(flatten)]
    pin: pin::PinOptions,
    /// What stands on standard output
    #[arg(long, value_name = "FORMAT", default_value = "human", value_enum)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Format {
    Human,
    Json,
}

/// Drives the client through the selected scenarios.
pub(super) fn run(options: &RunOptions) -> anyhow::Result<ExitCode> {
    let scenarios = options.client.scenarios()?;
    let plan = options
        .selection
        .select(&scenarios, options.client.profile)
        .map_err(|error| Hinted::error(error.to_string(), "`crosscheck list` shows all ids"))?;
    if options.list {
        return list(&plan);
    }
    let settings = Settings { reveal: options.reveal, ..options.client.settings()? };
    let expected = match &options.expected {
        Some(path) => Expected::read(path, &scenarios)?,
        None => Expected::default(),
    };
    let folder = options.report.clone().map(Folder::open).transpose()?;
    let pins = options.pin.open()?;
    let interrupted = interruption::listen().context(CANNOT_LISTEN)?;

    let reference = options.client.drives_reference()?;
    let again = Again::new(options.client.to_repeat(), &settings.command, reference);
    let again = |played: &Played| again.line(&[played.scenario.id.as_str()]);
    let mut terminal = Terminal::new(anstream::stdout(), again, reference);
    let (began, started) = (Instant::now(), SystemTime::now());
    let set_up = set_up(&scenarios, &settings, interrupted.clone())?;
    if options.format == Format::Human {
        terminal
            .head(&plan, &settings)
            .and_then(|()| terminal.set_up(set_up, &settings))
            .or_else(unless_closed)?;
    }

    let all = play(
        &plan,
        settings.threads,
        &interrupted,
        |scenario| scenario.id.as_str(),
        |scenario| scenario.slow,
        |player, scenario| player.play(scenario, &settings),
    )?;
    let summary = Summary::new(&all, &expected, options.deny.is_some());
    let command = typed(&settings.command, reference);
    let facts = RunFacts::new(command, &settings, &summary, started, began.elapsed());
    let name = if reference { REFERENCE.into() } else { settings.command.name() };
    let driven = Driven { name: &name, run: Some(facts), all: &all, summary: &summary, again: &again };
    let report = Report::new(vec![ClientReport::new(driven)]);
    if let Some(folder) = &folder {
        folder.write(&report, &Matrix::new(&all, &summary, &settings), &all)?;
    }
    tell_github(&report)?;
    let told = match options.format {
        Format::Human => terminal.finish(&all, &summary, began.elapsed(), folder.as_ref().map(Folder::path)),
        Format::Json => print(&report),
    };
    // A reader that left early changes nothing about what was found.
    told.or_else(unless_closed)?;
    let unfiltered = options.selection.is_everything().then_some(&scenarios);
    let as_pinned = match &pins {
        Some(pins) => options.pin.compare(pins, &all, unfiltered, options.format)?,
        None => true,
    };
    Ok(exit::code(summary.as_expected() && as_pinned))
}

/// Adds the summary to that of a GitHub Actions step, and annotates the job, where there is one.
fn tell_github(report: &Report) -> anyhow::Result<()> {
    if let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()) {
        step_summary(report, Path::new(&path)).with_context(|| {
            format!("could not add to the file that GITHUB_STEP_SUMMARY names, `{}`", path.display())
        })?;
    }
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|set| set == "true") {
        // Not on standard output, which may be data.
        annotations(report, &mut io::stderr()).or_else(unless_closed)?;
    }
    Ok(())
}

/// Prints a report for programs.
pub(super) fn print(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report)?;
    writeln!(out)
}

/// Forgives a reader that left early.
pub(super) fn unless_closed(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

/// Checks the client's set-up and judges nothing.
pub(super) fn doctor(options: &client::ClientOptions) -> anyhow::Result<ExitCode> {
    let settings = options.settings()?;
    let interrupted = interruption::listen().context(CANNOT_LISTEN)?;
    let set_up = set_up(&options.scenarios()?, &settings, interrupted)?;
    let mut terminal = Terminal::new(anstream::stdout(), |_| String::new(), options.drives_reference()?);
    terminal.set_up(set_up, &settings)?;
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

fn list(plan: &[Arc<Scenario>]) -> anyhow::Result<ExitCode> {
    let mut out = anstream::stdout().lock();
    for scenario in plan {
        writeln!(out, "{}", scenario.id)?;
    }
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

fn set_up(
    scenarios: &Scenarios,
    settings: &Settings,
    interrupted: watch::Receiver<bool>,
) -> anyhow::Result<SetUp> {
    let conforming = scenarios.find(CONFORMING).context("the built-in scenarios hold no conforming one")?;
    setup::check(&Arc::new(conforming.clone()), settings, interrupted).map_err(|error| match error {
        SetUpError::Useless { what, hint } => Hinted::error(format!("set-up: {what}"), hint),
        other => other.into(),
    })
}

/// The scenario in which every server conforms.
const CONFORMING: &str = "flow/complete";

/// The name of the embedded client.
const REFERENCE: &str = "reference";
