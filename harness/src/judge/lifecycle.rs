//! What the client makes of tokens that end: refused, expired, used up, or another user's.
//!
//! ID-JAG draft -04 section 4.4.3, RFC 6750 section 3.1, RFC 9700 section 2.3, MCP authorization 2026-07-28.

use std::collections::HashMap;

use crosscheck_scenarios::{Party, Replay, User};
use crosscheck_wire::transcript::{Ended, Exchange};

use super::challenge::schemes;
use super::evidence::{Breach, Evidence, Rule, rule};
use super::several_servers::server_changed;
use super::token_request::seen;
use super::view::{Line, View, authorization, token_refused};

pub(super) const RULES: &[Rule] = &[
    rule("tx-not-repeated-idly", exchange_repeated),
    rule("jb-not-expired", expired_grant),
    rule("jbe-total-bounded", grants_bounded),
    rule("res-401-refetch", |view| renewal(view, false)),
    rule("res-401-bounded", refusals_bounded),
    rule("res-401-bare", bare),
    rule("life-token-reused", token_reused),
    rule("life-access-expiry", |view| renewal(view, true)),
    rule("life-grant-expired", |view| fresh_grant(view, Replay::Expired)),
    rule("life-replay-recovered", |view| fresh_grant(view, Replay::Refuse)),
    rule("life-id-token-expired", expired_id_token),
    rule("life-user-change", user_change),
];

const LEG1_OUTSIDE: &str = "the grant is handed to the client ready";
const NO_EXCHANGE: &str = "the IdP issued no grant";
const NO_TOKEN: &str = "no access token was issued";

/// Seconds that a token is good for, as the answer that brought it says.
fn lifetime(issued: &Exchange) -> Option<f64> {
    let stated = issued.response.body.json.as_ref()?.get("expires_in")?;
    stated.as_f64().or_else(|| stated.as_str()?.parse().ok())
}

