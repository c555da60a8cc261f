//! Lays blame: from what the checks saw to one finding a cause.
//!
//! Three rules. A breach whose evidence also breaks a more specific row is named under that row (`covers` in the
//! catalogue). What follows from a finding is told with it and not counted again. A row that the run did not get to
//! is "not reached" only where the scenario asks about it and nothing else explains it.

use std::collections::{BTreeMap, BTreeSet};

use crosscheck_scenarios::{Kind, Outcome, Party, Requirement, RequirementId, Severity};
use crosscheck_wire::transcript::{Exchange, SCRIPTED};

use crate::check::{Check, Consequence, Finding, Verdict};

use super::evidence::{Breach, Evidence};
use super::view::{Line, View, authorization, refused, token_refused};

/// What one check saw.
pub(super) struct Observation {
    pub(super) requirement: &'static Requirement,
    pub(super) at: Option<Party>,
    pub(super) evidence: Evidence,
}

/// A finding before it becomes a check.
struct Found {
    severity: Severity,
    explicable: bool,
    ends_run: bool,
    finding: Finding,
}

/// The checks, in the order of the observations.
pub(super) fn checks(view: &View<'_>, mut observations: Vec<Observation>) -> Vec<Check> {
    let broken = Broken::of(&observations);
    let mut found: Vec<_> =
        observations.iter_mut().map(|observation| found(view, observation, &broken)).collect();
    explain(view, &observations, &mut found);
    let counted = found.iter().flatten().any(|found| found.severity >= Severity::Warn);
    observations
        .into_iter()
        .zip(found)
        .map(|(observation, found)| check(view, observation, found, counted))
        .collect()
}

fn check(view: &View<'_>, observation: Observation, found: Option<Found>, counted: bool) -> Check {
    let Observation { requirement, at, evidence } = observation;
    let said = |what: &str| Some(Finding { what: what.to_owned(), ..Finding::default() });
    let (verdict, finding) = match (found, evidence) {
        (Some(found), _) => (verdict(view, requirement, found.severity), Some(found.finding)),
        (None, Evidence::Kept) => (Verdict::Pass, None),
        (None, Evidence::Broken(_)) => (Verdict::NotApplicable, said("told under another finding")),
        (None, Evidence::NotApplicable(why)) => (Verdict::NotApplicable, said(why)),
        (None, Evidence::Unreached(why)) => {
            let asked = view.scenario.requirements.contains(&requirement.id) && !counted && must_go_on(view);
            match asked {
                true => {
                    let what = format!("The run did not get to what the scenario asks about: {why}.");
                    (Verdict::NotReached, said(&what))
                }
                false => (Verdict::NotApplicable, said(why)),
            }
        }
    };
    Check { requirement: requirement.id.clone(), at, verdict, finding }
}

/// Whether a client has to get to what the scenario asks about: not where it may stop before, nor in a probe.
fn must_go_on(view: &View<'_>) -> bool {
    view.scenario.expect.outcome != Outcome::Either && view.scenario.kind != Kind::Probe
}

fn verdict(view: &View<'_>, requirement: &Requirement, severity: Severity) -> Verdict {
    match severity {
        _ if requirement.id.as_str() == REACHED => Verdict::NotReached,
        _ if view.scenario.kind == Kind::Probe => Verdict::Info,
        Severity::Info => Verdict::Info,
        Severity::Warn => Verdict::Warn,
        Severity::Fail => Verdict::Fail,
    }
}

