//! Where the client looks for metadata of the resource authorization server.
//!
//! RFC 8414 section 3.1, OpenID Connect Discovery section 4.1, MCP authorization 2026-07-28.

use crosscheck_scenarios::{Party, Severity, Step};
use crosscheck_wire::transcript::{Ended, Exchange};

use super::evidence::{Breach, Evidence, Rule, rule};
use super::view::{View, WellKnown, well_known};

pub(super) const RULES: &[Rule] = &[
    rule("disc-asm-order-path", order_with_path),
    rule("disc-asm-order-root", order_without_path),
    rule("disc-asm-both-kinds", both_kinds),
    rule("disc-asm-slash-removed", slash_removed),
];

/// Requests for metadata of the resource authorization server.
pub(super) fn requests<'a>(view: &View<'a>) -> Vec<&'a Exchange> {
    let kinds = [Some(WellKnown::Oauth), Some(WellKnown::Openid)];
    view.to(Party::As).filter(|exchange| kinds.contains(&well_known(exchange))).collect()
}

/// The same up to the first that was served.
fn first_search<'a>(view: &View<'a>) -> Vec<&'a Exchange> {
    let mut requests = requests(view);
    if let Some(served) = requests.iter().position(|exchange| exchange.response.status == 200) {
        requests.truncate(served + 1);
    }
    requests
}

/// The path of the issuer without its final slash.
fn issuer_path<'a>(view: &View<'a>) -> &'a str {
    let path = view.issuer(Party::As).strip_prefix(view.stage("as.origin")).unwrap_or_default();
    path.strip_suffix('/').unwrap_or(path)
}

const NO_SEARCH: &str = "the client asked for no authorization server metadata";

fn order_with_path(view: &View<'_>) -> Evidence {
    let path = issuer_path(view);
    if path.is_empty() {
        return Evidence::NotApplicable("the issuer has no path");
    }
    let standard = [
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("/.well-known/openid-configuration{path}"),
        format!("{path}/.well-known/openid-configuration"),
    ];
    let search = first_search(view);
    let place =
        |exchange: &&Exchange| standard.iter().position(|url| *url == exchange.request.path.to_string());
    let Some(first) = search.first() else { return Evidence::NotApplicable(NO_SEARCH) };
    let invented = search.iter().find(|exchange| place(exchange).is_none());
    let inserted = search.iter().any(|exchange| place(exchange) == Some(0));
    let places: Vec<_> = search.iter().filter_map(place).collect();
    match invented {
        Some(invented) if !inserted => {
            let what = "The metadata URL is not built as RFC 8414 builds it for an issuer with a path.";
            let breach =
                Breach::new(invented, what).compare("path", &standard[0], invented.request.path.to_string());
            Evidence::Broken(vec![breach])
        }
        _ if places.first() != Some(&0) || !places.is_sorted() => {
            let breach = Breach::new(first, "The metadata URLs are tried in another order than MCP lists.");
            let breach = breach.compare("first", &standard[0], first.request.path.to_string());
            Evidence::Broken(vec![breach.at_most(Severity::Info)])
        }
        _ => Evidence::Kept,
    }
}

fn order_without_path(view: &View<'_>) -> Evidence {
    if !issuer_path(view).is_empty() {
        return Evidence::NotApplicable("the issuer has a path");
    }
    let search = first_search(view);
    let Some(first) = search.first() else { return Evidence::NotApplicable(NO_SEARCH) };
    if well_known(first) == Some(WellKnown::Oauth) {
        return Evidence::Kept;
    }
    let breach = Breach::new(first, "OpenID metadata is asked for before OAuth metadata.");
    let expected = "/.well-known/oauth-authorization-server";
    Evidence::Broken(vec![breach.compare("first", expected, first.request.path.to_string())])
}

fn both_kinds(view: &View<'_>) -> Evidence {
    let search = first_search(view);
    let Some(last) = search.last() else { return Evidence::NotApplicable(NO_SEARCH) };
    let script = &view.scenario.resource_as;
    let kinds = [
        (WellKnown::Oauth, "/.well-known/oauth-authorization-server", &script.oauth_metadata),
        (WellKnown::Openid, "/.well-known/openid-configuration", &script.openid_metadata),
    ];
    if last.response.status == 200 {
        let both = search.iter().any(|exchange| well_known(exchange) != well_known(last));
        return if both {
            Evidence::Kept
        } else {
            Evidence::NotApplicable("the first kind asked for is served")
        };
    }
    if !matches!(view.transcript.client.ended, Ended::Exited(_)) {
        return Evidence::Unreached("the client was ended before it had asked for everything");
    }
    // Giving up on a server that is out of order is no want of understanding.
    let gone = search.iter().all(|exchange| (400..500).contains(&exchange.response.status));
    let untried = kinds.iter().find(|(kind, _, steps)| {
        gone && is_served(steps) && search.iter().all(|exchange| well_known(exchange) != Some(*kind))
    });
    Evidence::of(untried.map(|(_, path, _)| {
        let breach = Breach::new(last, "The kind of metadata that the server publishes is never asked for.");
        breach.compare("next request", format!("GET {path}"), "none")
    }))
}

/// Whether a script lets a document be served the first time.
fn is_served(steps: &[Step]) -> bool {
    steps
        .first()
        .is_none_or(|step| step.act.is_none() && step.reply.as_ref().is_none_or(|reply| reply.status == 200))
}

fn slash_removed(view: &View<'_>) -> Evidence {
    let requests = requests(view);
    let breaches: Vec<_> = requests
        .iter()
        .filter_map(|exchange| {
            let path = exchange.request.path.to_string();
            let mended = path.strip_suffix('/').unwrap_or(&path).replace("//", "/");
            let what = "The final slash of the issuer is kept in the metadata URL.";
            (mended != path).then(|| Breach::new(exchange, what).compare("path", mended, path))
        })
        .collect();
    if breaches.is_empty() && !view.issuer(Party::As).ends_with('/') {
        return Evidence::NotApplicable("the issuer has no final slash");
    }
    if requests.is_empty() { Evidence::NotApplicable(NO_SEARCH) } else { Evidence::of(breaches) }
}
