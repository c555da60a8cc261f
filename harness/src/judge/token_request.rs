//! What the requests of both legs have in common: method, encoding, nothing in the URL, nothing twice.
//!
//! RFC 6749 sections 2.3.1 and 3.2 and appendix B. Which values the parameters must have is judged leg by leg.

use std::collections::{BTreeSet, HashSet};

use crosscheck_scenarios::Party;
use crosscheck_wire::Alteration;
use crosscheck_wire::constants::FORM;
use crosscheck_wire::transcript::{Exchange, Param};

use super::evidence::{Breach, Evidence};
use super::identifier::without_query;
use super::view::{View, meant, says};

/// Why rows of the first leg have nothing to look at.
const NO_EXCHANGE: &str = "no exchange was sent to the IdP";
/// Why rows of the second leg have nothing to look at.
const NO_GRANT_REQUEST: &str = "no grant was presented to the resource authorization server";

/// Judges every request of a leg, readable or not.
pub(super) fn every(view: &View<'_>, party: Party, check: impl Fn(&Exchange) -> Option<Breach>) -> Evidence {
    match party {
        Party::Idp if view.leg1_is_outside() => {
            Evidence::NotApplicable("the grant is handed to the client ready")
        }
        Party::Idp => Evidence::of_each(view.leg(party), NO_EXCHANGE, check),
        _ => Evidence::of_each(view.leg(party), NO_GRANT_REQUEST, check),
    }
}

/// Judges every request of a leg whose parameters can be read. One that is written as the other leg's is wrong by
/// its `grant_type`, and not once more by each parameter that it lacks.
pub(super) fn each(view: &View<'_>, party: Party, check: impl Fn(&Exchange) -> Option<Breach>) -> Evidence {
    let readable = |exchange: &&Exchange| is_readable(exchange) && !is_swapped(exchange, party);
    if !view.leg(party).is_empty() && !view.leg(party).iter().any(readable) {
        return Evidence::Unreached("no request had readable parameters");
    }
    every(view, party, |exchange| Some(exchange).filter(readable).and_then(&check))
}

/// Whether the parameters of a request can be read.
pub(super) fn is_readable(exchange: &Exchange) -> bool {
    !exchange.request.params().is_empty() && run_together(exchange).is_none()
}

/// The parameter that has swallowed those behind it, for want of a separator. No grant type holds `=`, and no
/// value holds `grant_type=`.
fn run_together(exchange: &Exchange) -> Option<&Param> {
    let swallows = |param: &&Param| {
        let value = param.value.to_string();
        value.contains("grant_type=") || (param.name == "grant_type" && value.contains('='))
    };
    exchange.request.params().iter().find(swallows)
}

fn is_swapped(exchange: &Exchange, party: Party) -> bool {
    let says = |name| exchange.request.param(name).is_some();
    party == Party::Idp && says("assertion") && !says("subject_token")
}

/// A POST with a form body.
pub(super) fn post_form(view: &View<'_>, party: Party) -> Evidence {
    let check = |exchange: &Exchange| {
        let request = &exchange.request;
        if request.method != "POST" {
            let breach = Breach::new(exchange, "The token request is no POST.");
            return Some(breach.compare("method", "POST", &request.method));
        }
        if let Some(param) = run_together(exchange) {
            let breach = Breach::new(exchange, "The parameters of the token request are not separated.");
            let seen: String = param.value.to_string().chars().take(SHOWN).collect();
            return Some(breach.compare(
                "body",
                "a `&` between two parameters",
                format!("{}={seen}…", param.name),
            ));
        }
        // Parameters that all stand in the URL are another rule's business.
        if request.body.bytes == 0 && request.raw_query.is_some() {
            return None;
        }
        let sent = request.header("content-type").map(ToString::to_string).unwrap_or_default();
        let media_type = sent.split(';').next().unwrap_or_default().trim();
        let seen = if sent.is_empty() { "none" } else { &sent };
        (!media_type.eq_ignore_ascii_case(FORM)).then(|| {
            let breach = Breach::new(exchange, "The body of the token request is not form-encoded.");
            breach.compare("Content-Type", FORM, seen)
        })
    };
    every(view, party, check)
}

