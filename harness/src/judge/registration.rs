//! Which registration the client uses where, and that it makes no new one.
//!
//! ID-JAG draft -04 sections 3.1 and 5, MCP authorization 2026-07-28 on client registration.

use crosscheck_scenarios::{EndpointName, Party};

use super::client_authentication::other_identity;
use super::evidence::{Breach, Evidence, Rule, rule};
use super::identifier::is_near;
use super::view::{Line, View};

pub(super) const RULES: &[Rule] = &[
    rule("cid-two-registrations", two_registrations),
    rule("cid-no-surprise-registration", no_registration),
];

/// The id of one registration is not used at the other server.
fn two_registrations(view: &View<'_>) -> Evidence {
    Evidence::of_each(&view.token_requests, "no token endpoint was asked", |exchange| {
        let own = format!("{}.client_id", exchange.party);
        let (place, seen, name) = other_identity(exchange, &own)?;
        let others: &[Party] = match exchange.party {
            Party::Idp => &Party::AUTHORIZATION_SERVERS,
            _ => &[Party::Idp],
        };
        let confused = others.iter().any(|party| name == Some(&format!("{party}.client_id")));
        confused.then(|| {
            let what = "The client uses one registration at both servers, where it has one at each.";
            Breach::new(exchange, what).compare(place, format!("«{own}»"), seen)
        })
    })
}

fn no_registration(view: &View<'_>) -> Evidence {
    let published: Vec<_> =
        view.server_documents().filter_map(|document| document.text("registration_endpoint")).collect();
    let asked = view.exchanges.iter().filter(|exchange| {
        let named = || published.iter().any(|endpoint| is_near(endpoint, &view.url(exchange)));
        exchange.request.method == "POST" && (exchange.endpoint == EndpointName::Registration || named())
    });
    Evidence::of(asked.map(|exchange| {
        let what = "The client registers itself although it is registered.";
        Breach::new(exchange, what).compare("request", "none", Line(exchange).to_string())
    }))
}
