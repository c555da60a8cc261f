//! What the client makes of a 403: more scope where that is what is missing, and nothing otherwise.
//!
//! MCP authorization 2026-07-28, step-up flow; RFC 6750 section 3.1.

use std::collections::BTreeSet;

use crosscheck_scenarios::Party;
use crosscheck_wire::transcript::{Ended, Exchange, SCRIPTED};

use super::challenge;
use super::evidence::{Breach, Evidence, Rule, rule};
use super::token_exchange::known_scopes;
use super::token_request::{scopes, seen};
use super::view::{Line, View};

pub(super) const RULES: &[Rule] = &[
    rule("res-403-step-up", step_up),
    rule("res-403-scope-union", scope_union),
    rule("res-403-no-scope-named", no_scope_named),
    rule("res-403-bounded", bounded),
    rule("res-403-other", other),
];

const NEVER_LACKED: &str = "the MCP server missed no scope";

/// A challenge parameter of an answer.
fn challenged(exchange: &Exchange, name: &str) -> Option<String> {
    challenge::lines(exchange).iter().find_map(|line| challenge::parameter(line, name))
}

/// Whether a request was refused for want of a scope.
pub(super) fn lacked_scope(exchange: &Exchange) -> bool {
    exchange.response.status == 403 && challenged(exchange, "error").as_deref() == Some("insufficient_scope")
}

/// Requests with an access token that were refused for want of a scope.
fn lacking<'a>(view: &View<'a>) -> Vec<&'a Exchange> {
    view.mcp().filter(|exchange| view.bearer(exchange).is_some() && lacked_scope(exchange)).collect()
}

/// The scopes that an exchange asks for; `None` where it names none.
fn asked(exchange: &Exchange) -> Option<BTreeSet<String>> {
    Some(scopes(&exchange.request.param("scope")?.value.to_string()))
}

fn step_up(view: &View<'_>) -> Evidence {
    if view.leg1_is_outside() {
        return Evidence::NotApplicable("the grant is handed to the client ready");
    }
    // A script that refuses for ever asks for no scope that would help.
    let meant = lacking(view).into_iter().filter(|exchange| exchange.refusal != SCRIPTED);
    let mut named: Vec<_> =
        meant.filter_map(|exchange| Some((exchange, challenged(exchange, "scope")?))).collect();
    // Who is refused for it again has asked in vain, or was judged by the first refusal.
    named.dedup_by(|(_, scope), (_, first)| scope == first);
    if named.is_empty() || !matches!(view.transcript.client.ended, Ended::Exited(_)) {
        return Evidence::NotApplicable(NEVER_LACKED);
    }
    let reported = named.into_iter().filter_map(|(refusal, scope)| {
        let missing = scopes(&scope);
        let asks = |leg1: &&&Exchange| asked(leg1).is_some_and(|asked| asked.is_superset(&missing));
        let (before, after): (Vec<_>, Vec<_>) =
            view.leg(Party::Idp).iter().partition(|leg1| leg1.number < refusal.number);
        // An exchange that names no scope leaves the choice to the IdP.
        let stepped = after.iter().any(|leg1| asks(leg1) || asked(leg1).is_none());
        (!stepped && !before.iter().any(asks)).then(|| {
            let breach =
                Breach::new(refusal, "The client does not ask for the scope that a request is refused for.");
            breach.compare("next exchange", format!("scope={scope}"), next(view, refusal))
        })
    });
    Evidence::of(reported)
}

fn next(view: &View<'_>, refusal: &Exchange) -> String {
    let next = view.leg(Party::Idp).iter().find(|leg1| leg1.number > refusal.number);
    next.map_or_else(|| format!("none; {}", view.ending()), |leg1| format!("scope={}", seen(leg1, "scope")))
}

/// The first exchange after each refusal, with the refusal.
fn steps<'a>(view: &View<'a>) -> Vec<(&'a Exchange, &'a Exchange)> {
    let legs = view.leg(Party::Idp).iter().copied();
    legs.filter_map(|leg1| {
        Some((view.last_authorized(leg1.number).filter(|cause| lacked_scope(cause))?, leg1))
    })
    .collect()
}

