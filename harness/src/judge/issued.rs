//! What the client makes of issued tokens, and of what came with them.
//!
//! RFC 8693 section 2.2.1, RFC 6749 sections 3.3, 5.1 and 6, ID-JAG draft -04 sections 4.3.4, 4.4.3 and 9.3.

use std::collections::BTreeSet;

use crosscheck_scenarios::{Party, TokenBend};
use crosscheck_wire::Alteration;
use crosscheck_wire::transcript::Exchange;

use super::documents::strings;
use super::evidence::{Breach, Evidence, Rule, rule};
use super::repetition::{MOST_IN_A_ROW, idle_exchanges, idle_grants};
use super::resource_access::named;
use super::responses::taken;
use super::token_request::{every, scopes, seen, wrongly_encoded};
use super::view::{Role, View, authorization, meant};

pub(super) const RULES: &[Rule] = &[
    rule("txr-token-type-other", other_token_type),
    rule("txr-grant-not-bearer", grant_is_no_bearer),
    rule("txr-scope-narrowed", beyond_grant),
    rule("txr-foreign-audience", foreign_audience),
    rule("jbr-scope-narrowed", asked_again),
    rule("txr-refresh-ignored", |view| taken(view, "txr-refresh-ignored").and(stays(view, Party::Idp))),
    rule("jbr-refresh-token", |view| taken(view, "jbr-refresh-token").and(stays(view, Party::As))),
    rule("http-large-value", |view| taken(view, "http-large-value").and(whole(view))),
];

const NO_GRANT: &str = "the IdP issued no grant";

/// The answers of a leg that brought a token.
fn granted<'a>(view: &View<'a>, party: Party) -> Vec<&'a Exchange> {
    view.leg(party).iter().copied().filter(|exchange| view.granted(exchange)).collect()
}

fn other_token_type(view: &View<'_>) -> Evidence {
    let is_other = |exchange: &&Exchange| {
        exchange.response.member("token_type").is_none_or(|kind| !kind.eq_ignore_ascii_case("N_A"))
    };
    let others: Vec<_> = granted(view, Party::Idp).into_iter().filter(is_other).collect();
    Evidence::of_each(&others, "the IdP issued no grant of another type", |leg1| {
        let presented = view.leg(Party::As).iter().any(|leg2| {
            let origin = view.grant(leg2).and_then(|grant| view.issued_in(grant));
            origin.is_some_and(|origin| origin.number == leg1.number)
        });
        presented.then(|| {
            let breach = Breach::new(leg1, "The client goes on with a grant that is not of the type N_A.");
            breach.compare("token_type", "N_A", leg1.response.member("token_type").unwrap_or("none"))
        })
    })
}

fn grant_is_no_bearer(view: &View<'_>) -> Evidence {
    if granted(view, Party::Idp).is_empty() {
        return Evidence::Unreached(NO_GRANT);
    }
    let shown = view.to_mcp_servers().filter_map(|exchange| {
        // A grant at a guessed token endpoint is astray, and no access token.
        let mention = view.mentions(exchange, Role::Grant).find(|mention| mention.at != "assertion")?;
        let breach = Breach::new(exchange, "The ID-JAG is sent to the MCP server.");
        let place = if mention.at.is_empty() { "request" } else { &mention.at };
        Some(breach.compare(place, "an access token, or none", format!("«{}»", mention.name)))
    });
    Evidence::of(shown)
}

/// The scopes that a token request asks for: its own, or those of the exchange where a grant request names none.
pub(super) fn asked(view: &View<'_>, exchange: &Exchange) -> BTreeSet<String> {
    let own = exchange.request.param("scope");
    let sent = own.or_else(|| {
        let grant = exchange.request.param("assertion")?.value.as_value()?;
        view.issued_in(grant)?.request.param("scope")
    });
    sent.map(|param| scopes(&param.value.to_string())).unwrap_or_default()
}

/// The scopes that an answer names, where they are not all that were asked for.
fn narrowed(view: &View<'_>, exchange: &Exchange) -> Option<BTreeSet<String>> {
    let stated = scopes(exchange.response.member("scope").filter(|_| view.granted(exchange))?);
    let asked = asked(view, exchange);
    (asked.is_empty() || !asked.is_subset(&stated)).then_some(stated)
}

/// What the IdP granted is the most that the second leg asks for.
fn beyond_grant(view: &View<'_>) -> Evidence {
    if !view.leg(Party::Idp).iter().any(|leg1| narrowed(view, leg1).is_some()) {
        return Evidence::Unreached("the IdP granted all that was asked for");
    }
    if view.leg(Party::As).iter().all(|leg2| leg2.request.param("scope").is_none()) {
        return Evidence::NotApplicable("the grant request names no scope, which it need not");
    }
    every(view, Party::As, |leg2| {
        let grant = leg2.request.param("assertion")?.value.as_value()?;
        let granted = narrowed(view, view.issued_in(grant)?)?;
        let sent = scopes(&leg2.request.param("scope")?.value.to_string());
        (!sent.is_subset(&granted)).then(|| {
            let what = "The grant request asks for more scope than the IdP granted.";
            let granted: Vec<_> = granted.into_iter().collect();
            Breach::new(leg2, what).compare("scope", granted.join(" "), seen(leg2, "scope"))
        })
    })
}

