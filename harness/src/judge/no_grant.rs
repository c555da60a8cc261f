//! Answers of the token endpoints that hold nothing to go on with: the flow ends there.
//!
//! RFC 6749 sections 5.1 and 7.1, RFC 8693 section 2.2.1, ID-JAG draft -04 section 4.3.4.

use crosscheck_scenarios::{Party, Severity};
use crosscheck_wire::constants::TOKEN_TYPE_ID_JAG;
use crosscheck_wire::transcript::{Exchange, ReportedOutcome};

use super::answer::{Nothing, Shape, premature, shape};
use super::evidence::{Breach, Evidence, Rule, rule};
use super::resource_access::named;
use super::token_request::seen;
use super::view::{Line, View, authorization, token_refused};

pub(super) const RULES: &[Rule] = &[
    rule("txe-no-leg2", no_second_leg),
    rule("txr-issued-type", |view| ends(view, &[Party::Idp], &[Nothing::IssuedType])),
    rule("txr-no-token", |view| ends(view, &[Party::Idp], &[Nothing::NoToken])),
    rule("txe-error-in-200", |view| ends(view, &[Party::Idp], &[Nothing::Error])),
    rule("jbr-token-type-unknown", |view| ends(view, &[Party::As], &[Nothing::TokenType])),
    rule("jbr-no-token", |view| ends(view, &[Party::As], &[Nothing::NoToken, Nothing::Error])),
    rule("http-not-json", |view| ends(view, &BOTH, &[Nothing::NotJson])),
    rule("http-not-object", |view| ends(view, &BOTH, &[Nothing::NotObject])),
];

/// The parties by which the legs are called.
const BOTH: [Party; 2] = [Party::Idp, Party::As];

/// After such an answer the next step is not taken, and no success is reported.
fn ends(view: &View<'_>, parties: &[Party], kinds: &[Nothing]) -> Evidence {
    let is_such =
        |exchange: &Exchange| matches!(shape(exchange), Shape::Nothing(kind) if kinds.contains(&kind));
    let mut answers = parties.iter().flat_map(|party| view.leg(*party)).filter(|exchange| is_such(exchange));
    let Some(first) = answers.next() else {
        return Evidence::Unreached("no token endpoint gave such an answer");
    };
    let last = answers.next_back().unwrap_or(first);
    let went_on =
        parties.iter().flat_map(|party| premature(view, *party)).filter_map(|(next, answer)| {
            match (is_such(answer), answer.party) {
                (false, _) => None,
                (true, Party::Idp) => Some(exchange_without_grant(next, answer)),
                (true, _) => call(next, answer),
            }
        });
    Evidence::of(went_on.chain(claimed(view, last)))
}

fn no_second_leg(view: &View<'_>) -> Evidence {
    let Some(refusal) = view.leg(Party::Idp).iter().find(|exchange| token_refused(exchange)) else {
        return Evidence::Unreached("the IdP refused no exchange");
    };
    let next = premature(view, Party::Idp).into_iter().map(|(next, _)| next);
    let next = next.filter(|next| next.number > refusal.number);
    Evidence::of(next.map(|next| second_leg(next, "although the IdP refused")))
}

/// A token that nobody issued, sent to the MCP server after the resource authorization server refused.
pub(super) fn token_made_up(view: &View<'_>) -> Evidence {
    let leg2 = view.leg(Party::As);
    let Some(refusal) =
        leg2.iter().find(|exchange| matches!(shape(exchange), Shape::Broken | Shape::Refusal))
    else {
        return Evidence::NotApplicable("the resource authorization server refused nothing");
    };
    let granted = leg2.iter().find(|exchange| view.granted(exchange)).map_or(usize::MAX, |leg2| leg2.number);
    let after = view.mcp().filter(|exchange| (refusal.number..granted).contains(&exchange.number));
    Evidence::of(after.filter_map(|exchange| {
        let sent = authorization(&exchange.request)?;
        let is_known = exchange.request.mentions.iter().any(|mention| view.role(&mention.name).is_some());
        (!is_known).then(|| {
            let what = "The client calls the MCP server with a token although none was issued.";
            let seen = format!("{} {}", sent.scheme, sent.credentials);
            Breach::new(exchange, what).compare("Authorization", "none", seen)
        })
    }))
}

fn second_leg(next: &Exchange, although: &str) -> Breach {
    let sent = format!("{}, assertion {}", Line(next), seen(next, "assertion"));
    let breach = Breach::new(next, format!("The client goes on to the second leg {although}."));
    breach.compare("next request", "none", sent)
}

fn exchange_without_grant(next: &Exchange, answer: &Exchange) -> Breach {
    let breach = second_leg(next, "although the IdP issued no ID-JAG");
    if shape(answer) != Shape::Nothing(Nothing::IssuedType) {
        return breach;
    }
    let issued = answer.response.member("issued_token_type").filter(|kind| !kind.is_empty());
    let breach = breach.compare("issued_token_type", TOKEN_TYPE_ID_JAG, issued.unwrap_or("none"));
    // Without a type the token may be good, and the client get through with it.
    if issued.is_some() { breach } else { breach.tolerated(true).ends_run() }
}

fn call(next: &Exchange, answer: &Exchange) -> Option<Breach> {
    let sent = authorization(&next.request)?;
    let what = "The client calls the MCP server with a token although none was issued that it could use.";
    let shown = format!("{} {}", sent.scheme, named(&sent.credentials));
    let breach = Breach::new(next, what).compare("Authorization", "none", shown);
    if shape(answer) != Shape::Nothing(Nothing::TokenType) {
        return Some(breach.at_most(harm(next, answer)));
    }
    let kind = answer.response.member("token_type").filter(|kind| !kind.is_empty());
    // A proof of possession shows that the client knows the type.
    let is_proved = next.request.header("dpop").is_some();
    let is_known = is_proved && kind.is_some_and(|kind| kind.eq_ignore_ascii_case("DPoP"));
    let breach = breach.compare("token_type", "Bearer", kind.unwrap_or("none"));
    let breach = if kind.is_some() { breach } else { breach.at_most(Severity::Warn).ends_run() };
    (!is_known).then_some(breach)
}

/// What going on with an `access_token` counts as that no header can hold: how it is cleaned is the client's choice,
/// as long as no line of it becomes a header.
fn harm(next: &Exchange, answer: &Exchange) -> Severity {
    let token = answer.response.member("access_token").unwrap_or_default();
    let is_header = |line: &str| {
        let name = line.split_once(':').map(|(name, _)| name.trim().to_ascii_lowercase());
        name.is_some_and(|name| next.request.header(&name).is_some())
    };
    if token.trim().is_empty() || token.split(['\r', '\n']).skip(1).any(is_header) {
        Severity::Fail
    } else if token.contains(char::is_control) {
        Severity::Warn
    } else {
        Severity::Info
    }
}

/// A client that says that it succeeded although the last token request brought it nothing.
fn claimed(view: &View<'_>, answer: &Exchange) -> Option<Breach> {
    let report = view.transcript.client.report.read()?;
    let is_last = view.token_requests.last().is_none_or(|last| last.number <= answer.number);
    let claims = report.outcome == ReportedOutcome::Authorized && !view.is_authorized();
    (is_last && claims).then(|| {
        let breach = Breach::new(answer, "The client reports success although it was issued no token.");
        breach.compare("reported outcome", "refused", "authorized")
    })
}