/// Every breach that an exchange shows: which rows, and which parameters they compare.
#[derive(Default)]
struct Broken(BTreeMap<usize, Vec<(&'static Requirement, Vec<String>)>>);

impl Broken {
    fn of(observations: &[Observation]) -> Self {
        let mut broken = Self::default();
        for observation in observations {
            let Evidence::Broken(breaches) = &observation.evidence else { continue };
            for breach in breaches {
                let Some(number) = breach.exchange else { continue };
                let names = breach.compared.iter().map(|compared| compared.name.clone()).collect();
                broken.0.entry(number).or_default().push((observation.requirement, names));
            }
        }
        broken
    }

    fn at(&self, number: usize) -> &[(&'static Requirement, Vec<String>)] {
        self.0.get(&number).map_or(&[], Vec::as_slice)
    }

    /// Whether a more specific row is broken by the same exchange.
    fn is_covered(&self, id: &RequirementId, number: Option<usize>) -> bool {
        number.is_some_and(|number| self.at(number).iter().any(|(other, _)| other.covers.contains(id)))
    }

    /// Rows that a finding covers, and that are broken in one of its exchanges.
    fn covered_by(&self, requirement: &Requirement, numbers: &[usize]) -> BTreeSet<RequirementId> {
        let here: Vec<_> = numbers.iter().flat_map(|number| self.at(*number)).collect();
        let mut covered = BTreeSet::new();
        let mut open: Vec<_> = requirement.covers.iter().collect();
        while let Some(id) = open.pop() {
            if let Some((row, _)) = here.iter().find(|(other, _)| other.id == *id)
                && covered.insert(id.clone())
            {
                open.extend(&row.covers);
            }
        }
        covered
    }
}

/// The finding of an observation, from its first breach of the highest severity.
fn found(view: &View<'_>, observation: &mut Observation, broken: &Broken) -> Option<Found> {
    let requirement = observation.requirement;
    let Evidence::Broken(breaches) = &mut observation.evidence else { return None };
    let mut left: Vec<_> = std::mem::take(breaches);
    left.retain(|breach| !broken.is_covered(&requirement.id, breach.exchange));
    let row = requirement.severity(view.transcript.profile)?;
    let severity = |breach: &Breach| breach.severity(row, view.transcript.profile);
    let worst = left.iter().map(severity).max()?;
    let repeated = left.len() - 1;
    let numbers: Vec<_> = left.iter().filter_map(|breach| breach.exchange).collect();
    let first = left.into_iter().find(|breach| severity(breach) == worst)?;
    let covers = broken.covered_by(requirement, &numbers).into_iter().collect();
    let as_expected = first.exchange.map(|number| as_expected(view, broken, number)).unwrap_or_default();
    let Breach { what, exchange, compared, excerpt, explicable, ends_run, .. } = first;
    let then = Vec::new();
    let finding = Finding { what, exchange, compared, as_expected, excerpt, then, covers, repeated };
    Some(Found { severity: worst, explicable, ends_run, finding })
}

/// What is right in a token request in which something is wrong.
fn as_expected(view: &View<'_>, broken: &Broken, number: usize) -> Vec<String> {
    let leg = |party| view.leg(party).iter().find(|exchange| exchange.number == number);
    let (request, judged): (_, &[&str]) = match (leg(Party::Idp), leg(Party::As)) {
        (Some(exchange), _) => (&exchange.request, &EXCHANGE_PARAMETERS),
        (_, Some(exchange)) => (&exchange.request, &GRANT_PARAMETERS),
        _ => return Vec::new(),
    };
    let wrong =
        |name: &str| broken.at(number).iter().any(|(_, names)| names.iter().any(|other| other == name));
    if wrong("body") {
        return Vec::new();
    }
    let authenticated = !request.authentication.is_empty()
        && !wrong("client_id")
        && !broken.at(number).iter().any(|(row, _)| is_about_client(row.id.as_str()));
    let params =
        judged.iter().filter(|name| request.param(name).is_some() && !wrong(name)).map(ToString::to_string);
    params.chain(authenticated.then(|| "client authentication".to_owned())).collect()
}

/// Whether a row is about who the client is and how it proves it.
fn is_about_client(id: &str) -> bool {
    id.starts_with("cauth-") || CLIENT_ROWS.contains(&id)
}

/// Folds what follows from a finding into it: refusals, and an outcome that it explains.
fn explain(view: &View<'_>, observations: &[Observation], found: &mut [Option<Found>]) {
    let explanation = earliest(view, found, |found| explains(view, found));
    let blamed = explanation.or_else(|| earliest(view, found, |_| true));
    let place = |id| observations.iter().position(|observation| observation.requirement.id.as_str() == id);
    let fold = |found: &mut [Option<Found>], id| {
        let told = place(id).and_then(|at| found[at].take_if(|found| found.explicable));
        told.is_some()
    };
    let ending = (explanation.is_some() && fold(found, OUTCOME)).then(|| {
        let reached = if view.is_authorized() { "the client reaches" } else { "the client does not reach" };
        Consequence { exchange: None, what: format!("{reached} the MCP server; {}", view.ending()) }
    });
    if explanation.is_some() || place(OUTCOME).is_some_and(|at| found[at].is_some()) {
        fold(found, REACHED);
    }
    if let Some(Some(Found { finding, .. })) = blamed.map(|at| found[at].as_mut()) {
        let from = finding.exchange.unwrap_or(usize::MAX);
        finding.then = refusals(view, from).take(LONGEST_TAIL).chain(ending).collect();
    }
}

/// The place of the finding that was seen first, among those for which `is` holds and that count, or that end the
/// run where it may end so.
fn earliest(view: &View<'_>, found: &[Option<Found>], is: impl Fn(&Found) -> bool) -> Option<usize> {
    let may_end = view.scenario.expect.outcome == Outcome::Either;
    let counts = |found: &Found| found.severity >= Severity::Warn || (found.ends_run && may_end);
    let counted = |found: &Found| counts(found) && !found.explicable && is(found);
    let seen = found.iter().enumerate().filter_map(|(at, found)| {
        let found = found.as_ref().filter(|found| counted(found))?;
        Some((found.finding.exchange?, at))
    });
    seen.min().map(|(_, at)| at)
}

/// Whether a finding is the reason for an outcome: a failure and giving up always, a warning only if a server then
/// refused.
fn explains(view: &View<'_>, found: &Found) -> bool {
    let from = found.finding.exchange.unwrap_or(usize::MAX);
    found.severity == Severity::Fail || found.ends_run || refusals(view, from).next().is_some()
}

/// What servers refused of their own accord from an exchange on, apart from metadata and first requests without a
/// token. What the script refuses would have happened anyway.
fn refusals(view: &View<'_>, from: usize) -> impl Iterator<Item = Consequence> {
    let in_flow = move |exchange: &Exchange| {
        if view.is_token_request(exchange) {
            token_refused(exchange)
        } else {
            refused(exchange) && (exchange.number == from || is_authorized_request(exchange))
        }
    };
    let refused = view
        .exchanges
        .iter()
        .filter(move |exchange| exchange.number >= from && exchange.refusal != SCRIPTED && in_flow(exchange));
    refused.map(move |exchange| Consequence {
        exchange: Some(exchange.number).filter(|number| *number != from),
        what: match exchange.refusal.as_str() {
            why if exchange.number == from && !why.is_empty() => {
                format!("{} refuses it: {why}", exchange.party)
            }
            _ => Line(exchange).to_string(),
        },
    })
}

/// A request to the MCP server that was refused for what it carries, not for its method.
fn is_authorized_request(exchange: &Exchange) -> bool {
    exchange.party.is_mcp_server()
        && authorization(&exchange.request).is_some()
        && matches!(exchange.response.status, 401 | 403)
}

/// Rows about the client besides those of client authentication.
const CLIENT_ROWS: [&str; 7] = [
    "cid-two-registrations",
    "conf-as-secret-as-only",
    "conf-idp-secret-idp-only",
    "jb-client-of-grant",
    "multi-as-changed",
    "multi-credential-per-as",
    "tx-client-is-sso-client",
];

/// Rows about the run itself.
const OUTCOME: &str = "run-outcome";
const REACHED: &str = "run-reached";

/// Consequences that a finding names.
const LONGEST_TAIL: usize = 5;

/// Parameters that are judged in each leg.
const EXCHANGE_PARAMETERS: [&str; 7] = [
    "grant_type",
    "requested_token_type",
    "audience",
    "resource",
    "scope",
    "subject_token",
    "subject_token_type",
];
const GRANT_PARAMETERS: [&str; 2] = ["grant_type", "assertion"];
