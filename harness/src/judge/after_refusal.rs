//! What a client tries again after a token endpoint refused it.
//!
//! RFC 6749 section 5.2, RFC 8693 section 2.2.2, ID-JAG draft -04 sections 4.3.4.3, 4.4.1 and 9.2, and their proposal
//! 112. One repeat of anything is told and not counted; a flow that the MCP server asks for once more is no repeat.

use std::collections::HashSet;

use crosscheck_scenarios::{EndpointName, Party, Severity};
use crosscheck_wire::transcript::{Exchange, Presented};

use super::challenge::{lines, parameter};
use super::evidence::{Breach, Evidence, Rule, rule};
use super::identifier::is_near;
use super::lifecycle::INVALID_GRANT;
use super::refusal::{STEP_UP, begun_anew, code};
use super::repetition::grants_bounded;
use super::reported::reported;
use super::token_request::seen;
use super::view::{Line, OTHER_GRANTS, Role, View, WellKnown, well_known};

pub(super) const RULES: &[Rule] = &[
    rule("txe-invalid-request", |view| repeated(view, Party::Idp, "invalid_request")),
    rule("txe-invalid-client", |view| invalid_client(view, Party::Idp)),
    rule("txe-invalid-grant", |view| repeated(view, Party::Idp, INVALID_GRANT)),
    rule("txe-unauthorized-client", |view| repeated(view, Party::Idp, "unauthorized_client")),
    rule("txe-unsupported-grant-type", |view| repeated(view, Party::Idp, "unsupported_grant_type")),
    rule("txe-invalid-scope", |view| repeated(view, Party::Idp, "invalid_scope")),
    rule("txe-invalid-target", |view| repeated(view, Party::Idp, INVALID_TARGET).and(resource_dropped(view))),
    rule("txe-access-denied", |view| repeated(view, Party::Idp, ACCESS_DENIED)),
    rule("txe-step-up", |view| reported(view, "txe-step-up").and(same_sign_on(view))),
    rule("txe-401-no-discovery", discovery),
    rule("jbe-invalid-request", |view| repeated(view, Party::As, "invalid_request")),
    rule("jbe-invalid-client", |view| invalid_client(view, Party::As)),
    rule("jbe-invalid-grant", |view| match grants_bounded(view) {
        Evidence::Broken(_) => Evidence::NotApplicable("told under jbe-total-bounded"),
        _ => repeated(view, Party::As, INVALID_GRANT),
    }),
    rule("jbe-unauthorized-client", |view| repeated(view, Party::As, "unauthorized_client")),
    rule("jbe-unsupported-grant-type", |view| repeated(view, Party::As, "unsupported_grant_type")),
    rule("jbe-invalid-scope", |view| repeated(view, Party::As, "invalid_scope")),
    rule("jbe-invalid-target", |view| repeated(view, Party::As, INVALID_TARGET)),
    rule("jbe-access-denied", |view| repeated(view, Party::As, ACCESS_DENIED)),
    rule("flow-no-fallback-on-denial", fallback),
];

const NOT_REFUSED: Evidence = Evidence::NotApplicable("nothing was refused with this code");

/// Requests of a leg that were refused with that code, and not for a while only.
fn refused<'a>(view: &View<'a>, party: Party, refusal: &str) -> Vec<&'a Exchange> {
    let is_final = |status| status < 500 && status != 429;
    let refused =
        |exchange: &&Exchange| code(exchange) == Some(refusal) && is_final(exchange.response.status);
    view.leg(party).iter().copied().filter(refused).collect()
}

