//! The sequence diagram of a scenario, as data.
//!
//! Requests and answers stand in the order in which they happened, so that what a server asked in the middle of an
//! answer stands in its middle. Sizes are in the units of the drawing, which are pixels at its natural size.

use std::collections::BTreeMap;

use serde::Serialize;

use crosscheck_scenarios::Party;
use crosscheck_wire::transcript::Exchange;
use crosscheck_wire::{Caller, Transcript};

use crate::report::html::Tone;
use crate::report::html::message::{Mark, answer, purpose};
use crate::report::model::{CheckReport, ScenarioReport};
use crate::text::{count, milliseconds};

/// Which messages the findings of a scenario are about.
#[derive(Debug, Default)]
pub(super) struct Marks {
    found: BTreeMap<usize, (Tone, Vec<String>)>,
    follows: Vec<usize>,
    /// The worst of the findings that are seen in no message, such as those in the client's output.
    elsewhere: Option<(Tone, Vec<String>)>,
}

impl Marks {
    pub(super) fn new(scenario: &ScenarioReport) -> Self {
        let mut marks = Self::default();
        for check in scenario.checks.iter().filter(|check| Tone::of(check) > Tone::Plain) {
            marks.add(check);
        }
        marks
    }

    fn add(&mut self, check: &CheckReport) {
        let (Some(finding), tone) = (&check.finding, Tone::of(check)) else { return };
        let nothing = (tone, Vec::new());
        let (worst, checks) = match finding.exchange {
            Some(number) => self.found.entry(number).or_insert(nothing),
            None => self.elsewhere.get_or_insert(nothing),
        };
        // What is only told is no blame, and has no place beside one.
        if tone > *worst {
            (*worst, *checks) = (tone, Vec::new());
        }
        if tone == *worst {
            checks.push(check.id.clone());
        }
        self.follows.extend(finding.then.iter().filter_map(|consequence| consequence.exchange));
    }

    /// How the message of that number stands to the findings.
    pub(super) fn of(&self, number: usize) -> Mark {
        match self.found.get(&number) {
            Some((tone, checks)) => Mark { tone: *tone, follows: false, checks: checks.clone() },
            None => Mark { tone: Tone::Plain, follows: self.follows.contains(&number), checks: Vec::new() },
        }
    }
}

/// The diagram.
#[derive(Debug, Serialize)]
pub(super) struct Diagram {
    width: usize,
    height: usize,
    /// What a reader is told who does not see it.
    description: String,
    lanes: Vec<Lane>,
    arrows: Vec<Arrow>,
    /// What was found in no message.
    elsewhere: Option<Elsewhere>,
}

/// A party.
#[derive(Debug, Serialize)]
struct Lane {
    x: usize,
    name: &'static str,
}

/// A message: the arrow there and the arrow back.
#[derive(Debug, Serialize)]
struct Arrow {
    number: usize,
    at: String,
    mark: Mark,
    /// Whether the server refused.
    refused: bool,
    /// Whether no answer came.
    cut: bool,
    from: usize,
    to: usize,
    middle: usize,
    /// Where both texts begin.
    text: usize,
    /// Where the points of the arrowheads turn back to: a few units in front of `to`, and of `from`.
    heads: (usize, usize),
    asked: Step,
    answered: Step,
}

/// One of the two ways of a message.
#[derive(Debug, Serialize)]
struct Step {
    y: usize,
    label: String,
}

/// A mark below the lanes.
#[derive(Debug, Serialize)]
struct Elsewhere {
    y: usize,
    tone: Tone,
    checks: Vec<String>,
}

impl Diagram {
    /// None where nothing was sent and nothing found.
    pub(super) fn new(transcript: &Transcript, marks: &Marks) -> Option<Self> {
        let exchanges = &transcript.exchanges;
        if exchanges.is_empty() {
            return None;
        }
        let lanes = lanes(exchanges);
        let rows = rows(exchanges);
        let x = |party| LEFT + STEP * (1 + lanes.iter().position(|lane| *lane == party).unwrap_or_default());
        let y = |row: usize| TOP + ROW * (row + 1);
        let arrows: Vec<_> = exchanges
            .iter()
            .enumerate()
            .map(|(place, exchange)| {
                let from = caller(exchanges, exchange).map_or(LEFT, x);
                let to = x(exchange.party);
                let asked = format!("{} {}", exchange.request.method, purpose(exchange));
                Arrow {
                    number: exchange.number,
                    at: milliseconds(exchange.at_us),
                    mark: marks.of(exchange.number),
                    refused: !(200..400).contains(&exchange.response.status),
                    cut: exchange.response.status == 0,
                    from,
                    to,
                    middle: from.midpoint(to),
                    text: from.min(to) + GAP,
                    heads: if from < to { (to - HEAD, from + HEAD) } else { (to + HEAD, from - HEAD) },
                    asked: Step { y: y(rows[place].0), label: asked },
                    answered: Step { y: y(rows[place].1), label: answer(exchange) },
                }
            })
            .collect();
        let bottom = y(2 * exchanges.len());
        let elsewhere = marks.elsewhere.as_ref().filter(|(tone, _)| *tone > Tone::Told);
        let elsewhere =
            elsewhere.map(|(tone, checks)| Elsewhere { y: bottom, tone: *tone, checks: checks.clone() });
        let widest = arrows.iter().map(Arrow::right).max().unwrap_or_default();
        Some(Self {
            width: widest.max(LEFT + STEP * lanes.len() + MARGIN),
            height: bottom + if elsewhere.is_some() { ROW } else { 0 },
            description: description(&lanes, exchanges, marks),
            lanes: std::iter::once(Lane { x: LEFT, name: "client" })
                .chain(lanes.iter().map(|party| Lane { x: x(*party), name: name(*party) }))
                .collect(),
            arrows,
            elsewhere,
        })
    }
}

