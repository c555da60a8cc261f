//! How a run compares with what is pinned, on a terminal or in a CI log.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use crate::pin::{Compared, Differing};
use crate::report::terminal::{FAIL, PASS, write_difference};
use crate::snapshot::diff::Line;

/// Lines of one difference that are shown.
const LINES: usize = 40;
/// Differences that are shown, and ids of a kind that are named.
const MOST: usize = 10;

/// Writes how a run compares with what is pinned in `folder`: the same difference once, then the counts.
///
/// # Errors
/// When `out` does not take it.
pub fn write_compared(out: &mut impl Write, compared: &Compared, folder: &Path) -> io::Result<()> {
    let groups = groups(&compared.differing);
    for group in groups.iter().take(MOST) {
        write_group(out, group)?;
    }
    writeln!(out)?;
    let rest: Vec<_> = groups.iter().skip(MOST).flatten().map(|differing| differing.id.clone()).collect();
    for (label, ids) in [("differs", &rest), ("missing", &compared.missing), ("stale", &compared.stale)] {
        write_ids(out, label, ids)?;
    }
    let style = if compared.as_pinned() { PASS } else { FAIL };
    writeln!(out, "{style}pin     {}{style:#}", counts(compared))?;
    write_next(out, compared, &shell_words::quote(&folder.to_string_lossy()))
}

/// Scenarios with the same difference, which stands once.
fn write_group(out: &mut impl Write, group: &[&Differing]) -> io::Result<()> {
    let [first, others @ ..] = group else { return Ok(()) };
    writeln!(out, "\n{FAIL}DIFFERS{FAIL:#}  {}", first.id)?;
    write_difference(out, &first.lines, LINES)?;
    match others {
        [] => Ok(()),
        [other] => writeln!(out, "      the same in {}", other.id),
        [other, rest @ ..] => writeln!(out, "      the same in {} and {} more", other.id, rest.len()),
    }
}

fn write_ids(out: &mut impl Write, label: &str, ids: &[String]) -> io::Result<()> {
    for id in ids.iter().take(MOST) {
        writeln!(out, "{FAIL}{label:<7}{FAIL:#} {id}")?;
    }
    if ids.len() > MOST {
        writeln!(out, "{FAIL}{label:<7}{FAIL:#} … and {} more", ids.len() - MOST)?;
    }
    Ok(())
}

fn counts(compared: &Compared) -> String {
    let counts = [
        (compared.differing.len(), "differ"),
        (compared.missing.len(), "missing"),
        (compared.stale.len(), "of no scenario"),
        (compared.written.len(), "written"),
        (compared.updated.len(), "rewritten"),
        (compared.removed.len(), "removed"),
        (compared.same, "as pinned"),
    ];
    let told: Vec<_> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if told.is_empty() { "nothing to compare".to_owned() } else { told.join(" · ") }
}

/// What to do about it. A command that ends with `…` needs the options and the client of the run.
fn write_next(out: &mut impl Write, compared: &Compared, folder: &str) -> io::Result<()> {
    if !compared.differing.is_empty() && compared.is_pending {
        writeln!(out, "accept  crosscheck review {folder}")?;
    } else if !compared.differing.is_empty() {
        writeln!(out, "accept  crosscheck run --pin {folder} --update …")?;
    }
    if !compared.missing.is_empty() {
        writeln!(out, "write   crosscheck run --pin {folder} --update=new …")?;
    }
    if !compared.stale.is_empty() {
        writeln!(out, "remove  crosscheck run --pin {folder} --update …")?;
    }
    Ok(())
}

/// Those with the same lines changed together.
fn groups(differing: &[Differing]) -> Vec<Vec<&Differing>> {
    let changes = |differing: &Differing| -> BTreeSet<Line> {
        differing.lines.iter().filter(|line| line.is_change()).cloned().collect()
    };
    let mut groups: Vec<(BTreeSet<Line>, Vec<&Differing>)> = Vec::new();
    for differing in differing {
        let changed = changes(differing);
        match groups.iter_mut().find(|(known, _)| *known == changed) {
            Some((_, group)) => group.push(differing),
            None => groups.push((changed, vec![differing])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}
