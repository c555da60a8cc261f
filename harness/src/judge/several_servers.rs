//! Several MCP servers and several authorization servers under one client: nothing crosses over.
//!
//! MCP authorization 2026-07-28 on authorization server binding and token handling, RFC 8707, RFC 9728 section 3.3,
//! ID-JAG draft -04 sections 4.3 and 9.3.

use std::collections::HashMap;

use crosscheck_scenarios::Party;
use crosscheck_wire::transcript::Exchange;

use super::documents::Claim;
use super::evidence::{Breach, Evidence, Rule, rule};
use super::token_request::seen;
use super::view::{Role, View};

pub(super) const RULES: &[Rule] = &[
    rule("multi-credential-per-as", |view| credential(view, Protector::Same)),
    rule("multi-as-changed", |view| credential(view, Protector::Changed)),
    rule("multi-token-per-resource", token),
    rule("multi-grant-per-as", grant),
    rule("multi-audience-follows", audience),
    rule("multi-foreign-resource-claim", foreign_claim),
    rule("jb-endpoint-of-audience", endpoint),
];

/// What an MCP server says of its authorization server in the course of a run.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Protector {
    /// Another than before.
    Changed,
    /// The one that it always named.
    Same,
}

/// A credential goes to the authorization server that it is registered at and to no other, also when the MCP server
/// changes its mind.
fn credential(view: &View<'_>, protector: Protector) -> Evidence {
    let moves = moves(view);
    if protector == Protector::Changed && moves.is_empty() {
        return Evidence::NotApplicable("no MCP server changed its authorization server");
    }
    if view.leg(Party::As).is_empty() && view.resource_documents().next().is_none() {
        return Evidence::Unreached("the client met no authorization server");
    }
    let breaches = view.exchanges.iter().filter_map(|exchange| {
        let mention = strange_credential(view, exchange)?;
        let document = view.source_of_endpoint(exchange)?;
        // What inconsistent metadata leads to has rows of its own.
        let consistent = matches!(document.issuer(view), Claim::Own | Claim::Near);
        let issuer = document.text("issuer").unwrap_or_default();
        let moved = moves.iter().any(|(number, to)| *number < exchange.number && to.contains(&issuer));
        let what = match protector {
            Protector::Changed => {
                "The MCP server names another authorization server, and the credential of the old one goes there."
            }
            Protector::Same => "A credential goes to an authorization server at which it is not registered.",
        };
        let home = view.facts(mention)?.travels_to.first()?;
        (consistent && moved == (protector == Protector::Changed)).then(|| {
            let (expected, seen) = (format!("at {home} only"), format!("at {issuer}"));
            Breach::new(exchange, what).compare(&format!("«{mention}»"), expected, seen)
        })
    });
    view.bait(breaches.collect())
}

/// A credential in a token request to another authorization server, unless the grant beside it is out of place too.
fn strange_credential<'a>(view: &View<'a>, exchange: &'a Exchange) -> Option<&'a str> {
    let grant_is_home = view.grant(exchange).is_none_or(|grant| view.may_travel(grant, exchange.party));
    let mut mentions = exchange.request.mentions.iter();
    let strange = mentions.find(|mention| match view.role(&mention.name) {
        Some(Role::Secret(home)) => home.is_authorization_server() && home != exchange.party,
        _ => false,
    });
    strange.filter(|_| is_server(exchange.party) && grant_is_home).map(|mention| mention.name.as_str())
}

fn is_server(party: Party) -> bool {
    party.is_authorization_server() || party == Party::Trap
}

/// Lists of authorization servers that leave out one that the same MCP server listed before, by the exchange that
/// served them.
fn moves<'a>(view: &View<'a>) -> Vec<(usize, Vec<&'a str>)> {
    let mut before: HashMap<Party, Vec<&str>> = HashMap::new();
    let mut moves = Vec::new();
    for document in view.resource_documents() {
        let servers = document.servers();
        let old = before.insert(document.exchange.party, servers.clone());
        if old.is_some_and(|old| old.iter().any(|server| !servers.contains(server))) {
            moves.push((document.exchange.number, servers));
        }
    }
    moves
}

/// Whether an MCP server stopped listing the authorization server that it listed before.
pub(super) fn server_changed(view: &View<'_>, party: Party) -> bool {
    let at = |number: usize| view.to(party).any(|exchange| exchange.number == number);
    moves(view).into_iter().any(|(number, _)| at(number))
}

const ONE_SERVER: &str = "the client is asked to call one MCP server only";

fn several(view: &View<'_>) -> bool {
    view.scenario.client.calls.iter().any(|call| call.to == Party::Mcp2)
}

/// The access token for one MCP server is not sent to another.
fn token(view: &View<'_>) -> Evidence {
    if !several(view) {
        return Evidence::NotApplicable(ONE_SERVER);
    }
    let carrying: Vec<_> = view.mcp().filter(|exchange| view.bearer(exchange).is_some()).collect();
    Evidence::of_each(&carrying, "no access token was used", |exchange| {
        let name = view.bearer(exchange)?;
        let own = view.resource(exchange.party);
        let leg1 = view.origin_of(name);
        let for_both =
            leg1.is_some_and(|leg1| leg1.request.all("resource").any(|param| param.value.to_string() == own));
        (!view.may_travel(name, exchange.party)).then(|| {
            let what = "The access token for one MCP server is sent to another.";
            let breach = Breach::new(exchange, what).tolerated(for_both);
            let home = view.facts(name).and_then(|facts| facts.travels_to.first());
            let expected = home.map_or("nowhere".into(), |home| format!("at {home} only"));
            breach.compare(&format!("«{name}»"), expected, format!("at {}", exchange.party))
        })
    })
}