impl Arrow {
    /// Where it ends on the right, its texts included.
    fn right(&self) -> usize {
        let marks: usize = self.mark.checks.iter().map(|check| check.chars().count() + 2).sum();
        let asked = self.asked.label.chars().count() + marks + if marks == 0 { 0 } else { 4 };
        self.text + LETTER * asked.max(self.answered.label.chars().count())
    }
}

/// The lane of the client.
const LEFT: usize = 110;
/// From a lane to the next.
const STEP: usize = 180;
/// Below the names of the lanes.
const TOP: usize = 24;
/// From an arrow to the next.
const ROW: usize = 22;
/// From a lane to the text of an arrow.
const GAP: usize = 10;
/// Length of an arrowhead.
const HEAD: usize = 6;
/// Right of the last lane, for half of its name.
const MARGIN: usize = 70;
/// A wide letter of a text.
const LETTER: usize = 7;

/// The servers of the plain flow, and of the others those that were asked.
fn lanes(exchanges: &[Exchange]) -> Vec<Party> {
    let plain = [Party::Idp, Party::As, Party::Mcp];
    let asked = |party: &Party| exchanges.iter().any(|exchange| exchange.party == *party);
    Party::ALL.into_iter().filter(|party| plain.contains(party) || asked(party)).collect()
}

/// The party that sent the request; none for the client.
fn caller(exchanges: &[Exchange], exchange: &Exchange) -> Option<Party> {
    if exchange.caller == Caller::Client {
        return None;
    }
    // An authorization server asks while it answers.
    let answers = |other: &&Exchange| {
        other.party.is_authorization_server()
            && (other.at_us..=other.at_us + other.took_us).contains(&exchange.at_us)
    };
    Some(exchanges.iter().rfind(answers).map_or(Party::As, |other| other.party))
}

/// The rows of request and answer of each exchange, in the order of time.
fn rows(exchanges: &[Exchange]) -> Vec<(usize, usize)> {
    let asked = exchanges.iter().enumerate().map(|(place, exchange)| (exchange.at_us, place, false));
    let answered = |(place, exchange): (usize, &Exchange)| (exchange.at_us + exchange.took_us, place, true);
    let mut steps: Vec<_> = asked.chain(exchanges.iter().enumerate().map(answered)).collect();
    steps.sort_unstable();
    let mut rows = vec![(0, 0); exchanges.len()];
    for (row, (_, place, is_answer)) in steps.into_iter().enumerate() {
        let (asked, answered) = &mut rows[place];
        *if is_answer { answered } else { asked } = row;
    }
    rows
}

/// Such as `12 messages between client, IdP, AS and MCP server. Message 4: tx-audience-is-as-issuer, failed.`
fn description(lanes: &[Party], exchanges: &[Exchange], marks: &Marks) -> String {
    let names: Vec<_> = lanes.iter().map(|party| name(*party)).collect();
    let (last, others) = names.split_last().map_or(("", &[][..]), |(last, others)| (*last, others));
    let messages = count(exchanges.len(), "message");
    let mut text = format!("{messages} between client, {} and {last}.", others.join(", "));
    for (number, (tone, checks)) in marks.found.iter().filter(|(_, (tone, _))| *tone > Tone::Told) {
        let word = format!("{tone:?}").to_lowercase();
        text += &format!(" Message {number}: {}, {word}.", checks.join(", "));
    }
    text
}

fn name(party: Party) -> &'static str {
    match party {
        Party::Idp => "IdP",
        Party::As => "AS",
        Party::Mcp => "MCP server",
        Party::As2 => "second AS",
        Party::Mcp2 => "second MCP server",
        Party::Trap => "trap",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(number: usize, party: Party, at_us: u64, took_us: u64, caller: Caller) -> Exchange {
        Exchange {
            number,
            party,
            caller,
            endpoint: crosscheck_scenarios::EndpointName::Unknown,
            stray: false,
            at_us,
            took_us,
            request: crosscheck_wire::transcript::Request::default(),
            response: crosscheck_wire::transcript::Response::default(),
            refusal: String::new(),
        }
    }

    #[test]
    fn a_lane_of_its_own_is_for_servers_that_were_asked() {
        let plain = [exchange(1, Party::Mcp, 0, 1, Caller::Client)];
        assert_eq!(lanes(&plain), [Party::Idp, Party::As, Party::Mcp]);
        let astray = [exchange(1, Party::Trap, 0, 1, Caller::Client)];
        assert_eq!(lanes(&astray), [Party::Idp, Party::As, Party::Mcp, Party::Trap]);
    }

    #[test]
    fn what_a_server_asks_stands_within_its_answer_and_begins_at_its_lane() {
        let exchanges =
            [exchange(1, Party::As2, 10, 20, Caller::Client), exchange(2, Party::Idp, 15, 5, Caller::As)];
        assert_eq!(rows(&exchanges), [(0, 3), (1, 2)]);
        assert_eq!(caller(&exchanges, &exchanges[0]), None);
        assert_eq!(caller(&exchanges, &exchanges[1]), Some(Party::As2));
    }
}
