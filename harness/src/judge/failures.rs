//! Servers and connections that fail: how often the client repeats, how long it waits, and how much it reads.
//!
//! RFC 9110 sections 10.2.3 and 15.6, RFC 6585 section 4. Nobody has to repeat anything.

use std::time::UNIX_EPOCH;

use crosscheck_scenarios::{Party, Severity};
use crosscheck_wire::transcript::{Ended, Exchange};

use super::evidence::{Breach, Evidence, Rule, rule};
use super::lifecycle::INVALID_GRANT;
use super::refusal::{begun_anew, code};
use super::reported::reported;
use super::view::{Line, View};

pub(super) const RULES: &[Rule] = &[
    rule("http-5xx", server_errors),
    rule("http-429", pauses),
    rule("http-reset", |view| reported(view, "http-reset").and(resets(view))),
    rule("http-retry-bounded", bounded),
    rule("http-oversize", oversize),
    rule("http-slow", slow),
];

/// The requests to the same token endpoint before one, the last first.
fn before<'a>(view: &View<'a>, exchange: &Exchange) -> impl Iterator<Item = &'a Exchange> {
    let (number, party) = (exchange.number, exchange.party);
    view.token_requests
        .iter()
        .rev()
        .copied()
        .filter(move |other| other.number < number && other.party == party)
}

/// Those of them that failed in such a way since the flow was begun.
fn failed_before<'a>(
    view: &View<'a>,
    exchange: &Exchange,
    failed: impl Fn(&Exchange) -> bool,
) -> Vec<&'a Exchange> {
    before(view, exchange).take_while(|other| failed(other) && !begun_anew(view, other, exchange)).collect()
}

/// Microseconds from an answer to the next request.
fn gap(from: &Exchange, to: &Exchange) -> u64 {
    to.at_us.saturating_sub(answered(from))
}

fn answered(exchange: &Exchange) -> u64 {
    exchange.at_us + exchange.took_us
}

fn is_server_error(exchange: &Exchange) -> bool {
    (500..600).contains(&exchange.response.status)
}

/// Whether an answer broke off, or never came.
fn is_broken(exchange: &Exchange) -> bool {
    exchange.response.status == 0 || !exchange.response.body.complete
}

fn server_errors(view: &View<'_>) -> Evidence {
    let failed = |exchange: &Exchange| is_server_error(exchange) && pause(view, exchange).is_none();
    if !view.token_requests.iter().any(|exchange| failed(exchange)) {
        return Evidence::NotApplicable("no token endpoint answered with a server error");
    }
    Evidence::of(view.token_requests.iter().filter_map(|exchange| {
        let failures = failed_before(view, exchange, failed);
        let [last, earlier, ..] = failures[..] else { return None };
        let pauses = [gap(earlier, last), gap(last, exchange)];
        let breach =
            Breach::new(exchange, "A token request is repeated again and again after a server error.");
        if failures.len() >= MOST_SENDS {
            return Some(breach.compare("requests", format!("at most {MOST_SENDS}"), "one more"));
        }
        pauses.iter().all(|pause| *pause < AT_ONCE).then(|| {
            let seen = format!("{:.1} ms, {:.1} ms", pauses[0] as f64 / 1e3, pauses[1] as f64 / 1e3);
            breach.compare("pauses", "growing", seen)
        })
    }))
}

/// The end of the pause that an answer asks for, in microseconds from the start of the run and with some tolerance;
/// `None` where it asks for none in a form that has a meaning.
fn pause(view: &View<'_>, exchange: &Exchange) -> Option<u64> {
    let headers = exchange.response.headers.iter().filter(|header| header.name == "retry-after");
    let stated: Vec<_> = headers.map(|header| header.value.to_string()).collect();
    let [stated] = stated.as_slice() else { return None };
    let stated = stated.trim();
    if !matches!(exchange.response.status, 429 | 503) {
        return None;
    }
    if !stated.is_empty() && stated.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds: u64 = stated.parse().ok().filter(|seconds| *seconds <= LONGEST_PAUSE)?;
        return Some(answered(exchange) + seconds * 950_000);
    }
    let date = httpdate::parse_http_date(stated).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let after_start = u64::try_from(date.as_millis()).ok()?.saturating_sub(view.transcript.started_at_ms);
    Some(after_start.saturating_mul(1000).saturating_sub(1_000_000))
}

fn pauses(view: &View<'_>) -> Evidence {
    if !view.token_requests.iter().any(|exchange| pause(view, exchange).is_some()) {
        return Evidence::NotApplicable("no token endpoint asked for a pause");
    }
    Evidence::of(view.token_requests.iter().filter_map(|exchange| {
        let last = before(view, exchange).next()?;
        let end = pause(view, last).filter(|end| exchange.at_us < *end)?;
        let seconds = |end: u64| format!("{:.3} s", end.saturating_sub(answered(last)) as f64 / 1e6);
        let breach = Breach::new(exchange, "A token request is repeated before the pause is over.");
        let at_most = if begun_anew(view, last, exchange) { Severity::Info } else { Severity::Warn };
        let expected = format!("at least {}", seconds(end));
        Some(breach.compare("pause", expected, seconds(exchange.at_us)).at_most(at_most))
    }))
}

