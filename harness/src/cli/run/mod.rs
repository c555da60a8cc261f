//! `crosscheck run`.

mod client_run;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;

use crosscheck_scenarios::{Scenario, Scenarios};

use crate::cli::baseline::BaselineOptions;
use crate::cli::config::from_here;
use crate::cli::doctor::set_ups;
use crate::cli::driven::Driven;
use crate::cli::github::tell_github;
use crate::cli::output::{Format, print, unless_closed};
use crate::cli::tell::TellOptions;
use crate::cli::{CANNOT_LISTEN, Hinted, client, pin};
use crate::config::{Config, Deny};
use crate::exit;
use crate::interruption;
use crate::report::{Comparison, Folder, PAGE, Report};
use crate::select::Selection;

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
        if !clients.is_empty() && options.format == Format::Human {
            writeln!(anstream::stdout()).or_else(unless_closed)?;
        }
        let set_up = if client.plan.is_empty() { None } else { set_ups.next() };
        let (report, is_as_expected) = run.drive(client, set_up)?;
        as_expected &= is_as_expected;
        clients.extend(report.clients);
    }
    let report = Report::new(clients);
    if run.several {
        run.compare(&report)?;
    }
    if options.format == Format::Json {
        print(&report).or_else(unless_closed)?;
    }
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

impl<'a> Run<'a> {
    fn new(
        options: &'a RunOptions,
        config: Option<&'a Config>,
        scenarios: &'a Scenarios,
        clients: usize,
    ) -> anyhow::Result<Self> {
        let several = clients > 1;
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

    /// Compares several clients, for people on standard output, and in the report.
    fn compare(&self, report: &Report) -> anyhow::Result<()> {
        if let Some(folder) = &self.report {
            let folder = Folder::open(folder.clone())?;
            folder.remove_earlier(report)?;
            folder.write_comparison(report)?;
        }
        if self.options.format == Format::Json {
            return Ok(());
        }
        let mut out = anstream::stdout().lock();
        let told = writeln!(out, "\n{}", Comparison::new(report).by_subject());
        let told = told.and_then(|()| match &self.report {
            Some(folder) => writeln!(out, "report  {}", folder.join(PAGE).display()),
            None => Ok(()),
        });
        Ok(told.or_else(unless_closed)?)
    }
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
