//! Secrets and tokens stay where they belong: every request and every word that the client writes is looked at.
//!
//! RFC 6749 sections 2.3.1 and 10.3, RFC 6750 section 5.3, RFC 9700 section 4.9, ID-JAG draft -04 sections 3, 5 and
//! 9.3. Values are found raw, percent-encoded, in base64 and in hex when the transcript is closed.

use serde_json::Value;

use crosscheck_scenarios::{Party, Severity};
use crosscheck_wire::Text;
use crosscheck_wire::transcript::{Exchange, Mention, Place};

use super::documents::strings;
use super::evidence::{Breach, Evidence, Rule, rule};
use super::identifier::{is_near, origin};
use super::untrusted_text::echoed;
use super::view::{Role, View, authorization, token_refused, well_known};

pub(super) const RULES: &[Rule] = &[
    rule("conf-subject-token-idp-only", |view| {
        let signed_on = [Role::SubjectToken, Role::IdpAccessToken];
        stays(view, |role| signed_on.contains(&role), "What sign-on at the IdP returned is sent elsewhere.")
    }),
    rule("conf-idp-secret-idp-only", |view| {
        let what = "The client's credential at the IdP is sent elsewhere.";
        stays(view, |role| role == Role::Secret(Party::Idp), what)
    }),
    rule("conf-as-secret-as-only", |view| {
        let what = "The client's credential at the resource authorization server is sent elsewhere.";
        let secret = |role| matches!(role, Role::Secret(party) if party != Party::Idp);
        stays(view, secret, what)
    }),
    rule("conf-grant-as-only", |view| {
        let what = "The ID-JAG is sent elsewhere than to the resource authorization server.";
        stays(view, |role| role == Role::Grant, what)
    }),
    rule("conf-access-token-rs-only", |view| {
        let what = "The access token is sent elsewhere than to the MCP server.";
        stays(view, |role| role == Role::AccessToken, what)
    }),
    rule("conf-nothing-in-urls", nothing_in_urls),
    rule("conf-log-default", |view| output(view, Answers::Tokens)),
    rule("conf-error-output-safe", |view| output(view, Answers::Refusal)),
    rule("conf-no-third-party", third_party),
    rule("conf-private-keys", private_keys),
    rule("conf-metadata-no-credentials", metadata),
];

/// Values of such a role go to the party that they are for.
fn stays(view: &View<'_>, is: impl Fn(Role) -> bool, what: &str) -> Evidence {
    let is_one = |name: &str| view.role(name).is_some_and(&is);
    if !view.transcript.values.iter().any(|value| is_one(&value.name)) {
        return Evidence::NotApplicable("this run has no such value");
    }
    Evidence::of(view.exchanges.iter().filter_map(|exchange| {
        let away =
            |mention: &&Mention| is_one(&mention.name) && !view.may_travel(&mention.name, exchange.party);
        let mention = exchange.request.mentions.iter().find(away)?;
        let home = view.facts(&mention.name).and_then(|facts| facts.travels_to.first());
        let expected = home.map_or("nowhere".into(), |home| format!("at {home} only"));
        Some(Breach::new(exchange, what).compare(
            &format!("«{}»", mention.name),
            expected,
            place(exchange, mention),
        ))
    }))
}

fn place(exchange: &Exchange, mention: &Mention) -> String {
    let part = match mention.place {
        Place::Body => "body",
        Place::Header => "header",
        Place::Url => "URL",
    };
    let at = if mention.at.is_empty() { String::new() } else { format!(", `{}`", mention.at) };
    format!("at {}, {part}{at}", exchange.party)
}

fn nothing_in_urls(view: &View<'_>) -> Evidence {
    let in_url = |mention: &&Mention| {
        let referer = mention.place == Place::Header && mention.at == "referer";
        (mention.place == Place::Url || referer) && view.role(&mention.name).is_some()
    };
    Evidence::of(view.exchanges.iter().filter_map(|exchange| {
        let mention = exchange.request.mentions.iter().find(in_url)?;
        let what = match mention.place {
            Place::Header => "A secret is in the Referer header.",
            _ => "A secret is in the URL.",
        };
        let breach = Breach::new(exchange, what);
        Some(breach.compare(&format!("«{}»", mention.name), "in no URL", place(exchange, mention)))
    }))
}

