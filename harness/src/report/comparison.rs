//! Several clients side by side: subject by client, and scenario by client.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter, Write as _};

use crosscheck_scenarios::ScenarioId;

use crate::report::markdown::cell;
use crate::report::model::{ClientReport, Report, ScenarioReport, ScenarioResult};

/// The comparison of the clients of a report.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// The clients, in the order of the columns.
    pub clients: Vec<&'a ClientReport>,
    /// A row for every folder of scenarios.
    pub subjects: Vec<Subject<'a>>,
    /// A row for every scenario that any of them was given.
    pub scenarios: Vec<Row<'a>>,
}

/// A folder of scenarios.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a str,
    /// How each client fares there.
    pub cells: Vec<Tally>,
}

/// How a client fares in a number of scenarios.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Scenarios that passed, expected findings and all.
    pub passed: usize,
    /// Scenarios whose findings were expected.
    pub expected: usize,
    /// Scenarios with warnings.
    pub warned: usize,
    /// Scenarios that failed.
    pub failed: usize,
}

impl Tally {
    /// Scenarios that were judged.
    pub fn judged(self) -> usize {
        self.passed + self.expected + self.warned + self.failed
    }

    fn add(&mut self, result: ScenarioResult) {
        match result {
            ScenarioResult::NotApplicable => {}
            ScenarioResult::Passed => self.passed += 1,
            ScenarioResult::Expected => self.expected += 1,
            ScenarioResult::Warned => self.warned += 1,
            ScenarioResult::Failed => self.failed += 1,
        }
    }
}

impl Display for Tally {
    /// Such as `20 of 23`, or `23` where everything passed, or `–` where nothing was judged.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match (self.passed, self.judged()) {
            (_, 0) => out.write_str("–"),
            (passed, judged) if passed == judged => write!(out, "{judged}"),
            (passed, judged) => write!(out, "{passed} of {judged}"),
        }
    }
}

/// A scenario.
#[derive(Debug)]
pub struct Row<'a> {
    /// Its id.
    pub id: &'a ScenarioId,
    /// What it plays.
    pub title: &'a str,
    /// What came of it for each client; none where it was not played.
    pub cells: Vec<Option<&'a ScenarioReport>>,
}

impl Row<'_> {
    /// Whether something else than a pass came of it for any client that was judged.
    pub fn is_mixed(&self) -> bool {
        let found = |cell: &&ScenarioReport| cell.result > ScenarioResult::Passed;
        self.cells.iter().flatten().any(found)
    }
}

impl<'a> Comparison<'a> {
    /// Compares the clients of `report`.
    pub fn new(report: &'a Report) -> Self {
        let clients: Vec<_> = report.clients.iter().collect();
        let mut subjects: BTreeMap<&str, Vec<Tally>> = BTreeMap::new();
        let mut rows: BTreeMap<&ScenarioId, Row<'_>> = BTreeMap::new();
        for (column, client) in clients.iter().enumerate() {
            for scenario in &client.scenarios {
                let tallies = subjects
                    .entry(scenario.subject())
                    .or_insert_with(|| vec![Tally::default(); clients.len()]);
                tallies[column].add(scenario.result);
                let row = rows.entry(&scenario.id).or_insert_with(|| Row {
                    id: &scenario.id,
                    title: &scenario.title,
                    cells: vec![None; clients.len()],
                });
                row.cells[column] = Some(scenario);
            }
        }
        let subjects = subjects.into_iter().map(|(name, cells)| Subject { name, cells }).collect();
        Self { clients, subjects, scenarios: rows.into_values().collect() }
    }

    /// How each client fares in all of its scenarios.
    pub fn total(&self) -> Vec<Tally> {
        let of = |client: &&ClientReport| {
            let mut tally = Tally::default();
            client.scenarios.iter().for_each(|scenario| tally.add(scenario.result));
            tally
        };
        self.clients.iter().map(of).collect()
    }

    /// The table of subjects in Markdown: scenarios without any finding, of those that were judged.
    pub fn by_subject(&self) -> String {
        let mut text = self.head("Scenarios");
        for Subject { name, cells } in &self.subjects {
            // Writing to a string never fails.
            let _ = writeln!(text, "| `{name}` | {} |", joined(cells));
        }
        let _ = writeln!(text, "| **all** | {} |", joined(&self.total()));
        text
    }

    fn head(&self, first: &str) -> String {
        let names: Vec<_> = self.clients.iter().map(|client| cell(&client.name)).collect();
        format!("| {first} | {} |\n|---|{}\n", names.join(" | "), "---:|".repeat(names.len()))
    }
}

impl Display for Comparison<'_> {
    /// Both tables in Markdown; scenarios that everybody passed are counted only.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(out, "# Comparison\n")?;
        writeln!(out, "Scenarios without any finding, of those that apply to the client.\n")?;
        writeln!(out, "{}", self.by_subject())?;
        let (mixed, same): (Vec<_>, Vec<_>) = self.scenarios.iter().partition(|row| row.is_mixed());
        writeln!(out, "## By scenario\n")?;
        writeln!(out, "{} scenarios have findings for none of the clients and are left out.\n", same.len())?;
        if mixed.is_empty() {
            return Ok(());
        }
        write!(out, "{}", self.head("Scenario"))?;
        for row in mixed {
            let cells = row.cells.iter().map(|cell| cell.map_or("–", |cell| cell.result.as_str()));
            writeln!(out, "| `{}` | {} |", row.id, cells.collect::<Vec<_>>().join(" | "))?;
        }
        Ok(())
    }
}

fn joined(cells: &[Tally]) -> String {
    cells.iter().map(Tally::to_string).collect::<Vec<_>>().join(" | ")
}
