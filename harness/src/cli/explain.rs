//! `crosscheck explain`: what a scenario or a requirement is about.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crosscheck_reference_client::Fault;
use crosscheck_scenarios::{Catalogue, Profile, Requirement, Scenario, Scenarios, Severity, nearest};

use crate::cli::Hinted;
use crate::cli::config::ConfigOptions;
use crate::exit;

/// Options of `crosscheck explain`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ExplainOptions {
    /// A scenario or a requirement
    id: String,
    /// Scenarios of your own, besides the built-in ones
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigOptions,
}

/// Prints what the id is about.
pub(super) fn explain(options: &ExplainOptions) -> anyhow::Result<ExitCode> {
    let scenarios = options.config.scenarios(options.scenarios.as_deref())?;
    let catalogue = Catalogue::embedded();
    let mut out = anstream::stdout().lock();
    let id = options.id.as_str();
    if let Some(row) = catalogue.find(id.split('@').next().unwrap_or_default()) {
        requirement(&mut out, row, &scenarios)?;
    } else if let Some(script) = scenarios.find(id) {
        scenario(&mut out, script)?;
    } else {
        let rows = catalogue.iter().map(|row| row.id.as_str());
        let ids = scenarios.iter().map(|scenario| scenario.id.as_str());
        let hint = match nearest(id, rows.chain(ids)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "`crosscheck list` shows the scenarios, `crosscheck list --requirements` the requirements"
                    .into()
            }
        };
        return Err(Hinted::error(format!("no scenario or requirement is called `{id}`"), hint));
    }
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

fn requirement(out: &mut impl Write, row: &Requirement, scenarios: &Scenarios) -> io::Result<()> {
    writeln!(out, "{}\n", row.id)?;
    paragraph(out, "what", &format!("{} · {}", row.keyword, row.summary))?;
    let state = row.planned.as_ref().map_or("checked".to_owned(), |reason| format!("planned: {reason}"));
    paragraph(out, "state", &state)?;
    paragraph(out, "source", &row.source.join("; "))?;
    paragraph(out, "mend", &row.mend)?;
    for need in &row.needs {
        paragraph(out, "needs", &need.to_string())?;
    }
    writeln!(out)?;
    if row.planned.is_none() {
        paragraph(out, "right", &row.right)?;
        paragraph(out, "wrong", &row.wrong)?;
        writeln!(out)?;
    }
    for severity in [Severity::Fail, Severity::Warn, Severity::Info] {
        let profiles: Vec<_> = Profile::ALL
            .into_iter()
            .filter(|profile| row.severity(*profile) == Some(severity))
            .map(Profile::as_str)
            .collect();
        match profiles.len() {
            0 => {}
            all if all == Profile::ALL.len() => {
                paragraph(out, "breach", &format!("{severity} in every profile"))?;
            }
            _ => paragraph(out, "breach", &format!("{severity} in {}", profiles.join(", ")))?,
        }
    }
    let provoked: Vec<_> =
        scenarios.iter().filter(|scenario| scenario.requirements.contains(&row.id)).collect();
    for scenario in provoked {
        paragraph(out, "asked in", scenario.id.as_str())?;
    }
    for fault in Fault::ALL.iter().filter(|fault| fault.trips().contains(&row.id.as_str())) {
        paragraph(out, "fault", &format!("{} · {}", fault.slug(), fault.summary().trim()))?;
    }
    Ok(())
}

fn scenario(out: &mut impl Write, scenario: &Scenario) -> io::Result<()> {
    writeln!(out, "{}\n", scenario.id)?;
    paragraph(out, "what", &scenario.title)?;
    paragraph(out, "why", &scenario.why)?;
    for need in &scenario.needs {
        paragraph(out, "needs", &need.to_string())?;
    }
    for id in &scenario.requirements {
        paragraph(out, "asks for", id.as_str())?;
    }
    for fault in &scenario.faults {
        paragraph(out, "catches", fault.as_str())?;
    }
    paragraph(out, "run", &format!("crosscheck run --exact {} -- COMMAND", scenario.id))?;
    indented(out, "script", &scenario.text)?;
    // A user's own scenario has none.
    for (name, exchange) in crosscheck_snapshots::courses(scenario.id.as_str()) {
        let heading = if name.is_empty() { "what a conforming client sends" } else { "or, as rightly" };
        indented(out, heading, exchange)?;
    }
    Ok(())
}

fn indented(out: &mut impl Write, heading: &str, text: &str) -> io::Result<()> {
    writeln!(out, "\n{heading}\n")?;
    text.lines().try_for_each(|line| match line {
        "" => writeln!(out),
        line => writeln!(out, "    {line}"),
    })
}

fn paragraph(out: &mut impl Write, label: &str, text: &str) -> io::Result<()> {
    let first = format!("  {label:<9} ");
    let options = textwrap::Options::new(96).initial_indent(&first).subsequent_indent("            ");
    textwrap::wrap(text, options).iter().try_for_each(|line| writeln!(out, "{line}"))
}
