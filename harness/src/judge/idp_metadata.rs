//! How the client finds the IdP: from its configuration and from the IdP's own metadata, and from nobody else.
//!
//! OpenID Connect Discovery section 4.3, RFC 8414 section 3.3, RFC 9700 section 4.4.

use crosscheck_scenarios::Party;

use super::documents::{Claim, Document};
use super::documents::{has_own, plain, strings};
use super::evidence::{Breach, Evidence, Rule, rule};
use super::identifier::origin;
use super::token_request::every;
use super::token_request::misdirected;
use super::view::{Role, View};

pub(super) const RULES: &[Rule] = &[
    rule("disc-idp-token-endpoint", token_endpoint),
    rule("disc-idp-issuer-match", foreign_issuer),
    rule("disc-idp-not-from-rs", from_resource),
];

/// The exchange goes to the token endpoint that is configured or published.
fn token_endpoint(view: &View<'_>) -> Evidence {
    let what = "The exchange is sent to an endpoint that the IdP does not name.";
    every(view, Party::Idp, |exchange| {
        let published = view.metadata(Party::Idp, usize::MAX);
        let mut endpoints: Vec<_> =
            published.filter_map(|document| document.text("token_endpoint")).collect();
        endpoints.insert(0, view.stage("idp.token_endpoint"));
        misdirected(view, exchange, what, &endpoints)
    })
}

/// IdP metadata that names another issuer is not used.
fn foreign_issuer(view: &View<'_>) -> Evidence {
    if view.transcript.context.iter().any(|key| key == "idp_token_endpoint") {
        return Evidence::NotApplicable("the token endpoint of the IdP is configured");
    }
    let of_idp = |document: &Document<'_>| document.exchange.party == Party::Idp;
    let foreign: Vec<_> = view
        .server_documents()
        .filter(of_idp)
        .filter(|document| document.issuer(view) != Claim::Own)
        .collect();
    if foreign.is_empty() {
        return Evidence::NotApplicable("all metadata of the IdP names its issuer");
    }
    let what = "IdP metadata of another issuer is used.";
    let breaches = view.exchanges.iter().filter_map(|exchange| {
        view.mentions(exchange, Role::SubjectToken).next()?;
        let document = foreign.iter().find(|document| {
            document.exchange.number < exchange.number
                && document.names_endpoint_of(view, exchange)
                && !has_own(view, document, exchange)
        })?;
        let said = document.members.get("issuer").map_or("nothing".into(), plain);
        let breach =
            Breach::new(exchange, what).compare("`issuer` of the metadata", view.issuer(Party::Idp), said);
        Some(breach.tolerated(document.issuer(view) == Claim::Near))
    });
    view.bait(breaches.collect())
}

/// The IdP is never found in data of the resource or of its authorization server.
fn from_resource(view: &View<'_>) -> Evidence {
    let offers: Vec<_> = view
        .resource_documents()
        .chain(view.server_documents().filter(|document| document.exchange.party != Party::Idp))
        .flat_map(|document| {
            let members = document.members.iter().filter(|(name, _)| !OWN_MEMBERS.contains(&name.as_str()));
            members
                .flat_map(|(_, value)| strings(value))
                .map(move |text| (document.exchange.number, origin(text)))
        })
        .filter(|(_, origin)| !origin.is_empty())
        .collect();
    let breaches = view.exchanges.iter().filter_map(|exchange| {
        let mention = view.mentions(exchange, Role::SubjectToken).next()?;
        let url = view.url(exchange);
        let offered =
            offers.iter().any(|(number, offer)| *number < exchange.number && *offer == origin(&url));
        let published = view
            .source_of_endpoint(exchange)
            .is_some_and(|document| document.exchange.party != exchange.party);
        (exchange.party == Party::Trap && offered && !published).then(|| {
            let what =
                "The subject token is sent to an IdP that the resource or its authorization server names.";
            Breach::new(exchange, what).compare(&format!("«{}»", mention.name), "at idp only", url)
        })
    });
    view.bait(breaches.collect())
}

/// Members by which a resource or an authorization server speaks of itself.
const OWN_MEMBERS: [&str; 4] = ["authorization_servers", "issuer", "resource", "token_endpoint"];
