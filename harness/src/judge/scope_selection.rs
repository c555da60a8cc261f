//! Which scopes the client asks for first.
//!
//! MCP authorization 2026-07-28, scope selection. What it asks for after a 403 is judged in `step_up`.

use std::collections::BTreeSet;

use crosscheck_scenarios::{Party, Severity};
use crosscheck_wire::transcript::Exchange;

use super::evidence::{Breach, Evidence, Rule, rule};
use super::step_up::lacked_scope;
use super::token_request::{every, scopes};
use super::view::View;

pub(super) const RULES: &[Rule] =
    &[rule("disc-scope-selection", selection), rule("disc-scope-authoritative", authoritative)];

/// Where the client may learn which scopes to ask for.
struct Sources {
    /// Scopes of the challenges, each with that of the last one at the end.
    challenged: Vec<BTreeSet<String>>,
    /// Whether a challenge came at all.
    is_challenged: bool,
    /// `scopes_supported` of protected resource metadata; `None` where none was read.
    supported: Option<BTreeSet<String>>,
}

impl Sources {
    fn before(view: &View<'_>, exchange: &Exchange) -> Self {
        let before = |number: usize| number < exchange.number;
        let challenged = view.challenged("scope").filter(|(challenged, _)| before(challenged.number));
        let documents = view.resource_documents().filter(|document| before(document.exchange.number));
        let supported = documents
            .last()
            .map(|document| document.texts("scopes_supported").into_iter().map(str::to_owned).collect());
        Self {
            challenged: challenged.map(|(_, scope)| scopes(&scope)).collect(),
            is_challenged: view.mcp().any(|other| before(other.number) && other.response.status == 401),
            supported,
        }
    }
}

/// Judges the scope of every exchange that was not made for want of a scope.
fn each(view: &View<'_>, check: impl Fn(&Exchange, BTreeSet<String>, Sources) -> Option<Breach>) -> Evidence {
    let leg = view.leg(Party::Idp);
    if !leg.is_empty() && leg.iter().all(|exchange| exchange.request.param("scope").is_none()) {
        return Evidence::NotApplicable("the exchange names no scope, which it need not");
    }
    every(view, Party::Idp, |exchange| {
        let stepped = view.mcp().any(|other| other.number < exchange.number && lacked_scope(other));
        let sent = scopes(&exchange.request.param("scope")?.value.to_string());
        if stepped { None } else { check(exchange, sent, Sources::before(view, exchange)) }
    })
}

fn configured(view: &View<'_>) -> BTreeSet<String> {
    view.scenario.client.scope.as_deref().map(scopes).unwrap_or_default()
}

fn selection(view: &View<'_>) -> Evidence {
    let configured = configured(view);
    each(view, |exchange, sent, sources| {
        let Sources { challenged, is_challenged, supported } = sources;
        if sent == configured {
            return None;
        }
        let extra: BTreeSet<_> = sent.difference(&configured).cloned().collect();
        if let Some(last) = challenged.last() {
            let what = "The exchange asks for another scope than the challenge names.";
            let right = follows(&sent, &challenged, &configured);
            return (!right).then(|| Breach::new(exchange, what).compare("scope", text(last), text(&sent)));
        }
        let supported = supported.filter(|_| is_challenged)?;
        let what = "The exchange asks for a scope that neither challenge nor metadata names.";
        let breach = |what, expected| Breach::new(exchange, what).compare("scope", expected, text(&sent));
        if !extra.is_subset(&supported) {
            let expected = if supported.is_empty() { "none".into() } else { text(&supported) };
            return Some(breach(what, expected));
        }
        let what = "The exchange asks for some of the scopes that the metadata names.";
        (!extra.is_superset(&supported)).then(|| breach(what, text(&supported)).at_most(Severity::Info))
    })
}

/// Whether a scope is that of the last challenge, of all of them, or has the configured one besides.
fn follows(sent: &BTreeSet<String>, challenged: &[BTreeSet<String>], configured: &BTreeSet<String>) -> bool {
    challenged.last().is_none_or(|last| {
        let union = challenged.iter().flatten().cloned().collect();
        [last.clone(), union, last.union(configured).cloned().collect()].contains(sent)
    })
}

/// The scope that a challenge names and the one that an exchange asks for instead, before any 403.
pub(super) fn misses_challenge(view: &View<'_>, exchange: &Exchange) -> Option<(String, String)> {
    if view.mcp().any(|other| other.number < exchange.number && lacked_scope(other)) {
        return None;
    }
    let sent = scopes(&exchange.request.param("scope")?.value.to_string());
    let challenged = Sources::before(view, exchange).challenged;
    let configured = configured(view);
    let misses = sent != configured && !follows(&sent, &challenged, &configured);
    misses.then(|| (challenged.last().map(text).unwrap_or_default(), text(&sent)))
}

fn authoritative(view: &View<'_>) -> Evidence {
    let configured = configured(view);
    let beyond = |sources: &Sources| {
        let (last, supported) = (sources.challenged.last()?, sources.supported.as_ref()?);
        let beyond: BTreeSet<_> = last.difference(supported).cloned().collect();
        (!beyond.is_empty() && !supported.is_empty()).then_some(beyond)
    };
    let asked =
        view.leg(Party::Idp).iter().any(|exchange| beyond(&Sources::before(view, exchange)).is_some());
    if !view.leg(Party::Idp).is_empty() && !asked {
        return Evidence::NotApplicable("no challenge named a scope that the metadata does not list");
    }
    each(view, |exchange, sent, sources| {
        let beyond = beyond(&sources)?;
        let last = sources.challenged.last()?;
        let dropped = sent != configured && beyond.is_disjoint(&sent) && !sent.is_disjoint(last);
        let what =
            "The exchange leaves out a scope that the challenge names, for want of it in `scopes_supported`.";
        dropped.then(|| Breach::new(exchange, what).compare("scope", text(last), text(&sent)))
    })
}

fn text(scopes: &BTreeSet<String>) -> String {
    scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}
