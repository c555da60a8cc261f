//! Several clients side by side.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::report::html::overview::RESULTS;
use crate::report::model::{ClientReport, Report, ScenarioReport, ScenarioResult};

/// What the template of a comparison takes.
#[derive(Debug, Serialize)]
pub(super) struct Comparison<'a> {
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
    /// How many scenarios have each result.
    counts: Vec<(ScenarioResult, &'static str, usize)>,
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

impl<'a> Comparison<'a> {
    pub(super) fn new(report: &'a Report) -> Self {
        let rows = rows(report);
        let chunks = rows.chunk_by(|one, other| one[0].1.subject() == other[0].1.subject());
        let subjects: Vec<_> = chunks.map(|rows| Subject::new(rows, report.clients.len())).collect();
        let differing = subjects.iter().flat_map(|subject| &subject.rows).filter(|row| row.differs).count();
        Self {
            as_expected: report.as_expected,
            crosscheck: &report.crosscheck,
            clients: report.clients.iter().map(Client::new).collect(),
            subjects,
            scenarios: rows.len(),
            differing,
        }
    }
}

/// A scenario with the place of each client that has it.
type Played<'a> = Vec<(usize, &'a ScenarioReport)>;

/// The scenarios of all clients in the order of their ids; none is without a client.
fn rows(report: &Report) -> Vec<Played<'_>> {
    let mut rows: BTreeMap<&str, Played<'_>> = BTreeMap::new();
    for (place, client) in report.clients.iter().enumerate() {
        for scenario in &client.scenarios {
            rows.entry(scenario.id.as_str()).or_default().push((place, scenario));
        }
    }
    rows.into_values().collect()
}

impl<'a> Client<'a> {
    fn new(client: &'a ClientReport) -> Self {
        let count = |result| client.scenarios.iter().filter(|one| one.result == result).count();
        Self {
            name: &client.name,
            as_expected: client.as_expected,
            level: client.level,
            counts: RESULTS.map(|result| (result, result.as_str(), count(result))).into(),
            command: client.run.as_ref().map(|run| run.command.as_str()),
        }
    }
}

impl<'a> Subject<'a> {
    fn new(played: &[Played<'a>], clients: usize) -> Self {
        let rows: Vec<_> = played.iter().map(|played| Row::new(played, clients)).collect();
        let passed = (0..clients).map(|client| {
            let results = rows.iter().filter_map(|row| row.cells[client]).map(|(result, _)| result);
            let applies = results.filter(|result| *result != ScenarioResult::NotApplicable);
            let (passed, others): (Vec<_>, Vec<_>) =
                applies.partition(|result| *result == ScenarioResult::Passed);
            (passed.len(), passed.len() + others.len())
        });
        let passed = passed.collect();
        Self { name: played[0][0].1.subject(), passed, rows }
    }
}

impl<'a> Row<'a> {
    fn new(played: &Played<'a>, clients: usize) -> Self {
        let (_, first) = played[0];
        let mut cells = vec![None; clients];
        for (client, scenario) in played {
            cells[*client] = Some((scenario.result, scenario.result.as_str()));
        }
        let differs = cells.iter().any(|cell| *cell != cells[0]);
        Self { id: first.id.as_str(), title: &first.title, differs, cells }
    }
}
