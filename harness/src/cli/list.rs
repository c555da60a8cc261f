//! `crosscheck list` and `crosscheck schema`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use crosscheck_scenarios::{Catalogue, Profile, Release, Requirement, Scenario};

use crate::cli::config::ConfigOptions;
use crate::cli::{Hinted, client, pages};
use crate::config;
use crate::exit;
use crate::report::Report;

/// Options of `crosscheck list`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListOptions {
    /// List the requirements and whether they are checked, instead of the scenarios
    #[arg(long)]
    requirements: bool,
    /// List the profiles, with their documents and how much they judge
    #[arg(long, conflicts_with_all = ["requirements", "profile"])]
    profiles: bool,
    /// Print the ledger of this version: its scenarios, and what each requirement counts as by profile
    #[arg(long, conflicts_with_all = ["requirements", "profiles", "profile", "scenarios"])]
    release: bool,
    /// Only what belongs to this profile: base, ema-2025, ema-sec, mcp, mcp-2025-11-25, next, strict
    #[arg(long, value_name = "PROFILE")]
    profile: Option<Profile>,
    /// Scenarios of your own, besides the built-in ones
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigOptions,
    /// How requirements or profiles are written: for a terminal, or as the pages of the documentation
    #[arg(long, value_name = "FORMAT", default_value = "human", value_enum)]
    format: ListFormat,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum ListFormat {
    Human,
    Markdown,
}

/// Prints ids and titles, one a line.
pub(super) fn list(options: &ListOptions) -> anyhow::Result<ExitCode> {
    let mut out = anstream::stdout().lock();
    let markdown = options.format == ListFormat::Markdown;
    if markdown && !options.requirements && !options.profiles {
        let hint = "`--requirements --format markdown` or `--profiles --format markdown` writes a page";
        return Err(Hinted::error("only requirements and profiles are written as Markdown", hint));
    }
    if options.release {
        write!(out, "{}", Release::present(&client::scenarios(None)?))?;
    } else if options.profiles {
        let scenarios = options.config.scenarios(options.scenarios.as_deref())?;
        match options.format {
            ListFormat::Human => pages::profiles_in_brief(&mut out, &scenarios)?,
            ListFormat::Markdown => pages::profiles(&mut out, &scenarios)?,
        }
    } else if options.requirements {
        let active = |row: &&Requirement| {
            options.profile.is_none_or(|profile| row.severity(profile).is_some()) && !row.is_of_run()
        };
        let rows: Vec<_> = Catalogue::embedded().iter().filter(active).collect();
        if markdown {
            let scenarios = options.config.scenarios(options.scenarios.as_deref())?;
            pages::requirements(&mut out, &rows, &scenarios)?;
            return Ok(ExitCode::from(exit::AS_EXPECTED));
        }
        for Requirement { id, keyword, summary, planned, .. } in &rows {
            let state = if planned.is_some() { "planned" } else { "checked" };
            writeln!(out, "{id:<32} {keyword:<11} {state:<8} {summary}")?;
        }
        let (all, checked) = (rows.len(), rows.iter().filter(|row| row.is_checked()).count());
        writeln!(out, "{all} requirements: {checked} checked, {} planned", all - checked)?;
    } else {
        let scenarios = options.config.scenarios(options.scenarios.as_deref())?;
        let belongs =
            |scenario: &&Scenario| options.profile.is_none_or(|profile| scenario.belongs_to(profile));
        for scenario in scenarios.iter().filter(belongs) {
            writeln!(out, "{:<46} {}", scenario.id, scenario.title)?;
        }
    }
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

/// What has a JSON Schema.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum SchemaOf {
    /// Scenario files
    Scenario,
    /// Outcome reports of adapters
    Outcome,
    /// The `report.json` of a run
    Report,
    /// The configuration, crosscheck.toml
    Config,
}

/// Prints a JSON Schema.
pub(super) fn schema(of: SchemaOf) -> anyhow::Result<ExitCode> {
    let schema = match of {
        SchemaOf::Scenario => crosscheck_scenarios::schema(),
        SchemaOf::Outcome => crosscheck_wire::transcript::outcome_schema(),
        SchemaOf::Report => schemars::schema_for!(Report).to_value(),
        SchemaOf::Config => config::schema(),
    };
    writeln!(std::io::stdout(), "{schema:#}")?;
    Ok(ExitCode::from(exit::AS_EXPECTED))
}
