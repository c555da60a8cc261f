//! What a refusal of a token endpoint looks like to its reader, and which one a scenario is about.
//!
//! RFC 6749 section 5.2, RFC 8693 section 2.2.2, ID-JAG draft -04 section 9.2. The shape decides on the row that a
//! refusal belongs to: nobody owes the code of a body that need not be readable.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crosscheck_scenarios::Party;
use crosscheck_wire::transcript::{Exchange, Response, SCRIPTED};

use super::view::{View, token_refused};

/// The row to which it belongs what the caller learns of a refusal.
pub(super) fn owner(refusal: &Exchange) -> &'static str {
    let at_idp = refusal.party == Party::Idp;
    let by_leg = |idp, other| if at_idp { idp } else { other };
    if refusal.response.status == 0 {
        return "http-reset";
    }
    match regular_code(&refusal.response) {
        None => by_leg("txe-odd-body", "jbe-odd-body"),
        Some(code) if KNOWN.contains(&code) => by_leg("txe-reported", "jbe-reported"),
        Some(STEP_UP) if at_idp => match max_age(&refusal.response) {
            None | Some(Value::Number(_)) => "txe-step-up",
            Some(_) => "txe-step-up-types",
        },
        Some(_) => by_leg("txe-unknown-code", "jbe-unknown-code"),
    }
}

/// The code of an error answer that is in every respect as RFC 6749 section 5.2 has it, whatever the code.
fn regular_code(response: &Response) -> Option<&str> {
    let media_type = response.header("content-type")?.to_string();
    let is_json =
        media_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    let text = response.body.text.to_string();
    let is_text = !text.starts_with('\u{feff}') && !text.contains('\u{fffd}');
    let whole = response.body.complete && response.body.bytes <= LONG;
    let mut names = HashSet::new();
    let once = members(&text).into_iter().all(|(name, _)| names.insert(name));
    let json = response.body.json.as_ref()?;
    let texts =
        ["error_description", "error_uri"].iter().all(|name| json.get(name).is_none_or(Value::is_string));
    let is_regular =
        is_json && is_text && whole && once && texts && response.header("content-encoding").is_none();
    json.get("error")?.as_str().filter(|code| is_regular && !code.trim().is_empty())
}

fn max_age(response: &Response) -> Option<&Value> {
    response.body.json.as_ref()?.get("max_age")
}

/// Every code that a reader may take from a refusal: more than one where `error` stands twice.
pub(super) fn codes(response: &Response) -> Vec<String> {
    let members = members(&response.body.text.to_string());
    let codes = members.into_iter().filter(|(name, _)| name == "error");
    codes.filter_map(|(_, code)| Some(code.as_str()?.to_owned())).collect()
}

/// The members of a JSON object as they stand in it, those that stand twice too; none of what is no object.
fn members(text: &str) -> Vec<(String, Value)> {
    struct Members(Vec<(String, Value)>);

    impl<'de> Deserialize<'de> for Members {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Object;

            impl<'de> Visitor<'de> for Object {
                type Value = Members;

                fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                    out.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                    let mut members = Vec::new();
                    while let Some(member) = map.next_entry()? {
                        members.push(member);
                    }
                    Ok(Members(members))
                }
            }

            deserializer.deserialize_map(Object)
        }
    }

    serde_json::from_str(text).map_or_else(|_| Vec::new(), |Members(members)| members)
}

/// The refusal by a token endpoint that ended the run. A second leg without a grant is no flow, and what it is
/// answered is nobody's news.
fn last_refusal<'a>(view: &View<'a>) -> Option<&'a Exchange> {
    let last = *view.token_requests.last()?;
    let has_grant =
        view.leg1_is_outside() || view.leg(Party::Idp).iter().any(|exchange| view.granted(exchange));
    let in_flow = last.party == Party::Idp || has_grant;
    (in_flow && token_refused(last) && !view.is_authorized()).then_some(last)
}

/// The refusal that the scenario is about, if the run ended with it. An error in a success is none.
pub(super) fn at_issue<'a>(view: &View<'a>) -> Option<&'a Exchange> {
    let due = &view.scenario.expect.surfaced;
    last_refusal(view).filter(|last| match (view.scenario.at, &due.error) {
        (Some(party), _) => {
            last.party == party
                && match last.response.status {
                    0 => true,
                    status => status >= 300 && last.refusal == SCRIPTED,
                }
        }
        (None, Some(code)) => last.response.member("error") == Some(code),
        (None, None) => Some(last.response.status) == due.status,
    })
}

/// The code of a refusal by an error status.
pub(super) fn code(exchange: &Exchange) -> Option<&str> {
    exchange.response.member("error").filter(|_| exchange.response.status >= 300)
}

/// Whether the flow was begun anew between two requests: the MCP server asked for a token once more.
pub(super) fn begun_anew(view: &View<'_>, from: &Exchange, to: &Exchange) -> bool {
    let between = from.number..to.number;
    view.to_mcp_servers().any(|other| between.contains(&other.number) && other.response.status == 401)
}

/// The code with which an IdP asks for another sign-on.
pub(super) const STEP_UP: &str = "insufficient_user_authentication";

/// Codes that RFC 6749 section 5.2, RFC 8693 section 2.2.2 and the proposals for the ID-JAG draft define.
const KNOWN: [&str; 8] = [
    "access_denied",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "unauthorized_client",
    "unsupported_grant_type",
];

/// Bytes of a body from which on its reader may stop.
const LONG: u64 = 64 << 10;
