//! Who the client says it is at both token endpoints, and how it proves it.
//!
//! RFC 6749 sections 2.3 and 3.2.1, RFC 8414 section 2. The registration decides; metadata only where the
//! registration leaves the method open. The claims of client assertions are judged in `client_assertion`.

use crosscheck_scenarios::{AuthMethod, Party};
use crosscheck_wire::transcript::{Exchange, Presented};
use crosscheck_wire::{Alteration, Part, Text};

use super::evidence::{Breach, Evidence, Rule, rule, rule_at_each};
use super::token_request::{each, every};
use super::view::{Role, View, meant};

pub(super) const RULES: &[Rule] = &[
    rule("tx-client-is-sso-client", |view| identity(view, Party::Idp)),
    rule("jb-client-of-grant", |view| identity(view, Party::As)),
    rule_at_each("cauth-present", present),
    rule_at_each("cauth-one-method", one_method),
    rule_at_each("cauth-method-advertised", method_advertised),
    rule("cauth-default-basic", default_basic),
    rule_at_each("cauth-none-possible", none_possible),
    rule_at_each("cauth-fixed-under-401", fixed),
    rule_at_each("cauth-basic-encoding", basic_encoding),
    rule_at_each("cauth-post-in-body", post_in_body),
    rule_at_each("cauth-public-client-id", public_client_id),
];

/// The client names itself by the id that it has at that server.
fn identity(view: &View<'_>, party: Party) -> Evidence {
    each(view, party, |exchange| {
        let own = format!("{}.client_id", exchange.party);
        let (place, seen, _) = other_identity(exchange, &own)?;
        let what = match party {
            Party::Idp => "The exchange is not made as the client to which the ID token was issued.",
            _ => "The grant is not redeemed as the client that it names.",
        };
        Some(Breach::new(exchange, what).compare(place, format!("«{own}»"), seen))
    })
}

/// The first client id in a request that is not `own`: the place where it stands, the id for people, and the name
/// of the value that it is or begins with. Ids in an assertion count when `iss` and `sub` agree; otherwise the
/// assertion itself is wrong.
pub(super) fn other_identity<'a>(
    exchange: &'a Exchange,
    own: &str,
) -> Option<(&'static str, String, Option<&'a str>)> {
    let other = |place, id: &'a Text| (encoded(id) != Some(own)).then(|| (place, id.to_string(), named(id)));
    let presented = |presented: &'a Presented| match presented {
        Presented::ClientSecretBasic { client_id, .. } => other("Basic user", client_id),
        Presented::ClientAssertion { assertion, .. } => {
            let claim = |name| assertion.jwt.as_ref()?.claim(name);
            let issuer = claim("iss").filter(|iss| Some(*iss) == claim("sub"))?;
            // A claim is text in which values stand by their names.
            let name = issuer.strip_prefix('«').and_then(|rest| rest.split([' ', '»']).next());
            (issuer != format!("«{own}»")).then(|| ("iss and sub", issuer.to_owned(), name))
        }
        _ => None,
    };
    let beside = || exchange.request.param("client_id").and_then(|param| other("client_id", &param.value));
    exchange.request.authentication.iter().find_map(presented).or_else(beside)
}

/// The value with which `text` begins, altered or not.
fn named(text: &Text) -> Option<&str> {
    match text.parts().first()? {
        Part::Altered { value: name, .. } | Part::Value { name, .. } => Some(name),
        _ => None,
    }
}

/// The value that `text` is, whether or not it is encoded as it should be: that has rules of its own.
fn encoded(text: &Text) -> Option<&str> {
    let (name, how) = meant(text)?;
    matches!(how, None | Some(Alteration::EncodedTwice | Alteration::NotEncoded)).then_some(name)
}

fn present(view: &View<'_>, party: Party) -> Evidence {
    if is_public(view, party) {
        return Evidence::NotApplicable("the client is registered without a credential here");
    }
    each(view, party, |exchange| {
        let presented = &exchange.request.authentication;
        let seen = match presented
            .iter()
            .find(|one| one.method().is_some_and(|method| method != AuthMethod::None))
        {
            Some(credential) => unregistered(view, exchange.party, credential)?,
            None => presented.first().map_or("nothing".into(), describe),
        };
        let expected = registered_credential(view, exchange.party);
        let what = "The client does not prove itself with the credential that is registered here.";
        Some(Breach::new(exchange, what).compare("client authentication", expected, seen))
    })
}

/// What is presented in place of the registered secret, if it is another.
fn unregistered(view: &View<'_>, party: Party, presented: &Presented) -> Option<String> {
    let secret = match presented {
        Presented::ClientSecretBasic { client_secret, .. } => client_secret,
        Presented::ClientSecretPost { client_id: Some(_), client_secret } => client_secret,
        Presented::ClientSecretPost { client_id: None, .. } => {
            return Some("client_secret without client_id".into());
        }
        _ => return None,
    };
    let registered = encoded(secret).and_then(|name| view.role(name)) == Some(Role::Secret(party));
    (!registered).then(|| describe(presented))
}

