//! Whether the client reads a challenge as HTTP writes it: its URL, its scope, and as far as the flow.
//!
//! RFC 9110 sections 5.6.4, 11.2 and 11.6.1, RFC 9728 section 5.1.

use crosscheck_scenarios::Party;
use crosscheck_wire::transcript::{Ended, Exchange};

use super::challenge::{lines, schemes};
use super::evidence::{Breach, Evidence, Rule, rule};
use super::scope_selection::misses_challenge;
use super::view::{View, WellKnown, well_known};

pub(super) const RULES: &[Rule] = &[
    rule("disc-challenge-parse", challenge_url),
    rule("disc-challenge-multi", |view| {
        challenge_read(view, is_one_of_several, "no challenge stood beside another")
    }),
    rule("disc-challenge-quoting", |view| {
        challenge_read(view, is_oddly_written, "every challenge was written in the usual way")
    }),
];

fn is_one_of_several(exchange: &Exchange) -> bool {
    lines(exchange).iter().flat_map(|header| schemes(header)).count() > 1
}

/// Whether a challenge that stands alone has escapes, blanks around `=`, separators inside quotes, or its scheme in
/// other than the usual letters.
fn is_oddly_written(exchange: &Exchange) -> bool {
    let odd_scheme = |scheme: &&str| scheme.eq_ignore_ascii_case("Bearer") && *scheme != "Bearer";
    let odd = |header: &String| {
        let (outside, inside): (Vec<_>, Vec<_>) =
            header.split('"').enumerate().partition(|(place, _)| place % 2 == 0);
        header.contains('\\')
            || schemes(header).iter().any(odd_scheme)
            || outside.iter().any(|(_, text)| text.contains(" =") || text.contains("= "))
            || inside.iter().any(|(_, text)| text.contains(','))
    };
    !is_one_of_several(exchange) && lines(exchange).iter().any(odd)
}

/// The metadata URL that a challenge names is the one that is read. A client may refuse one on another origin.
fn challenge_url(view: &View<'_>) -> Evidence {
    let Some((challenged, url)) = view.challenged("resource_metadata").next() else {
        return Evidence::NotApplicable("no challenge named a metadata URL");
    };
    match metadata_read(view, challenged, &url) {
        Read::There => Evidence::Kept,
        Read::Nowhere if gave_up(view) && url.starts_with(view.origin(challenged.party)) => {
            let what = "The client gives up although the challenge names where to read on.";
            let breach = Breach::new(challenged, what).compare("next request", url, view.ending());
            Evidence::Broken(vec![breach.ends_run()])
        }
        Read::Nowhere => {
            Evidence::NotApplicable("the client read no protected resource metadata after the challenge")
        }
        Read::Elsewhere(other) => Evidence::Broken(vec![other]),
    }
}

/// Whether the client ended by itself before it asked for any token.
fn gave_up(view: &View<'_>) -> bool {
    view.leg(Party::Idp).is_empty()
        && view.leg(Party::As).is_empty()
        && matches!(view.transcript.client.ended, Ended::Exited(_))
}

/// Where protected resource metadata was read after a challenge.
enum Read {
    There,
    Elsewhere(Breach),
    Nowhere,
}

fn metadata_read(view: &View<'_>, challenged: &Exchange, url: &str) -> Read {
    // A client that keeps an escape asks for nearly that URL.
    let plain = |url: &str| url.replace("%5C", "/").replace(['\\', '/'], "");
    let asked = |exchange: &&Exchange| {
        well_known(exchange) == Some(WellKnown::Resource) || plain(&view.url(exchange)) == plain(url)
    };
    let requests: Vec<_> = view.to(challenged.party).filter(asked).collect();
    if requests.iter().any(|exchange| view.url(exchange) == url) {
        return Read::There;
    }
    let other = requests.into_iter().find(|exchange| exchange.number > challenged.number);
    other.map_or(Read::Nowhere, |other| {
        let what = "Protected resource metadata is read from another URL than the challenge names.";
        Read::Elsewhere(Breach::new(other, what).compare("URL", url, view.url(other)))
    })
}

/// A challenge of which `is` holds is read like any other: its URL, its scope, and as far as the flow.
fn challenge_read(view: &View<'_>, is: fn(&Exchange) -> bool, missing: &'static str) -> Evidence {
    let named = view.challenged("resource_metadata").find(|(challenged, _)| is(challenged));
    let Some((challenged, url)) = named else { return Evidence::NotApplicable(missing) };
    let mut breaches: Vec<_> = match metadata_read(view, challenged, &url) {
        Read::Elsewhere(breach) => vec![breach],
        Read::There | Read::Nowhere => Vec::new(),
    };
    let later = view.leg(Party::Idp).iter().filter(|leg1| leg1.number > challenged.number);
    breaches.extend(later.filter_map(|leg1| {
        let what = "The exchange asks for another scope than the challenge names.";
        let (expected, sent) = misses_challenge(view, leg1)?;
        Some(Breach::new(leg1, what).compare("scope", expected, sent))
    }));
    if gave_up(view) {
        let what = "The client gives up after a challenge that is written as HTTP allows it.";
        let breach = Breach::new(challenged, what).compare("next exchange", "at the IdP", view.ending());
        breaches.insert(0, breach.ends_run());
    }
    Evidence::of(breaches)
}
