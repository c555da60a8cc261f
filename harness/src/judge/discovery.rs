//! How the client found the servers: challenge, protected resource metadata, authorization server metadata.
//!
//! RFC 9728, RFC 8414, OpenID Connect Discovery, MCP authorization 2026-07-28. A client that is configured need not
//! discover anything, so most rows look only at what it asked for.

use std::collections::BTreeSet;

use crosscheck_scenarios::{Party, Severity, Step};
use crosscheck_wire::transcript::{Ended, Exchange};

use super::evidence::{Breach, Evidence, Rule, rule};
use super::token_request::every;
use super::view::{View, WellKnown, well_known};

pub(super) const RULES: &[Rule] = &[
    rule("disc-challenge-parse", challenge_url),
    rule("disc-prm-as-from-list", server_from_list),
    rule("disc-scope-selection", scope_selection),
    rule("disc-asm-order-path", order_with_path),
    rule("disc-asm-order-root", order_without_path),
    rule("disc-asm-both-kinds", both_kinds),
    rule("disc-asm-slash-removed", slash_removed),
    rule("disc-asm-token-endpoint-used", |view| token_endpoint(view, Party::As)),
    rule("disc-idp-token-endpoint", |view| token_endpoint(view, Party::Idp)),
];

fn challenge_url(view: &View<'_>) -> Evidence {
    let Some((challenged, url)) = view.challenged("resource_metadata").next() else {
        return Evidence::NotApplicable("no challenge named a metadata URL");
    };
    let asked =
        |exchange: &&Exchange| well_known(exchange) == Some(WellKnown::Resource) || view.url(exchange) == url;
    let requests: Vec<_> = view.to(Party::Mcp).filter(asked).collect();
    if requests.iter().any(|exchange| view.url(exchange) == url) {
        return Evidence::Kept;
    }
    let Some(other) = requests.iter().find(|exchange| exchange.number > challenged.number) else {
        return Evidence::NotApplicable("the client read no protected resource metadata after the challenge");
    };
    let what = "Protected resource metadata is read from another URL than the challenge names.";
    Evidence::Broken(vec![Breach::new(other, what).compare("URL", url, view.url(other))])
}

fn server_from_list(view: &View<'_>) -> Evidence {
    let guess =
        |exchange: &&Exchange| matches!(well_known(exchange), Some(WellKnown::Oauth | WellKnown::Openid));
    // Without a list the guess is a relic of an older revision of MCP.
    let at_most = if view.resource_metadata().next().is_some() { Severity::Fail } else { Severity::Warn };
    let breaches: Vec<_> = view
        .to(Party::Mcp)
        .filter(guess)
        .map(|exchange| {
            let what = "The MCP server's own host is asked for authorization server metadata.";
            let breach = Breach::new(exchange, what).compare(
                "host",
                view.stage("as.origin"),
                view.stage("mcp.origin"),
            );
            breach.at_most(at_most)
        })
        .collect();
    if breaches.is_empty() && metadata_requests(view).is_empty() {
        return Evidence::NotApplicable("the client asked for no authorization server metadata");
    }
    Evidence::of(breaches)
}

fn scope_selection(view: &View<'_>) -> Evidence {
    let set = |text: &str| text.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
    let configured = view.scenario.client.scope.as_deref().map(set).unwrap_or_default();
    if view.challenged("scope").next().is_none() {
        return Evidence::NotApplicable("no challenge named a scope");
    }
    let leg = view.leg(Party::Idp);
    if !leg.is_empty() && leg.iter().all(|exchange| exchange.request.param("scope").is_none()) {
        return Evidence::NotApplicable("the exchange names no scope, which it need not");
    }
    every(view, Party::Idp, |exchange| {
        let sent = exchange.request.param("scope")?.value.to_string();
        let before = view.challenged("scope").filter(|(challenged, _)| challenged.number < exchange.number);
        let challenges: Vec<_> = before.map(|(_, scope)| scope).collect();
        let last = challenges.last()?;
        let union: BTreeSet<_> = challenges.iter().flat_map(|scope| set(scope)).collect();
        let with_configured = set(last).union(&configured).cloned().collect();
        let right = [set(last), union, configured.clone(), with_configured].contains(&set(&sent));
        (!right).then(|| {
            let breach =
                Breach::new(exchange, "The exchange asks for another scope than the challenge names.");
            breach.compare("scope", last, sent)
        })
    })
}

/// Requests for metadata of the resource authorization server.
fn metadata_requests<'a>(view: &View<'a>) -> Vec<&'a Exchange> {
    let kinds = [Some(WellKnown::Oauth), Some(WellKnown::Openid)];
    view.to(Party::As).filter(|exchange| kinds.contains(&well_known(exchange))).collect()
}

/// The same up to the first that was served.
fn first_search<'a>(view: &View<'a>) -> Vec<&'a Exchange> {
    let mut requests = metadata_requests(view);
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
    let requests = metadata_requests(view);
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

/// Token requests go to the endpoint that is configured or published.
fn token_endpoint(view: &View<'_>, party: Party) -> Evidence {
    let own = view.stage(&format!("{party}.token_endpoint"));
    let what = match party {
        Party::Idp => "The exchange is sent to an endpoint that the IdP does not name.",
        _ => "The grant is sent to an endpoint that the resource authorization server does not name.",
    };
    every(view, party, |exchange| {
        let path_of = |url: &str| url.split('?').next().unwrap_or_default().to_owned();
        let url = path_of(&view.url(exchange));
        let mut published =
            view.metadata(party, usize::MAX).filter_map(|metadata| metadata["token_endpoint"].as_str());
        let named = url == path_of(own) || published.any(|endpoint| path_of(endpoint) == url);
        (!named).then(|| Breach::new(exchange, what).compare("URL", own, url))
    })
}
