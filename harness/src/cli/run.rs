//! `crosscheck run` and `crosscheck doctor`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tokio::sync::watch;

use crosscheck_scenarios::{Scenario, Scenarios};

use crate::cli::progress::play;
use crate::cli::{CANNOT_LISTEN, Hinted, baseline, client, pin};
use crate::exit;
use crate::interruption;
use crate::report::{Document, Folder, Matrix, Terminal};
use crate::run::Settings;
use crate::select::Selection;
use crate::setup::{self, SetUp, SetUpError};

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
    #[command(flatten)]
    baseline: baseline::BaselineOptions,
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
    let mut measure = options.baseline.open(baseline::Configured::default(), &scenarios)?;
    let folder = options.report.clone().map(Folder::open).transpose()?;
    let pins = options.pin.open()?;
    let interrupted = interruption::listen().context(CANNOT_LISTEN)?;

    let reference = options.client.drives_reference()?;
    let mut terminal = Terminal::new(anstream::stdout(), &settings, options.client.to_repeat(), reference);
    let began = Instant::now();
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
    let updated = measure.update(&all)?;
    let summary = measure.summary(&all, options.deny.is_some());
    let document = || Document::new(&all, &summary, Some(&settings));
    if let Some(folder) = &folder {
        folder.write(&document(), &Matrix::new(&all, &summary, &settings), &all)?;
    }
    let told = match options.format {
        Format::Human => terminal.finish(&all, &summary, began.elapsed(), folder.as_ref().map(Folder::path)),
        Format::Json => print(&document()),
    };
    let told = told.and_then(|()| updated.map_or(Ok(()), |updated| updated.tell_beside(options.format)));
    // A reader that left early changes nothing about what was found.
    told.or_else(unless_closed)?;
    let unfiltered = options.selection.is_everything().then_some(&scenarios);
    let as_pinned = match &pins {
        Some(pins) => options.pin.compare(pins, &all, unfiltered, options.format)?,
        None => true,
    };
    Ok(exit::code(summary.as_expected() && as_pinned))
}

/// Prints a report for programs.
pub(super) fn print(document: &Document<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, document)?;
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
    let mut terminal = Terminal::new(anstream::stdout(), &settings, Vec::new(), options.drives_reference()?);
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
