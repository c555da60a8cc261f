//! Text of a server in what the client writes: neither control characters nor the secrets that it echoes, and no
//! request to where it points.
//!
//! RFC 6749 sections 5.2 and 10.3, MCP Enterprise-Managed Authorization, proposed security section 7.4.2.

use std::collections::BTreeSet;

use crosscheck_scenarios::{Party, Severity};
use crosscheck_wire::transcript::Exchange;

use super::confidentiality::leaks;
use super::evidence::{Breach, Evidence, Rule, rule};
use super::identifier::is_near;
use super::view::{View, token_refused};

pub(super) const RULES: &[Rule] =
    &[rule("txe-text-untrusted", untrusted), rule("jbe-echo-not-logged", echo_not_logged)];

/// Answers of token endpoints that brought no token.
fn refusals<'a>(view: &View<'a>) -> impl DoubleEndedIterator<Item = &'a Exchange> {
    view.token_requests.iter().copied().filter(|exchange| token_refused(exchange))
}

/// Names of secrets and tokens that a server, the IdP or another, put into a refusal.
pub(super) fn echoed<'a>(view: &View<'a>, at_idp: bool) -> BTreeSet<&'a str> {
    let there = refusals(view).filter(|exchange| (exchange.party == Party::Idp) == at_idp);
    let names = there.flat_map(|exchange| &exchange.response.mentions).map(|mention| mention.name.as_str());
    names.filter(|name| view.role(name).is_some()).collect()
}

fn echo_not_logged(view: &View<'_>) -> Evidence {
    let echoed = echoed(view, false);
    let Some(refusal) = refusals(view).rfind(|exchange| exchange.party != Party::Idp) else {
        return Evidence::NotApplicable("the resource authorization server refused nothing");
    };
    if echoed.is_empty() {
        return Evidence::NotApplicable("the resource authorization server echoed no secret");
    }
    Evidence::of(leaks(view, |name| echoed.contains(name)).into_iter().map(|leak| {
        let what = format!("{} The server had echoed it.", leak.what);
        Breach { what, exchange: Some(refusal.number), ..leak }
    }))
}

fn untrusted(view: &View<'_>) -> Evidence {
    let texts = |exchange: &Exchange| -> Vec<String> {
        let member = |name| exchange.response.member(name).map(str::to_owned);
        ["error", "error_description", "error_uri"].into_iter().filter_map(member).collect()
    };
    let marked: Vec<_> = refusals(view)
        .filter(|exchange| {
            exchange.response.member("error_uri").is_some()
                || texts(exchange).iter().any(|text| text.contains(is_control))
        })
        .collect();
    if marked.is_empty() {
        return Evidence::NotApplicable("no error answer held control characters or a URL");
    }
    let client = &view.transcript.client;
    let streams = [("stdout", &client.stdout), ("stderr", &client.stderr)];
    let written = streams.map(|(name, output)| (name, output.text.to_string()));
    let raw = marked.iter().flat_map(|exchange| {
        let texts = texts(exchange);
        written.iter().filter_map(move |(stream, output)| {
            let found =
                texts.iter().flat_map(|text| samples(text)).filter(|sample| output.contains(&sample.text));
            let worst = found.max_by_key(|sample| sample.severity)?;
            let what = format!("Control characters of an error answer are in the client's {stream}.");
            let breach = Breach::new(exchange, what).at_most(worst.severity);
            let shown = worst.text.escape_debug().to_string();
            Some(breach.compare(stream, "control characters escaped", &shown).quote(&shown))
        })
    });
    let fetched = marked.iter().filter_map(|refusal| {
        let named = refusal.response.member("error_uri")?;
        let later = view.exchanges.iter().filter(|exchange| exchange.number > refusal.number);
        let fetch = later.into_iter().find(|exchange| is_near(named, &view.url(exchange)))?;
        let breach = Breach::new(fetch, "The client fetches the page that `error_uri` names.");
        Some(breach.compare("request", "none", format!("{} {named}", fetch.request.method)))
    });
    let found: Vec<_> = raw.chain(fetched).collect();
    if found.is_empty() && client.stdout.dropped + client.stderr.dropped > 0 {
        return Evidence::NotApplicable("the output was too long to be kept and searched in full");
    }
    Evidence::of(found)
}

/// A stretch of a server's text that shows in output whether it was written as it came.
struct Sample {
    text: String,
    severity: Severity,
}

/// Every control character with what stands around it, so that those of the client's own are not taken for it, and
/// every line that would pass for one of a log.
fn samples(text: &str) -> Vec<Sample> {
    let characters: Vec<_> = text.chars().collect();
    let is_plain = |character: &&char| !is_control(**character);
    let around = characters.iter().enumerate().filter_map(|(at, character)| {
        let before: Vec<_> = characters[..at].iter().rev().take_while(is_plain).take(AROUND).collect();
        let after = characters[at + 1..].iter().take_while(is_plain).take(AROUND);
        let is_line_break =
            *character == '\n' || (*character == '\r' && characters.get(at + 1) == Some(&'\n'));
        let sample: String = before.into_iter().rev().chain([character]).chain(after).collect();
        let is_told = is_control(*character) && !is_line_break && sample.chars().count() > ENOUGH;
        // A JSON writer escapes no others.
        let severity = if *character < ' ' { Severity::Warn } else { Severity::Info };
        is_told.then_some(Sample { text: sample, severity })
    });
    let forged = text.split('\n').skip(1).map(str::trim_end).filter(|line| is_log_line(line));
    let forged = forged.map(|line| Sample { text: format!("\n{line}"), severity: Severity::Warn });
    around.chain(forged).collect()
}

/// Characters that steer a terminal or hide what stands in a line.
fn is_control(character: char) -> bool {
    (character.is_control() && character != '\t') || is_bidirectional(character)
}

/// Embeddings, overrides and isolates (Unicode Standard Annex 9).
fn is_bidirectional(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a line begins as those of a log do: with a date, a bracket or a level.
fn is_log_line(line: &str) -> bool {
    let is_date =
        line.len() > 5 && line.as_bytes()[..4].iter().all(u8::is_ascii_digit) && line[4..].starts_with('-');
    let levels = ["DEBUG", "ERROR", "INFO", "WARN", "level=", "["];
    is_date || levels.iter().any(|level| line.starts_with(level))
}

/// Characters on either side of a control character that are compared.
const AROUND: usize = 8;
/// Characters besides it without which a stretch is too common.
const ENOUGH: usize = 6;
