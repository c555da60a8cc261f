//! The error-handling matrix: what a client did with each answer of a token endpoint that a scenario is about, and
//! what of the answer reached its caller.
//!
//! It is read from transcripts and holds no verdict of its own. Without an outcome report the client's output is
//! searched, and what is not found there is not known.

mod markdown;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crosscheck_scenarios::{EndpointName, Party, Profile, ScenarioId};
use crosscheck_wire::Transcript;
use crosscheck_wire::transcript::{Ended, Exchange, OutcomeReport};

use crate::check::Verdict;
use crate::run::{Played, PlayedResult, Settings};
use crate::snapshot::accepted;
use crate::summary::Summary;
use crate::text::is_treacherous;

/// Version of the JSON form.
const VERSION: u32 = 1;

/// The matrix of one run.
#[derive(Debug, Deserialize, Serialize)]
pub struct Matrix {
    version: u32,
    crosscheck: String,
    profile: Profile,
    command: String,
    level: Option<u8>,
    level_in_words: Option<String>,
    rows: Vec<Row>,
}

/// One scenario that was judged.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Row {
    /// The scenario's id.
    scenario: ScenarioId,
    /// The same without the leg.
    row: String,
    /// The server whose token endpoint it is about.
    leg: Party,
    /// Whether a conforming answer follows the first one.
    once: bool,
    /// The first answer there; null where the client never asked.
    answer: Option<Answer>,
    /// What the client did then.
    client: Course,
    /// Whether the `error` code reached the caller.
    code: Surfaced,
    /// Whether the `error_description` did.
    description: Surfaced,
    /// Which further members did.
    members: Members,
    /// Whether the HTTP status did.
    status: Surfaced,
    /// Token requests there beyond the first.
    retried: usize,
    /// How long the client ran.
    seconds: f64,
    /// The level of the client contract.
    level: u8,
    /// The verdict on the scenario.
    verdict: Verdict,
}

/// An answer in brief.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Answer {
    /// HTTP status; 0 where the connection ended before it.
    status: u16,
    /// The `error` member, where it is a string.
    error: Option<String>,
    /// The `Content-Type` as sent.
    content_type: Option<String>,
    /// Bytes of the body that the client let the server send.
    bytes: u64,
    /// Whether the answer ended as announced.
    complete: bool,
}

/// What a client did after an answer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Course {
    /// The MCP server accepted its access token.
    Reached,
    /// It sent a request of the next step and did not reach the MCP server.
    WentOn,
    /// It was ended at its time limit.
    TimedOut,
    /// It was ended by a signal.
    Died,
    /// It ended by itself.
    Stopped,
}

/// Whether a part of an answer reached the caller.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Surfaced {
    /// It stands in its member of the outcome report.
    Yes,
    /// Its beginning does.
    InPart,
    /// It stands in the client's output, or in the report's free text.
    InOutput,
    /// It stands nowhere, though there is an outcome report.
    No,
    /// It is not in the output, and there is no outcome report.
    NotKnown,
    /// The answer has none, or the client reached the MCP server after all.
    NothingToSurface,
}

/// The members of an error answer besides `error` and `error_description`.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
struct Members {
    /// Their names.
    sent: Vec<String>,
    /// Those that came back unchanged in the outcome report; null without one.
    surfaced: Option<Vec<String>>,
}

impl Matrix {
    /// The matrix of a run that has ended.
    pub fn new(all: &[Played], summary: &Summary<'_>, settings: &Settings) -> Self {
        let row = |played: &Played| match (&played.result, played.scenario.at) {
            (PlayedResult::Judged { transcript, .. }, Some(leg)) => {
                Some(row(&played.scenario.id, leg, transcript, played.verdict()))
            }
            _ => None,
        };
        Self {
            version: VERSION,
            crosscheck: env!("CARGO_PKG_VERSION").to_owned(),
            profile: settings.profile,
            command: settings.command.to_line(),
            level: summary.level(),
            level_in_words: summary.level_in_words(),
            rows: all.iter().filter_map(row).collect(),
        }
    }

    /// The matrix of a whole run from those of its shards; `level_in_words` is that of all. None of none.
    pub fn joined(shards: Vec<Self>, level_in_words: Option<String>) -> Option<Self> {
        let mut shards = shards.into_iter();
        let mut whole = shards.next()?;
        for shard in shards {
            whole.rows.extend(shard.rows);
            whole.level = whole.level.max(shard.level);
        }
        whole.rows.sort_by(|one, other| one.scenario.cmp(&other.scenario));
        Some(Self { level_in_words, ..whole })
    }
}

fn row(scenario: &ScenarioId, leg: Party, transcript: &Transcript, verdict: Verdict) -> Row {
    let id = scenario.as_str();
    let always = id.strip_suffix("/once").unwrap_or(id);
    let asked: Vec<_> = transcript.of_client().filter(|exchange| is_token_request(exchange, leg)).collect();
    let first = asked.first().copied();
    let client = course(transcript, leg, first);
    // What is overcome is nobody's news.
    let refusal = first.filter(|answer| client != Course::Reached && is_refusal(answer));
    let members = refusal.and_then(|refusal| refusal.response.body.json.as_ref()?.as_object());
    let member =
        |name| members.and_then(|members| members.get(name)?.as_str()).filter(|text| !text.trim().is_empty());
    let status = refusal.map(|refusal| refusal.response.status).filter(|status| *status >= 300);
    let told = Told::new(transcript);
    Row {
        scenario: scenario.clone(),
        row: always.strip_suffix(leg.as_str()).map_or(id, |row| row.trim_end_matches('/')).to_owned(),
        leg,
        once: always != id,
        answer: first.map(answer),
        client,
        code: member("error").map_or(Surfaced::NothingToSurface, |code| told.code(code)),
        description: member("error_description")
            .map_or(Surfaced::NothingToSurface, |text| told.description(text)),
        members: members.map(|members| told.members(members)).unwrap_or_default(),
        status: status.map_or(Surfaced::NothingToSurface, |status| told.status(status)),
        retried: asked.len().saturating_sub(1),
        seconds: (transcript.client.took_us / 1000) as f64 / 1000.0,
        level: if told.report.is_some() { 2 } else { 1 },
        verdict,
    }
}

