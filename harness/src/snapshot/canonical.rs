//! The canonical exchange of a run as text: only what the documents fix, by name.
//!
//! Discovery requests, optional parameters, repeats and MCP traffic beyond the first accepted request are a
//! client's freedom and left out, so that every conforming client yields the same text.

use std::fmt::Write as _;

use crosscheck_scenarios::{AuthMethod, Capability, EndpointName, Party};
use crosscheck_wire::Transcript;
use crosscheck_wire::transcript::{Exchange, Presented};

use crate::judge::{OTHER_GRANTS, Shape, authorization, shape};

/// Parameters of the exchange that the documents demand (ID-JAG draft -04, section 4.3).
const EXCHANGE: &[&str] =
    &["audience", "grant_type", "requested_token_type", "subject_token", "subject_token_type"];
/// Parameters of the second leg that they demand (ID-JAG draft -04, section 4.4).
const GRANT: &[&str] = &["assertion", "grant_type"];

/// The canonical text: a stretch for each token request and for each MCP server, then how it ended.
pub fn canonical(transcript: &Transcript) -> String {
    let mut text = String::new();
    for party in Party::ALL {
        let parameters = if party == Party::Idp { EXCHANGE } else { GRANT };
        if party.is_mcp_server() {
            mcp_request(&mut text, transcript, party);
        } else if let Some(exchange) = deciding(transcript, party, parameters) {
            token_request(&mut text, transcript, exchange, parameters);
        }
    }
    let outcome = if accepted(transcript) { AUTHORIZED } else { "refused" };
    let _ = writeln!(text, "outcome  {outcome}");
    text
}

/// The course of a run, as far as its canonical text tells: `authorized`, or at which server it ended and whether that
/// refused, such as `refused-by-as` and `stopped-after-idp`.
pub fn course(text: &str) -> String {
    let mut stretches: Vec<_> = text.trim_end().split("\n\n").collect();
    if stretches.pop().is_some_and(|outcome| outcome.ends_with(AUTHORIZED)) {
        return AUTHORIZED.to_owned();
    }
    let Some(last) = stretches.last() else { return "stopped-at-once".to_owned() };
    let party = last.split(' ').next().unwrap_or_default();
    let answer = last.lines().last().unwrap_or_default().trim_start();
    let is_refused = answer.starts_with(['4', '5']);
    format!("{}-{party}", if is_refused { "refused-by" } else { "stopped-after" })
}

/// How a run ended in which an MCP server accepted an access token.
const AUTHORIZED: &str = "authorized";

/// The token request that decided a leg: the first that brought a token, else the first. What carries none of its
/// `parameters` is none, such as the request of a client that followed a redirect without them.
fn deciding<'a>(transcript: &'a Transcript, party: Party, parameters: &[&str]) -> Option<&'a Exchange> {
    let is_other = |exchange: &Exchange| {
        let grant_type = exchange.request.param("grant_type").map(|param| param.value.to_string());
        grant_type.is_some_and(|grant_type| OTHER_GRANTS.contains(&grant_type.as_str()))
    };
    let mut requests = transcript.of_client().filter(|exchange| {
        exchange.party == party
            && exchange.endpoint == EndpointName::Token
            && parameters.iter().any(|name| exchange.request.param(name).is_some())
            && !is_other(exchange)
    });
    requests.clone().find(|exchange| shape(exchange) == Shape::Token).or_else(|| requests.next())
}

/// Whether an MCP server accepted an access token of the run.
pub(crate) fn accepted(transcript: &Transcript) -> bool {
    transcript.of_client().any(accepts)
}

fn accepts(exchange: &Exchange) -> bool {
    exchange.endpoint == EndpointName::Mcp
        && (200..300).contains(&exchange.response.status)
        && exchange.request.mentions.iter().any(|mention| mention.name.starts_with("access_token#"))
}

/// The first request with a token that an MCP server accepted, else the first with one.
fn mcp_request(text: &mut String, transcript: &Transcript, party: Party) {
    let is_here = |exchange: &&Exchange| {
        let Exchange { endpoint, request, .. } = exchange;
        exchange.party == party
            && *endpoint == EndpointName::Mcp
            && (accepts(exchange) || request.header("authorization").is_some())
    };
    let mut requests = transcript.of_client().filter(is_here);
    let Some(exchange) = requests.clone().find(|exchange| accepts(exchange)).or_else(|| requests.next())
    else {
        return;
    };
    let credentials = authorization(&exchange.request).map_or(ABSENT.to_owned(), |sent| {
        // The scheme has no case (RFC 9110 section 11.1).
        let is_bearer = sent.scheme.eq_ignore_ascii_case("Bearer");
        let scheme = if is_bearer { "Bearer" } else { sent.scheme.as_str() };
        unnumbered(&format!("{scheme} {}", sent.credentials))
    });
    let answer = if accepts(exchange) { "accepted".to_owned() } else { exchange.response.status.to_string() };
    let _ = writeln!(text, "{party:<4} {:<22}{credentials}\n     {answer}\n", "authorization");
}

