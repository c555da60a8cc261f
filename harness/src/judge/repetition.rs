//! What the client repeats, and when it stops.
//!
//! RFC 6749 sections 1.4 and 5.1, RFC 6750 section 3, ID-JAG draft -04 section 4.4.3, MCP authorization 2026-07-28 on
//! retry limits.

use std::collections::HashMap;

use crosscheck_scenarios::Party;
use crosscheck_wire::transcript::Exchange;

use super::challenge::{lines, schemes};
use super::evidence::{Breach, Evidence, Rule, rule};
use super::lifecycle::{INVALID_GRANT, NO_TOKEN, ends_at_once, lifetime};
use super::token_request::seen;
use super::view::{View, authorization, token_refused};

pub(super) const RULES: &[Rule] = &[
    rule("tx-not-repeated-idly", exchange_repeated),
    rule("jbe-total-bounded", grants_bounded),
    rule("res-401-bounded", refusals_bounded),
    rule("res-401-bare", bare),
    rule("life-token-reused", token_reused),
];

const NO_EXCHANGE: &str = "the IdP issued no grant";

fn exchange_repeated(view: &View<'_>) -> Evidence {
    if !view.leg(Party::Idp).iter().any(|leg1| view.granted(leg1)) {
        return Evidence::Unreached(NO_EXCHANGE);
    }
    Evidence::of(idle_exchanges(view).into_iter().map(|leg1| {
        let breach = Breach::new(leg1, "The client repeats the exchange although nothing was refused.");
        breach.compare("exchanges in a row", format!("at most {MOST_IN_A_ROW}"), "one more")
    }))
}

fn token_reused(view: &View<'_>) -> Evidence {
    if !view.leg(Party::As).iter().any(|leg2| view.granted(leg2)) {
        return Evidence::Unreached(NO_TOKEN);
    }
    let breach = |exchange: &Exchange| {
        let what = "The client fetches a new access token although it has one that was not refused.";
        Breach::new(exchange, what).compare(
            "access tokens in a row",
            format!("at most {MOST_IN_A_ROW}"),
            "one more",
        )
    };
    Evidence::of(idle_grants(view).into_iter().map(breach))
}

/// Exchanges that bring one grant more of a kind that the client has.
pub(super) fn idle_exchanges<'a>(view: &View<'a>) -> Vec<&'a Exchange> {
    idle(view, Party::Idp, purpose)
}

/// Grant requests that bring one access token more of a kind that the client has, and the exchanges that were made for
/// them, which are part of the waste.
pub(super) fn idle_grants<'a>(view: &View<'a>) -> Vec<&'a Exchange> {
    let origin = |leg2: &Exchange| {
        let name = leg2.request.param("assertion").and_then(|param| param.value.as_value());
        name.and_then(|name| view.origin_of(name))
    };
    let kind = |leg2: &Exchange| origin(leg2).map_or_else(|| seen(leg2, "assertion"), purpose);
    let wasted = idle(view, Party::As, kind).into_iter().flat_map(|leg2| [Some(leg2), origin(leg2)]);
    wasted.flatten().collect()
}

/// Whether an answer gives reason to fetch another token: it refuses, or brings an access token that ends at once.
fn is_reason(view: &View<'_>, exchange: &Exchange) -> bool {
    if view.is_token_request(exchange) {
        return token_refused(exchange) || (exchange.party != Party::Idp && ends_at_once(exchange));
    }
    view.bearer(exchange).is_some() && matches!(exchange.response.status, 401 | 403)
}

/// Token requests of a leg beyond the third of their kind in a row that brought a token for a while, with nothing
/// refused in between.
fn idle<'a>(view: &View<'a>, party: Party, kind: impl Fn(&Exchange) -> String) -> Vec<&'a Exchange> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut idle = Vec::new();
    for exchange in view.exchanges.iter().copied() {
        let lasts = lifetime(exchange).is_none_or(|seconds| seconds >= A_WHILE);
        if is_reason(view, exchange) {
            counts.clear();
        } else if view.leg(party).iter().any(|leg| leg.number == exchange.number)
            && view.granted(exchange)
            && lasts
        {
            let count = counts.entry(kind(exchange)).or_default();
            *count += 1;
            if *count > MOST_IN_A_ROW {
                idle.push(exchange);
            }
        }
    }
    idle
}