fn is_token_request(exchange: &Exchange, party: Party) -> bool {
    exchange.party == party && exchange.endpoint == EndpointName::Token && exchange.request.method == "POST"
}

/// Whether an answer refuses: by its status, by breaking off, or by an error in a success.
fn is_refusal(exchange: &Exchange) -> bool {
    let success = (200..300).contains(&exchange.response.status);
    !success || exchange.response.body.json.as_ref().is_some_and(|json| json.get("error").is_some())
}

fn answer(exchange: &Exchange) -> Answer {
    let response = &exchange.response;
    Answer {
        status: response.status,
        error: response.member("error").map(str::to_owned),
        content_type: response.header("content-type").map(ToString::to_string),
        bytes: response.body.bytes,
        complete: response.body.complete,
    }
}

fn course(transcript: &Transcript, leg: Party, answer: Option<&Exchange>) -> Course {
    let is_next = |exchange: &Exchange| match exchange.endpoint {
        EndpointName::Token => leg == Party::Idp && exchange.party.is_authorization_server(),
        _ => exchange.party.is_mcp_server() && exchange.request.header("authorization").is_some(),
    };
    let went_on = |answer: &Exchange| {
        transcript.of_client().any(|exchange| exchange.number > answer.number && is_next(exchange))
    };
    match transcript.client.ended {
        _ if accepted(transcript) => Course::Reached,
        _ if answer.is_some_and(went_on) => Course::WentOn,
        Ended::TimedOut(_) => Course::TimedOut,
        Ended::Signal(_) => Course::Died,
        Ended::Exited(_) => Course::Stopped,
    }
}

/// Everything that a client says of how it ended.
struct Told<'a> {
    report: Option<&'a OutcomeReport>,
    /// Its output, and the free text of its report.
    words: String,
}

impl<'a> Told<'a> {
    fn new(transcript: &'a Transcript) -> Self {
        let client = &transcript.client;
        let report = client.report.read();
        let message = report.and_then(|report| report.message.clone());
        let output = [&client.stdout, &client.stderr].map(|output| output.text.to_string());
        Self { report, words: message.into_iter().chain(output).collect::<Vec<_>>().join("\n") }
    }

    fn code(&self, code: &str) -> Surfaced {
        let reported = self.report.is_some_and(|report| report.error.as_deref() == Some(code));
        if reported { Surfaced::Yes } else { self.in_words(stands_in(&self.words, code)) }
    }

    fn status(&self, status: u16) -> Surfaced {
        let reported = self.report.is_some_and(|report| report.status == Some(status));
        if reported { Surfaced::Yes } else { self.in_words(stands_in(&self.words, &status.to_string())) }
    }

    fn description(&self, text: &str) -> Surfaced {
        // Whoever shows it cleans it of what deceives a reader.
        let pieces: Vec<_> =
            text.split(is_treacherous).map(str::trim).filter(|piece| !piece.is_empty()).collect();
        let stands_in = |text: &str| !pieces.is_empty() && pieces.iter().all(|piece| text.contains(piece));
        let reported = self.report.and_then(|report| report.error_description.as_deref()).unwrap_or_default();
        let beginning: String = reported.trim().chars().take(BEGINNING).collect();
        if stands_in(reported) {
            Surfaced::Yes
        } else if stands_in(&self.words) {
            Surfaced::InOutput
        } else if !beginning.is_empty() && pieces.first().is_some_and(|piece| piece.starts_with(&beginning)) {
            Surfaced::InPart
        } else {
            self.in_words(false)
        }
    }

    fn members(&self, members: &Map<String, Value>) -> Members {
        let further =
            |(name, _): &(&String, &Value)| !["error", "error_description"].contains(&name.as_str());
        let sent: Vec<_> = members.iter().filter(further).collect();
        let names = |members: &[(&String, &Value)]| members.iter().map(|(name, _)| (*name).clone()).collect();
        let came_back = |report: &OutcomeReport| {
            let back = |(name, value): &(&String, &Value)| {
                let uri = report.error_uri.as_deref().filter(|_| *name == "error_uri");
                report.members.get(*name) == Some(*value) || (uri.is_some() && uri == value.as_str())
            };
            names(&sent.iter().copied().filter(back).collect::<Vec<_>>())
        };
        Members { sent: names(&sent), surfaced: self.report.map(came_back) }
    }

    fn in_words(&self, found: bool) -> Surfaced {
        match (found, self.report) {
            (true, _) => Surfaced::InOutput,
            (false, Some(_)) => Surfaced::No,
            (false, None) => Surfaced::NotKnown,
        }
    }
}

/// Characters by which the beginning of a description is known.
const BEGINNING: usize = 8;

/// Whether `word` stands in `text` by itself.
fn stands_in(text: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(inside) && !text[at + word.len()..].starts_with(inside))
}