fn token_request(text: &mut String, transcript: &Transcript, exchange: &Exchange, parameters: &[&str]) {
    let Exchange { party, request, response, .. } = exchange;
    let _ = writeln!(text, "{party:<4} {} token endpoint", request.method);
    let mut line = |name: &str, value: &str| {
        text.push_str(&row(name, value));
        text.push('\n');
    };
    line(AUTHENTICATION, &authentication(transcript, exchange));
    for name in parameters {
        let values: Vec<_> =
            request.all(name).map(|param| by_name(transcript, &param.value.to_string())).collect();
        let value = if values.is_empty() { ABSENT.to_owned() } else { values.join(" and ") };
        line(name, &unnumbered(&value));
    }
    let answer = response.member("error").or_else(|| response.member("token_type")).unwrap_or_default();
    let _ = writeln!(text, "{}\n", format!("     {} {answer:.SHOWN$}", response.status).trim_end());
}

/// A name and its value on a line.
fn row(name: &str, value: &str) -> String {
    format!("     {name:<22}{value}")
}

/// The name of the line that tells how the client authenticated.
const AUTHENTICATION: &str = "authentication";

/// What stands for a parameter that was not sent.
const ABSENT: &str = "absent";

/// All methods that the server accepts where one of them was used, else what was used.
fn authentication(transcript: &Transcript, exchange: &Exchange) -> String {
    let accepted = transcript.registrations.get(&exchange.party);
    let accepted = accepted.map_or(&[][..], |registration| &registration.methods);
    let used: Vec<_> = exchange.request.authentication.iter().map(Presented::method).collect();
    match used[..] {
        // A public client need not say who it is.
        [] if accepted.contains(&AuthMethod::None) => either(accepted),
        [] => ABSENT.to_owned(),
        [Some(method)] if accepted.contains(&method) => either(accepted),
        _ => {
            let name = |method: &Option<AuthMethod>| {
                method.map_or("another".to_owned(), |method| method.to_string())
            };
            used.iter().map(name).collect::<Vec<_>>().join(" and ")
        }
    }
}

/// The fixed form of a choice among methods.
fn either(methods: &[AuthMethod]) -> String {
    methods.iter().map(AuthMethod::to_string).collect::<Vec<_>>().join(" or ")
}

/// A canonical text as it is for the client that had `exchange`: with the methods that it is registered for, and without
/// a first leg that is made outside of it.
pub(super) fn due(transcript: &Transcript, exchange: &str, on_file: &str) -> String {
    let is_leg1 = |text: &str| text.starts_with("idp ");
    let is_outside = transcript.declared.contains(&Capability::Leg1Outside) && !is_leg1(exchange);
    let is_due = |stretch: &&str| !(is_outside && is_leg1(stretch));
    let line = |party: &str, line: &str| {
        let mut registrations = transcript.registrations.iter();
        let registration = registrations.find(|(registered, _)| registered.to_string() == party);
        match registration {
            Some((_, registration)) if line.trim_start().starts_with(AUTHENTICATION) => {
                row(AUTHENTICATION, &either(&registration.methods))
            }
            _ => line.to_owned(),
        }
    };
    let stretch = |stretch: &str| {
        let party = stretch.split(' ').next().unwrap_or_default();
        stretch.split('\n').map(|text| line(party, text)).collect::<Vec<_>>().join("\n")
    };
    on_file.split("\n\n").filter(is_due).map(stretch).collect::<Vec<_>>().join("\n\n")
}

/// Characters of a code that are shown; a server may say any number.
const SHOWN: usize = 40;

/// Identifiers of the stage by their names, the longest first.
fn by_name(transcript: &Transcript, text: &str) -> String {
    let mut names: Vec<_> = transcript.stage.iter().collect();
    names.sort_by_key(|(name, url)| (std::cmp::Reverse(url.len()), name.len()));
    let issuer = names.iter().find(|(name, url)| name.ends_with(".issuer") && url.as_str() == text);
    let exact = issuer.or_else(|| names.iter().find(|(_, url)| url.as_str() == text));
    exact.map_or_else(|| without_ports(transcript, text), |(name, _)| format!("{{{name}}}"))
}

/// An identifier that a script or a client spells in a way of its own still holds a port of the run.
fn without_ports(transcript: &Transcript, text: &str) -> String {
    Party::ALL.into_iter().fold(text.to_owned(), |text, party| {
        let origin = transcript.stage.get(&format!("{party}.origin"));
        match origin.and_then(|origin| origin.rsplit_once(':')) {
            Some((_, port)) => text.replace(&format!(":{port}"), &format!(":{{{party}.port}}")),
            None => text,
        }
    })
}

/// Which of several equal tokens it was is a client's freedom.
fn unnumbered(text: &str) -> String {
    let mut parts = text.split('«');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |told, part| match part.split_once('#') {
        Some((kind, rest)) if !kind.contains('»') => {
            told + "«" + kind + rest.trim_start_matches(|c: char| c.is_ascii_digit())
        }
        _ => told + "«" + part,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_numbers_and_nothing_else_does() {
        let told = unnumbered("«id_jag#1» and «id_jag#12, cut», http://as/#3, «as.client_id»");
        assert_eq!(told, "«id_jag» and «id_jag, cut», http://as/#3, «as.client_id»");
    }
}