fn one_method(view: &View<'_>, party: Party) -> Evidence {
    each(view, party, |exchange| {
        let presented = &exchange.request.authentication;
        let methods: Vec<_> =
            presented.iter().filter_map(Presented::method).filter(|one| *one != AuthMethod::None).collect();
        (methods.len() > 1).then(|| {
            let seen = methods.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
            let breach =
                Breach::new(exchange, "The request uses more than one client authentication method.");
            breach.compare("client authentication", "one method", seen)
        })
    })
}

fn method_advertised(view: &View<'_>, party: Party) -> Evidence {
    if view.registration(party).declared {
        return methods(view, party, |exchange, method| {
            let registered = &view.registration(exchange.party).methods;
            let expected = join(registered.iter().map(|method| method.as_str()));
            (!registered.contains(&method)).then(|| {
                let what =
                    "The client does not use the client authentication method that is registered here.";
                Breach::new(exchange, what).compare("method", expected, method.as_str())
            })
        });
    }
    if party == Party::Idp {
        return Evidence::NotApplicable("no method is declared for the IdP");
    }
    if !lists_methods(view, |listed| listed.is_some()) {
        return Evidence::NotApplicable("the client saw no list of methods");
    }
    methods(view, party, |exchange, method| {
        let listed = listed_methods(view, exchange)??;
        (!listed.contains(&method.as_str())).then(|| {
            let what = "The client authenticates in a way that the server does not list.";
            Breach::new(exchange, what).compare("method", join(listed.iter().copied()), method.as_str())
        })
    })
}

fn default_basic(view: &View<'_>) -> Evidence {
    if view.registration(Party::As).declared {
        return Evidence::NotApplicable("the registered method outranks metadata");
    }
    if !lists_methods(view, |listed| listed.is_none()) {
        return Evidence::NotApplicable("the client saw no metadata without a list of methods");
    }
    methods(view, Party::As, |exchange, method| {
        let document = view.metadata(exchange.party, exchange.number).next()?;
        // An empty list says nothing that anybody has a rule for.
        (!document.members.contains_key(METHODS) && method != AuthMethod::ClientSecretBasic).then(|| {
            let what = "The metadata lists no methods, which means client_secret_basic, and the client uses another.";
            Breach::new(exchange, what).compare("method", AuthMethod::ClientSecretBasic.as_str(), method.as_str())
        })
    })
}

/// Judges the method of every request that proves something; the first breach in each.
fn methods(
    view: &View<'_>,
    party: Party,
    check: impl Fn(&Exchange, AuthMethod) -> Option<Breach>,
) -> Evidence {
    each(view, party, |exchange| {
        let used = exchange.request.authentication.iter().filter_map(Presented::method);
        used.filter(|method| *method != AuthMethod::None).find_map(|method| check(exchange, method))
    })
}

/// Whether a request of the second leg was made after metadata of which `is` holds.
fn lists_methods(view: &View<'_>, is: impl Fn(&Option<Vec<&str>>) -> bool) -> bool {
    view.leg(Party::As)
        .iter()
        .any(|exchange| listed_methods(view, exchange).is_some_and(|listed| is(&listed)))
}

/// The list of methods in the metadata that the client saw last before a request: none seen, no list in it, or
/// the list. An empty list says nothing.
fn listed_methods<'a>(view: &View<'a>, exchange: &Exchange) -> Option<Option<Vec<&'a str>>> {
    let document = view.metadata(exchange.party, exchange.number).next()?;
    Some(Some(document.texts(METHODS)).filter(|names| !names.is_empty()))
}

/// The member of authorization server metadata that lists methods.
const METHODS: &str = "token_endpoint_auth_methods_supported";

/// Where the server lists no method that the client can do, the secret is not sent all the same.
fn none_possible(view: &View<'_>, party: Party) -> Evidence {
    if view.registration(party).declared {
        return Evidence::NotApplicable("the registered method outranks metadata");
    }
    let possible = |name: &&str| {
        AuthMethod::ALL.iter().any(|method| *method != AuthMethod::PrivateKeyJwt && method.as_str() == *name)
    };
    let impossible = |number: usize, party: Party| {
        let listed = view.metadata(party, number).next()?.texts(METHODS);
        (!listed.is_empty() && !listed.iter().any(possible)).then_some(listed)
    };
    match view.leg(party) {
        [] if impossible(usize::MAX, party).is_some() => return Evidence::Kept,
        legs if legs.iter().all(|exchange| impossible(exchange.number, exchange.party).is_none()) => {
            return Evidence::NotApplicable("the client saw no list without a method for its credential");
        }
        _ => {}
    }
    methods(view, party, |exchange, method| {
        let listed = impossible(exchange.number, exchange.party)?;
        let has_key = view.registration(exchange.party).methods.contains(&AuthMethod::PrivateKeyJwt);
        (method.uses_secret() && !has_key).then(|| {
            let what =
                "The server lists no method that the client can do, and the secret is sent all the same.";
            let expected = format!("no secret, as {} is listed", join(listed.iter().copied()));
            Breach::new(exchange, what).compare("method", expected, method.as_str())
        })
    })
}

