//! One finding as lines of text: what, where, by which rule, how it is mended, how to run just that again.

use textwrap::Options;

use crosscheck_scenarios::{Catalogue, EndpointName};
use crosscheck_wire::transcript::Exchange;

use crate::check::{Check, Comparison, Consequence, Finding};
use crate::report::model::{CheckReport, ScenarioReport};
use crate::run::{Played, PlayedResult};
use crate::summary::Found;
use crate::text::{count, endpoint_name, printable, quoted, shortened};

/// Columns of a terminal report.
pub(super) const WIDTH: usize = 80;
/// Columns in front of the text of a finding.
const MARGIN: usize = 6;
/// Lines that a finding takes, its head included.
const LINES: usize = 20;
/// Characters of a path and query, and of an error code.
const TARGET: usize = 40;
/// Consequences that are listed one by one.
const CONSEQUENCES: usize = 3;

/// A finding as it is told.
pub(super) struct Told<'a> {
    /// The requirement's id.
    pub(super) requirement: &'a str,
    /// What was found.
    pub(super) finding: &'a Finding,
    /// The message in which it was seen, in brief.
    pub(super) message: Option<&'a str>,
    /// The command that runs it once more.
    pub(super) again: &'a str,
    /// The ids of further scenarios with the same finding.
    pub(super) others: &'a [&'a str],
}

/// The lines below the head of a finding, without colour.
pub(super) fn lines(told: &Told<'_>) -> Vec<String> {
    let footer = footer(told);
    let mut lines = evidence(told);
    let room = LINES.saturating_sub(footer.len() + 1);
    if lines.len() > room {
        lines.retain(|line| !line.is_empty());
    }
    if lines.len() > room {
        lines.truncate(room.saturating_sub(1));
        lines.push(format!("{:MARGIN$}    … more of it with --report DIR", ""));
    } else if lines.len() < room && lines.last().is_some_and(|line| !line.is_empty()) {
        lines.push(String::new());
    }
    lines.extend(footer);
    lines
}

/// A finding of a report as a terminal shows it, with its head.
pub(super) fn whole(scenario: &ScenarioReport, check: &CheckReport) -> String {
    let Some(finding) = &check.finding else { return String::new() };
    let told = Told {
        requirement: check.requirement.as_str(),
        finding,
        message: check.message.as_deref(),
        again: &scenario.again,
        others: &[],
    };
    let mut text = format!("{}  {} · {}", check.verdict.as_str().to_uppercase(), scenario.id, check.id);
    for line in lines(&told) {
        text.push('\n');
        text.push_str(line.trim_end());
    }
    text
}

/// The first sentence of a finding, on one line.
pub(super) fn first_sentence(found: Found<'_>) -> String {
    let what = found.check.finding.as_ref().map_or("", |finding| finding.what.as_str());
    let words = what.split_whitespace().collect::<Vec<_>>().join(" ");
    let begins = |rest: &str| rest.starts_with(char::is_uppercase);
    let end = words.match_indices(". ").find(|(at, _)| begins(&words[at + 2..])).map(|(at, _)| at + 1);
    printable(&words[..end.unwrap_or(words.len())])
}

/// What was seen: the sentence, the exchange, values side by side, and what followed.
fn evidence(told: &Told<'_>) -> Vec<String> {
    let finding = told.finding;
    let mut lines = indented(MARGIN, &printable(&finding.what));
    lines.push(String::new());
    lines.extend(told.message.map(|message| format!("{:MARGIN$}{message}", "")));
    lines.extend(
        finding.compared.iter().flat_map(|one| comparison(one, verb(one, finding.exchange.is_some()))),
    );
    if !finding.as_expected.is_empty() {
        lines.extend(indented(MARGIN + 4, &format!("as expected: {}.", finding.as_expected.join(", "))));
    }
    if let Some(excerpt) = &finding.excerpt {
        lines.extend(excerpt.lines().map(|line| format!("{:MARGIN$}    {:.66}", "", quoted(line))));
    }
    if !finding.then.is_empty() {
        lines.push(String::new());
        lines.extend(consequences(&finding.then));
    }
    lines
}

fn footer(told: &Told<'_>) -> Vec<String> {
    let Told { requirement: id, finding, again, others, .. } = told;
    let mut lines = Vec::new();
    if let Some(row) = Catalogue::embedded().find(id) {
        lines.extend(labelled(
            "rule",
            &format!("{} · {}: {}", row.keyword, row.source.join("; "), row.summary),
        ));
        lines.extend(labelled("mend", &row.mend));
    }
    if !finding.covers.is_empty() {
        let rows: Vec<_> = finding.covers.iter().map(ToString::to_string).collect();
        lines.extend(labelled("also", &format!("breaks {} by the same evidence", rows.join(", "))));
    }
    if let [first, rest @ ..] = others {
        let more = if rest.is_empty() {
            String::new()
        } else {
            format!(" and {}", count(rest.len(), "more scenario"))
        };
        lines.extend(labelled("seen", &format!("in {first}{more}")));
    }
    lines.push(format!("{:MARGIN$}again {again}", ""));
    lines.push(format!("{:MARGIN$}more  crosscheck explain {id}", ""));
    lines
}

