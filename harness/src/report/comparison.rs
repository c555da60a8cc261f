//! Several clients side by side: subject by client, and scenario by client.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write as _};

use crosscheck_scenarios::ScenarioId;

use crate::report::markdown::cell;
use crate::report::model::{ClientReport, Report, ScenarioReport, ScenarioResult};
use crate::text::count;

/// The comparison of the clients of a report.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// The clients, in the order of the columns.
    pub(super) clients: &'a [ClientReport],
    /// The folders of scenarios, in the order of ids.
    pub(super) subjects: Vec<Subject<'a>>,
}

/// A folder of scenarios.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// How each client fares there.
    pub(super) tallies: Vec<Tally>,
    /// A row for every scenario that any of the clients was given.
    pub(super) rows: Vec<Row<'a>>,
}

/// A scenario.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// Its id.
    pub(super) id: &'a ScenarioId,
    /// What it plays.
    pub(super) title: &'a str,
    /// What came of it for each client; none where it was not played.
    pub(super) results: Vec<Option<ScenarioResult>>,
}

/// How a client fares in a number of scenarios.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Tally {
    /// Scenarios that passed without any finding that counts.
    pub(super) passed: usize,
    /// Scenarios that were judged.
    pub(super) judged: usize,
}

impl<'a> Comparison<'a> {
    /// Compares the clients of `report`.
    pub fn new(report: &'a Report) -> Self {
        let clients = report.clients.as_slice();
        let mut rows: BTreeMap<&ScenarioId, (&ScenarioReport, Row<'_>)> = BTreeMap::new();
        for (column, client) in clients.iter().enumerate() {
            for scenario in &client.scenarios {
                let (id, title) = (&scenario.id, scenario.title.as_str());
                let empty = || (scenario, Row { id, title, results: vec![None; clients.len()] });
                let (_, row) = rows.entry(id).or_insert_with(empty);
                row.results[column] = Some(scenario.result);
            }
        }
        let mut subjects: Vec<Subject<'_>> = Vec::new();
        for (scenario, row) in rows.into_values() {
            let name = scenario.subject();
            match subjects.last_mut().filter(|subject| subject.name == name) {
                Some(subject) => subject.rows.push(row),
                None => subjects.push(Subject { name, tallies: Vec::new(), rows: vec![row] }),
            }
        }
        for Subject { tallies, rows, .. } in &mut subjects {
            let of = |column: usize| rows.iter().filter_map(|row| row.results[column]).collect();
            *tallies = (0..clients.len()).map(of).collect();
        }
        Self { clients, subjects }
    }

    /// The table of subjects in Markdown: scenarios without any finding, of those that were judged.
    pub fn by_subject(&self) -> String {
        let mut text = self.head("Scenarios");
        for Subject { name, tallies, .. } in &self.subjects {
            // Writing to a string never fails.
            let _ = writeln!(text, "| `{name}` | {} |", joined(tallies));
        }
        let of = |client: &ClientReport| client.scenarios.iter().map(|scenario| scenario.result).collect();
        let total: Vec<Tally> = self.clients.iter().map(of).collect();
        let _ = writeln!(text, "| **all** | {} |", joined(&total));
        text
    }

    fn head(&self, first: &str) -> String {
        let names: Vec<_> = self.clients.iter().map(|client| cell(&client.name)).collect();
        format!("| {first} | {} |\n|---|{}\n", names.join(" | "), "---:|".repeat(names.len()))
    }
}

impl Display for Comparison<'_> {
    /// Both tables in Markdown; scenarios without any finding are counted only.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "# Comparison\n")?;
        writeln!(out, "Scenarios without any finding, of those that apply to the client.\n")?;
        writeln!(out, "{}", self.by_subject())?;
        let rows = self.subjects.iter().flat_map(|subject| &subject.rows);
        let (found, clean): (Vec<_>, Vec<_>) = rows.partition(|row| row.has_findings());
        let clean = count(clean.len(), "scenario");
        writeln!(out, "## By scenario\n")?;
        writeln!(out, "Left out: {clean} without findings for any client.\n")?;
        if found.is_empty() {
            return Ok(());
        }
        write!(out, "{}", self.head("Scenario"))?;
        for row in found {
            let words = row.results.iter().map(|result| result.map_or("–", ScenarioResult::as_str));
            writeln!(out, "| `{}` | {} |", row.id, words.collect::<Vec<_>>().join(" | "))?;
        }
        Ok(())
    }
}

impl Row<'_> {
    /// Whether something else than a pass came of it for any client that was judged.
    fn has_findings(&self) -> bool {
        self.results.iter().flatten().any(|result| *result > ScenarioResult::Passed)
    }

    /// Whether it did not come to the same for all clients.
    pub(super) fn differs(&self) -> bool {
        self.results.iter().any(|result| *result != self.results[0])
    }
}

impl FromIterator<ScenarioResult> for Tally {
    fn from_iter<T: IntoIterator<Item = ScenarioResult>>(results: T) -> Self {
        let judged = results.into_iter().filter(|result| *result != ScenarioResult::NotApplicable);
        judged.fold(Self::default(), |tally, result| Self {
            passed: tally.passed + usize::from(result == ScenarioResult::Passed),
            judged: tally.judged + 1,
        })
    }
}

impl Display for Tally {
    /// Such as `20 of 23`, or `23` where everything passed, or `–` where nothing was judged.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match (self.passed, self.judged) {
            (_, 0) => out.write_str("–"),
            (passed, judged) if passed == judged => write!(out, "{judged}"),
            (passed, judged) => write!(out, "{passed} of {judged}"),
        }
    }
}

fn joined(tallies: &[Tally]) -> String {
    tallies.iter().map(Tally::to_string).collect::<Vec<_>>().join(" | ")
}