/// After `invalid_client` the secret is not tried by another method.
fn fixed(view: &View<'_>, party: Party) -> Evidence {
    let by = |exchange: &Exchange| {
        let mut methods = exchange.request.authentication.iter().filter_map(Presented::method);
        methods.find(|method| method.uses_secret())
    };
    let refused: Vec<_> = view
        .leg(party)
        .iter()
        .filter(|exchange| {
            exchange.response.status == 401 || exchange.response.member("error") == Some("invalid_client")
        })
        .filter_map(|exchange| Some((*exchange, by(exchange)?)))
        .collect();
    if refused.is_empty() {
        return Evidence::NotApplicable("no request with a secret was refused for the client");
    }
    Evidence::of(view.leg(party).iter().filter_map(|exchange| {
        let method = by(exchange)?;
        let before = |other: &Exchange| other.party == exchange.party && other.number < exchange.number;
        let (refusal, old) = refused.iter().find(|(other, old)| before(other) && *old != method)?;
        // New metadata may say that the method was wrong.
        let listed = listed_methods(view, exchange).flatten();
        let corrected =
            listed.is_some_and(|listed| listed.contains(&method.as_str()) && !listed.contains(&old.as_str()));
        (!corrected).then(|| {
            let what = "After the server refused the client, the secret is tried by another method.";
            Breach::new(exchange, what).compare(
                "method",
                format!("{old}, as in #{}", refusal.number),
                method.as_str(),
            )
        })
    }))
}

fn basic_encoding(view: &View<'_>, party: Party) -> Evidence {
    let uses_basic = |exchange: &&Exchange| {
        let mut presented = exchange.request.authentication.iter();
        presented.any(|one| matches!(one, Presented::ClientSecretBasic { .. }))
    };
    if !view.leg(party).is_empty() && !view.leg(party).iter().any(uses_basic) {
        return Evidence::NotApplicable("the client does not use client_secret_basic here");
    }
    if !view.leg(party).is_empty() && !view.registration(party).needs_encoding {
        return Evidence::NotApplicable("the credentials are the same encoded or not");
    }
    each(view, party, |exchange| {
        exchange.request.authentication.iter().find_map(|presented| {
            let Presented::ClientSecretBasic { client_id, client_secret } = presented else { return None };
            let wrong = [("Basic user", client_id), ("Basic password", client_secret)];
            wrong.into_iter().find_map(|(part, text)| {
                let (name, how) = meant(text)?;
                let what = "The Basic credentials are not form-encoded exactly once before they are joined.";
                let breach = Breach::new(exchange, what);
                Some(breach.compare(part, format!("«{name}» form-encoded once"), how?.describe()))
            })
        })
    })
}

fn post_in_body(view: &View<'_>, party: Party) -> Evidence {
    every(view, party, |exchange| {
        let credential = |name: &str| matches!(name, "client_secret" | "client_assertion");
        let param =
            exchange.request.query.iter().find(|param| credential(&param.name) && !param.is_empty())?;
        let breach = Breach::new(exchange, format!("`{}` stands in the URL.", param.name));
        Some(breach.compare("query", "no credential", format!("{}={}", param.name, shown(&param.value))))
    })
}

fn public_client_id(view: &View<'_>, party: Party) -> Evidence {
    if !is_public(view, party) {
        return Evidence::NotApplicable("the client is registered with a credential here");
    }
    each(view, party, |exchange| {
        exchange.request.authentication.is_empty().then(|| {
            let breach = Breach::new(exchange, "The request does not say which client sends it.");
            breach.compare("client_id", format!("«{}.client_id»", exchange.party), "nothing")
        })
    })
}

fn is_public(view: &View<'_>, party: Party) -> bool {
    view.registration(party).methods.contains(&AuthMethod::None)
}

fn registered_credential(view: &View<'_>, party: Party) -> String {
    let key = view.registration(party).methods == [AuthMethod::PrivateKeyJwt];
    if key {
        format!("a client assertion signed with «{party}.client_key»")
    } else {
        format!("«{party}.client_secret»")
    }
}

/// What a client presents, in words.
fn describe(presented: &Presented) -> String {
    match presented {
        Presented::ClientAssertion { .. } => "a client assertion".into(),
        Presented::ClientSecretBasic { client_secret, .. } => format!("Basic with {}", shown(client_secret)),
        Presented::ClientSecretPost { client_secret, .. } => {
            format!("client_secret {}", shown(client_secret))
        }
        Presented::Identified { .. } => "client_id alone".into(),
        Presented::OtherHeader { scheme } => format!("an Authorization header of scheme {scheme}"),
    }
}

/// A credential, unless it is none that this run knows: whatever it is, it is not printed.
fn shown(text: &Text) -> String {
    meant(text).map_or_else(|| "an unknown value".into(), |_| text.to_string())
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
