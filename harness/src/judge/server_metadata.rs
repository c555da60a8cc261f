//! How the client reads metadata of the resource authorization server.
//!
//! RFC 8414, OpenID Connect Discovery, MCP authorization 2026-07-28. A client that is configured need not discover
//! anything, so most rows look only at what it asked for and at what it made of the answer.

use crosscheck_scenarios::{Party, Severity};
use crosscheck_wire::transcript::{Ended, Exchange};

use super::documents::{Claim, Document, has_own, plain};
use super::evidence::{Breach, Evidence, Rule, rule};
use super::identifier::origin;
use super::token_request::{every, misdirected};
use super::view::{Role, View, WellKnown, well_known};

pub(super) const RULES: &[Rule] = &[
    rule("disc-asm-issuer-match", |view| foreign_issuer(view, Claim::Other)),
    rule("disc-asm-issuer-absent", |view| foreign_issuer(view, Claim::Absent)),
    rule("disc-asm-token-endpoint-absent", endpoint_absent),
    rule("disc-asm-token-endpoint-used", endpoint_used),
    rule("disc-endpoint-query-kept", query_kept),
    rule("disc-asm-extra-members", extra_members),
    rule("disc-asm-no-authz-endpoint", sparse),
];

/// Metadata of a resource authorization server that names another issuer than it was asked for by, or none, is not
/// used.
fn foreign_issuer(view: &View<'_>, kind: Claim) -> Evidence {
    let servers = |document: &Document<'_>| document.exchange.party != Party::Idp;
    let is_of_kind = |document: &Document<'_>| match document.issuer(view) {
        Claim::Near => kind == Claim::Other,
        claim => claim == kind,
    };
    let foreign: Vec<_> = view.server_documents().filter(servers).filter(is_of_kind).collect();
    if foreign.is_empty() {
        return Evidence::NotApplicable("all metadata names the issuer that it was asked for by");
    }
    let what = match kind {
        Claim::Absent => "Metadata that does not say whose it is is used.",
        _ => "Metadata of another issuer than the one it was asked for by is used.",
    };
    let named = |number: usize, issuer: &str| {
        let mut lists = view.resource_documents().filter(|document| document.exchange.number < number);
        (view.is_bound() && view.issuer(Party::As) == issuer)
            || lists.any(|document| document.servers().contains(&issuer))
    };
    let breaches = view.exchanges.iter().filter_map(|exchange| {
        let is_leg1 = view.leg(Party::Idp).iter().any(|leg1| leg1.number == exchange.number);
        let document = foreign.iter().rev().find(|document| {
            let audience = || exchange.request.param("audience").map(|param| param.value.to_string());
            let said = document.text("issuer");
            let takes_issuer = || {
                said.is_some_and(|said| audience().as_deref() == Some(said) && !named(exchange.number, said))
            };
            let takes_endpoint = || document.names_endpoint_of(view, exchange) && presents(view, exchange);
            let own = || view.metadata(document.exchange.party, exchange.number);
            // Who reads both kinds may use the good one, but not what only the other says.
            let own_endpoint =
                || own().any(|own| own.issuer(view) == Claim::Own && own.names_endpoint_of(view, exchange));
            document.exchange.number < exchange.number
                && if is_leg1 {
                    takes_issuer() && !has_own(view, document, exchange)
                } else {
                    takes_endpoint() && !own_endpoint()
                }
        })?;
        let near = document.issuer(view) == Claim::Near;
        let expected_host = || {
            let endpoint = document.text("token_endpoint").map(origin);
            endpoint == Some(origin(&view.url(document.exchange)))
        };
        let said = document.members.get("issuer").map_or("nothing".into(), plain);
        let breach = Breach::new(exchange, what).compare(
            "`issuer` of the metadata",
            document.asked_by(view).swap_remove(0),
            said,
        );
        Some(breach.tolerated(near || (kind == Claim::Absent && expected_host())))
    });
    view.bait(breaches.collect())
}

