//! How the run ended, as far as no other rule explains it.

use crosscheck_scenarios::{Outcome, Reached, Severity};
use crosscheck_wire::transcript::{Ended, Exchange, Report, ReportedOutcome, SCRIPTED};

use super::evidence::{Breach, Evidence, Rule, rule};
use super::failures;
use super::view::{Line, View, authorization, refused};

pub(super) const RULES: &[Rule] =
    &[rule("run-reached", reached), rule("run-outcome", outcome), rule("run-report", report)];

/// Exchanges without which a verdict proves nothing. A breach means "not reached".
fn reached(view: &View<'_>) -> Evidence {
    if matches!(view.transcript.client.ended, Ended::TimedOut(_)) {
        return Evidence::NotApplicable("the client was ended at its time limit");
    }
    if view.exchanges.is_empty() {
        let breach = Breach::of_run(format!("The client sent no request; {}.", view.ending()));
        return Evidence::Broken(vec![breach.quote(last_words(view))]);
    }
    let missing =
        |reached: &&Reached| !view.to(reached.party).any(|exchange| exchange.endpoint == reached.endpoint);
    Evidence::of(view.scenario.expect.reached.iter().find(missing).map(|Reached { party, endpoint }| {
        let what =
            format!("The run never got to {party}.{endpoint}, which the scenario is about; {}.", ended(view));
        Breach::of_run(what).quote(last_words(view)).explicable()
    }))
}

fn outcome(view: &View<'_>) -> Evidence {
    let authorized = view.is_authorized();
    match view.transcript.client.ended {
        Ended::TimedOut(limit) => {
            let state = if authorized {
                "after it had reached the MCP server"
            } else {
                "before it reached the MCP server"
            };
            let what = format!(
                "The client was still running at its time limit of {limit} ms, {state}; {}.",
                last(view)
            );
            let breach = Breach { explicable: explains_limit(view), ..Breach::of_run(what) };
            let at_most = if is_in_order(view) { Severity::Info } else { Severity::Fail };
            return Evidence::Broken(vec![breach.quote(last_words(view)).at_most(at_most)]);
        }
        Ended::Signal(signal) => {
            let what =
                format!("The client was ended by signal {signal}, which nobody here sent; {}.", last(view));
            return Evidence::Broken(vec![Breach::of_run(what).quote(last_words(view))]);
        }
        Ended::Exited(_) => {}
    }
    if view.exchanges.is_empty() {
        return Evidence::Unreached("the client sent no request");
    }
    let unrecorded = view.transcript.unrecorded;
    if unrecorded > 0 {
        let what = format!(
            "The client does not stop: {unrecorded} requests came after those that are judged; {}.",
            last(view)
        );
        let breach = Breach { explicable: failures::is_endless(view), ..Breach::of_run(what) };
        return Evidence::Broken(vec![breach.quote(last_words(view))]);
    }
    let (expected, seen) = match (view.scenario.expect.outcome, authorized) {
        (Outcome::Authorized, false) => ("authorized", "refused"),
        (Outcome::Refused, true) => ("refused", "authorized"),
        _ => return contradiction(view, authorized),
    };
    let what = match authorized {
        true => format!("The client reaches the MCP server where it must give up; {}.", ended(view)),
        false => format!(
            "The client does not reach the MCP server, and no other finding says why; {}.",
            ended(view)
        ),
    };
    let breach = match last_refusal(view) {
        Some(refusal) if !authorized => {
            let why = format!("{what} The {} had refused: {}.", refusal.party, refusal.refusal);
            Breach::new(refusal, why)
        }
        _ => Breach::of_run(what),
    };
    let breach = breach.compare("outcome", expected, seen).quote(last_words(view));
    Evidence::Broken(vec![breach.explicable()])
}

/// Whether another row says why the client was still running.
fn explains_limit(view: &View<'_>) -> bool {
    failures::unanswered(view).is_some() || failures::is_endless(view)
}

/// Whether a client that was ended kept a pause that it was asked for, or had a limit of its own for each wait.
fn is_in_order(view: &View<'_>) -> bool {
    failures::is_pausing(view)
        || failures::unanswered(view).is_some_and(|last| failures::has_limit(view, last))
}

/// A client that reached the MCP server and says that it did not is told so; what happened counts.
fn contradiction(view: &View<'_>, authorized: bool) -> Evidence {
    let said = match (&view.transcript.client.report, view.transcript.client.ended) {
        (Report::Read(report), _) if report.outcome == ReportedOutcome::Refused => "reports a refusal",
        (_, Ended::Exited(status)) if status != 0 => "exits with a failure",
        _ => return Evidence::Kept,
    };
    Evidence::of(authorized.then(|| {
        let what = format!("The client reaches the MCP server and {said}; {}.", ended(view));
        Breach::of_run(what).quote(last_words(view)).at_most(Severity::Info)
    }))
}

/// The last token request or request with a token that a server refused of its own accord.
fn last_refusal<'a>(view: &View<'a>) -> Option<&'a Exchange> {
    let in_flow = |exchange: &&&Exchange| {
        let asked = view.is_token_request(exchange) || authorization(&exchange.request).is_some();
        asked && refused(exchange) && !exchange.refusal.is_empty() && exchange.refusal != SCRIPTED
    };
    view.exchanges.iter().rev().find(in_flow).copied()
}

fn report(view: &View<'_>) -> Evidence {
    match &view.transcript.client.report {
        Report::Absent => Evidence::NotApplicable("the client wrote no outcome report"),
        Report::Read(_) => Evidence::Kept,
        Report::Unreadable(why) => {
            let what = format!("outcome report unreadable: {why}; the output is searched instead.");
            Evidence::Broken(vec![Breach::of_run(what)])
        }
    }
}

/// The last thing that happened.
fn last(view: &View<'_>) -> String {
    view.exchanges.last().map_or("it had sent no request".into(), |exchange| {
        format!("the last request was #{} {}", exchange.number, Line(exchange))
    })
}

fn ended(view: &View<'_>) -> String {
    format!("{}, then {}", last(view), view.ending())
}

/// The end of standard error, or of standard output when nothing was complained about.
fn last_words(view: &View<'_>) -> String {
    let client = &view.transcript.client;
    let [complaint, output] = [&client.stderr, &client.stdout].map(|output| output.text.to_string());
    let text = if complaint.trim().is_empty() { output } else { complaint };
    let lines: Vec<_> = text.trim_end().lines().rev().take(LAST_LINES).collect();
    let shorten = |line: &str| line.chars().take(LINE_LENGTH).collect::<String>();
    lines.into_iter().rev().map(shorten).collect::<Vec<_>>().join("\n")
}

/// Lines of output that a finding quotes.
const LAST_LINES: usize = 4;
/// Characters of each.
const LINE_LENGTH: usize = 160;
