//! The canonical exchange of a run against those on file.

use std::collections::BTreeSet;

use crosscheck_scenarios::{Kind, Outcome, Party, Scenario};
use crosscheck_wire::Transcript;

use super::canonical::{canonical, course, due};
use super::diff::{Line, lines};

/// How a run differs from the nearest course on file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Difference {
    /// The texts as a unified diff; nothing where they are equal or nothing is compared.
    pub lines: Vec<Line>,
    /// The servers to which something else was sent; other differences are of answers and of what followed.
    pub requests: BTreeSet<Party>,
    /// The servers that have no place in the course, and to which something was sent.
    pub strangers: BTreeSet<Party>,
}

/// How the canonical exchange differs from the nearest course on file.
///
/// Nothing is compared in a probe and of a scenario without a file. Where the run took a course that is not on file and
/// that a client is free to take (any where the scenario leaves its outcome open, and stopping early), only what it sent
/// is: how far it must get, and how it must end, is judged by other rows.
pub fn difference(scenario: &Scenario, transcript: &Transcript) -> Difference {
    if scenario.kind == Kind::Probe {
        return Difference::default();
    }
    let exchange = canonical(transcript);
    let own = course(&exchange);
    let courses: Vec<_> = crosscheck_snapshots::courses(scenario.id.as_str())
        .map(|(_, on_file)| due(transcript, &exchange, on_file))
        .collect();
    let is_free = scenario.expect.outcome == Outcome::Either || own.starts_with("stopped-");
    let is_on_file = courses.iter().any(|on_file| course(on_file) == own);
    let differences = courses.iter().map(|on_file| compared(on_file, &exchange));
    let changes = |one: &Difference| one.lines.iter().filter(|line| line.is_change()).count();
    let nearest = differences.min_by_key(changes).unwrap_or_default();
    if is_free && !is_on_file && nearest.requests.is_empty() { Difference::default() } else { nearest }
}

fn compared(on_file: &str, exchange: &str) -> Difference {
    let mut difference = Difference { lines: lines(on_file, exchange), ..Difference::default() };
    for party in Party::ALL {
        match (sent(on_file, party), sent(exchange, party)) {
            (Some(due), Some(sent)) if due != sent => drop(difference.requests.insert(party)),
            (None, Some(_)) => drop(difference.strangers.insert(party)),
            _ => {}
        }
    }
    difference
}

/// What was sent to a server: its stretch without the last line, which is the answer.
fn sent(text: &str, party: Party) -> Option<&str> {
    let start = format!("{party} ");
    let stretch = text.split("\n\n").find(|stretch| stretch.starts_with(&start))?;
    stretch.rsplit_once('\n').map(|(request, _)| request)
}
