//! `crosscheck run` and `crosscheck doctor`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use anyhow::Context as _;
use tokio::sync::watch;

use crosscheck_scenarios::{Scenario, Scenarios};

use crate::cli::baseline::{BaselineOptions, Measure};
use crate::cli::config::from_here;
use crate::cli::driven::Driven;
use crate::cli::progress::play;
use crate::cli::tell::TellOptions;
use crate::cli::{CANNOT_LISTEN, Hinted, client, pin};
use crate::config::{Config, Deny};
use crate::exit;
use crate::interruption;
use crate::live::Live;
use crate::pin::Pins;
use crate::report::model::RunFacts;
use crate::report::{
    ClientReport, Comparison, Folder, JudgedClient, Matrix, PAGE, Report, Terminal, annotations, step_summary,
};
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
    baseline: BaselineOptions,
    /// Let warnings fail the run
    #[arg(long, value_name = "WHAT", value_enum)]
    deny: Option<Deny>,
    /// Write index.html, report.json, junit.xml, summary.md, the error-handling matrix and all transcripts there
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Save the values of tokens and secrets in the transcripts of the report, besides their names
    #[arg(long)]
    reveal: bool,
    #[command(flatten)]
    pin: pin::PinOptions,
    #[command(flatten)]
    tell: TellOptions,
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
        return list(plans.iter().flat_map(|(_, plan)| plan), options.format);
    }
    let run = Run::new(options, config, &scenarios, clients.len())?;
    let runs =
        clients.into_iter().zip(plans).map(|(client, (selection, plan))| run.of(client, selection, plan));
    let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;

    // A shard may be empty; then no client is started.
    let driven = runs.iter().filter(|run| !run.plan.is_empty()).map(|run| &run.client);
    let mut set_ups =
        set_ups(driven, &scenarios, &run.interrupted, &options.tell.live_at_set_up())?.into_iter();
    let (mut as_expected, mut clients) = (true, Vec::new());
    for client in runs {
        if !clients.is_empty() {
            writeln!(anstream::stdout()).or_else(unless_closed)?;
        }
        let set_up = if client.plan.is_empty() { None } else { set_ups.next() };
        let (report, is_as_expected) = run.drive(client, set_up)?;
        as_expected &= is_as_expected;
        clients.push(report);
    }
    let report = Report::new(clients);
    run.compare(&report)?;
    tell_github(&report)?;
    Ok(exit::code(as_expected))
}

/// What holds for every client of a run.
struct Run<'a> {
    options: &'a RunOptions,
    config: Option<&'a Config>,
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
    measure: Measure,
    folder: Option<Folder>,
    pins: Option<Pins>,
}

