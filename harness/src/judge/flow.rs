//! The order of the flow, and what does not belong in it.
//!
//! ID-JAG draft -04 section 4.1, MCP Enterprise-Managed Authorization sections 1.1 and 2.

use crosscheck_scenarios::{EndpointName, Party};

use super::evidence::{Breach, Evidence, Rule, rule};
use super::token_request::every;
use super::view::{Line, View};

pub(super) const RULES: &[Rule] =
    &[rule("flow-order", order), rule("flow-no-user-redirect", no_user_redirect)];

fn order(view: &View<'_>) -> Evidence {
    if view.leg1_is_outside() {
        return Evidence::NotApplicable("the grant is handed to the client ready");
    }
    // What follows on an answer that is no grant has rows of its own.
    let first = view.leg(Party::Idp).first();
    every(view, Party::As, |exchange| {
        first.is_none_or(|leg1| exchange.number < leg1.number).then(|| {
            let breach = Breach::new(exchange, "A grant is presented before the IdP has issued one.");
            breach.compare("before it", "an exchange at the IdP, answered with an ID-JAG", "none")
        })
    })
}

fn no_user_redirect(view: &View<'_>) -> Evidence {
    let servers = Party::AUTHORIZATION_SERVERS.into_iter().flat_map(|party| view.to(party));
    let asked = servers.filter(|exchange| exchange.endpoint == EndpointName::Authorization);
    let breaches: Vec<_> = asked
        .map(|exchange| {
            let what = "The user is sent to the authorization endpoint of the resource authorization server.";
            Breach::new(exchange, what).compare("request", "none", Line(exchange).to_string())
        })
        .collect();
    if breaches.is_empty() && view.leg(Party::Idp).is_empty() && view.leg(Party::As).is_empty() {
        return Evidence::Unreached("the client asked no authorization server for a token");
    }
    Evidence::of(breaches)
}
