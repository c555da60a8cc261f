//! How the client uses its access token at the MCP server.
//!
//! RFC 6750 section 2, MCP authorization 2026-07-28 on token requirements and token handling.

use crosscheck_scenarios::User;
use crosscheck_wire::transcript::{Exchange, Place};
use crosscheck_wire::{Alteration, Text};

use super::evidence::{Breach, Evidence, Rule, rule};
use super::lifecycle::ends_at_once;
use super::view::{Role, View, authorization, meant};

pub(super) const RULES: &[Rule] = &[
    rule("res-bearer-header", bearer_header),
    rule("res-every-request", every_request),
    rule("res-not-in-url", not_in_url),
    rule("res-one-method", one_method),
    rule("res-own-token-only", own_token_only),
];

/// The ways in which a request carries an access token.
#[derive(Default)]
struct Carried {
    header: bool,
    url: bool,
    body: bool,
    elsewhere: Option<String>,
}

impl Carried {
    fn by(view: &View<'_>, exchange: &Exchange) -> Self {
        let mut carried = Self::default();
        let tokens = exchange
            .request
            .mentions
            .iter()
            .filter(|mention| view.role(&mention.name) == Some(Role::AccessToken));
        for mention in tokens {
            match (mention.place, mention.at.as_str()) {
                (Place::Header, "authorization") => carried.header = true,
                // A referer is a URL that was visited; it authorizes nothing.
                (Place::Header, "referer") => {}
                (Place::Header, name) => carried.elsewhere = Some(name.to_owned()),
                (Place::Url, _) => carried.url = true,
                (Place::Body, _) => carried.body = true,
            }
        }
        carried
    }

    fn any(&self) -> bool {
        self.header || self.url || self.body || self.elsewhere.is_some()
    }
}

/// Judges every request to the MCP endpoint that carries an access token.
fn each(view: &View<'_>, check: impl Fn(&Exchange, Carried) -> Option<Breach>) -> Evidence {
    let carrying: Vec<_> = view.mcp().filter(|exchange| Carried::by(view, exchange).any()).collect();
    Evidence::of_each(&carrying, "no access token was used", |exchange| {
        check(exchange, Carried::by(view, exchange))
    })
}

fn bearer_header(view: &View<'_>) -> Evidence {
    each(view, |exchange, carried| {
        let expected = "Bearer «access_token»";
        if !carried.header {
            let place = carried.elsewhere.or_else(|| carried.body.then(|| "the body".into()))?;
            let breach = Breach::new(exchange, "The access token is not in the Authorization header.");
            return Some(breach.compare(
                "Authorization",
                expected,
                format!("nothing; the token is in {place}"),
            ));
        }
        let sent = authorization(&exchange.request)?;
        // More than one blank behind the scheme is allowed.
        let whole = meant(&sent.credentials).is_some_and(|(name, how)| {
            view.role(name) == Some(Role::AccessToken) && matches!(how, None | Some(Alteration::Whitespace))
        });
        let right = sent.scheme.eq_ignore_ascii_case("Bearer") && whole;
        (!right).then(|| {
            let breach = Breach::new(
                exchange,
                "The Authorization header does not carry the access token as it was issued.",
            );
            breach.compare("Authorization", expected, format!("{} {}", sent.scheme, sent.credentials))
        })
    })
}