/// No protocol parameter in the URL that the endpoint's own URL does not hold.
pub(super) fn nothing_in_url(view: &View<'_>, party: Party) -> Evidence {
    let check = |exchange: &Exchange| {
        let own = view.stage(&format!("{}.token_endpoint", exchange.party));
        let own = own.split_once('?').map_or("", |(_, query)| query);
        let added = |param: &&Param| PARAMETERS.contains(&param.name.as_str()) && !own.contains(&param.name);
        let param = exchange.request.query.iter().find(added)?;
        let what = format!("`{}` stands in the URL of the token request.", param.name);
        Some(Breach::new(exchange, what).compare(
            "query",
            if own.is_empty() { "none" } else { own },
            format!("{}={}", param.name, param.value),
        ))
    };
    every(view, party, check)
}

/// No parameter twice, but for `repeatable` ones.
pub(super) fn no_duplicates(view: &View<'_>, party: Party, repeatable: &'static [&'static str]) -> Evidence {
    each(view, party, |exchange| {
        let mut seen = HashSet::new();
        let params = exchange.request.params().iter().filter(|param| !param.is_empty());
        let twice = params
            .map(|param| param.name.as_str())
            .find(|name| !repeatable.contains(name) && !seen.insert(*name))?;
        let count = exchange.request.all(twice).count();
        let breach = Breach::new(exchange, format!("`{twice}` is sent {count} times."));
        Some(breach.compare(twice, "once", format!("{count} times")))
    })
}

/// Every value is, once decoded, what was meant.
pub(super) fn encoding_roundtrip(view: &View<'_>, party: Party) -> Evidence {
    each(view, party, |exchange| {
        exchange.request.params().iter().find_map(|param| {
            let (name, how) = wrongly_encoded(param)?;
            let breach =
                Breach::new(exchange, format!("`{}` is not what was meant once decoded.", param.name));
            Some(breach.compare(&param.name, format!("«{name}»"), format!("«{name} {}»", how.describe())))
        })
    })
}

/// The value that a parameter was meant to be, when its encoding went wrong.
pub(super) fn wrongly_encoded(param: &Param) -> Option<(&str, Alteration)> {
    match meant(&param.value)? {
        (name, Some(how @ (Alteration::EncodedTwice | Alteration::NotEncoded))) => Some((name, how)),
        _ => None,
    }
}

/// `name` must have the value `expected`.
pub(super) fn fixed(exchange: &Exchange, name: &str, expected: &str, what: &str) -> Option<Breach> {
    let seen = seen(exchange, name);
    (seen != expected).then(|| Breach::new(exchange, what).compare(name, expected, seen))
}

/// The tokens of a `scope` value, in any order.
pub(super) fn scopes(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// What was sent as `name`, for people.
pub(super) fn seen(exchange: &Exchange, name: &str) -> String {
    match exchange.request.param(name) {
        Some(param) => param.value.to_string(),
        None if says(&exchange.request, name) => "in the URL only".into(),
        None => "nothing".into(),
    }
}

/// Characters of a value that is longer than it should be.
const SHOWN: usize = 40;

/// Parameters that the documents define for token requests.
const PARAMETERS: [&str; 15] = [
    "actor_token",
    "actor_token_type",
    "assertion",
    "audience",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "grant_type",
    "requested_token_type",
    "resource",
    "scope",
    "subject_token",
    "subject_token_type",
    "id_token",
];

/// A token request to none of the endpoints that a server names.
pub(super) fn misdirected(
    view: &View<'_>,
    exchange: &Exchange,
    what: &str,
    endpoints: &[&str],
) -> Option<Breach> {
    let url = view.url_without_query(exchange);
    let named = endpoints.iter().any(|endpoint| without_query(endpoint) == url);
    let expected = endpoints.first().copied().unwrap_or("none");
    (!named).then(|| Breach::new(exchange, what).compare("URL", expected, url))
}
