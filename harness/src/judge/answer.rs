//! What an answer of a token endpoint is, by its shape alone.
//!
//! RFC 6749 sections 5.1 and 5.2, RFC 8693 section 2.2, ID-JAG draft -04 section 4.3.4.

use serde_json::Value;

use crosscheck_scenarios::Party;
use crosscheck_wire::constants::TOKEN_TYPE_ID_JAG;
use crosscheck_wire::transcript::Exchange;

use super::view::{View, authorization};

/// What a token endpoint answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    /// The connection ended before a status.
    Broken,
    /// A status that is no success.
    Refusal,
    /// A success that holds nothing to go on with.
    Nothing(Nothing),
    /// A token.
    Token,
}

/// Why there is nothing to go on with in a success.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Nothing {
    /// The body is no JSON.
    NotJson,
    /// The body is JSON and no object.
    NotObject,
    /// There is an `error`, and no token.
    Error,
    /// `access_token` is missing, or nothing that could be sent on.
    NoToken,
    /// The IdP issued something else than an ID-JAG, or does not say what.
    IssuedType,
    /// The access token is no Bearer token, or the answer does not say what.
    TokenType,
}

/// The shape of an answer to a request of either leg.
pub(crate) fn shape(exchange: &Exchange) -> Shape {
    match exchange.response.status {
        0 => return Shape::Broken,
        200..300 => {}
        _ => return Shape::Refusal,
    }
    let response = &exchange.response;
    let Some(Value::Object(members)) = &response.body.json else {
        // A saved transcript does not tell `null` from no JSON.
        let is_json = response.body.json.is_some()
            || serde_json::from_str::<Value>(&response.body.text.to_string()).is_ok();
        return Shape::Nothing(if is_json { Nothing::NotObject } else { Nothing::NotJson });
    };
    let at_idp = exchange.party == Party::Idp;
    let is_usable = |token: &str| match at_idp {
        true => !token.trim().is_empty(),
        false => !token.is_empty() && !token.contains(|c: char| c.is_whitespace() || c.is_control()),
    };
    if !response.member("access_token").is_some_and(is_usable) {
        let is_error = members.get("error").is_some_and(|error| !error.is_null());
        return Shape::Nothing(if is_error { Nothing::Error } else { Nothing::NoToken });
    }
    let is_bearer = || response.member("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer"));
    match at_idp {
        true if response.member("issued_token_type") != Some(TOKEN_TYPE_ID_JAG) => {
            Shape::Nothing(Nothing::IssuedType)
        }
        false if !is_bearer() => Shape::Nothing(Nothing::TokenType),
        _ => Shape::Token,
    }
}

/// Requests of the step behind a leg that come before the leg brought its first token, each with the answer of the
/// leg that came last before it: grants presented to the resource authorization server, or requests to the MCP server
/// with an `Authorization` header.
pub(super) fn premature<'a>(view: &View<'a>, party: Party) -> Vec<(&'a Exchange, &'a Exchange)> {
    let leg = view.leg(party);
    let first = leg.iter().find(|exchange| shape(exchange) == Shape::Token);
    let next: Vec<_> = match party {
        Party::Idp => view.leg(Party::As).to_vec(),
        _ => view.to_mcp_servers().filter(|exchange| authorization(&exchange.request).is_some()).collect(),
    };
    let early = next.into_iter().filter(|next| first.is_none_or(|first| next.number < first.number));
    let last_before = |number| leg.iter().copied().rfind(|exchange| exchange.number < number);
    early.filter_map(|next| Some((next, last_before(next.number)?))).collect()
}