/// A narrower access token is not asked for over and over.
fn asked_again(view: &View<'_>) -> Evidence {
    let is_less = |leg2: &&Exchange| narrowed(view, leg2).is_some() && !asked(view, leg2).is_empty();
    if !view.leg(Party::As).iter().any(is_less) {
        return Evidence::Unreached("the authorization server granted all that was asked for");
    }
    let idle = idle_grants(view).into_iter().chain(idle_exchanges(view));
    Evidence::of(idle.map(|exchange| {
        let what = "The client asks again and again for scope that the authorization server does not grant.";
        let most = format!("at most {MOST_IN_A_ROW}");
        Breach::new(exchange, what).compare("requests in a row", most, "one more")
    }))
}

/// A refresh token goes to the server that issued it and to no other.
fn stays(view: &View<'_>, home: Party) -> Evidence {
    let is_refresh_token = |name: &str| view.role(name) == Some(Role::RefreshToken(home));
    if !view.transcript.values.iter().any(|value| is_refresh_token(&value.name)) {
        return Evidence::Unreached("no refresh token was issued");
    }
    let away = view.exchanges.iter().filter(|exchange| exchange.party != home);
    Evidence::of(away.filter_map(|exchange| {
        let mention = exchange.request.mentions.iter().find(|mention| is_refresh_token(&mention.name))?;
        let breach =
            Breach::new(exchange, "A refresh token is sent to another server than that which issued it.");
        let seen = format!("at {}", exchange.party);
        Some(breach.compare(&format!("«{}»", mention.name), format!("at {home} only"), seen))
    }))
}

/// The audiences that the script writes into a token; empty where it leaves them alone.
pub(super) fn audiences(view: &View<'_>, token: &TokenBend) -> Vec<String> {
    let filled = |text: &str| {
        let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        name.map_or(text, |name| view.stage(name)).to_owned()
    };
    token
        .claims
        .set
        .get("aud")
        .map(|stated| strings(stated).into_iter().map(filled).collect())
        .unwrap_or_default()
}

/// A grant that names another server than it was requested for is not taken there.
fn foreign_audience(view: &View<'_>) -> Evidence {
    let foreign: Vec<_> = granted(view, Party::Idp)
        .into_iter()
        .filter_map(|leg1| {
            let stated = audiences(view, &view.script(leg1)?.token);
            let asked = seen(leg1, "audience");
            (!stated.is_empty() && !stated.contains(&asked)).then_some((leg1, stated))
        })
        .collect();
    let servers = Party::AUTHORIZATION_SERVERS.into_iter().chain([Party::Trap]);
    let presented = servers.flat_map(|party| foreign.iter().map(move |found| (party, found)));
    let breaches =
        presented.filter(|(party, (_, stated))| stated.iter().any(|text| text == view.issuer(*party)));
    let breaches = breaches.flat_map(|(party, (leg1, _))| {
        let later: Vec<_> = view.to(party).filter(|exchange| exchange.number > leg1.number).collect();
        let is_shown = later.iter().any(|exchange| view.mentions(exchange, Role::Grant).next().is_some());
        // What the client asked that server before belongs to it.
        let told = if is_shown { later } else { Vec::new() };
        told.into_iter().map(move |exchange| {
            let what = "An ID-JAG that names another server than was asked for is taken to that server.";
            let breach = Breach::new(exchange, what);
            breach.compare("ID-JAG", format!("for {} only", seen(leg1, "audience")), format!("at {party}"))
        })
    });
    if foreign.is_empty() {
        return Evidence::Unreached("the IdP issued no grant for another server");
    }
    view.bait(breaches.collect())
}

/// A large token goes on in one piece.
fn whole(view: &View<'_>) -> Evidence {
    let is_large = |exchange: &Exchange| view.script(exchange).is_some_and(|step| step.token.padding > 0);
    let last = |party, number| {
        let mut before = view.leg(party).iter().rev().filter(|exchange| exchange.number < number);
        before.find(|exchange| view.granted(exchange)).filter(|exchange| is_large(exchange))
    };
    if !view.token_requests.iter().any(|exchange| is_large(exchange)) {
        return Evidence::Unreached("no token endpoint issued a large token");
    }
    let grants = view.leg(Party::As).iter().filter_map(|leg2| {
        last(Party::Idp, leg2.number)?;
        let sent = leg2.request.param("assertion").filter(|param| wrongly_encoded(param).is_none())?;
        let what = "A large ID-JAG does not arrive whole.";
        let breach = || Breach::new(leg2, what).compare("assertion", "«id_jag»", named(&sent.value));
        (!view.is(&sent.value, Role::Grant)).then(breach)
    });
    let calls = view.to_mcp_servers().filter_map(|call| {
        last(Party::As, call.number)?;
        let sent = authorization(&call.request)?.credentials;
        let is_whole = meant(&sent).is_some_and(|(name, how)| {
            view.role(name) == Some(Role::AccessToken) && matches!(how, None | Some(Alteration::Whitespace))
        });
        let what = "A large access token does not arrive whole.";
        let breach =
            || Breach::new(call, what).compare("Authorization", "Bearer «access_token»", named(&sent));
        (!is_whole).then(breach)
    });
    Evidence::of(grants.chain(calls))
}
