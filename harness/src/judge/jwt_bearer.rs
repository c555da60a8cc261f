//! The second leg: the grant at the resource authorization server.
//!
//! RFC 7523 section 2.1, ID-JAG draft -04 section 4.4. Who the client is and how it proves it is judged in
//! `client_authentication`.

use crosscheck_scenarios::{Party, Severity};
use crosscheck_wire::constants::GRANT_TYPE_JWT_BEARER;
use crosscheck_wire::transcript::Exchange;

use super::evidence::{Breach, Evidence, Rule, rule};
use super::token_exchange::{identifier, resources};
use super::token_request::{
    self, each, encoding_roundtrip, fixed, no_duplicates, nothing_in_url, seen, wrongly_encoded,
};
use super::view::{Role, View};

pub(super) const RULES: &[Rule] = &[
    rule("jb-post-form", |view| token_request::post_form(view, Party::As)),
    rule("jb-nothing-in-url", |view| nothing_in_url(view, Party::As)),
    rule("jb-grant-type", grant_type),
    rule("jb-assertion-verbatim", assertion),
    rule("jb-resource", resource),
    rule("jb-assertion-once", |view| no_duplicates(view, Party::As, &["resource"])),
    rule("jb-no-leg1-leftovers", leftovers),
    rule("jb-encoding-roundtrip", |view| encoding_roundtrip(view, Party::As)),
];

fn grant_type(view: &View<'_>) -> Evidence {
    each(view, Party::As, |exchange| {
        // A grant that is bound to a key has a grant type of its own.
        if exchange.request.header("dpop").is_some() && seen(exchange, "grant_type") == GRANT_TYPE_JWT_DPOP {
            return None;
        }
        let what = "`grant_type` is not that of a JWT bearer grant.";
        fixed(exchange, "grant_type", GRANT_TYPE_JWT_BEARER, what)
    })
}

fn assertion(view: &View<'_>) -> Evidence {
    each(view, Party::As, |exchange| {
        let sent = exchange.request.param("assertion");
        let right =
            sent.is_some_and(|param| view.is(&param.value, Role::Grant) || wrongly_encoded(param).is_some());
        (!right).then(|| {
            let expected = issued_before(view, exchange).unwrap_or("id_jag#1");
            let elsewhere = exchange.request.params().iter().find(|param| view.is(&param.value, Role::Grant));
            let seen = match elsewhere {
                Some(param) if sent.is_none() => format!("in `{}`", param.name),
                _ => seen(exchange, "assertion"),
            };
            let breach = Breach::new(exchange, "`assertion` is not the ID-JAG as the IdP issued it.");
            breach.compare("assertion", format!("«{expected}»"), seen)
        })
    })
}

fn resource(view: &View<'_>) -> Evidence {
    let known = resources(view);
    let leg = view.leg(Party::As);
    if !leg.is_empty() && leg.iter().all(|exchange| exchange.request.param("resource").is_none()) {
        return Evidence::NotApplicable("the grant request names no resource, which it need not");
    }
    each(view, Party::As, |exchange| {
        let sent = exchange.request.all("resource").map(|param| param.value.to_string());
        let wrong = sent.into_iter().find(|sent| !known.contains(&sent.as_str()))?;
        let what =
            "The access token is requested for something that is not the MCP server's resource identifier.";
        Some(identifier(view, exchange, ("resource", what), &known, &wrong))
    })
}

fn leftovers(view: &View<'_>) -> Evidence {
    each(view, Party::As, |exchange| {
        let left: Vec<_> =
            LEFTOVERS.into_iter().filter(|name| exchange.request.param(name).is_some()).collect();
        let first = left.first()?;
        let names = left.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let breach =
            Breach::new(exchange, format!("Parameters of the exchange are sent with the grant: {names}."));
        // A secret among them is a finding of its own.
        Some(breach.compare(first, "nothing", seen(exchange, first)).at_most(Severity::Warn))
    })
}

/// The grant that the IdP issued last before a request.
fn issued_before<'a>(view: &View<'a>, exchange: &Exchange) -> Option<&'a str> {
    let before = view.leg(Party::Idp).iter().rev().find(|leg1| leg1.number < exchange.number)?;
    let mut names = before.response.mentions.iter().map(|mention| mention.name.as_str());
    names.find(|name| view.role(name) == Some(Role::Grant))
}

/// Parameters of RFC 8693 section 2.1 that the second leg does not have.
const LEFTOVERS: [&str; 6] = [
    "subject_token",
    "subject_token_type",
    "requested_token_type",
    "audience",
    "actor_token",
    "actor_token_type",
];

/// Grant type of a key-bound grant (JWT DPoP grant draft -01, section 3.1).
const GRANT_TYPE_JWT_DPOP: &str = "urn:ietf:params:oauth:grant-type:jwt-dpop";
