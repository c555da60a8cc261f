//! Reads transcripts against the requirements.
//!
//! A pure function from a scenario and a transcript to checks, so that a saved transcript can be judged again. Each
//! subject has a room with a table of its rules; `blame` turns what they saw into one finding a cause.

use crosscheck_scenarios::{Catalogue, Scenario};
use crosscheck_wire::Transcript;

use crate::check::Check;

pub(crate) use answer::{Shape, shape};
pub(crate) use exchange::ID as EXCHANGE;
pub(crate) use reported::SURFACING;
pub(crate) use view::{OTHER_GRANTS, authorization};

use blame::Observation;
use evidence::{Evidence, Look, Rule};
use view::View;

mod after_refusal;
mod answer;
mod blame;
mod challenge;
mod challenged;
mod client_assertion;
mod client_authentication;
mod confidentiality;
mod documents;
mod evidence;
mod exchange;
mod failures;
mod flow;
mod identifier;
mod idp_metadata;
mod issued;
mod jwt_bearer;
mod lifecycle;
mod no_grant;
mod outcome;
mod protected_resource;
mod provenance;
mod redirects;
mod refusal;
mod registration;
mod repetition;
mod reported;
mod resource_access;
mod responses;
mod scope_selection;
mod server_metadata;
mod server_search;
mod several_servers;
mod step_up;
mod token_exchange;
mod token_request;
mod untrusted_text;
mod view;

#[cfg(test)]
mod tests;

/// The rooms, in the order in which their checks are reported.
const ROOMS: [&[Rule]; 27] = [
    flow::RULES,
    challenged::RULES,
    protected_resource::RULES,
    scope_selection::RULES,
    server_search::RULES,
    server_metadata::RULES,
    idp_metadata::RULES,
    token_exchange::RULES,
    client_authentication::RULES,
    client_assertion::RULES,
    jwt_bearer::RULES,
    responses::RULES,
    issued::RULES,
    no_grant::RULES,
    reported::RULES,
    after_refusal::RULES,
    failures::RULES,
    untrusted_text::RULES,
    redirects::RULES,
    resource_access::RULES,
    step_up::RULES,
    repetition::RULES,
    lifecycle::RULES,
    several_servers::RULES,
    confidentiality::RULES,
    registration::RULES,
    outcome::RULES,
];

/// The rows of the catalogue that are judged.
pub fn rules() -> impl Iterator<Item = &'static str> {
    ROOMS.iter().copied().flatten().map(|rule| rule.id).chain([EXCHANGE])
}

/// The verdicts on one run: one check for every row that is active in its profile, at each party where the row is
/// judged party by party.
pub fn judge(scenario: &Scenario, transcript: &Transcript) -> Vec<Check> {
    let view = View::new(scenario, transcript);
    let observations = ROOMS.iter().copied().flatten().flat_map(|rule| observe(&view, rule)).collect();
    let mut checks = blame::checks(&view, observations);
    checks.extend(exchange::check(&view, &checks));
    checks
}

/// What a rule sees; nothing when its row is not active.
fn observe(view: &View<'_>, rule: &Rule) -> Vec<Observation> {
    let active = |id| {
        let requirement = Catalogue::embedded().find(id)?;
        requirement.severity(view.transcript.profile).map(|_| requirement)
    };
    let Some(requirement) = active(rule.id) else { return Vec::new() };
    let silent = view.exchanges.is_empty() && !outcome::RULES.iter().any(|other| other.id == rule.id);
    let evidence = |look: &dyn Fn() -> Evidence| {
        if silent { Evidence::Unreached("the client sent no request") } else { look() }
    };
    match rule.look {
        Look::Run(check) => vec![Observation { requirement, at: None, evidence: evidence(&|| check(view)) }],
        Look::Each(check) => requirement
            .at
            .iter()
            .map(|&party| Observation {
                requirement,
                at: Some(party),
                evidence: evidence(&|| check(view, party)),
            })
            .collect(),
    }
}
