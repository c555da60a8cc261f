//! What GitHub Actions shows of a run: the summary of a step, and annotations.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use crate::report::ci::summary;
use crate::report::model::{Report, Standing};
use crate::text::count;

/// Annotations of a run. GitHub shows ten of a kind in a step.
const MOST: usize = 10;

/// Appends the summary to the file at `path`, which the variable `GITHUB_STEP_SUMMARY` names.
///
/// # Errors
/// When the file cannot be written.
pub fn step_summary(report: &Report, path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(summary::markdown(report).as_bytes())
}

/// Writes a workflow command for each of the first findings, the failures before the warnings.
///
/// # Errors
/// When `out` does not take it.
pub fn annotations(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut lines = Vec::new();
    for client in &report.clients {
        for (scenario, check) in client.checks().filter(|(_, check)| check.standing.is_counted()) {
            let fails = client.denies_warnings() || check.standing == Standing::Failure;
            let what = check.finding.as_ref().map_or("", |finding| finding.what.as_str());
            let title = format!("{} · {}", scenario.id, check.id);
            lines.push((!fails, command(fails, &title, &format!("{what}\n{}", scenario.again))));
        }
        for stale in &client.stale {
            lines.push((false, command(true, "stale expectation", stale)));
        }
    }
    lines.sort_by_key(|(warns, _)| *warns);
    for (_, line) in lines.iter().take(MOST) {
        writeln!(out, "{line}")?;
    }
    if lines.len() > MOST {
        let rest = count(lines.len() - MOST, "more finding");
        writeln!(out, "::notice title=crosscheck::… and {rest} in the summary of the step")?;
    }
    Ok(())
}

/// A workflow command. What would end it or its properties is escaped.
fn command(fails: bool, title: &str, message: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = data(title).replace(':', "%3A").replace(',', "%2C");
    format!("::{} title={title}::{}", if fails { "error" } else { "warning" }, data(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(command(true, "a:b,c", "50 %\n::error"), "::error title=a%3Ab%2Cc::50 %25%0A::error");
    }
}
