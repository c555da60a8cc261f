//! `crosscheck run` and `crosscheck doctor`.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tokio::sync::watch;

use crosscheck_scenarios::{Scenario, Scenarios};

use crate::cli::config::from_here;
use crate::cli::driven::Driven;
use crate::cli::progress::play;
use crate::cli::{CANNOT_LISTEN, Hinted, client, pin};
use crate::config::{Config, Deny};
use crate::exit;
use crate::expected::Expected;
use crate::interruption;
use crate::pin::Pins;
use crate::report::{Document, Folder, Matrix, Terminal};
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
    #[arg(long, value_name = "WHAT", value_enum)]
    deny: Option<Deny>,
    /// Write report.json, the error-handling matrix, transcripts and checks.json there
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Save the values of tokens and secrets in the transcripts of the report, besides their names
    #[arg(long)]
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

/// Drives the clients through the selected scenarios, one client after the other.
pub(super) fn run(options: &RunOptions) -> anyhow::Result<ExitCode> {
    let config = options.client.config.read()?;
    let config = config.as_ref();
    let scenarios = options.client.scenarios(config)?;
    let clients = Driven::all(&options.client, config)?;
    let plans = clients.iter().map(|client| client.plan(&options.selection, &scenarios));
    let plans = plans.collect::<anyhow::Result<Vec<_>>>()?;
    if options.list {
        return list(plans.iter().flat_map(|(_, plan)| plan));
    }
    let run = Run::new(options, config, &scenarios, clients.len())?;
    let runs =
        clients.into_iter().zip(plans).map(|(client, (selection, plan))| run.of(client, selection, plan));
    let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;

    let set_ups = set_ups(runs.iter().map(|run| &run.client), &scenarios, &run.interrupted)?;
    let mut as_expected = true;
    for (place, (client, set_up)) in runs.into_iter().zip(set_ups).enumerate() {
        if place > 0 {
            writeln!(anstream::stdout()).or_else(unless_closed)?;
        }
        as_expected &= run.drive(client, set_up)?;
    }
    Ok(exit::code(as_expected))
}

/// What holds for every client of a run.
struct Run<'a> {
    options: &'a RunOptions,
    scenarios: &'a Scenarios,
    /// Whether there are several clients, each then with a heading and with folders of its own.
    several: bool,
    deny_warnings: bool,
    report: Option<PathBuf>,
    interrupted: watch::Receiver<bool>,
}

/// What holds for one client of a run.
struct ClientRun<'a> {
    client: Driven<'a>,
    selection: Selection,
    plan: Vec<Arc<Scenario>>,
    expected: Expected,
    folder: Option<Folder>,
    pins: Option<Pins>,
}

impl<'a> Run<'a> {
    fn new(
        options: &'a RunOptions,
        config: Option<&Config>,
        scenarios: &'a Scenarios,
        clients: usize,
    ) -> anyhow::Result<Self> {
        let several = clients > 1;
        if several && options.format == Format::Json {
            return Err(Hinted::error(
                format!("`--format json` tells of one client, and {clients} would be driven"),
                "choose one with `--client NAME`, or use `--report DIR`, which holds a report.json for each",
            ));
        }
        if several && options.expected.is_some() {
            return Err(Hinted::error(
                format!("`--expected` is about one client, and {clients} would be driven"),
                "choose one with `--client NAME`, or write the findings of each as [[client.expected]] in the \
                 configuration",
            ));
        }
        let report = options.report.clone();
        let report = report.or_else(|| config.and_then(|config| config.report.clone()).map(from_here));
        if options.reveal && report.is_none() {
            return Err(Hinted::error(
                "`--reveal` is about a report, and none is written",
                "add `--report DIR`",
            ));
        }
        let deny = options.deny.or(config.and_then(|config| config.deny));
        Ok(Self {
            options,
            scenarios,
            several,
            deny_warnings: deny == Some(Deny::Warnings),
            report,
            interrupted: interruption::listen().context(CANNOT_LISTEN)?,
        })
    }