/// Whether an answer gives reason to fetch another token.
fn is_reason(view: &View<'_>, exchange: &Exchange) -> bool {
    let leg = |party| view.leg(party).iter().any(|leg| leg.number == exchange.number);
    if leg(Party::Idp) || leg(Party::As) {
        return token_refused(exchange);
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

fn exchange_repeated(view: &View<'_>) -> Evidence {
    if !view.leg(Party::Idp).iter().any(|leg1| view.granted(leg1)) {
        return Evidence::Unreached(NO_EXCHANGE);
    }
    Evidence::of(idle(view, Party::Idp, purpose).into_iter().map(|leg1| {
        let breach = Breach::new(leg1, "The client repeats the exchange although nothing was refused.");
        breach.compare("exchanges in a row", format!("at most {MOST_IN_A_ROW}"), "one more")
    }))
}

fn token_reused(view: &View<'_>) -> Evidence {
    if !view.leg(Party::As).iter().any(|leg2| view.granted(leg2)) {
        return Evidence::Unreached(NO_TOKEN);
    }
    let origin = |leg2: &Exchange| {
        let name = leg2.request.param("assertion").and_then(|param| param.value.as_value());
        name.and_then(|name| view.origin_of(name))
    };
    let kind = |leg2: &Exchange| origin(leg2).map_or_else(|| seen(leg2, "assertion"), purpose);
    let breach = |exchange: &Exchange| {
        let what = "The client fetches a new access token although it has one that was not refused.";
        Breach::new(exchange, what).compare(
            "access tokens in a row",
            format!("at most {MOST_IN_A_ROW}"),
            "one more",
        )
    };
    // The exchange that was made for the token is part of the waste.
    let wasted = idle(view, Party::As, kind).into_iter().flat_map(|leg2| [Some(leg2), origin(leg2)]);
    Evidence::of(wasted.flatten().map(breach))
}

/// A grant that was refused, or that has ended, is not presented.
fn expired_grant(view: &View<'_>) -> Evidence {
    let presented: Vec<_> =
        view.leg(Party::As).iter().filter_map(|leg2| Some((*leg2, view.grant(leg2)?))).collect();
    if presented.is_empty() {
        return Evidence::Unreached("no grant was presented");
    }
    Evidence::of(presented.iter().filter_map(|(exchange, name)| {
        let before: Vec<_> = presented
            .iter()
            .filter(|(before, other)| other == name && before.number < exchange.number)
            .collect();
        let was_good = before.iter().any(|(before, _)| view.granted(before));
        // A grant that never was good is refused for another reason than its end.
        let refused = before
            .iter()
            .find(|(before, _)| was_good && before.response.member("error") == Some(INVALID_GRANT));
        if let Some((refusal, _)) = refused {
            let breach =
                Breach::new(exchange, "A grant is presented again after it was refused as no longer good.");
            return Some(breach.compare(
                "assertion",
                "a fresh ID-JAG",
                format!("«{name}», refused in #{}", refusal.number),
            ));
        }
        let issued = view.issued_in(name)?;
        let age = exchange.at_us.saturating_sub(issued.at_us + issued.took_us) as f64 / 1e6;
        let life = lifetime(issued).filter(|life| *life > 0.0)?;
        (age > life + LEEWAY).then(|| {
            let breach = Breach::new(exchange, "A grant is presented after its end.");
            breach.compare("age of the grant", format!("at most {life} s"), format!("{age:.0} s"))
        })
    }))
}

/// A server that refuses every grant is not asked for ever.
fn grants_bounded(view: &View<'_>) -> Evidence {
    let invalid = |exchange: &Exchange| exchange.response.member("error") == Some(INVALID_GRANT);
    if !view.leg(Party::As).iter().any(|leg2| invalid(leg2)) {
        return Evidence::NotApplicable("no grant was refused as invalid");
    }
    let (mut exchanges, mut grants, mut refusals) = (0, 0, 0);
    let mut breaches = Vec::new();
    let mut legs: Vec<_> = view.leg(Party::Idp).iter().chain(view.leg(Party::As)).collect();
    legs.sort_by_key(|exchange| exchange.number);
    for exchange in legs {
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

/// Requests whose access token was taken before and is refused now, with the token.
fn ended<'a>(view: &View<'a>) -> Vec<(&'a Exchange, &'a str)> {
    let mut ended: Vec<(&Exchange, &str)> = Vec::new();
    for exchange in
        view.mcp().filter(|exchange| exchange.response.status == 401 && exchange.request.method == "POST")
    {
        let Some(token) = view.bearer(exchange) else { continue };
        let taken = |other: &Exchange| {
            other.number < exchange.number
                && other.party == exchange.party
                && view.accepted(other)
                && view.bearer(other) == Some(token)
        };
        if view.mcp().any(taken) && ended.iter().all(|(_, other)| *other != token) {
            ended.push((exchange, token));
        }
    }
    ended
}

/// A token that ended is replaced: by its end (`expired`), or because it was revoked.
fn renewal(view: &View<'_>, expired: bool) -> Evidence {
    let is_short =
        |token: &str| view.issued_in(token).and_then(lifetime).is_some_and(|seconds| seconds <= SHORT);
    let ended: Vec<_> = ended(view).into_iter().filter(|(_, token)| is_short(token) == expired).collect();
    if ended.is_empty() || !matches!(view.transcript.client.ended, Ended::Exited(_)) {
        return Evidence::NotApplicable("no access token ended in the run");
    }
    Evidence::of(ended.into_iter().filter_map(|(refusal, token)| {
        let later = |exchange: &&&Exchange| exchange.number > refusal.number;
        let renewed = view.mcp().any(|exchange| {
            exchange.number > refusal.number
                && exchange.party == refusal.party
                && view.bearer(exchange).is_some_and(|other| other != token)
        });
        let legs = || view.leg(Party::Idp).iter().chain(view.leg(Party::As)).filter(later);
        let denied = legs().any(|exchange| token_refused(exchange)) || server_changed(view, refusal.party);
        (!renewed && !denied).then(|| {
            let breach =
                Breach::new(refusal, "An access token has ended, and the client does not use a new one.");
            let next = view.exchanges.iter().find(|exchange| exchange.number > refusal.number);
            let seen = next.map_or_else(|| format!("none; {}", view.ending()), |next| Line(next).to_string());
            breach.compare("next request", "for a new access token", seen)
        })
    }))
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
    let headers = exchange.response.headers.iter().filter(|header| header.name == "www-authenticate");
    let texts: Vec<_> = headers.map(|header| header.value.to_string()).collect();
    let mut schemes = texts.iter().flat_map(|text| schemes(text));
    schemes.any(|scheme| ["Bearer", "DPoP"].iter().any(|known| known.eq_ignore_ascii_case(scheme)))
}

/// After a grant that was good once is refused, a fresh one is fetched.
fn fresh_grant(view: &View<'_>, replay: Replay) -> Evidence {
    if view.leg1_is_outside() {
        return Evidence::NotApplicable(LEG1_OUTSIDE);
    }
    let scripted = |party| view.scenario.as_script(party).replay == replay;
    if !Party::AUTHORIZATION_SERVERS.into_iter().any(scripted) {
        return Evidence::NotApplicable("the authorization server takes a grant again");
    }
    if view.leg(Party::As).is_empty() {
        return Evidence::Unreached(NO_TOKEN);
    }
    if !matches!(view.transcript.client.ended, Ended::Exited(_)) {
        return Evidence::NotApplicable("the client did not end by itself");
    }
    Evidence::of(view.leg(Party::As).iter().filter(|leg2| scripted(leg2.party)).filter_map(|refusal| {
        let name = view.grant(refusal).filter(|_| refusal.response.member("error") == Some(INVALID_GRANT))?;
        let mut before = view.leg(Party::As).iter().filter(|leg2| leg2.number < refusal.number);
        let was_good = before.any(|leg2| view.grant(leg2) == Some(name) && view.granted(leg2));
        let fetched = view.leg(Party::Idp).iter().any(|leg1| leg1.number > refusal.number);
        (was_good && !fetched).then(|| {
            let breach = Breach::new(
                refusal,
                "A grant that was good before is refused, and the client fetches no fresh one.",
            );
            breach.compare("next exchange", "for a fresh ID-JAG", format!("none; {}", view.ending()))
        })
    }))
}

fn expired_id_token(view: &View<'_>) -> Evidence {
    if !view.scenario.client.id_token_expired {
        return Evidence::NotApplicable("the ID token has not expired");
    }
    let refused = view.leg(Party::Idp).iter().find(|leg1| token_refused(leg1));
    let Some(refusal) = refused else { return Evidence::Kept };
    let renewed = view.to(Party::Idp).any(|exchange| {
        let grant_type = exchange.request.param("grant_type").map(|param| param.value.to_string());
        exchange.number > refusal.number && grant_type.as_deref() == Some("refresh_token")
    });
    Evidence::of((!renewed).then(|| {
        let breach = Breach::new(refusal, "The client does not renew an expired ID token.");
        breach.compare("next request", "a refresh, or a new sign-on", view.ending())
    }))
}

/// Tokens of one user are not used for another.
fn user_change(view: &View<'_>) -> Evidence {
    let calls = &view.scenario.client.calls;
    if calls.iter().all(|call| call.user == User::First) {
        return Evidence::NotApplicable("the run has one user");
    }
    let user = |exchange: &Exchange| {
        let json = exchange.request.body.json.as_ref()?;
        let tool = json["params"]["name"].as_str().filter(|_| json["method"] == "tools/call")?;
        calls.iter().find(|call| call.tool == tool).map(|call| call.user)
    };
    let called: Vec<_> =
        view.mcp().filter(|exchange| user(exchange).is_some() && view.bearer(exchange).is_some()).collect();
    Evidence::of_each(&called, "no tool was called", |exchange| {
        let (user, token) = (user(exchange)?, view.bearer(exchange)?);
        let subject = view.origin_of(token)?.request.param("subject_token")?.value.as_value()?;
        let own = match user {
            User::First => ["id_token", "other_id_token"],
            User::Second => ["other_id_token", "id_token"],
        };
        (subject == own[1]).then(|| {
            let breach = Breach::new(exchange, "An access token of one user is used in a call of another.");
            let from = |name: &str| format!("an access token from «{name}»");
            breach.compare("Authorization", from(own[0]), format!("«{token}» from «{subject}»"))
        })
    })
}

/// The error of a grant that is no good (RFC 6749 section 5.2).
const INVALID_GRANT: &str = "invalid_grant";
/// Tokens in a row after which a client that was refused nothing has fetched enough.
const MOST_IN_A_ROW: usize = 3;
/// Exchanges, and grants, after which a client that is always refused has tried enough.
const MOST_TRIES: usize = 3;
/// Refused requests after which it has.
const MOST_REFUSALS: usize = 4;
/// Seconds from which on a token is good for more than one request.
const A_WHILE: f64 = 60.0;
/// Seconds up to which a token is meant to end in the run.
const SHORT: f64 = 10.0;
/// Seconds by which clocks may differ.
const LEEWAY: f64 = 30.0;