/// What the token endpoints answer in a run.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Answers {
    /// Once at least, no token.
    Refusal,
    /// Tokens only.
    Tokens,
}

/// What the client writes, in runs with such answers.
fn output(view: &View<'_>, answers: Answers) -> Evidence {
    let refused = view.token_requests.iter().any(|exchange| !view.granted(exchange));
    if refused != (answers == Answers::Refusal) {
        return Evidence::NotApplicable(match answers {
            Answers::Refusal => "every token endpoint answered with a token",
            Answers::Tokens => "a token endpoint refused, and what is written then has a row of its own",
        });
    }
    let client = &view.transcript.client;
    // What the resource authorization server echoes has a row of its own.
    let (by_idp, by_as) = (echoed(view, true), echoed(view, false));
    let mut found = leaks(view, |name| !by_as.contains(name) && !by_idp.contains(name));
    let echo = leaks(view, |name| by_idp.contains(name) && !by_as.contains(name));
    found.extend(echo.into_iter().map(|leak| leak.at_most(Severity::Warn)));
    if found.is_empty() && client.stdout.dropped + client.stderr.dropped > 0 {
        return Evidence::NotApplicable("the output was too long to be kept and searched in full");
    }
    Evidence::of(found)
}

/// Secrets for which `is` holds in what the client writes, the first in each place.
pub(super) fn leaks(view: &View<'_>, is: impl Fn(&str) -> bool) -> Vec<Breach> {
    let client = &view.transcript.client;
    let streams = [("stdout", &client.stdout.text), ("stderr", &client.stderr.text)];
    let printed = streams.into_iter().filter_map(|(stream, text)| {
        let (name, _) = text.names().find(|(name, _)| view.role(name).is_some() && is(name))?;
        let what = format!("«{name}» is in the client's {stream}.");
        Some(
            Breach::of_run(what)
                .compare(stream, "no secret", format!("«{name}»"))
                .quote(line_with(text, name)),
        )
    });
    printed.chain(in_report(view, &is)).collect()
}

/// A secret in the outcome report, which is made to be shown. What a server echoes stands there in the members that
/// the report takes over as they are.
fn in_report(view: &View<'_>, is: impl Fn(&str) -> bool) -> Option<Breach> {
    let report = view.transcript.client.report.read()?;
    let members = Some(Value::Object(report.members.clone()).to_string());
    let own = [&report.message, &report.step, &report.scope];
    let copied = [&report.error, &report.error_description, &report.error_uri, &members];
    let join =
        |texts: &[&Option<String>]| texts.iter().filter_map(|text| text.as_deref()).collect::<String>();
    let (own, copied) = (join(&own), join(&copied));
    let shows = |text: &str, name: &str| {
        text.contains(&format!("«{name}")) || text.contains(&format!("«claims of {name}»"))
    };
    let is_error =
        |exchange: &&&Exchange| token_refused(exchange) || exchange.response.member("error").is_some();
    let is_echo = |name: &str| {
        view.token_requests
            .iter()
            .filter(is_error)
            .flat_map(|exchange| &exchange.response.mentions)
            .any(|mention| mention.name == name)
    };
    let shown = |name: &str| shows(&own, name) || (shows(&copied, name) && !is_echo(name));
    let secret = |name: &str| view.role(name).is_some() && is(name) && shown(name);
    let name = view.transcript.values.iter().map(|value| &value.name).find(|name| secret(name))?;
    let breach = Breach::of_run(format!("«{name}» is in the outcome report."));
    Some(breach.compare("outcome report", "no secret", format!("«{name}»")))
}