    /// Makes ready what can fail before any client is started.
    fn of(
        &self,
        mut client: Driven<'a>,
        selection: Selection,
        plan: Vec<Arc<Scenario>>,
    ) -> anyhow::Result<ClientRun<'a>> {
        client.settings.reveal = self.options.reveal;
        let expected = match (&self.options.expected, client.configured) {
            (Some(path), _) => Expected::read(path, self.scenarios)?,
            (None, Some((config, client))) => config.expected(client, self.scenarios)?,
            (None, None) => Expected::default(),
        };
        let own = client.settings.client.as_deref().filter(|_| self.several);
        let report =
            self.report.clone().map(|folder| own.map_or_else(|| folder.clone(), |own| folder.join(own)));
        let folder = report.map(Folder::open).transpose()?;
        let pins = self.options.pin.open(own)?;
        Ok(ClientRun { client, selection, plan, expected, folder, pins })
    }

    /// Drives one client, tells what came of it, and says whether that is as expected.
    fn drive(&self, run: ClientRun<'_>, set_up: SetUp) -> anyhow::Result<bool> {
        let ClientRun { client, selection, plan, expected, folder, pins } = run;
        let (settings, format) = (&client.settings, self.options.format);
        if self.several {
            heading(&client).or_else(unless_closed)?;
        }
        let mut terminal =
            Terminal::new(anstream::stdout(), settings, client.again.clone(), client.reference);
        let began = Instant::now();
        if format == Format::Human {
            terminal
                .head(&plan, settings)
                .and_then(|()| terminal.set_up(set_up, settings))
                .or_else(unless_closed)?;
        }

        let all = play(
            &plan,
            settings.threads,
            &self.interrupted,
            |scenario| scenario.id.as_str(),
            |scenario| scenario.slow,
            |player, scenario| player.play(scenario, settings),
        )?;
        let summary = Summary::new(&all, &expected, self.deny_warnings);
        let document = || Document::new(&all, &summary, Some(settings));
        if let Some(folder) = &folder {
            folder.write(&document(), &Matrix::new(&all, &summary, settings), &all)?;
        }
        let took = set_up.took + began.elapsed();
        let told = match format {
            Format::Human => terminal.finish(&all, &summary, took, folder.as_ref().map(Folder::path)),
            Format::Json => print(&document()),
        };
        // A reader that left early changes nothing about what was found.
        told.or_else(unless_closed)?;
        let unfiltered = selection.is_everything().then_some(self.scenarios);
        let as_pinned = match &pins {
            Some(pins) => self.options.pin.compare(pins, &all, unfiltered, format)?,
            None => true,
        };
        Ok(summary.as_expected() && as_pinned)
    }
}

/// The line above what is told of one client among several.
fn heading(client: &Driven<'_>) -> io::Result<()> {
    let name = client.settings.client.as_deref().unwrap_or_default();
    let bold = anstyle::Style::new().bold();
    writeln!(anstream::stdout(), "{bold}client  {name}{bold:#}")
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

/// Checks the set-up of the clients and judges nothing.
pub(super) fn doctor(options: &client::ClientOptions) -> anyhow::Result<ExitCode> {
    let config = options.config.read()?;
    let clients = Driven::all(options, config.as_ref())?;
    let scenarios = options.scenarios(config.as_ref())?;
    let interrupted = interruption::listen().context(CANNOT_LISTEN)?;
    let set_ups = set_ups(clients.iter(), &scenarios, &interrupted)?;
    for (client, set_up) in clients.iter().zip(set_ups) {
        if clients.len() > 1 {
            heading(client)?;
        }
        let mut terminal = Terminal::new(anstream::stdout(), &client.settings, Vec::new(), client.reference);
        terminal.set_up(set_up, &client.settings)?;
    }
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

/// Prints each id once, in the order of ids.
fn list<'a>(plans: impl Iterator<Item = &'a Arc<Scenario>>) -> anyhow::Result<ExitCode> {
    let mut ids: Vec<_> = plans.map(|scenario| &scenario.id).collect();
    ids.sort();
    ids.dedup();
    let mut out = anstream::stdout().lock();
    for id in ids {
        writeln!(out, "{id}")?;
    }
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

/// Prepares all clients, in order, then checks that each starts and that its requests arrive.
fn set_ups<'a>(
    clients: impl Iterator<Item = &'a Driven<'a>> + Clone,
    scenarios: &Scenarios,
    interrupted: &watch::Receiver<bool>,
) -> anyhow::Result<Vec<SetUp>> {
    let conforming = scenarios.find(CONFORMING).context("the built-in scenarios hold no conforming one")?;
    let conforming = Arc::new(conforming.clone());
    for client in clients.clone() {
        client.prepare(interrupted.clone())?;
    }
    let set_up = |client: &Driven<'_>| {
        setup::check(&conforming, &client.settings, interrupted.clone()).map_err(|error| match error {
            SetUpError::Useless { what, hint } => {
                Hinted::error(format!("{}set-up: {what}", client.prefix()), hint)
            }
            other => other.into(),
        })
    };
    clients.map(set_up).collect()
}

/// The scenario in which every server conforms.
const CONFORMING: &str = "flow/complete";
