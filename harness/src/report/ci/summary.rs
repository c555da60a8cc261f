//! `summary.md`: a run as a reviewer reads it, the verdict and what is new first.

use std::fmt::Write as _;

use crate::report::markdown::{block, cell, code};
use crate::report::model::{CheckReport, ClientReport, Report, ScenarioReport, Standing};
use crate::report::{Comparison, finding};
use crate::text::count;
use crate::text::printable;

/// Findings that are told with their text; the others are in the table alone.
const IN_FULL: usize = 20;
/// Rows of a table.
const ROWS: usize = 200;
/// Bytes of the whole: GitHub takes 1 MiB of one step.
const MOST: usize = 1_000_000;

/// The summary of `report` in Markdown, below 1 MB.
pub(in crate::report) fn markdown(report: &Report) -> String {
    let mut text = String::new();
    if report.clients.len() > 1 {
        text.push_str(&Comparison::new(report).by_subject());
        text.push('\n');
    }
    for client in &report.clients {
        // Writing to a string never fails.
        let _ = write_client(&mut text, client, report.clients.len() > 1);
    }
    if text.len() > MOST {
        text.truncate(text.floor_char_boundary(MOST));
        text.push_str("\n\n… cut here: the whole stands in the report\n");
    }
    text
}

fn write_client(out: &mut String, client: &ClientReport, named: bool) -> std::fmt::Result {
    let name = if named { format!("{}: ", code(&client.name)) } else { String::new() };
    let mark = match (client.as_expected, client.counts.warned) {
        (false, _) => "❌",
        (true, 0) => "✅",
        (true, _) => "⚠️",
    };
    writeln!(out, "## {mark} {name}{}\n", client.headline())?;
    if let Some(run) = &client.run {
        let level = client.level_in_words.as_deref().unwrap_or("nothing was judged");
        writeln!(out, "{} · profile {} · {level}\n", code(&run.command), run.profile)?;
        for shard in &run.missing_shards {
            writeln!(out, "Shard {shard} is missing.\n")?;
        }
        if run.not_played > 0 {
            let not_played = count(run.not_played, "scenario");
            writeln!(out, "Stopped at the first failure: {not_played} not played.\n")?;
        }
    }
    for stale in &client.stale {
        writeln!(out, "- stale: {}", cell(stale))?;
    }
    write_findings(out, client, Standing::is_counted, "")?;
    if let Some(release) = &client.as_of {
        let folded = format!("Findings by rules newer than {release}, which do not count");
        write_findings(out, client, |standing| standing == Standing::Announced, &folded)?;
    }
    write_findings(out, client, |standing| standing == Standing::Expected, "Expected findings")
}

fn write_findings(
    out: &mut String,
    client: &ClientReport,
    is: impl Fn(Standing) -> bool,
    folded: &str,
) -> std::fmt::Result {
    let mut found: Vec<_> = client.checks().filter(|(_, check)| is(check.standing)).collect();
    if found.is_empty() {
        return Ok(());
    }
    // Stable: the order of scenarios within a verdict.
    found.sort_by_key(|(_, check)| std::cmp::Reverse(check.verdict));
    if !folded.is_empty() {
        writeln!(out, "<details><summary>{folded}: {}</summary>\n", found.len())?;
    }
    writeln!(out, "| Verdict | Scenario | Requirement | What |\n|---|---|---|---|")?;
    for (scenario, check) in found.iter().take(ROWS) {
        writeln!(
            out,
            "| {} | `{}` | `{}` | {} |",
            check.verdict.as_str(),
            scenario.id,
            check.id,
            cell(what(check))
        )?;
    }
    if found.len() > ROWS {
        writeln!(out, "\n… and {} more", found.len() - ROWS)?;
    }
    writeln!(out)?;
    if folded.is_empty() { write_in_full(out, &found) } else { writeln!(out, "</details>\n") }
}

fn write_in_full(out: &mut String, found: &[(&ScenarioReport, &CheckReport)]) -> std::fmt::Result {
    for (scenario, check) in found.iter().take(IN_FULL) {
        writeln!(
            out,
            "<details><summary><code>{}</code> · <code>{}</code></summary>\n",
            scenario.id, check.id
        )?;
        let mut text = finding::whole(scenario, check);
        for line in &scenario.difference {
            write!(text, "\n      {}", printable(line))?;
        }
        writeln!(out, "{}\n</details>\n", block(&text))?;
    }
    Ok(())
}

fn what(check: &CheckReport) -> &str {
    let reason = check.reason.as_deref();
    reason.unwrap_or_else(|| check.finding.as_ref().map_or("", |finding| finding.what.as_str()))
}
