//! How the client found the authorization server: protected resource metadata.
//!
//! RFC 9728, MCP authorization 2026-07-28. A client that is configured need not discover
//! anything, so most rows look only at what it asked for and at what it made of the answer.

use crosscheck_scenarios::{MetadataForm, Party, Severity};
use crosscheck_wire::transcript::{Ended, Exchange};

use super::documents::{Claim, Document};
use super::evidence::{Breach, Evidence, Rule, rule};
use super::identifier::{is_near, is_parent};
use super::token_request::seen;
use super::view::{View, WellKnown, well_known};

pub(super) const RULES: &[Rule] = &[
    rule("disc-prm-wellknown-order", well_known_order),
    rule("disc-prm-resource-match", resource_match),
    rule("disc-prm-as-from-list", server_from_list),
    rule("disc-prm-as-missing", server_missing),
    rule("disc-prm-several-as", several_servers),
    rule("disc-prm-unusable", unusable),
    rule("disc-prm-extra-members", extra_members),
];

/// Where the challenge names no URL: first the well-known place with the path, then that of the origin.
fn well_known_order(view: &View<'_>) -> Evidence {
    let silent = |party| {
        let named: Vec<_> =
            view.challenged("resource_metadata").map(|(exchange, _)| exchange.number).collect();
        view.mcp().find(|exchange| {
            exchange.party == party && exchange.response.status == 401 && !named.contains(&exchange.number)
        })
    };
    let mut read = false;
    let breaches: Vec<_> = Party::MCP_SERVERS
        .into_iter()
        .filter_map(|party| {
            let challenged = silent(party)?;
            let path = view.resource(party).strip_prefix(view.origin(party)).filter(|path| path.len() > 1)?;
            let requests: Vec<_> =
                view.to(party).filter(|exchange| well_known(exchange) == Some(WellKnown::Resource)).collect();
            read |= requests.iter().any(|exchange| exchange.number > challenged.number);
            misplaced(view, party, path, &requests, challenged)
        })
        .collect();
    if breaches.is_empty() && !read {
        return Evidence::NotApplicable("the client had to look for no protected resource metadata");
    }
    Evidence::of(breaches)
}

fn misplaced(
    view: &View<'_>,
    party: Party,
    path: &str,
    requests: &[&Exchange],
    challenged: &Exchange,
) -> Option<Breach> {
    let [inserted, root] = [format!("{RESOURCE_METADATA}{path}"), RESOURCE_METADATA.to_owned()];
    let at = |place: &str| {
        let bare = |path: &str| path.strip_suffix('/').unwrap_or(path).to_owned();
        requests.iter().position(|exchange| bare(&exchange.request.path.to_string()) == bare(place))
    };
    let first = requests.iter().find(|exchange| exchange.number > challenged.number)?;
    match (at(&inserted), at(&root)) {
        (None, Some(_)) => {
            let what = "Protected resource metadata is not looked for at the well-known place with the path of the endpoint.";
            Some(Breach::new(first, what).compare("path", inserted, first.request.path.to_string()))
        }
        (Some(place), Some(other)) if other < place && requests[other].number > challenged.number => {
            let what =
                "Protected resource metadata is looked for at the origin before the place with the path.";
            // Requests that run side by side may overtake each other.
            Some(Breach::new(requests[other], what).compare("first", inserted, root).at_most(Severity::Warn))
        }
        (Some(place), None) => {
            let gone = requests.iter().all(|exchange| (400..500).contains(&exchange.response.status));
            let served = view.scenario.mcp_script(party).metadata_at.contains(&MetadataForm::Root);
            // A client that is configured can do without.
            let gave_up = view.leg(Party::Idp).is_empty() && view.leg(Party::As).is_empty();
            let what = "Protected resource metadata is not looked for at the well-known place of the origin.";
            (gone && served && gave_up && matches!(view.transcript.client.ended, Ended::Exited(_))).then(
                || {
                    Breach::new(requests[place], what).compare(
                        "next request",
                        format!("GET {root}"),
                        view.ending(),
                    )
                },
            )
        }
        _ => None,
    }
}