/// Whether the client was ended while it kept a pause that it was asked for.
pub(super) fn is_pausing(view: &View<'_>) -> bool {
    let last = view.exchanges.last().and_then(|exchange| pause(view, exchange));
    last.is_some_and(|end| end > view.transcript.client.took_us)
}

fn resets(view: &View<'_>) -> Evidence {
    if !view.token_requests.iter().any(|exchange| is_broken(exchange)) {
        return Evidence::NotApplicable("every answer of a token endpoint was whole");
    }
    Evidence::of(view.token_requests.iter().filter_map(|exchange| {
        let failures = failed_before(view, exchange, is_broken);
        (failures.len() >= MOST_SENDS).then(|| {
            let what = "A token request is repeated again and again although the connection breaks off.";
            let breach = Breach::new(exchange, what);
            breach.compare("requests", format!("at most {MOST_SENDS}"), "one more")
        })
    }))
}

/// A failure that lasts is not repeated for ever. Refused grants have a row of their own.
fn bounded(view: &View<'_>) -> Evidence {
    let grant_refused =
        |exchange: &Exchange| exchange.party != Party::Idp && code(exchange) == Some(INVALID_GRANT);
    let failed =
        |exchange: &Exchange| (is_broken(exchange) || !view.granted(exchange)) && !grant_refused(exchange);
    if !view.token_requests.iter().any(|exchange| failed(exchange)) {
        return Evidence::NotApplicable("no token endpoint failed");
    }
    let at =
        |party| view.token_requests.iter().filter(|send| send.party == party).copied().collect::<Vec<_>>();
    let servers = [Party::Idp].into_iter().chain(Party::AUTHORIZATION_SERVERS);
    Evidence::of(servers.map(at).flat_map(|sends| {
        let runs = sends.split_inclusive(|send| !failed(send)).filter(|run| run.len() > MOST_FAILURES);
        let breaches = runs.flat_map(|run| {
            run[1..].iter().map(|exchange| {
                let what = "The client goes on asking a token endpoint that fails every time.";
                let breach = Breach::new(exchange, what);
                breach.compare("requests", format!("at most {MOST_FAILURES}"), run.len().to_string())
            })
        });
        breaches.collect::<Vec<_>>()
    }))
}

/// Whether the client does not stop asking a token endpoint that fails.
pub(super) fn is_endless(view: &View<'_>) -> bool {
    matches!(bounded(view), Evidence::Broken(_))
}

/// The token request whose answer did not end before the client was ended.
pub(super) fn unanswered<'a>(view: &View<'a>) -> Option<&'a Exchange> {
    let was_ended = matches!(view.transcript.client.ended, Ended::TimedOut(_)) && view.scenario.slow;
    let last = view.exchanges.last().filter(|_| was_ended)?;
    (view.is_token_request(last) && is_broken(last)).then_some(last)
}

/// Whether the client had given up waiting before, so that it has a limit of its own.
pub(super) fn has_limit(view: &View<'_>, unanswered: &Exchange) -> bool {
    before(view, unanswered).any(is_broken)
}

fn slow(view: &View<'_>) -> Evidence {
    if !view.scenario.slow {
        return Evidence::NotApplicable("no server is slow");
    }
    let Some(last) = unanswered(view).filter(|last| last.response.body.bytes < READING) else {
        return Evidence::Kept;
    };
    let breach = Breach::new(last, "The client waits for the rest of an answer and does not end.").ends_run();
    let at_most = if has_limit(view, last) { Severity::Info } else { Severity::Warn };
    Evidence::Broken(vec![breach.compare("end of the wait", "an error", view.ending()).at_most(at_most)])
}

fn oversize(view: &View<'_>) -> Evidence {
    let largest = view.exchanges.iter().map(|exchange| exchange.response.body.bytes).max();
    if largest.is_none_or(|bytes| bytes < LARGE) {
        return Evidence::NotApplicable("no answer was large");
    }
    let endless = unanswered(view).map(|last| last.number);
    Evidence::of(view.exchanges.iter().filter_map(|exchange| {
        let body = &exchange.response.body;
        let taken = (body.complete && body.bytes >= TOO_LARGE) || body.bytes > 2 * TOO_LARGE;
        let reading = endless == Some(exchange.number) && body.bytes >= READING;
        (taken || reading).then(|| {
            let what = "The client reads an answer whatever its size.";
            let breach = Breach::new(exchange, what).ends_run();
            let seen = format!("{} MiB of {}", body.bytes >> 20, Line(exchange));
            let due = match taken {
                true => format!("less than {} MiB", TOO_LARGE >> 20),
                false => "an end of its own".into(),
            };
            breach.compare("read", due, seen)
        })
    }))
}

/// Requests of one kind after which a client has repeated enough.
const MOST_SENDS: usize = 3;
/// Failures in a row after which it has asked often enough, whatever it waits.
const MOST_FAILURES: usize = 5;
/// Microseconds below which a pause is none.
const AT_ONCE: u64 = 20_000;
/// Seconds of a pause that somebody may mean.
const LONGEST_PAUSE: u64 = 86_400;
/// Bytes of an answer that a client need not read.
const LARGE: u64 = 1 << 20;
/// Bytes that no answer of a token endpoint is worth.
const TOO_LARGE: u64 = 32 << 20;
/// Bytes by which a client is known to read on.
const READING: u64 = 16 << 20;
