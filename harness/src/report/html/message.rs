//! One exchange as rows, the same as `crosscheck show` prints them.

use std::collections::BTreeMap;

use serde::Serialize;

use crosscheck_scenarios::EndpointName;
use crosscheck_wire::Transcript;
use crosscheck_wire::transcript::Exchange;

use crate::report::html::Tone;
use crate::report::html::sequence::Marks;
use crate::report::shown::{ANSWER, Group, Shown};
use crate::text::{endpoint_name, milliseconds, shortened};

/// What was recorded of a scenario, apart from the diagram.
#[derive(Debug, Serialize)]
pub(super) struct Recorded<'a> {
    messages: Vec<Message<'a>>,
    /// What arrived and is no message.
    left_out: Vec<String>,
    ended: String,
    /// Output and outcome report.
    client: Vec<Rows>,
}

/// One exchange.
#[derive(Debug, Serialize)]
struct Message<'a> {
    number: usize,
    method: &'a str,
    party: &'static str,
    target: String,
    purpose: String,
    answer: String,
    /// Whether the server refused.
    refused: bool,
    at: String,
    mark: Mark,
    groups: Vec<Rows>,
}

/// How a message stands to the findings.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Mark {
    /// That of the worst finding in it.
    pub(super) tone: Tone,
    /// Whether it follows from a finding, and from nothing else.
    pub(super) follows: bool,
    /// The checks that found something in it.
    pub(super) checks: Vec<String>,
}

/// Rows under a label.
#[derive(Debug, Serialize)]
struct Rows {
    label: &'static str,
    /// Whether the answer begins here.
    answer: bool,
    /// Depth, name, value and note: a list rather than an object, as there are many of them.
    rows: Vec<(usize, String, String, String)>,
}

impl<'a> Recorded<'a> {
    pub(super) fn new(transcript: &'a Transcript, marks: &Marks) -> Self {
        let shown = Shown { transcript, all: false };
        let mut decoded = BTreeMap::new();
        let messages = transcript
            .exchanges
            .iter()
            .map(|exchange| {
                let groups = rows(shown.groups(exchange, &mut decoded));
                Message::new(exchange, groups, marks.of(exchange.number))
            })
            .collect();
        Self {
            messages,
            left_out: shown.not_recorded().into_rows().into_iter().map(|row| row.value).collect(),
            ended: shown.ended(),
            client: rows(shown.client_groups()),
        }
    }
}

impl<'a> Message<'a> {
    fn new(exchange: &'a Exchange, groups: Vec<Rows>, mark: Mark) -> Self {
        let Exchange { number, party, request, response, .. } = exchange;
        let query = request.raw_query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        Self {
            number: *number,
            method: &request.method,
            party: party.as_str(),
            target: shortened(&format!("{}{query}", request.path), TARGET),
            purpose: purpose(exchange),
            answer: answer(exchange),
            refused: !(200..400).contains(&response.status),
            at: milliseconds(exchange.at_us),
            mark,
            groups,
        }
    }
}

/// What a request is for: the grant type at a token endpoint, the method of an MCP request, else the endpoint.
pub(super) fn purpose(exchange: &Exchange) -> String {
    let member = match exchange.endpoint {
        EndpointName::Token => exchange.request.param("grant_type").map(|param| param.value.to_string()),
        EndpointName::Mcp => {
            let json = exchange.request.body.json.as_ref();
            json.and_then(|json| json.get("method")?.as_str().map(str::to_owned))
        }
        _ => None,
    };
    let words = match (exchange.endpoint, member) {
        (EndpointName::Token, Some(grant)) => grant.rsplit(':').next().unwrap_or_default().replace('-', " "),
        (_, Some(method)) => method,
        (endpoint, None) => endpoint_name(endpoint).to_owned(),
    };
    shortened(&words, WORDS)
}

/// Status and OAuth error.
pub(super) fn answer(exchange: &Exchange) -> String {
    match (exchange.response.status, exchange.response.member("error")) {
        (0, _) => "no answer".to_owned(),
        (status, Some(error)) => format!("{status} {}", shortened(error, WORDS)),
        (status, None) => status.to_string(),
    }
}

/// Characters of a path and query.
const TARGET: usize = 80;
/// Characters of a purpose or an error code.
const WORDS: usize = 40;

fn rows(groups: Vec<Group<'_>>) -> Vec<Rows> {
    let shown = groups.into_iter().filter(|group| !group.rows.is_empty());
    let rows = shown.map(|Group { label, rows, .. }| Rows {
        label,
        answer: label == ANSWER,
        rows: rows.into_rows().into_iter().map(|row| (row.depth, row.name, row.value, row.note)).collect(),
    });
    rows.collect()
}