/// What an exchange is for.
fn purpose(leg1: &Exchange) -> String {
    ["subject_token", "audience", "resource", "scope"].map(|name| seen(leg1, name)).join(" ")
}

/// A server that refuses every grant is not asked for ever.
pub(super) fn grants_bounded(view: &View<'_>) -> Evidence {
    let invalid = |exchange: &Exchange| exchange.response.member("error") == Some(INVALID_GRANT);
    if !view.leg(Party::As).iter().any(|leg2| invalid(leg2)) {
        return Evidence::NotApplicable("no grant was refused as invalid");
    }
    let (mut exchanges, mut grants, mut refusals) = (0, 0, 0);
    let mut breaches = Vec::new();
    for exchange in &view.token_requests {
        match exchange.party {
            Party::Idp => exchanges += 1,
            _ if view.granted(exchange) => (exchanges, grants, refusals) = (0, 0, 0),
            _ => grants += 1,
        }
        if refusals > 0 && exchanges.max(grants) > MOST_TRIES {
            let what = "The client goes on with both legs although every grant is refused.";
            let seen = format!("exchange {exchanges}, grant {grants}");
            breaches.push(Breach::new(exchange, what).compare(
                "tries",
                format!("at most {MOST_TRIES}"),
                seen,
            ));
        }
        refusals += usize::from(exchange.party != Party::Idp && invalid(exchange));
    }
    Evidence::of(breaches)
}

/// A server that refuses every token is not asked for ever.
fn refusals_bounded(view: &View<'_>) -> Evidence {
    let refused: Vec<_> = view
        .mcp()
        .filter(|exchange| view.bearer(exchange).is_some() && exchange.response.status == 401)
        .collect();
    if refused.is_empty() {
        return Evidence::NotApplicable("no access token was refused");
    }
    let what = "The client goes on although its access tokens are refused every time.";
    let requests = Party::MCP_SERVERS
        .into_iter()
        .flat_map(|party| refused.iter().filter(move |exchange| exchange.party == party).skip(MOST_REFUSALS));
    let requests = requests.map(|exchange| {
        Breach::new(exchange, what).compare(
            "refused requests",
            format!("at most {MOST_REFUSALS}"),
            "one more",
        )
    });
    let answered = |leg1: &&&Exchange| {
        view.last_authorized(leg1.number).is_some_and(|exchange| exchange.response.status == 401)
    };
    let exchanges = view.leg(Party::Idp).iter().filter(answered).skip(MOST_TRIES).map(|leg1| {
        Breach::new(leg1, what).compare("exchanges", format!("at most {MOST_TRIES}"), "one more")
    });
    Evidence::of(requests.chain(exchanges))
}

/// A 401 that says nothing is answered with a search or an end, not with the same request.
fn bare(view: &View<'_>) -> Evidence {
    let mut in_a_row = 0;
    let (mut bare, mut breaches) = (false, Vec::new());
    for exchange in &view.exchanges {
        let is_bare = exchange.party.is_mcp_server()
            && exchange.response.status == 401
            && authorization(&exchange.request).is_none()
            && !is_usable(exchange);
        bare |= is_bare;
        in_a_row = if is_bare { in_a_row + 1 } else { 0 };
        if in_a_row > MOST_REFUSALS {
            let breach = Breach::new(
                exchange,
                "A request without a token is repeated although the 401 says nothing new.",
            );
            breaches.push(breach.compare(
                "requests in a row",
                format!("at most {MOST_REFUSALS}"),
                in_a_row.to_string(),
            ));
        }
    }
    if bare {
        Evidence::of(breaches)
    } else {
        Evidence::NotApplicable("every 401 came with a Bearer challenge")
    }
}

/// Whether an answer holds a challenge that a client with access tokens can use.
fn is_usable(exchange: &Exchange) -> bool {
    let texts = lines(exchange);
    let mut schemes = texts.iter().flat_map(|text| schemes(text));
    schemes.any(|scheme| ["Bearer", "DPoP"].iter().any(|known| known.eq_ignore_ascii_case(scheme)))
}

/// Tokens in a row after which a client that was refused nothing has fetched enough.
pub(super) const MOST_IN_A_ROW: usize = 3;

/// Exchanges, and grants, after which a client that is always refused has tried enough.
const MOST_TRIES: usize = 3;

/// Refused requests after which it has.
const MOST_REFUSALS: usize = 4;

/// Seconds from which on a token is good for more than one request.
const A_WHILE: f64 = 60.0;