/// A request that was refused is not sent again as it was. Another subject token or grant makes it a fresh one, which
/// one may try where that is what may have been refused.
fn repeated(view: &View<'_>, party: Party, refusal: &str) -> Evidence {
    let refused = refused(view, party, refusal);
    if refused.is_empty() {
        return NOT_REFUSED;
    }
    let token = if party == Party::Idp { "subject_token" } else { "assertion" };
    let granted = |from: &Exchange, to: &Exchange| {
        let between = from.number..to.number;
        view.leg(party).iter().any(|leg| between.contains(&leg.number) && view.granted(leg))
    };
    Evidence::of(view.leg(party).iter().filter_map(|exchange| {
        let alike: Vec<_> = refused
            .iter()
            .filter(|other| other.number < exchange.number && other.party == exchange.party)
            .filter(|other| wanted(other, token) == wanted(exchange, token) && !granted(other, exchange))
            .collect();
        let last = alike.last()?;
        let is_fresh = alike.iter().all(|other| seen(other, token) != seen(exchange, token));
        let in_a_row = alike.iter().filter(|other| !begun_anew(view, other, exchange));
        // Of fresh tokens each counts once, of one token each request.
        let tokens: Vec<_> = in_a_row.map(|other| seen(other, token)).collect();
        let tries = match is_fresh {
            true => tokens.iter().collect::<HashSet<_>>().len(),
            false => tokens.iter().filter(|other| **other == seen(exchange, token)).count(),
        };
        let may_help = FRESH_MAY_HELP.contains(&(party, refusal)) && tries == 1;
        if is_fresh && (may_help || tries == 0) {
            return None;
        }
        let at_most = if tries > 1 { Severity::Warn } else { Severity::Info };
        let breach = Breach::new(exchange, format!("The client tries again after `{refusal}`."));
        let what = if is_fresh { format!("the same with a fresh `{token}`") } else { "the same".into() };
        let seen = format!("{what}, {} refused before", alike.len());
        Some(breach.compare("next request", format!("none like #{}", last.number), seen).at_most(at_most))
    }))
}

/// What a token request asks for, apart from `token`, and how it proves who asks, apart from the proof.
fn wanted<'a>(exchange: &'a Exchange, token: &str) -> Vec<(&'a str, String)> {
    let of_client = ["client_assertion", "client_assertion_type", "client_id", "client_secret"];
    let params = exchange.request.params().iter();
    let told = params.filter(|param| {
        !param.is_empty() && param.name != token && !of_client.contains(&param.name.as_str())
    });
    let mut wanted: Vec<_> = told.map(|param| (param.name.as_str(), param.value.to_string())).collect();
    let methods = exchange.request.authentication.iter().filter_map(Presented::method);
    wanted.extend(methods.map(|method| ("", method.as_str().to_owned())));
    wanted.sort_unstable();
    wanted
}

/// Neither the same request again nor another server's secret.
fn invalid_client(view: &View<'_>, party: Party) -> Evidence {
    let refused = refused(view, party, INVALID_CLIENT);
    if refused.is_empty() {
        return NOT_REFUSED;
    }
    let foreign = |exchange: &Exchange| {
        let mut mentions = exchange.request.mentions.iter();
        let is_foreign = |role| matches!(role, Some(Role::Secret(home)) if home != exchange.party);
        mentions.find(|mention| is_foreign(view.role(&mention.name))).map(|mention| mention.name.clone())
    };
    let tried = view.leg(party).iter().filter_map(|exchange| {
        let other = foreign(exchange)?;
        let refusal = refused.iter().find(|refusal| {
            let before = refusal.number < exchange.number && refusal.party == exchange.party;
            before && foreign(refusal).is_none_or(|old| old != other)
        })?;
        let what =
            "After `invalid_client` the client tries the secret of its registration at another server.";
        let expected = format!("none after #{}", refusal.number);
        Some(Breach::new(exchange, what).compare("secret", expected, format!("«{other}»")))
    });
    repeated(view, party, INVALID_CLIENT).and(Evidence::of(tried))
}

/// A refused `resource` is not left out to get through.
fn resource_dropped(view: &View<'_>) -> Evidence {
    let refused = refused(view, Party::Idp, INVALID_TARGET);
    if refused.is_empty() {
        return NOT_REFUSED;
    }
    let named = |exchange: &Exchange| exchange.request.param("resource").is_some();
    Evidence::of(view.leg(Party::Idp).iter().filter(|exchange| !named(exchange)).filter_map(|exchange| {
        let before = |refusal: &&&Exchange| refusal.number < exchange.number && named(refusal);
        let refusal = refused.iter().rev().find(before)?;
        let breach = Breach::new(exchange, "The client tries again without the `resource` that was refused.");
        Some(breach.compare("resource", seen(refusal, "resource"), "nothing"))
    }))
}

