//! What the caller learns of a refusal by a token endpoint.
//!
//! RFC 6749 section 5.2. With an outcome report the code or the status is due; without one the output is searched,
//! and what is not in it proves nothing.

use crosscheck_scenarios::{Party, Severity};
use crosscheck_wire::transcript::{Ended, Exchange, OutcomeReport, Report, ReportedOutcome};

use super::evidence::{Breach, Evidence, Rule, rule};
use super::no_grant::token_made_up;
use super::redirects::is_followed;
use super::refusal::{at_issue, codes, owner};
use super::view::View;

pub(super) const RULES: &[Rule] = &[
    rule("txe-reported", |view| reported(view, "txe-reported")),
    rule("txe-unknown-code", |view| reported(view, "txe-unknown-code")),
    rule("txe-odd-body", |view| reported(view, "txe-odd-body")),
    rule("txe-step-up-types", |view| reported(view, "txe-step-up-types")),
    rule("jbe-reported", |view| reported(view, "jbe-reported").and(token_made_up(view))),
    rule("jbe-unknown-code", |view| reported(view, "jbe-unknown-code")),
    rule("jbe-odd-body", |view| reported(view, "jbe-odd-body")),
    rule("flow-failing-step-named", failing_step),
];

/// Rows by which an error reaches the caller. Without an outcome report a breach is told, and not counted.
pub(crate) const SURFACING: [&str; 8] = [
    "txe-reported",
    "txe-unknown-code",
    "txe-odd-body",
    "txe-step-up",
    "txe-step-up-types",
    "jbe-reported",
    "jbe-unknown-code",
    "jbe-odd-body",
];

/// What reaches the caller of the refusal that the scenario is about, where that belongs to the row `id`.
pub(super) fn reported(view: &View<'_>, id: &str) -> Evidence {
    let due = Due::of(view);
    if due.is_empty() && view.scenario.at.is_none() {
        return Evidence::NotApplicable("the scenario asks for no error to be reported");
    }
    let Some(refusal) = at_issue(view) else {
        return Evidence::Unreached("the run did not end with the refusal that the scenario is about");
    };
    if owner(refusal) != id {
        return Evidence::NotApplicable("the refusal is of another kind");
    }
    if is_followed(view, refusal) {
        return Evidence::NotApplicable("the client followed a redirect, and was answered elsewhere");
    }
    if !matches!(view.transcript.client.ended, Ended::Exited(_)) {
        return Evidence::Unreached("the client did not end by itself");
    }
    let words = words(view);
    match &view.transcript.client.report {
        Report::Read(report) if report.outcome == ReportedOutcome::Authorized => {
            let what = "The client reports success although it was refused.";
            Evidence::Broken(vec![Breach::new(refusal, what).compare("outcome", "refused", "authorized")])
        }
        _ if due.is_empty() => Evidence::Kept,
        Report::Read(report) => Evidence::of(due.missing(refusal, report, &words).map(|seen| {
            let what = "The error of the refusal does not reach the caller.";
            Breach::new(refusal, what).compare(&format!("reported {}", due.name()), due.values(), seen)
        })),
        Report::Absent | Report::Unreadable(_) => Evidence::of((!due.is_told(&words)).then(|| {
            let what = "The output does not name the error; write the outcome report to have this judged.";
            let breach = Breach::new(refusal, what);
            let name = format!("output names {}", due.name());
            breach.compare(&name, due.values(), "not found").at_most(Severity::Info)
        })),
    }
}

/// What must reach the caller; either will do where there are two.
struct Due<'a> {
    code: Option<&'a str>,
    status: Option<String>,
}

impl<'a> Due<'a> {
    fn of(view: &View<'a>) -> Self {
        let due = &view.scenario.expect.surfaced;
        Self { code: due.error.as_deref(), status: due.status.map(|status| status.to_string()) }
    }

    fn is_empty(&self) -> bool {
        self.code.is_none() && self.status.is_none()
    }

    fn name(&self) -> String {
        either([self.code.map(|_| "error"), self.status.as_ref().map(|_| "status")])
    }

    fn values(&self) -> String {
        either([self.code, self.status.as_deref()])
    }

    fn is_told(&self, words: &str) -> bool {
        let code = self.code.is_some_and(|code| holds(words, code));
        code || self.status.as_ref().is_some_and(|status| has_number(words, status))
    }

    /// What the report says instead of what is due. What it leaves out may stand in its message or in the output.
    fn missing(&self, refusal: &Exchange, report: &OutcomeReport, words: &str) -> Option<String> {
        let others = codes(&refusal.response);
        let code = self.code.is_some_and(|code| match &report.error {
            Some(error) => error == code || others.contains(error),
            None => holds(words, code),
        });
        let status = self.status.as_ref().is_some_and(|due| match report.status {
            Some(status) => status.to_string() == *due,
            None => has_number(words, due),
        });
        let said = [
            report.error.clone().filter(|_| self.code.is_some()),
            report.status.filter(|_| self.status.is_some()).map(|status| status.to_string()),
        ];
        let said: Vec<_> = said.into_iter().flatten().collect();
        (!code && !status).then(|| if said.is_empty() { "nothing".into() } else { said.join(", ") })
    }
}

fn either(texts: [Option<&str>; 2]) -> String {
    texts.into_iter().flatten().collect::<Vec<_>>().join(" or ")
}

/// Whether a code stands in a text. A blank one stands in all.
fn holds(text: &str, code: &str) -> bool {
    !code.trim().is_empty() && text.contains(code)
}

/// Whether a number stands in a text, and not inside a longer one.
fn has_number(text: &str, number: &str) -> bool {
    text.split(|character: char| !character.is_ascii_digit()).any(|word| word == number)
}

/// Everything that the client says in free words.
fn words(view: &View<'_>) -> String {
    let client = &view.transcript.client;
    let reported =
        client.report.read().map(|report| [report.message.clone(), report.error_description.clone()]);
    let output = [&client.stdout, &client.stderr].map(|output| output.text.to_string());
    reported.into_iter().flatten().flatten().chain(output).collect::<Vec<_>>().join("\n")
}

/// A report that names a step names the one that failed.
fn failing_step(view: &View<'_>) -> Evidence {
    let Some(refusal) = at_issue(view) else {
        return Evidence::NotApplicable("the run did not end with a refusal that the scenario is about");
    };
    let Some(report) = view.transcript.client.report.read() else {
        return Evidence::NotApplicable("the client wrote no outcome report");
    };
    let refused = report.outcome == ReportedOutcome::Refused;
    let Some(step) = report.step.as_deref().filter(|_| refused) else {
        return Evidence::NotApplicable("the report names no step");
    };
    let [own, others @ ..] = match refusal.party {
        Party::Idp => ["token_exchange", "jwt_bearer", "resource"],
        _ => ["jwt_bearer", "token_exchange", "resource"],
    };
    Evidence::of(others.contains(&step).then(|| {
        let what =
            format!("The client reports another step than that in which the {} refused.", refusal.party);
        Breach::new(refusal, what).compare("reported step", own, step)
    }))
}