fn scope_union(view: &View<'_>) -> Evidence {
    let steps = steps(view);
    if steps.is_empty() {
        return Evidence::NotApplicable("the client asked for no further scope");
    }
    Evidence::of(steps.into_iter().filter_map(|(refusal, leg1)| {
        let (missing, sent) = (scopes(&challenged(refusal, "scope")?), asked(leg1)?);
        let same = |other: &&&Exchange| {
            let says = |name| seen(other, name) == seen(leg1, name);
            other.number < leg1.number && says("audience") && says("resource") && says("subject_token")
        };
        let before: BTreeSet<_> =
            view.leg(Party::Idp).iter().filter(same).filter_map(|leg1| asked(leg1)).flatten().collect();
        let dropped = sent.is_superset(&missing) && !sent.is_superset(&before);
        let expected: Vec<_> = before.union(&missing).map(String::as_str).collect();
        dropped.then(|| {
            let breach = Breach::new(
                leg1,
                "The client asks for a further scope and lets go of those that it asked for before.",
            );
            breach.compare("scope", expected.join(" "), seen(leg1, "scope"))
        })
    }))
}

fn no_scope_named(view: &View<'_>) -> Evidence {
    if !lacking(view).iter().any(|exchange| challenged(exchange, "scope").is_none()) {
        return Evidence::NotApplicable("every refusal for want of a scope named the scope");
    }
    let known = known_scopes(view);
    let steps = steps(view).into_iter().filter(|(refusal, _)| challenged(refusal, "scope").is_none());
    Evidence::of(steps.filter_map(|(_, leg1)| {
        let sent = asked(leg1)?;
        (!sent.is_subset(&known)).then(|| {
            let breach = Breach::new(
                leg1,
                "The refusal names no scope, and the client asks for one that nobody named.",
            );
            breach.compare("scope", "a scope that was named, or no exchange", seen(leg1, "scope"))
        })
    }))
}

fn bounded(view: &View<'_>) -> Evidence {
    if lacking(view).is_empty() {
        return Evidence::NotApplicable(NEVER_LACKED);
    }
    let further: Vec<_> = steps(view).into_iter().skip(MOST_EXCHANGES).collect();
    Evidence::of(further.into_iter().map(|(_, leg1)| {
        let what = "The client goes on asking for more scope although it is refused every time.";
        let breach = Breach::new(leg1, what);
        breach.compare("exchanges for want of a scope", format!("at most {MOST_EXCHANGES}"), "one more")
    }))
}

/// A 403 for another reason starts nothing.
fn other(view: &View<'_>) -> Evidence {
    let forbidden = |exchange: &&Exchange| {
        exchange.response.status == 403 && view.bearer(exchange).is_some() && !lacked_scope(exchange)
    };
    if view.mcp().find(forbidden).is_none() {
        return Evidence::NotApplicable("the MCP server forbade nothing for another reason than scope");
    }
    // A client that fetches tokens without need does not do so because of the refusal.
    let idle = |leg1: &&&Exchange| {
        view.last_authorized(leg1.number)
            .is_some_and(|cause| view.accepted(cause) && view.destination(leg1) == Some(cause.party))
    };
    if view.leg(Party::Idp).iter().any(|leg1| idle(&leg1)) {
        return Evidence::NotApplicable("the client fetches tokens without being refused");
    }
    Evidence::of(view.leg(Party::Idp).iter().filter_map(|leg1| {
        let cause = view.last_authorized(leg1.number).filter(|cause| forbidden(cause))?;
        let before = view.origin_of(view.bearer(cause)?)?;
        let same = seen(before, "subject_token") == seen(leg1, "subject_token")
            && view.destination(leg1) == Some(cause.party);
        same.then(|| {
            let what = "A 403 that has nothing to do with scope starts a new exchange.";
            Breach::new(leg1, what).compare("next request", "none", Line(leg1).to_string())
        })
    }))
}

/// Exchanges for want of a scope after which a client has tried enough.
const MOST_EXCHANGES: usize = 3;