/// A subject token that does not suffice is not sent again.
fn same_sign_on(view: &View<'_>) -> Evidence {
    let refused = refused(view, Party::Idp, STEP_UP);
    if refused.is_empty() {
        return NOT_REFUSED;
    }
    Evidence::of(view.leg(Party::Idp).iter().filter_map(|exchange| {
        let same = |refusal: &&&Exchange| {
            refusal.number < exchange.number
                && seen(refusal, "subject_token") == seen(exchange, "subject_token")
        };
        let refusal = refused.iter().rev().find(same)?;
        let what = "The subject token with which the user must sign on again is sent once more.";
        let at_most = if begun_anew(view, refusal, exchange) { Severity::Info } else { Severity::Warn };
        let expected = format!("another than in #{}", refusal.number);
        let breach = Breach::new(exchange, what);
        Some(breach.compare("subject_token", expected, seen(exchange, "subject_token")).at_most(at_most))
    }))
}

/// A 401 of the IdP is no challenge of a resource.
fn discovery(view: &View<'_>) -> Evidence {
    let Some(refusal) = view.leg(Party::Idp).iter().find(|exchange| exchange.response.status == 401) else {
        return Evidence::NotApplicable("the IdP answered no exchange with 401");
    };
    let named: Vec<_> =
        lines(refusal).iter().filter_map(|line| parameter(line, "resource_metadata")).collect();
    let is_started = |exchange: &&Exchange| {
        let at_idp = exchange.party == Party::Idp && well_known(exchange) == Some(WellKnown::Resource);
        exchange.request.method == "GET"
            && (at_idp || named.iter().any(|url| is_near(url, &view.url(exchange))))
    };
    let (before, after): (Vec<_>, Vec<_>) = view
        .exchanges
        .iter()
        .copied()
        .filter(is_started)
        .partition(|exchange| exchange.number < refusal.number);
    // What a client looks for in any case it does not look for because of the refusal.
    let anyway = |exchange: &Exchange| before.iter().any(|other| view.url(other) == view.url(exchange));
    Evidence::of(after.into_iter().filter(|exchange| !anyway(exchange)).map(|exchange| {
        let what = "A 401 of the IdP's token endpoint starts the discovery of a resource.";
        Breach::new(exchange, what).compare("request", "none", Line(exchange).to_string())
    }))
}

/// After a refusal by policy there is no other way in.
fn fallback(view: &View<'_>) -> Evidence {
    let denied = |exchange: &Exchange| matches!(code(exchange), Some(ACCESS_DENIED | INVALID_TARGET));
    let Some(refusal) = view.token_requests.iter().find(|exchange| denied(exchange)) else {
        return Evidence::NotApplicable("nothing was refused by policy");
    };
    let is_other = |exchange: &Exchange| match exchange.endpoint {
        EndpointName::Authorization => true,
        EndpointName::Registration => exchange.request.method == "POST",
        _ => {
            let grant_type = exchange.request.param("grant_type").map(|param| param.value.to_string());
            grant_type.is_some_and(|name| name != "refresh_token" && OTHER_GRANTS.contains(&name.as_str()))
        }
    };
    let after = Party::AUTHORIZATION_SERVERS
        .into_iter()
        .flat_map(|party| view.to(party))
        .filter(|exchange| exchange.number > refusal.number && is_other(exchange));
    Evidence::of(after.map(|exchange| {
        let what = "A refusal by policy is answered with another way to get in.";
        Breach::new(exchange, what).compare("next request", "none", Line(exchange).to_string())
    }))
}

const ACCESS_DENIED: &str = "access_denied";
const INVALID_CLIENT: &str = "invalid_client";
const INVALID_TARGET: &str = "invalid_target";

/// Refusals after which one whole flow with a fresh token is right.
const FRESH_MAY_HELP: [(Party, &str); 5] = [
    (Party::Idp, INVALID_GRANT),
    (Party::Idp, "invalid_request"),
    (Party::As, INVALID_CLIENT),
    (Party::As, INVALID_GRANT),
    (Party::As, "unauthorized_client"),
];
