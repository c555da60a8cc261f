//! What the last lines of a report say of the baseline: entries that hold no longer, and findings by newer rules.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crosscheck_scenarios::Release;

use crate::report::terminal::FAIL;
use crate::summary::{Announced, Newer, Summary};
use crate::text::count;

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
    let findings = count(summary.announced.len(), "finding");
    let scenarios = summary.announced.iter().map(|announced| &announced.found.played.scenario.id);
    let scenarios = count(scenarios.collect::<BTreeSet<_>>().len(), "scenario");
    let warnings = match summary.announced.iter().filter(|announced| announced.is_counted()).count() {
        0 => String::new(),
        warnings => format!(" but as {}", count(warnings, "warning")),
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

#[cfg(test)]
mod tests {
    use crate::baseline::Baseline;
    use crate::baseline::tests::played;
    use crate::check::Verdict;

    use super::*;

    #[test]
    fn what_is_newer_is_told_with_the_line_that_adopts_it() {
        let ledger = "version = \"0.0.1\"\nscenarios = [\"flow/complete\"]\n\
                      [requirements]\nflow-order = { mcp = \"warn\" }\ntx-grant-type = { mcp = \"info\" }\n";
        let release = Release::parse(ledger).unwrap();
        let fails = [
            ("flow-order", Verdict::Fail),
            ("tx-grant-type", Verdict::Warn),
            ("jb-grant-type", Verdict::Fail),
        ];
        let all = [played("flow/complete", &fails), played("flow/mcp-2026-07-28", &fails[..1])];
        let told = format!(
            "new     4 findings in 2 scenarios newer than 0.0.1, told and not counted but as 1 warning: \
             adopt them with as-of = \"{}\"\n        \
             flow-order @ flow/complete: warn in that release\n        \
             tx-grant-type @ flow/complete: info in that release\n        \
             jb-grant-type @ flow/complete: the requirement is new\n        \
             flow-order @ flow/mcp-2026-07-28: the scenario is new\n",
            Release::PRESENT
        );
        assert_eq!(lines(&Summary::new(&all, &Baseline::default(), Some(&release), false)), told);
        assert_eq!(lines(&Summary::new(&all, &Baseline::default(), None, false)), "");
    }

    #[test]
    fn at_most_ten_are_named() {
        let release = Release::parse("version = \"0.0.1\"\nscenarios = []\nrequirements = {}\n").unwrap();
        let all = vec![played("flow/complete", &[("flow-order", Verdict::Fail)]); 12];
        let lines = lines(&Summary::new(&all, &Baseline::default(), Some(&release), false));
        assert!(lines.starts_with("new     12 findings in 1 scenario newer than 0.0.1"), "{lines}");
        assert_eq!(lines.lines().count(), 12, "{lines}");
        assert!(lines.ends_with("        and 2 more\n"), "{lines}");
    }

    /// The lines without colour.
    fn lines(summary: &Summary<'_>) -> String {
        let mut out = anstream::StripStream::new(Vec::new());
        write(&mut out, summary).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }
}
