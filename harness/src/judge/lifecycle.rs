//! What the client makes of tokens that end: refused, expired, used up, or another user's.
//!
//! ID-JAG draft -04 section 4.4.3, RFC 6750 section 3.1, RFC 9700 section 2.3, MCP authorization 2026-07-28.

use crosscheck_scenarios::{Party, Replay, User};
use crosscheck_wire::transcript::{Ended, Exchange};

use super::evidence::{Breach, Evidence, Rule, rule};
use super::several_servers::server_changed;
use super::view::{Line, View, token_refused};

pub(super) const RULES: &[Rule] = &[
    rule("jb-not-expired", expired_grant),
    rule("res-401-refetch", |view| renewal(view, End::Revoked)),
    rule("life-access-expiry", |view| renewal(view, End::Expired)),
    rule("life-grant-expired", |view| fresh_grant(view, Replay::Expired)),
    rule("life-replay-recovered", |view| fresh_grant(view, Replay::Refuse)),
    rule("life-id-token-expired", expired_id_token),
    rule("life-user-change", user_change),
];

const LEG1_OUTSIDE: &str = "the grant is handed to the client ready";
pub(super) const NO_TOKEN: &str = "no access token was issued";

/// Seconds that a token is good for, as the answer that brought it says.
pub(super) fn lifetime(issued: &Exchange) -> Option<f64> {
    let stated = issued.response.body.json.as_ref()?.get("expires_in")?;
    stated.as_f64().or_else(|| stated.as_str()?.parse().ok())
}

/// Whether a token has ended before it can be used, as the answer that brought it says.
pub(super) fn ends_at_once(issued: &Exchange) -> bool {
    lifetime(issued).is_some_and(|seconds| seconds <= 0.0)
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
        let refused = before.iter().find(|(before, _)| {
            was_good && !view.granted(before) && before.response.member("error") == Some(INVALID_GRANT)
        });
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

/// How an access token ends.
#[derive(Clone, Copy, Eq, PartialEq)]
enum End {
    /// Its lifetime is over.
    Expired,
    /// It is refused before.
    Revoked,
}

/// A token that ended in that way is replaced.
fn renewal(view: &View<'_>, end: End) -> Evidence {
    let end_of = |token: &str| {
        let is_short = view.issued_in(token).and_then(lifetime).is_some_and(|seconds| seconds <= SHORT);
        if is_short { End::Expired } else { End::Revoked }
    };
    let ended: Vec<_> = ended(view).into_iter().filter(|(_, token)| end_of(token) == end).collect();
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
        let legs = || view.token_requests.iter().filter(later);
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
pub(super) const INVALID_GRANT: &str = "invalid_grant";
/// Seconds up to which a token is meant to end in the run.
const SHORT: f64 = 10.0;
/// Seconds by which clocks may differ.
const LEEWAY: f64 = 30.0;
