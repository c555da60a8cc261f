//! What the client does with a regular answer of either token endpoint.
//!
//! RFC 8693 section 2.2.1, RFC 6749 section 5.1, ID-JAG draft -04 section 4.3.4.

use crosscheck_scenarios::{Outcome, Party};
use crosscheck_wire::constants::TOKEN_TYPE_ID_JAG;
use crosscheck_wire::transcript::{Ended, Exchange};

use super::evidence::{Breach, Evidence, Rule, rule};
use super::view::{Line, Role, View};

pub(super) const RULES: &[Rule] = &[
    rule("txr-accept", |view| accepted(view, &EXCHANGE)),
    rule("txr-grant-not-bearer", grant_is_no_bearer),
    rule("jbr-accept", |view| accepted(view, &GRANT_REQUEST)),
];

/// A leg as far as its answer goes.
struct Leg {
    party: Party,
    role: Role,
    regular: fn(&Exchange) -> bool,
    is_next: fn(Party) -> bool,
    due: &'static str,
    what: &'static str,
    missing: &'static str,
}

const EXCHANGE: Leg = Leg {
    party: Party::Idp,
    role: Role::Grant,
    regular: |exchange| {
        let member = |name| exchange.response.member(name);
        member("issued_token_type") == Some(TOKEN_TYPE_ID_JAG)
            && member("token_type").is_none_or(|kind| kind.eq_ignore_ascii_case("N_A"))
    },
    is_next: Party::is_authorization_server,
    due: "POST as, with the grant",
    what: "The client gives up after the regular answer of the IdP.",
    missing: "the IdP issued no grant",
};

const GRANT_REQUEST: Leg = Leg {
    party: Party::As,
    role: Role::AccessToken,
    regular: |exchange| {
        exchange.response.member("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer"))
    },
    is_next: Party::is_mcp_server,
    due: "POST mcp, with the access token",
    what: "The client gives up after the regular answer of the resource authorization server.",
    missing: "no access token was issued",
};

/// The token of a regular answer is used in the next step. A client that went on with something else first, such
/// as discovery, and failed there is not judged by this.
fn accepted(view: &View<'_>, leg: &Leg) -> Evidence {
    let requests = view.leg(leg.party).iter();
    let issued: Vec<_> =
        requests.filter(|exchange| view.granted(exchange) && (leg.regular)(exchange)).collect();
    let Some(last) = issued.last() else { return Evidence::Unreached(leg.missing) };
    if view.exchanges.iter().any(|exchange| view.mentions(exchange, leg.role).next().is_some()) {
        return Evidence::Kept;
    }
    let went_on =
        view.exchanges.iter().any(|exchange| exchange.number > last.number && (leg.is_next)(exchange.party));
    let expect = &view.scenario.expect;
    let due = expect.outcome == Outcome::Authorized
        || expect.reached.iter().any(|reached| (leg.is_next)(reached.party));
    let judged = due && !went_on;
    if !judged || !matches!(view.transcript.client.ended, Ended::Exited(_)) {
        return Evidence::Unreached("the client did not get as far as using the token");
    }
    let breach = Breach::new(last, leg.what).compare("next request", leg.due, after(view, last));
    Evidence::Broken(vec![breach])
}

fn after(view: &View<'_>, last: &Exchange) -> String {
    let next = view.exchanges.iter().find(|exchange| exchange.number > last.number);
    next.map_or_else(|| format!("none; {}", view.ending()), |next| Line(next).to_string())
}

fn grant_is_no_bearer(view: &View<'_>) -> Evidence {
    if !view.leg(Party::Idp).iter().any(|exchange| view.granted(exchange)) {
        return Evidence::Unreached("the IdP issued no grant");
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