fn every_request(view: &View<'_>) -> Evidence {
    if !view.is_authorized() {
        return Evidence::Unreached("the MCP server accepted no access token");
    }
    // After a refusal or the end of its token, and for a user who was not there before, the client has none that is
    // any good.
    let has_token = |exchange: &Exchange| {
        let before = |other: &&Exchange| other.number < exchange.number && other.party == exchange.party;
        let last = view.mcp().filter(before).filter(|other| view.bearer(other).is_some()).last();
        let is_good = last.is_some_and(|last| {
            let issued = view.bearer(last).and_then(|token| view.issued_in(token));
            !matches!(last.response.status, 401 | 403) && !issued.is_some_and(ends_at_once)
        });
        is_good
            && view.mcp().filter(before).any(|other| view.accepted(other))
            && !is_first_of_user(view, exchange)
    };
    let exempt = |exchange: &Exchange| {
        matches!(exchange.request.method.as_str(), "HEAD" | "OPTIONS") || begins_session(exchange)
    };
    let bare = view.mcp().filter(|exchange| {
        has_token(exchange)
            && !exempt(exchange)
            && authorization(&exchange.request).is_none()
            && !Carried::by(view, exchange).any()
    });
    Evidence::of(bare.map(|exchange| {
        let breach = Breach::new(exchange, "A request to the MCP server goes without the access token.");
        breach.compare("Authorization", "Bearer «access_token»", "nothing")
    }))
}

/// Whether a request is a call of a second user, before any of that user's was accepted.
fn is_first_of_user(view: &View<'_>, exchange: &Exchange) -> bool {
    let tool = |exchange: &Exchange| {
        Some(exchange.request.body.json.as_ref()?["params"]["name"].as_str()?.to_owned())
    };
    let calls = &view.scenario.client.calls;
    let is_second = |tool: Option<String>| {
        calls.iter().any(|call| call.user == User::Second && Some(&call.tool) == tool.as_ref())
    };
    let mut before = view.mcp().filter(|other| other.number < exchange.number && view.accepted(other));
    is_second(tool(exchange)) && !before.any(|other| is_second(tool(other)))
}

/// A further session of the same client may begin as the first one did, without a token.
fn begins_session(exchange: &Exchange) -> bool {
    let method = exchange.request.body.json.as_ref().and_then(|json| json["method"].as_str());
    matches!(method, Some("initialize" | "server/discover"))
}

fn not_in_url(view: &View<'_>) -> Evidence {
    each(view, |exchange, carried| {
        carried.url.then(|| {
            let breach = Breach::new(exchange, "The access token is in the URL.");
            breach.compare("URL", view.resource(exchange.party), view.url(exchange))
        })
    })
}

fn one_method(view: &View<'_>) -> Evidence {
    each(view, |exchange, carried| {
        let ways = [(carried.header, "header"), (carried.url, "URL"), (carried.body, "body")];
        let used = ways.into_iter().filter(|(used, _)| *used).map(|(_, way)| way.to_owned());
        let used: Vec<_> = used.chain(carried.elsewhere.map(|name| format!("`{name}`"))).collect();
        (used.len() > 1).then(|| {
            let breach = Breach::new(exchange, "The access token is sent in more than one way.");
            breach.compare("access token", "in the header", format!("in {}", used.join(" and ")))
        })
    })
}

fn own_token_only(view: &View<'_>) -> Evidence {
    let authorized: Vec<_> =
        view.mcp().filter(|exchange| authorization(&exchange.request).is_some()).collect();
    Evidence::of_each(&authorized, "no request to the MCP server carried a token", |exchange| {
        let sent = authorization(&exchange.request)?.credentials;
        let own = exchange.request.mentions.iter().any(|mention| {
            mention.at == "authorization" && view.role(&mention.name) == Some(Role::AccessToken)
        });
        (!own).then(|| {
            let what = "A token that its authorization server did not issue is sent to the MCP server.";
            Breach::new(exchange, what).compare("Authorization", "Bearer «access_token»", named(&sent))
        })
    })
}

/// Credentials by name; what this run does not know is not printed.
pub(super) fn named(credentials: &Text) -> String {
    match credentials.as_plain() {
        Some(text) if PLACEHOLDERS.contains(&text) => format!("`{text}`"),
        Some(_) => "an unknown value".into(),
        None => credentials.to_string(),
    }
}

/// What programs write where a token is missing.
const PLACEHOLDERS: [&str; 5] = ["", "None", "nil", "null", "undefined"];
