//! What the last lines of a report say of the baseline: entries that hold no longer, and findings by newer rules.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crosscheck_scenarios::Release;

use crate::report::terminal::FAIL;
use crate::summary::{Announced, Newer, Summary};

const NEW: Style = AnsiColor::Cyan.on_default().bold();

/// Findings by newer rules that are named.
const NAMED: usize = 10;

/// Writes the lines; none where the baseline holds and nothing is newer.
pub(super) fn write(out: &mut impl Write, summary: &Summary<'_>) -> io::Result<()> {
    for entry in &summary.stale {
        let place = entry.place;
        writeln!(
            out,
            "{FAIL}stale{FAIL:#}   {entry} is expected and no longer found: remove the entry at {place}"
        )?;
    }
    let (Some(release), false) = (summary.as_of, summary.announced.is_empty()) else { return Ok(()) };
    let findings = counted(summary.announced.len(), "finding");
    let scenarios = summary.announced.iter().map(|announced| &announced.found.played.scenario.id);
    let scenarios = counted(scenarios.collect::<BTreeSet<_>>().len(), "scenario");
    let warnings = match summary.announced.iter().filter(|announced| announced.is_counted()).count() {
        0 => String::new(),
        warnings => format!(" but as {}", counted(warnings, "warning")),
    };
    writeln!(
        out,
        "{NEW}new{NEW:#}     {findings} in {scenarios} newer than {}, told and not counted{warnings}: \
         adopt them with as-of = \"{}\"",
        release.version(),
        Release::PRESENT
    )?;
    for announced in summary.announced.iter().take(NAMED) {
        let Announced { found, .. } = announced;
        writeln!(out, "        {} @ {}: {}", found.check.id(), found.played.scenario.id, why(announced))?;
    }
    match summary.announced.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => writeln!(out, "        and {more} more"),
    }
}

fn why(announced: &Announced<'_>) -> String {
    match announced.newer {
        Newer::Requirement => "the requirement is new".into(),
        Newer::Scenario => "the scenario is new".into(),
        Newer::Severity(None) => "the requirement is new to the profile".into(),
        Newer::Severity(Some(then)) => format!("{then} in that release"),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
