//! What the client does when a token endpoint refuses, and what it tells its caller.
//!
//! RFC 6749 section 5.2. With an outcome report the error code is due; without one the output is searched, and a
//! code that is not in it proves nothing.

use crosscheck_scenarios::{Party, Severity};
use crosscheck_wire::transcript::{Exchange, OutcomeReport, Report, ReportedOutcome};

use super::evidence::{Breach, Evidence, Rule, rule};
use super::view::{Line, View, token_refused};

pub(super) const RULES: &[Rule] = &[
    rule("txe-no-leg2", no_second_leg),
    rule("txe-reported", |view| reported(view, Party::Idp)),
    rule("jbe-reported", |view| reported(view, Party::As)),
];

fn no_second_leg(view: &View<'_>) -> Evidence {
    let leg1 = view.leg(Party::Idp);
    let Some(refusal) = leg1.iter().find(|exchange| token_refused(exchange)) else {
        return Evidence::Unreached("the IdP refused no exchange");
    };
    let first_grant = leg1.iter().find(|exchange| view.granted(exchange) && !token_refused(exchange));
    let without_grant = view.leg(Party::As).iter().filter(|exchange| {
        exchange.number > refusal.number && first_grant.is_none_or(|granted| exchange.number < granted.number)
    });
    Evidence::of(without_grant.map(|exchange| {
        let breach = Breach::new(exchange, "The client goes on to the second leg although the IdP refused.");
        let sent = super::token_request::seen(exchange, "assertion");
        breach.compare("next request", "none", format!("{}, assertion {sent}", Line(exchange)))
    }))
}

/// The refusal by a token endpoint that ended the run. A second leg without a grant is no flow, and what it is
/// answered is nobody's news.
fn final_refusal<'a>(view: &View<'a>) -> Option<&'a Exchange> {
    let legs = [Party::Idp, Party::As].map(|party| view.leg(party).last().copied());
    let last = legs.into_iter().flatten().max_by_key(|exchange| exchange.number)?;
    let has_grant =
        view.leg1_is_outside() || view.leg(Party::Idp).iter().any(|exchange| view.granted(exchange));
    let in_flow = last.party == Party::Idp || has_grant;
    (in_flow && token_refused(last) && !view.is_authorized()).then_some(last)
}

fn reported(view: &View<'_>, party: Party) -> Evidence {
    let due = &view.scenario.expect.surfaced;
    let (name, expected) = match (&due.error, due.status) {
        (Some(code), _) => ("error", code.clone()),
        (None, Some(status)) => ("status", status.to_string()),
        (None, None) => return Evidence::NotApplicable("the scenario asks for no error to be reported"),
    };
    let as_scripted = |exchange: &&Exchange| match &due.error {
        Some(code) => exchange.response.member("error") == Some(code),
        None => Some(exchange.response.status) == due.status,
    };
    let refusal = final_refusal(view).filter(|exchange| exchange.party == party).filter(as_scripted);
    let Some(refusal) = refusal else {
        return Evidence::Unreached("the run did not end with the refusal that the scenario is about");
    };
    let told = words(view).contains(&expected);
    if let Report::Read(report) = &view.transcript.client.report {
        let seen = if name == "error" {
            report.error.clone()
        } else {
            report.status.map(|status| status.to_string())
        };
        // What the report leaves out may stand in its message or in the output.
        let seen = seen.or_else(|| told.then(|| expected.clone()));
        return Evidence::of(not_told(report, &expected, seen.as_deref()).map(|(what, seen)| {
            Breach::new(refusal, what).compare(&format!("reported {name}"), &expected, seen)
        }));
    }
    Evidence::of((!told).then(|| {
        let what = "The output does not name the error; write the outcome report to have this judged.";
        let breach =
            Breach::new(refusal, what).compare(&format!("output names {name}"), &expected, "not found");
        breach.at_most(Severity::Info)
    }))
}

/// Everything that the client says in free words.
fn words(view: &View<'_>) -> String {
    let client = &view.transcript.client;
    let report = match &client.report {
        Report::Read(report) => [&report.message, &report.error_description].map(|text| text.clone()),
        _ => [None, None],
    };
    let output = [&client.stdout, &client.stderr].map(|output| Some(output.text.to_string()));
    report.into_iter().chain(output).flatten().collect::<Vec<_>>().join("\n")
}

/// What is wrong with a report, and what it says.
fn not_told(report: &OutcomeReport, expected: &str, seen: Option<&str>) -> Option<(&'static str, String)> {
    if report.outcome == ReportedOutcome::Authorized {
        return Some(("The client reports success although it was refused.", "authorized".into()));
    }
    let lost = seen != Some(expected);
    lost.then(|| {
        ("The error of the refusal does not reach the caller.", seen.unwrap_or("nothing").to_owned())
    })
}