/// The line of output in which a value stands, shortened around it.
fn line_with(text: &Text, name: &str) -> String {
    let shown = text.to_string();
    let mark = format!("«{name}");
    let at = shown.find(&mark).or_else(|| shown.find(name)).unwrap_or(0);
    let start = shown[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = shown[at..].find('\n').map_or(shown.len(), |end| at + end);
    let before: Vec<_> = shown[start..at].chars().rev().take(AROUND).collect();
    let after: String = shown[at..end].chars().take(AROUND + mark.len()).collect();
    before.into_iter().rev().collect::<String>() + &after
}

/// Characters of context on either side of a leaked value.
const AROUND: usize = 60;

/// A host that no document names for a purpose of the flow is not contacted.
fn third_party(view: &View<'_>) -> Evidence {
    let named: Vec<_> = names(view);
    Evidence::of(view.to(Party::Trap).filter_map(|exchange| {
        let url = view.url(exchange);
        let before = named.iter().filter(|(number, ..)| *number < exchange.number);
        let (links, reasons): (Vec<_>, Vec<_>) =
            before.partition(|(_, member, _)| LINKS.contains(&member.as_str()));
        let is = |text: &str| is_near(text, &url);
        let linked = links.iter().any(|(.., text)| is(text)) && !reasons.iter().any(|(.., text)| is(text));
        let has_reason = reasons.iter().any(|(.., text)| origin(text) == origin(&url));
        (linked || !has_reason).then(|| {
            let what = "The client contacts a third party that has no part in the flow.";
            Breach::new(exchange, what).compare(
                "request",
                "none",
                format!("{} {url}", exchange.request.method),
            )
        })
    }))
}

/// Texts that documents, challenges and redirects gave the client, each with its exchange and member.
fn names(view: &View<'_>) -> Vec<(usize, String, String)> {
    let mut names = Vec::new();
    for document in view.resource_documents().chain(view.server_documents()) {
        for (name, value) in document.members {
            names.extend(
                strings(value)
                    .into_iter()
                    .map(|text| (document.exchange.number, name.clone(), text.to_owned())),
            );
        }
    }
    let challenged = view.challenged("resource_metadata");
    names.extend(challenged.map(|(exchange, url)| (exchange.number, "resource_metadata".to_owned(), url)));
    for exchange in &view.exchanges {
        let redirects = exchange.response.headers.iter().filter(|header| header.name == "location");
        names
            .extend(redirects.map(|header| (exchange.number, header.name.clone(), header.value.to_string())));
    }
    names
}

/// Members of metadata that are meant for people.
const LINKS: [&str; 6] = [
    "op_policy_uri",
    "op_tos_uri",
    "resource_documentation",
    "resource_policy_uri",
    "resource_tos_uri",
    "service_documentation",
];

fn private_keys(view: &View<'_>) -> Evidence {
    let key_of_run = |exchange: &&&Exchange| view.mentions(exchange, Role::Key).next().is_some();
    let breach = |exchange: &&Exchange| {
        let breach = Breach::new(exchange, "Private key material is sent.");
        breach.compare("private key", "stays with the client", format!("sent to {}", exchange.party))
    };
    let sent = view.exchanges.iter().filter(|exchange| key_of_run(exchange) || has_private_jwk(exchange));
    Evidence::of(sent.map(breach))
}

/// Whether the header of a JWT in the request holds a key with its private part.
fn has_private_jwk(exchange: &Exchange) -> bool {
    let jwts = exchange.request.params().iter().filter_map(|param| param.jwt.as_ref());
    jwts.filter_map(|jwt| jwt.header.get("jwk"))
        .any(|jwk| PRIVATE_MEMBERS.iter().any(|name| jwk.get(name).is_some()))
}

/// Members of a JWK that are never public (RFC 7518 section 6).
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

fn metadata(view: &View<'_>) -> Evidence {
    let public = |exchange: &&&Exchange| exchange.endpoint.is_metadata() || well_known(exchange).is_some();
    let requests: Vec<_> = view.exchanges.iter().filter(public).copied().collect();
    if requests.is_empty() {
        return Evidence::NotApplicable("the client asked for no metadata");
    }
    Evidence::of(requests.into_iter().filter_map(|exchange| {
        let secret = exchange.request.mentions.iter().find(|mention| view.role(&mention.name).is_some());
        let header = authorization(&exchange.request);
        let seen = match (secret, &header) {
            (Some(mention), _) => format!("«{}»", mention.name),
            (None, Some(header)) => format!("an Authorization header of scheme {}", header.scheme),
            (None, None) => return None,
        };
        let breach = Breach::new(exchange, "A request for public metadata carries a credential.");
        // The MCP server gets that token anyway.
        let own = secret.is_some_and(|mention| view.role(&mention.name) == Some(Role::AccessToken));
        let at_most = if own && exchange.party.is_mcp_server() { Severity::Warn } else { Severity::Fail };
        Some(breach.compare("credentials", "none", seen).at_most(at_most))
    }))
}