/// One grant is not presented at two authorization servers.
fn grant(view: &View<'_>) -> Evidence {
    let presented = presentations(view);
    if presented.is_empty() {
        return Evidence::Unreached("no grant was presented");
    }
    Evidence::of(presented.iter().filter_map(|(exchange, name)| {
        let (first, _) = presented.iter().find(|(_, other)| other == name)?;
        // Where no metadata led there, the client was redirected.
        let led = view.source_of_endpoint(exchange).is_some();
        (first.party != exchange.party && led).then(|| {
            let what = "One ID-JAG is presented at two authorization servers.";
            let seen = format!("at {} and {}", first.party, exchange.party);
            Breach::new(exchange, what).compare(
                &format!("«{name}»"),
                format!("at {} only", first.party),
                seen,
            )
        })
    }))
}

/// Token requests that present a grant to an authorization server, or to one that says that it is.
fn presentations<'a>(view: &View<'a>) -> Vec<(&'a Exchange, &'a str)> {
    let servers = view.exchanges.iter().filter(|exchange| is_server(exchange.party));
    servers.filter_map(|exchange| Some((*exchange, view.grant(exchange)?))).collect()
}

/// Every exchange names the authorization server that protects the MCP server that it is for.
fn audience(view: &View<'_>) -> Evidence {
    if !several(view) {
        return Evidence::NotApplicable(ONE_SERVER);
    }
    if view.leg(Party::Idp).is_empty() {
        return Evidence::Unreached("no exchange was sent to the IdP");
    }
    let breaches = view.leg(Party::Idp).iter().filter_map(|leg1| {
        let server = misnamed(view, leg1)?;
        let expected = view.issuer(view.scenario.protector(server));
        let what = "The exchange for one MCP server names the authorization server of another.";
        Some(Breach::new(leg1, what).compare("audience", expected, seen(leg1, "audience")))
    });
    view.bait(breaches.collect())
}

/// The MCP server for which an exchange is, where its audience is the authorization server of another.
fn misnamed(view: &View<'_>, leg1: &Exchange) -> Option<Party> {
    let says = |name: &str, value: &str| leg1.request.all(name).any(|param| param.value.to_string() == value);
    let named = Party::MCP_SERVERS.into_iter().find(|party| says("resource", view.resource(*party)));
    let server = named.or_else(|| view.destination(leg1))?;
    let own = view.issuer(view.scenario.protector(server));
    let lists = view.resource_documents().filter(|document| document.exchange.party == server);
    let right = says("audience", own)
        || lists.flat_map(|document| document.servers()).any(|issuer| says("audience", issuer));
    let of_another = Party::AUTHORIZATION_SERVERS.iter().any(|party| says("audience", view.issuer(*party)));
    (!right && of_another).then_some(server)
}

/// Who publishes the resource identifier of another MCP server gets no token for it.
fn foreign_claim(view: &View<'_>) -> Evidence {
    let own = |party| view.resource(party);
    let claims: Vec<_> = view
        .resource_documents()
        .filter_map(|document| {
            let claimant = document.exchange.party;
            let victim = Party::MCP_SERVERS.into_iter().find(|party| *party != claimant)?;
            let said = document.text("resource")?;
            (view.scenario.second_mcp.is_some() && said == own(victim)).then_some((document.exchange, said))
        })
        .collect();
    if claims.is_empty() {
        return Evidence::NotApplicable("no MCP server publishes the identifier of another");
    }
    let what = "The resource identifier that an MCP server publishes is that of another, and a token is fetched for it.";
    let breaches = view.leg(Party::Idp).iter().filter_map(|leg1| {
        let destination = view.destination(leg1)?;
        let (claim, said) = claims.iter().find(|(claim, said)| {
            let names = leg1.request.all("resource").any(|param| param.value.to_string() == *said);
            claim.party == destination && claim.number < leg1.number && names
        })?;
        Some(Breach::new(leg1, what).compare("resource", own(claim.party), *said))
    });
    view.bait(breaches.collect())
}

/// A grant goes to the token endpoint of the issuer that it names.
fn endpoint(view: &View<'_>) -> Evidence {
    let presented = presentations(view);
    if presented.is_empty() {
        return Evidence::Unreached("no grant was presented");
    }
    let breaches = presented.iter().filter_map(|(exchange, name)| {
        let first = presented.iter().find(|(_, other)| other == name)?.0.number == exchange.number;
        let document = view.source_of_endpoint(exchange)?;
        let named = view.origin_of(name).and_then(|leg1| leg1.request.param("audience"));
        let audience = named.map(|param| param.value.to_string())?;
        let issuer = document.text("issuer").filter(|_| document.issuer(view) == Claim::Own)?;
        // A wrong audience is a finding of its own.
        let misnamed = view.origin_of(name).is_some_and(|leg1| misnamed(view, leg1).is_some());
        let astray = issuer != audience && !view.may_travel(name, exchange.party);
        (first && astray && !misnamed).then(|| {
            let what =
                "The ID-JAG is sent to the token endpoint of another issuer than it was requested for.";
            Breach::new(exchange, what).compare("issuer of the token endpoint", audience, issuer)
        })
    });
    view.bait(breaches.collect())
}