/// Metadata about another resource is not used.
fn resource_match(view: &View<'_>) -> Evidence {
    let own = |document: &Document<'_>| view.resource(document.exchange.party);
    let foreign = |document: &Document<'_>| document.resource(own(document)) != Claim::Own;
    if !view.resource_documents().any(|document| foreign(&document)) {
        return Evidence::NotApplicable(
            "all protected resource metadata is about the resource that is accessed",
        );
    }
    let breaches = view.leg(Party::Idp).iter().filter_map(|leg1| {
        let home = view.destination(leg1)?;
        let before: Vec<_> = view
            .resource_documents()
            .filter(|document| document.exchange.party == home && document.exchange.number < leg1.number)
            .collect();
        if before.iter().any(|document| !foreign(document)) {
            return None;
        }
        let document = before.last()?;
        let said = document.text("resource").unwrap_or("nothing");
        let says = |name: &str, values: &[&str]| {
            leg1.request.all(name).any(|param| values.contains(&param.value.to_string().as_str()))
        };
        let takes_resource = says("resource", &[said]) && said != own(document);
        let takes_server = !view.is_bound() && says("audience", &document.servers());
        (takes_resource || takes_server).then(|| {
            let what = "Protected resource metadata about another resource is used.";
            let forgiven = is_near(said, own(document)) || is_parent(said, own(document));
            let tolerated = forgiven || document.resource(own(document)) == Claim::Absent;
            let breach = Breach::new(leg1, what).compare("`resource` of the metadata", own(document), said);
            breach.tolerated(tolerated)
        })
    });
    view.bait(breaches.collect())
}

/// The server comes from the list, not from the host of the MCP server.
fn server_from_list(view: &View<'_>) -> Evidence {
    let guesses: Vec<_> = view
        .to_mcp_servers()
        .filter(|exchange| matches!(well_known(exchange), Some(WellKnown::Oauth | WellKnown::Openid)))
        .collect();
    if guesses.is_empty() && super::server_search::requests(view).is_empty() {
        return Evidence::NotApplicable("the client asked for no authorization server metadata");
    }
    let listed = view.resource_documents().any(|document| !document.servers().is_empty());
    let read = guesses.iter().map(|exchange| {
        let what = "The MCP server's own host is asked for authorization server metadata.";
        let server = view.scenario.protector(exchange.party);
        let breach =
            Breach::new(exchange, what).compare("host", view.origin(server), view.origin(exchange.party));
        // Without a list, looking there is a relic of an older revision of MCP.
        breach.at_most(if listed { Severity::Fail } else { Severity::Info })
    });
    let read: Vec<_> = read.collect();
    let taken = taken_for_server(view, &guesses);
    if taken.is_empty() { Evidence::of(read) } else { with(view.bait(taken), read) }
}

/// Requests that are made as if the MCP server's own host were the authorization server.
fn taken_for_server(view: &View<'_>, guesses: &[&Exchange]) -> Vec<Breach> {
    let what = "The MCP server's own host is taken for the authorization server.";
    let after = |number: usize| guesses.iter().any(|guess| guess.number < number);
    let exchanges = view.leg(Party::Idp).iter().filter(|leg1| after(leg1.number)).filter_map(|leg1| {
        let audience = leg1.request.all("audience").map(|param| param.value.to_string());
        let own = audience.into_iter().find(|audience| is_resource_host(view, audience))?;
        Some(Breach::new(leg1, what).compare("audience", "a listed issuer", own))
    });
    let endpoints = view.exchanges.iter().filter(|exchange| {
        let source = view.source_of_endpoint(exchange);
        source.is_some_and(|document| document.exchange.party.is_mcp_server())
            && view.astray(exchange).is_some()
    });
    let endpoints = endpoints.map(|exchange| {
        Breach::new(exchange, what).compare("token endpoint", "that of a listed server", view.url(exchange))
    });
    exchanges.chain(endpoints).collect()
}

/// Adds what is told beside the evidence.
fn with(evidence: Evidence, more: Vec<Breach>) -> Evidence {
    match evidence {
        Evidence::Broken(breaches) => Evidence::Broken(breaches.into_iter().chain(more).collect()),
        _ => Evidence::of(more),
    }
}

fn is_resource_host(view: &View<'_>, identifier: &str) -> bool {
    Party::MCP_SERVERS
        .iter()
        .any(|party| [view.origin(*party), view.resource(*party)].iter().any(|own| is_near(identifier, own)))
}

/// Protected resource metadata that lists no server is no reason to invent one.
fn server_missing(view: &View<'_>) -> Evidence {
    if !view.resource_documents().any(|document| document.servers().is_empty()) {
        return Evidence::NotApplicable("protected resource metadata lists a server");
    }
    let what = "Protected resource metadata lists no authorization server, and the client goes on with one of its own making.";
    invented(view, what, |leg1| {
        view.resource_documents().any(|document| document.exchange.number < leg1.number)
    })
}

/// Protected resource metadata that cannot be read is no reason to go on without.
fn unusable(view: &View<'_>) -> Evidence {
    let asked = |exchange: &&Exchange| well_known(exchange) == Some(WellKnown::Resource);
    let unreadable = |exchange: &Exchange| {
        exchange.response.status != 200
            || !exchange.response.body.json.as_ref().is_some_and(|json| json.is_object())
    };
    let requests: Vec<_> = view.to_mcp_servers().filter(asked).collect();
    if requests.is_empty() || !requests.iter().all(|exchange| unreadable(exchange)) {
        return Evidence::NotApplicable("protected resource metadata was readable, or not asked for");
    }
    let what = "Protected resource metadata cannot be used, and the client goes on without.";
    invented(view, what, |leg1| requests.iter().any(|exchange| exchange.number < leg1.number))
}

