//! The canonical exchange of a run as text: only what the documents fix, by name.
//!
//! Discovery requests, optional parameters, repeats and MCP traffic beyond the first accepted request are a
//! client's freedom and left out, so that every conforming client yields the same text.

use std::fmt::Write as _;

use crosscheck_scenarios::{AuthMethod, EndpointName, Party};
use crosscheck_wire::Transcript;
use crosscheck_wire::transcript::Exchange;

/// Parameters of the exchange that the documents demand (ID-JAG draft -04, section 4.3).
const EXCHANGE: &[&str] =
    &["audience", "grant_type", "requested_token_type", "subject_token", "subject_token_type"];
/// Parameters of the second leg that they demand (ID-JAG draft -04, section 4.4).
const GRANT: &[&str] = &["assertion", "grant_type"];

/// The canonical text.
pub fn canonical(transcript: &Transcript) -> String {
    let mut text = format!("profile {}\n", transcript.profile);
    for (party, parameters) in [(Party::Idp, EXCHANGE), (Party::As, GRANT), (Party::As2, GRANT)] {
        if let Some(exchange) = deciding(transcript, party) {
            token_request(&mut text, transcript, exchange, parameters);
        }
    }
    let accepted = accepted(transcript);
    if accepted {
        text.push_str("\nmcp  authorization  Bearer «access_token»\n     accepted\n");
    }
    let _ = write!(text, "\noutcome  {}\n", if accepted { "authorized" } else { "refused" });
    text
}

/// The token request that decided a leg: the first that was granted, else the first.
fn deciding(transcript: &Transcript, party: Party) -> Option<&Exchange> {
    let mut requests = transcript
        .of_client()
        .filter(|exchange| exchange.party == party && exchange.endpoint == EndpointName::Token);
    requests.clone().find(|exchange| exchange.response.status == 200).or_else(|| requests.next())
}

/// Whether the MCP server accepted an access token of the run.
pub(crate) fn accepted(transcript: &Transcript) -> bool {
    transcript.of_client().any(|exchange| {
        exchange.endpoint == EndpointName::Mcp
            && exchange.response.status < 300
            && exchange.request.mentions.iter().any(|mention| mention.name.starts_with("access_token#"))
    })
}

fn token_request(text: &mut String, transcript: &Transcript, exchange: &Exchange, parameters: &[&str]) {
    let Exchange { party, request, response, .. } = exchange;
    let _ = write!(text, "\n{party:<4} {} token endpoint\n", request.method);
    let methods =
        transcript.registrations.get(party).into_iter().flat_map(|registration| &registration.methods);
    let methods: Vec<_> = methods.map(AuthMethod::to_string).collect();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "     {name:<22}{value}");
    };
    line("authentication", &methods.join(" or "));
    for name in parameters {
        let value = request.param(name).map_or("absent".to_owned(), |param| param.value.to_string());
        line(name, &unnumbered(&by_name(transcript, &value)));
    }
    let answer = response.member("error").or_else(|| response.member("token_type")).unwrap_or_default();
    let _ = writeln!(text, "{}", format!("     {} {answer:.SHOWN$}", response.status).trim_end());
}

/// Characters of a code that are shown; a server may say any number.
const SHOWN: usize = 40;

/// Identifiers of the stage by their names, the longest first.
fn by_name(transcript: &Transcript, text: &str) -> String {
    let mut names: Vec<_> = transcript.stage.iter().collect();
    names.sort_by_key(|(name, url)| (std::cmp::Reverse(url.len()), name.len()));
    let issuer = names.iter().find(|(name, url)| name.ends_with(".issuer") && url.as_str() == text);
    let exact = issuer.or_else(|| names.iter().find(|(_, url)| url.as_str() == text));
    let port = || transcript.stage.get("as.port").map_or("", String::as_str);
    // An identifier that a script spells in a way of its own still holds the port of the run.
    exact.map_or_else(|| text.replace(port(), "{as.port}"), |(name, _)| format!("{{{name}}}"))
}

/// Which of several equal tokens it was is a client's freedom.
fn unnumbered(text: &str) -> String {
    match text.split_once('#') {
        Some((start, rest)) => format!("{start}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => text.to_owned(),
    }
}