/// Whether a request presents something of the client's, so that the endpoint matters.
fn presents(view: &View<'_>, exchange: &Exchange) -> bool {
    exchange.request.mentions.iter().any(|mention| view.role(&mention.name).is_some())
}

/// Without a published token endpoint nothing is presented at a guessed one.
fn endpoint_absent(view: &View<'_>) -> Evidence {
    let servers = |document: &Document<'_>| document.exchange.party != Party::Idp;
    let documents: Vec<_> = view.server_documents().filter(servers).collect();
    let lacks = |document: &&Document<'_>| document.text("token_endpoint").is_none();
    let Some(first) = documents.iter().find(lacks) else {
        return Evidence::NotApplicable("all metadata names a token endpoint");
    };
    let named = documents.iter().any(|document| !lacks(&document));
    let guesses = view.exchanges.iter().filter(|exchange| {
        let after = exchange.number > first.exchange.number && exchange.party != Party::Idp;
        after && !named && view.mentions(exchange, Role::Grant).any(|mention| mention.at == "assertion")
    });
    let breaches = guesses.map(|exchange| {
        let what = "The metadata names no token endpoint, and the grant is sent to a guessed one.";
        Breach::new(exchange, what).compare("request", "none", format!("POST {}", view.url(exchange)))
    });
    view.bait(breaches.collect())
}

/// Grants go to the token endpoint that is published.
fn endpoint_used(view: &View<'_>) -> Evidence {
    let what = "The grant is sent to an endpoint that the resource authorization server does not name.";
    let evidence = every(view, Party::As, |exchange| {
        if view.source_of_endpoint(exchange).is_some() {
            return None;
        }
        let published = view.metadata(exchange.party, exchange.number);
        let endpoints: Vec<_> = published.filter_map(|document| document.text("token_endpoint")).collect();
        let own = [view.stage(&format!("{}.token_endpoint", exchange.party))];
        misdirected(view, exchange, what, if endpoints.is_empty() { &own } else { &endpoints })
    });
    match (evidence, stopped_before_other_host(view)) {
        (Evidence::Unreached(_), Some(breach)) => Evidence::of([breach]),
        (evidence, _) => evidence,
    }
}

/// A client that stops before a token endpoint on another host than the issuer's is stricter than it need be.
fn stopped_before_other_host(view: &View<'_>) -> Option<Breach> {
    let document = view.metadata(Party::As, usize::MAX).next()?;
    let endpoint = document.text("token_endpoint")?;
    let elsewhere = origin(endpoint) != origin(document.text("issuer")?);
    (elsewhere && usable(view, &document) && gave_up(view, &document)).then(|| {
        let what = "The client stops before a token endpoint that is on another host than the issuer.";
        let breach = Breach::new(document.exchange, what);
        let breach = breach.compare("next request", format!("POST {endpoint}"), view.ending());
        breach.at_most(Severity::Info).ends_run()
    })
}

/// The query that a token endpoint has by its URL is sent with every request.
fn query_kept(view: &View<'_>) -> Evidence {
    let names = ["idp.token_endpoint", "as.token_endpoint", "as2.token_endpoint"];
    let published = view.server_documents().filter_map(|document| document.text("token_endpoint"));
    let endpoints: Vec<_> = names
        .into_iter()
        .map(|name| view.stage(name))
        .chain(published)
        .filter_map(|endpoint| endpoint.split_once('?'))
        .collect();
    if endpoints.is_empty() {
        return Evidence::NotApplicable("no token endpoint has a query");
    }
    Evidence::of_each(&view.token_requests, "no token endpoint was asked", |exchange| {
        let url = view.url_without_query(exchange);
        let (_, query) = endpoints.iter().find(|(endpoint, _)| *endpoint == url)?;
        let sent = exchange.request.raw_query.as_ref().map(ToString::to_string).unwrap_or_default();
        let kept = |pair: &str| sent.split('&').any(|other| decoded(other) == decoded(pair));
        (!query.split('&').all(kept)).then(|| {
            let seen = if sent.is_empty() { "none" } else { &sent };
            let breach = Breach::new(exchange, "The query of the token endpoint's URL is not kept.");
            breach.compare("query", *query, seen)
        })
    })
}