/// Exchanges for a server that nobody named to the client, and what goes astray after them. Who read metadata at
/// the MCP server's host has guessed in a way that has a row of its own.
fn invented(view: &View<'_>, what: &str, is: impl Fn(&Exchange) -> bool) -> Evidence {
    let listed = |number: usize| {
        let mut documents = view.resource_documents();
        documents.any(|document| document.exchange.number < number && !document.servers().is_empty())
    };
    let guessed = |number: usize| {
        view.server_documents()
            .any(|other| other.exchange.party.is_mcp_server() && other.exchange.number < number)
    };
    let known = [view.issuer(Party::As), view.issuer(Party::As2)];
    let breaches = view.leg(Party::Idp).iter().filter_map(|leg1| {
        let silent = is(leg1) && !view.is_bound() && !listed(leg1.number) && !guessed(leg1.number);
        let audience = leg1.request.param("audience")?.value.to_string();
        let invented = silent && !known.iter().any(|known| is_near(known, &audience));
        invented.then(|| {
            let expected = "an issuer that metadata or configuration names";
            // Worse is what then goes to the server that was made up.
            let breach = Breach::new(leg1, what).at_most(Severity::Warn);
            breach.compare("audience", expected, seen(leg1, "audience"))
        })
    });
    view.bait(breaches.collect())
}

/// With several servers listed, one that can be used is chosen.
fn several_servers(view: &View<'_>) -> Evidence {
    let known = [view.issuer(Party::As), view.issuer(Party::As2)];
    let usable = |server: &&str| known.contains(server);
    let Some(document) = view.resource_documents().find(|document| document.servers().len() > 1) else {
        return Evidence::NotApplicable("no protected resource metadata lists several servers");
    };
    let servers = document.servers();
    if !servers.iter().any(usable) {
        return Evidence::NotApplicable("the client can use none of the listed servers");
    }
    let gave_up = gave_up_at(view, &document);
    Evidence::of(gave_up.then(|| {
        let what = "The client gives up although it has credentials at one of the listed servers.";
        let breach =
            Breach::new(document.exchange, what).compare("next request", "to that server", view.ending());
        breach.ends_run()
    }))
}

fn extra_members(view: &View<'_>) -> Evidence {
    let extra = |document: &Document<'_>| document.has_extra_members(&RESOURCE_MEMBERS);
    let Some(document) = view.resource_documents().find(extra) else {
        return Evidence::NotApplicable("no protected resource metadata has unknown or null members");
    };
    let party = document.exchange.party;
    let known = view.issuer(view.scenario.protector(party));
    let in_order = document.resource(view.resource(party)) == Claim::Own && document.servers() == [known];
    if !in_order || view.to(view.scenario.protector(party)).next().is_some() {
        return Evidence::Kept;
    }
    let what = "The client drops protected resource metadata with members that it does not know.";
    // Who goes on without the document looks for a server at the MCP server's own host.
    let guesses = view.to(party).filter(|exchange| {
        matches!(well_known(exchange), Some(WellKnown::Oauth | WellKnown::Openid))
            && exchange.number > document.exchange.number
    });
    let guesses: Vec<_> = guesses.collect();
    if guesses.is_empty() {
        return Evidence::of(gave_up_at(view, &document).then(|| {
            let breach = Breach::new(document.exchange, what);
            breach.compare("next request", "to the listed server", view.ending()).ends_run()
        }));
    }
    Evidence::of(guesses.into_iter().map(|guess| {
        let breach = Breach::new(guess, what);
        breach.compare("host", view.origin(view.scenario.protector(party)), view.origin(party)).ends_run()
    }))
}

/// Whether a document was the last thing that the client made use of, apart from further metadata of that kind.
fn gave_up_at(view: &View<'_>, document: &Document<'_>) -> bool {
    let kind = well_known(document.exchange);
    let mut later = view.exchanges.iter().filter(|exchange| exchange.number > document.exchange.number);
    matches!(view.transcript.client.ended, Ended::Exited(_))
        && later.all(|exchange| well_known(exchange) == kind)
}

/// Where RFC 9728 section 3.1 puts protected resource metadata.
const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";

/// Members of protected resource metadata that RFC 9728 section 2 defines.
const RESOURCE_MEMBERS: [&str; 15] = [
    "resource",
    "authorization_servers",
    "jwks_uri",
    "scopes_supported",
    "bearer_methods_supported",
    "resource_signing_alg_values_supported",
    "resource_name",
    "resource_documentation",
    "resource_policy_uri",
    "resource_tos_uri",
    "tls_client_certificate_bound_access_tokens",
    "authorization_details_types_supported",
    "dpop_signing_alg_values_supported",
    "dpop_bound_access_tokens_required",
    "signed_metadata",
];