impl<'a> Run<'a> {
    fn new(
        options: &'a RunOptions,
        config: Option<&'a Config>,
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
        if let Some(option) = options.baseline.of_one_client().filter(|_| several) {
            return Err(Hinted::error(
                format!("`{option}` is about one client, and {clients} would be driven"),
                "choose one with `--client NAME`, or write what is expected of each as [[client.expected]] in the \
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
            config,
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
        client.settings.live = self.options.tell.live();
        let measure = self.options.baseline.open(
            self.scenarios,
            self.config,
            client.configured.map(|(_, client)| client),
        )?;
        let own = client.settings.client.as_deref().filter(|_| self.several);
        let report =
            self.report.clone().map(|folder| own.map_or_else(|| folder.clone(), |own| folder.join(own)));
        let folder = report.map(Folder::open).transpose()?;
        let pins = self.options.pin.open(own)?;
        Ok(ClientRun { client, selection, plan, measure, folder, pins })
    }

    /// Drives one client, tells what came of it, and says whether that is as expected.
    fn drive(&self, run: ClientRun<'_>, set_up: Option<SetUp>) -> anyhow::Result<(ClientReport, bool)> {
        let ClientRun { client, selection, plan, mut measure, folder, pins } = run;
        let (settings, options) = (&client.settings, self.options);
        let (tell, format) = (&options.tell, options.format);
        if self.several {
            heading(&client).or_else(unless_closed)?;
        }
        let mut terminal = Terminal::new(anstream::stdout(), &client.again, client.reference)
            .quiet(tell.quiet)
            .shard(selection.shard);
        let (began, started) = (Instant::now(), SystemTime::now());
        if format == Format::Human {
            terminal
                .head(&plan, settings)
                .and_then(|()| set_up.map_or(Ok(()), |set_up| terminal.set_up(set_up, &client.program())))
                .or_else(unless_closed)?;
        }

        let outcome = play(
            &plan,
            tell.pace(settings, &self.interrupted),
            |scenario| scenario.id.as_str(),
            |scenario| scenario.slow,
            |played| tell.ends(played, &measure, self.deny_warnings),
            |player, scenario| tell.play(player, scenario, settings),
        )?;
        terminal.stopped(outcome.not_played);
        let all = outcome.results;
        let updated = measure.update(&all)?;
        let summary = measure.summary(&all, self.deny_warnings);
        let took = set_up.map(|set_up| set_up.took).unwrap_or_default() + began.elapsed();
        let facts = RunFacts {
            shard: selection.shard.map(|shard| shard.to_string()),
            not_played: outcome.not_played,
            ..RunFacts::new(client.command(), settings, &summary, started, took)
        };
        let judged = JudgedClient {
            name: &client.name(),
            run: Some(facts),
            all: &all,
            summary: &summary,
            baseline: &measure.baseline,
            again: &|played| client.again.of(&played.scenario.id),
        };
        let report = Report::new(vec![ClientReport::new(judged)]);
        if let Some(folder) = &folder {
            folder.write(&report, &Matrix::new(&all, &summary, settings), &all)?;
        }
        let told = match format {
            Format::Human => terminal.finish(&all, &summary, took, folder.as_ref().map(Folder::path)),
            Format::Json => {
                tell.stopped(outcome.not_played);
                print(&report)
            }
        };
        let told = told.and_then(|()| updated.map_or(Ok(()), |updated| updated.tell_beside(format)));
        // A reader that left early changes nothing about what was found.
        told.or_else(unless_closed)?;
        let is_everything = selection.is_everything() && outcome.not_played == 0;
        let unfiltered = is_everything.then_some(self.scenarios);
        let as_pinned = match &pins {
            Some(pins) => options.pin.compare(pins, &all, unfiltered, format)?,
            None => true,
        };
        let client = report.clients.into_iter().next().context("a run has a client")?;
        Ok((client, summary.as_expected() && as_pinned))
    }

    /// Compares several clients, on standard output and in the report.
    fn compare(&self, report: &Report) -> anyhow::Result<()> {
        if !self.several {
            return Ok(());
        }
        if let Some(folder) = &self.report {
            let folder = Folder::open(folder.clone())?;
            folder.remove_earlier(report)?;
            folder.write_comparison(report)?;
        }
        let mut out = anstream::stdout().lock();
        let told = writeln!(out, "{}", Comparison::new(report).by_subject());
        let told = told.and_then(|()| match &self.report {
            Some(folder) => writeln!(out, "report  {}", folder.join(PAGE).display()),
            None => Ok(()),
        });
        Ok(told.or_else(unless_closed)?)
    }
}

/// The line above what is told of one client among several.
fn heading(client: &Driven<'_>) -> io::Result<()> {
    let name = client.settings.client.as_deref().unwrap_or_default();
    let bold = anstyle::Style::new().bold();
    writeln!(anstream::stdout(), "{bold}client  {name}{bold:#}")
}

/// Adds the summary to that of a GitHub Actions step, and annotates the job, where there is one.
fn tell_github(report: &Report) -> anyhow::Result<()> {
    tell_step_summary(report)?;
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|set| set == "true") {
        // Not on standard output, which may be data.
        annotations(report, &mut io::stderr()).or_else(unless_closed)?;
    }
    Ok(())
}

/// Adds the summary to that of a GitHub Actions step, where there is one.
pub(super) fn tell_step_summary(report: &Report) -> anyhow::Result<()> {
    let path = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty());
    let Some(path) = path else { return Ok(()) };
    step_summary(report, Path::new(&path)).with_context(|| {
        format!("could not add to the file that GITHUB_STEP_SUMMARY names, `{}`", path.display())
    })
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

/// Checks the set-up of the clients and judges nothing.
pub(super) fn doctor(options: &client::ClientOptions) -> anyhow::Result<ExitCode> {
    let config = options.config.read()?;
    let clients = Driven::all(options, config.as_ref())?;
    let scenarios = options.scenarios(config.as_ref())?;
    let interrupted = interruption::listen().context(CANNOT_LISTEN)?;
    let set_ups = set_ups(clients.iter(), &scenarios, &interrupted, &Live::default())?;
    for (client, set_up) in clients.iter().zip(set_ups) {
        if clients.len() > 1 {
            heading(client)?;
        }
        let mut terminal = Terminal::new(anstream::stdout(), &client.again, client.reference);
        terminal.set_up(set_up, &client.program())?;
    }
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

/// Prints each id once, in the order of ids.
fn list<'a>(plans: impl Iterator<Item = &'a Arc<Scenario>>, format: Format) -> anyhow::Result<ExitCode> {
    let mut ids: Vec<_> = plans.map(|scenario| &scenario.id).collect();
    ids.sort();
    ids.dedup();
    let mut out = anstream::stdout().lock();
    match format {
        Format::Human => ids.iter().try_for_each(|id| writeln!(out, "{id}"))?,
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&ids)?)?,
    }
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

/// Prepares all clients, in order, then checks that each starts and that its requests arrive.
fn set_ups<'a>(
    clients: impl Iterator<Item = &'a Driven<'a>> + Clone,
    scenarios: &Scenarios,
    interrupted: &watch::Receiver<bool>,
    live: &Live,
) -> anyhow::Result<Vec<SetUp>> {
    let conforming = scenarios.find(CONFORMING).context("the built-in scenarios hold no conforming one")?;
    let conforming = Arc::new(conforming.clone());
    for client in clients.clone() {
        client.prepare(interrupted.clone())?;
    }
    let set_up = |client: &Driven<'_>| {
        let settings = Settings { live: live.clone(), ..client.settings.clone() };
        setup::check(&conforming, &settings, interrupted.clone()).map_err(|error| match error {
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
