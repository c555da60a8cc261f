//! Several clients side by side, as the template takes them.

use serde::Serialize;

use crate::report::comparison::{self, Comparison};
use crate::report::html::overview::{Counted, totals};
use crate::report::model::{ClientReport, Report, ScenarioResult};

/// What the template of a comparison takes.
#[derive(Debug, Serialize)]
pub(super) struct Page<'a> {
    as_expected: bool,
    crosscheck: &'a str,
    clients: Vec<Client<'a>>,
    subjects: Vec<Subject<'a>>,
    scenarios: usize,
    differing: usize,
}

/// A column.
#[derive(Debug, Serialize)]
struct Client<'a> {
    name: &'a str,
    as_expected: bool,
    level: Option<u8>,
    totals: Vec<Counted>,
    command: Option<&'a str>,
}

/// A group of rows.
#[derive(Debug, Serialize)]
struct Subject<'a> {
    name: &'a str,
    /// How many scenarios passed of those that apply, a client each.
    passed: Vec<(usize, usize)>,
    rows: Vec<Row<'a>>,
}

/// A scenario.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: &'a str,
    title: &'a str,
    differs: bool,
    /// The result at each client; none where it was not played.
    cells: Vec<Option<(ScenarioResult, &'static str)>>,
}

impl<'a> Page<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        let Comparison { clients, subjects } = Comparison::new(report);
        let subjects: Vec<_> = subjects.into_iter().map(Subject::from).collect();
        let rows = || subjects.iter().flat_map(|subject| &subject.rows);
        Self {
            as_expected: report.as_expected,
            crosscheck: &report.crosscheck,
            scenarios: rows().count(),
            differing: rows().filter(|row| row.differs).count(),
            clients: clients.iter().map(Client::from).collect(),
            subjects,
        }
    }
}

impl<'a> From<&'a ClientReport> for Client<'a> {
    fn from(client: &'a ClientReport) -> Self {
        Self {
            name: &client.name,
            as_expected: client.as_expected,
            level: client.level,
            totals: totals(client),
            command: client.run.as_ref().map(|run| run.command.as_str()),
        }
    }
}

impl<'a> From<comparison::Subject<'a>> for Subject<'a> {
    fn from(comparison::Subject { name, tallies, rows }: comparison::Subject<'a>) -> Self {
        let passed = tallies.iter().map(|tally| (tally.passed, tally.judged)).collect();
        Self { name, passed, rows: rows.iter().map(Row::from).collect() }
    }
}

impl<'a> From<&comparison::Row<'a>> for Row<'a> {
    fn from(row: &comparison::Row<'a>) -> Self {
        let cell = |result: &Option<ScenarioResult>| result.map(|result| (result, result.as_str()));
        let cells = row.results.iter().map(cell).collect();
        Self { id: row.id.as_str(), title: row.title, differs: row.differs(), cells }
    }
}