/// The message in which `check` found what it did, in brief, such as
/// `#4  POST idp /token   token endpoint, answered 400 invalid_request`.
pub(super) fn message(played: &Played, check: &Check) -> Option<String> {
    let PlayedResult::Judged { transcript, .. } = &played.result else { return None };
    let number = check.finding.as_ref()?.exchange?;
    let exchange = transcript.exchanges.iter().find(|exchange| exchange.number == number)?;
    let Exchange { number, party, request, response, endpoint, .. } = exchange;
    let target = match &request.raw_query {
        Some(query) => format!("{}?{query}", request.path),
        None => request.path.to_string(),
    };
    let target = shortened(&printable(&target), TARGET);
    let answer = match response.member("error") {
        Some(error) => format!("{} {}", response.status, shortened(&printable(error), TARGET)),
        None => response.status.to_string(),
    };
    let what = match endpoint {
        EndpointName::Unknown | EndpointName::Mcp => String::new(),
        known => format!("   {}", endpoint_name(*known)),
    };
    Some(format!("#{number}  {} {party} {target}{what}, answered {answer}", request.method))
}

/// What is said of the value that was seen; `in_message` tells whether it stands in a message.
pub(super) fn verb(comparison: &Comparison, in_message: bool) -> &'static str {
    // What is no message was not sent, and what a document says was sent by its server.
    match in_message {
        false => "seen",
        true if comparison.name.ends_with("of the metadata") => "says",
        true => "sent",
    }
}

fn comparison(comparison: &Comparison, verb: &str) -> Vec<String> {
    let Comparison { name, expected, seen } = comparison;
    let (expected, seen) = (&printable(expected), &printable(seen));
    let indent = MARGIN + 4;
    let label = format!("{:indent$}{name}   ", "");
    let mut lines = vec![format!("{label}expected  {expected}")];
    lines.push(format!("{:1$}{verb}      {seen}", "", label.chars().count()));
    if let Some((at, note)) = difference(expected, seen) {
        lines.push(format!("{:1$}^ {note}", "", label.chars().count() + 10 + at));
    }
    lines
}

/// Where two URLs or paths begin to differ, when they are near enough for it to help.
fn difference(expected: &str, seen: &str) -> Option<(usize, &'static str)> {
    if !expected.contains('/') {
        return None;
    }
    let common = expected.chars().zip(seen.chars()).take_while(|(one, other)| one == other).count();
    let (left, right) = (expected.chars().count(), seen.chars().count());
    if common < 8 || common + MARK_WITHIN < left.max(right) {
        return None;
    }
    Some(match (common == left, common == right) {
        (true, false) => (common, "added"),
        (false, true) => (common, "missing from here"),
        _ => (common, "differs from here"),
    })
}

/// Characters behind the first difference, beyond which marking it does not help.
const MARK_WITHIN: usize = 60;

fn consequences(then: &[Consequence]) -> Vec<String> {
    let mut lines = Vec::new();
    for (place, consequence) in then.iter().take(CONSEQUENCES).enumerate() {
        let number = consequence.exchange.map(|number| format!("#{number}  ")).unwrap_or_default();
        let label = if place == 0 { "then" } else { "" };
        lines.extend(labelled(label, &format!("{number}{}", printable(&consequence.what))));
    }
    if then.len() > CONSEQUENCES {
        lines.extend(labelled("", &format!("… and {} more", then.len() - CONSEQUENCES)));
    }
    lines
}

fn labelled(label: &str, text: &str) -> Vec<String> {
    let first = format!("{:MARGIN$}{label:<6}", "");
    let rest = " ".repeat(MARGIN + 6);
    wrap(text, &first, &rest)
}

fn indented(columns: usize, text: &str) -> Vec<String> {
    let margin = " ".repeat(columns);
    text.lines().flat_map(|line| wrap(line, &margin, &margin)).collect()
}

fn wrap(text: &str, first: &str, rest: &str) -> Vec<String> {
    let options = Options::new(WIDTH).initial_indent(first).subsequent_indent(rest).break_words(false);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crosscheck_scenarios::Party;
    use crosscheck_wire::Caller;
    use crosscheck_wire::transcript::{Request, Response};

    use crate::baseline::tests::played;
    use crate::check::Verdict;

    use super::*;

    #[test]
    fn an_error_code_that_a_script_made_up_moves_no_cursor() {
        let mut played = played("flow/complete", &[("flow-order", Verdict::Fail)]);
        let PlayedResult::Judged { transcript, checks, .. } = &mut played.result else {
            panic!("it is judged")
        };
        let mut response = Response { status: 400, ..Response::default() };
        response.body.json = Some(json!({ "error": "\u{1b}[2Jgone" }));
        let request = Request { method: "POST".into(), ..Request::default() };
        let (party, caller, endpoint) = (Party::Idp, Caller::Client, EndpointName::Token);
        let (stray, at_us, took_us, refusal) = (false, 0, 0, String::new());
        transcript.exchanges = vec![Exchange {
            number: 1,
            party,
            caller,
            endpoint,
            stray,
            at_us,
            took_us,
            request,
            response,
            refusal,
        }];
        checks[0].finding = Some(Finding { exchange: Some(1), ..Finding::default() });
        let message = message(&played, &played.checks()[0]).unwrap_or_default();
        assert_eq!(message, "#1  POST idp    token endpoint, answered 400 \\u{1b}[2Jgone");
    }

    #[test]
    fn a_final_slash_is_marked() {
        assert_eq!(difference("http://127.0.0.1:1", "http://127.0.0.1:1/"), Some((18, "added")));
        assert_eq!(difference("http://127.0.0.1:1/", "http://127.0.0.1:1"), Some((18, "missing from here")));
        assert_eq!(difference("id_token", "jwt"), None);
    }
}