/// A query pair in one spelling: what percent-encoding is in upper or lower case, or needless, says the same.
fn decoded(pair: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = pair.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match hex.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

/// Metadata of a resource authorization server that a client with these credentials can use.
fn usable<'a>(view: &View<'a>, document: &Document<'a>) -> bool {
    document.issuer(view) == Claim::Own && document.text("token_endpoint").is_some()
}

fn extra_members(view: &View<'_>) -> Evidence {
    let extra = |document: &Document<'_>| document.has_extra_members(&MEMBERS);
    let what = "The client gives up on authorization server metadata with members that it does not know.";
    given_up(view, extra, |_| Severity::Fail, (what, "no metadata has unknown or null members"))
}

fn sparse(view: &View<'_>) -> Evidence {
    let lacks = |document: &Document<'_>, name: &str| !document.members.contains_key(name);
    let sparse = |document: &Document<'_>| OPTIONAL.iter().any(|name| lacks(document, name));
    // The core text demands the list for another flow; a client may insist on it.
    let at_most =
        |document: &Document<'_>| if lacks(document, PKCE) { Severity::Info } else { Severity::Fail };
    let what = "The client gives up on authorization server metadata for want of members that this flow does not need.";
    given_up(view, sparse, at_most, (what, "no metadata lacks members that another flow needs"))
}

/// Giving up on metadata of the resource authorization server of which `is` holds and which is in order otherwise.
fn given_up(
    view: &View<'_>,
    is: impl Fn(&Document<'_>) -> bool,
    at_most: impl Fn(&Document<'_>) -> Severity,
    (what, missing): (&str, &'static str),
) -> Evidence {
    let mut documents =
        view.server_documents().filter(|document| document.exchange.party.is_authorization_server());
    let Some(document) = documents.find(|document| is(document) && usable(view, document)) else {
        return Evidence::NotApplicable(missing);
    };
    Evidence::of(gave_up(view, &document).then(|| {
        let breach = Breach::new(document.exchange, what).at_most(at_most(&document));
        breach.compare("next request", "to a token endpoint", view.ending()).ends_run()
    }))
}

/// Whether nothing came of a document: the client looked for others of the kind at most, and ended by itself.
fn gave_up(view: &View<'_>, document: &Document<'_>) -> bool {
    let searches = |exchange: &Exchange| {
        exchange.party == document.exchange.party
            && matches!(well_known(exchange), Some(WellKnown::Oauth | WellKnown::Openid))
    };
    let mut later = view.exchanges.iter().filter(|exchange| exchange.number > document.exchange.number);
    matches!(view.transcript.client.ended, Ended::Exited(_)) && later.all(|exchange| searches(exchange))
}

/// The list without which the core text refuses the authorization code flow.
const PKCE: &str = "code_challenge_methods_supported";

/// Members that no step of this flow needs.
const OPTIONAL: [&str; 3] = ["authorization_endpoint", "jwks_uri", PKCE];

/// Members of authorization server metadata that documents define and servers publish (RFC 8414 section 2, OpenID
/// Connect Discovery section 3, ID-JAG draft -04 section 7).
const MEMBERS: [&str; 33] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "registration_endpoint",
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "service_documentation",
    "ui_locales_supported",
    "op_policy_uri",
    "op_tos_uri",
    "revocation_endpoint",
    "revocation_endpoint_auth_methods_supported",
    "introspection_endpoint",
    "introspection_endpoint_auth_methods_supported",
    PKCE,
    "signed_metadata",
    "userinfo_endpoint",
    "end_session_endpoint",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "claims_supported",
    "claim_types_supported",
    "acr_values_supported",
    "dpop_signing_alg_values_supported",
    "client_id_metadata_document_supported",
    "authorization_grant_profiles_supported",
    "authorization_response_iss_parameter_supported",
    "identity_chaining_requested_token_types_supported",
];
