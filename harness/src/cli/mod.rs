//! The command line: what can be said, and who answers it.

mod baseline;
mod client;
mod config;
mod doctor;
mod driven;
mod explain;
mod generate;
mod github;
mod init;
mod judge;
mod list;
mod merge;
mod output;
mod pages;
mod pin;
mod progress;
mod run;
mod self_test;
mod show;
mod tell;

use std::ffi::OsString;
use std::process::ExitCode;

use anstream::eprintln;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::exit;

/// Conformance test harness for cross-app access (ID-JAG) clients.
#[derive(Debug, Parser)]
#[command(name = "crosscheck", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Action,
    /// Colour in output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_enum)]
    color: Color,
}

const AFTER_HELP: &str = "\
Three commands to begin with:
  crosscheck run                               drive the embedded reference client
  crosscheck run -- node my-client.js          drive yours; the URL is appended
  crosscheck explain tx-audience-is-as-issuer  what a finding means, how to mend it

Exit codes:
  0  everything is as expected
  1  there are findings, or expected findings that no longer occur
  2  the run could not be made: bad arguments, a bad configuration or scenario, a command that does not start";

#[derive(Debug, Subcommand)]
enum Action {
    /// Drive a client through the scenarios and judge it
    Run(Box<run::RunOptions>),
    /// Write a commented crosscheck.toml, the configuration, into this folder
    Init(init::InitOptions),
    /// Check that a client starts and that its requests arrive, and judge nothing
    Doctor(client::ClientOptions),
    /// Join the reports of shards, or of several clients
    Merge(merge::MergeOptions),
    /// Judge saved transcripts again, without a client
    Judge(judge::JudgeOptions),
    /// Print a saved transcript as a readable exchange
    Show(show::ShowOptions),
    /// Accept or reject what differs from the pinned exchanges of a client
    Review(pin::ReviewOptions),
    /// List the scenarios, the requirements or the profiles
    List(list::ListOptions),
    /// Explain a scenario or a requirement
    Explain(explain::ExplainOptions),
    /// Prove Crosscheck itself: every fault is found, every right client is left alone
    SelfTest(self_test::SelfTestOptions),
    /// Print the JSON Schema of scenario files, outcome reports, the configuration or report.json
    Schema {
        /// What it is the schema of
        #[arg(value_name = "WHAT", default_value = "scenario", value_enum)]
        of: list::SchemaOf,
    },
    /// Print the completion script of a shell
    Completions(generate::CompletionsOptions),
    /// Print the manual page of crosscheck or of one command, or write all of them
    Man(generate::ManOptions),
    /// Be the reference client: honest, or with one fault
    #[command(disable_help_flag = true)]
    ReferenceClient {
        /// Arguments of the reference client; see `crosscheck reference-client --help`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Color {
    Always,
    Auto,
    Never,
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.color {
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Auto => anstream::ColorChoice::Auto.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let result = match cli.command {
        Action::Run(options) => run::run(&options),
        Action::Init(options) => init::init(&options),
        Action::Doctor(options) => doctor::doctor(&options),
        Action::Merge(options) => merge::merge_reports(&options),
        Action::Judge(options) => judge::judge(&options),
        Action::Show(options) => show::show(&options),
        Action::Review(options) => pin::review(&options),
        Action::List(options) => list::list(&options),
        Action::Explain(options) => explain::explain(&options),
        Action::SelfTest(options) => self_test::self_test(&options),
        Action::Schema { of } => list::schema(of),
        Action::Completions(options) => generate::completions(&options, Cli::command()),
        Action::Man(options) => generate::man(&options, Cli::command()),
        Action::ReferenceClient { args } => return crosscheck_reference_client::main(args),
    };
    result.unwrap_or_else(|error| fail(&error))
}

fn fail(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(broken_pipe) {
        // The reader has seen enough.
        return ExitCode::from(exit::AS_EXPECTED);
    }
    let red = anstyle::AnsiColor::Red.on_default().bold();
    eprintln!("{red}error{red:#}: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  caused by: {cause}");
    }
    if let Some(Hinted { hint, .. }) = error.downcast_ref() {
        eprintln!("  hint: {hint}");
    }
    ExitCode::from(exit::COULD_NOT_RUN)
}

const CANNOT_LISTEN: &str = "could not prepare for interruption";

/// An error with the next thing to try.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct Hinted {
    what: String,
    hint: String,
}

impl Hinted {
    fn error(what: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self { what: what.into(), hint: hint.into() })
    }
}
