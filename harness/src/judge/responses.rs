//! Tokens that the client must take, however the answer of the token endpoint that brings them is written.
//!
//! RFC 8693 section 2.2.1, RFC 6749 sections 1.4 and 5.1, ID-JAG draft -04 sections 4.3.4 and 4.4. An answer belongs
//! to one row, by what is odd about it; one whose reading is free belongs to none.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crosscheck_scenarios::{Bend, Outcome, Party, Severity, TokenBend};
use crosscheck_wire::transcript::{Ended, Exchange};

use super::evidence::{Breach, Evidence, Rule, rule};
use super::issued::{asked, audiences};
use super::token_request::scopes;
use super::view::{Line, Role, View};

/// Rules that are about nothing but that an answer is taken.
macro_rules! taken {
    ($($id:literal),* $(,)?) => { &[$(rule($id, |view| taken(view, $id))),*] };
}

pub(super) const RULES: &[Rule] = taken![
    "txr-accept",
    "txr-na-accepted",
    "txr-scope-absent",
    "txr-expires-odd",
    "txr-no-id-token-needed",
    "txr-opaque",
    "jbr-accept",
    "jbr-token-type-case",
    "jbr-expires",
    "jbr-opaque",
    "http-unknown-members",
    "http-content-type",
];

/// A leg as far as its answer goes.
struct Leg {
    party: Party,
    role: Role,
    is_next: fn(Party) -> bool,
    due: &'static str,
    what: &'static str,
    /// `token_type` as the documents write it.
    token_type: &'static str,
    /// Members that the answer may have besides those of both legs.
    members: &'static [&'static str],
    /// The rows: nothing is odd, letter case of `token_type`, `expires_in`, a token that cannot be read, a further
    /// token.
    regular: &'static str,
    case: &'static str,
    expires: &'static str,
    opaque: &'static str,
    refresh_token: &'static str,
}

const EXCHANGE: Leg = Leg {
    party: Party::Idp,
    role: Role::Grant,
    is_next: Party::is_authorization_server,
    due: "POST as, with the grant",
    what: "The client gives up after the IdP issued an ID-JAG.",
    token_type: "N_A",
    members: &["issued_token_type"],
    regular: "txr-accept",
    case: "txr-na-accepted",
    expires: "txr-expires-odd",
    opaque: "txr-opaque",
    refresh_token: "txr-refresh-ignored",
};

const GRANT_REQUEST: Leg = Leg {
    party: Party::As,
    role: Role::AccessToken,
    is_next: Party::is_mcp_server,
    due: "POST mcp, with the access token",
    what: "The client gives up after the resource authorization server issued an access token.",
    token_type: "Bearer",
    members: &[],
    regular: "jbr-accept",
    case: "jbr-token-type-case",
    expires: "jbr-expires",
    opaque: "jbr-opaque",
    refresh_token: "jbr-refresh-token",
};

/// The token of an answer is used in the next step. A client that went on with something else first, such as
/// discovery, and failed there is not judged by this.
pub(super) fn taken(view: &View<'_>, id: &str) -> Evidence {
    let none = Evidence::Unreached("no token endpoint gave such an answer");
    [EXCHANGE, GRANT_REQUEST].iter().fold(none, |evidence, leg| {
        let at_leg = view.leg(leg.party).iter().rev();
        let mut issued = at_leg.filter_map(|exchange| Some((*exchange, row(view, leg, exchange)?)));
        match issued.find(|(_, (row, _))| *row == id) {
            Some((last, (_, at_most))) => taken_at(view, leg, last, at_most).and(evidence),
            None => evidence,
        }
    })
}

fn taken_at(view: &View<'_>, leg: &Leg, last: &Exchange, at_most: Severity) -> Evidence {
    if view.exchanges.iter().any(|exchange| view.mentions(exchange, leg.role).next().is_some()) {
        return Evidence::Kept;
    }
    let next = view.exchanges.iter().find(|exchange| exchange.number > last.number);
    let went_on =
        view.exchanges.iter().any(|exchange| exchange.number > last.number && (leg.is_next)(exchange.party));
    let expect = &view.scenario.expect;
    let due = expect.outcome == Outcome::Authorized
        || expect.reached.iter().any(|reached| (leg.is_next)(reached.party))
        // What counts for nothing may be told where the client is free to stop.
        || (expect.outcome == Outcome::Either && at_most == Severity::Info);
    if !due || went_on || !matches!(view.transcript.client.ended, Ended::Exited(_)) {
        return Evidence::Unreached("the client did not get as far as using the token");
    }
    let seen = next.map_or_else(|| format!("none; {}", view.ending()), |next| Line(next).to_string());
    let breach = Breach::new(last, leg.what).compare("next request", leg.due, seen);
    Evidence::Broken(vec![breach.at_most(at_most).ends_run()])
}

/// The row that asks for an answer to be taken, and the most that giving up counts as; `None` where there is no token
/// or the client may well refuse it.
fn row(view: &View<'_>, leg: &Leg, exchange: &Exchange) -> Option<(&'static str, Severity)> {
    let members = exchange.response.body.json.as_ref()?.as_object()?;
    if !view.granted(exchange) || exchange.response.status != 200 || members.contains_key("error") {
        return None;
    }
    // Nothing that a server leaves out of its own accord is odd.
    let Some(script) = view.script(exchange) else { return Some((leg.regular, Severity::Fail)) };
    // A byte order mark is one reader's rubbish and another's white space.
    if exchange.response.body.text.to_string().starts_with('\u{feff}') {
        return None;
    }
    let token_type = exchange.response.member("token_type")?;
    if !token_type.eq_ignore_ascii_case(leg.token_type) {
        return None;
    }
    let Bend { set, null, remove } = &script.json;
    let mut bent = set.keys().chain(null).chain(remove);
    let is_scripted = script.reply.is_some() || bent.any(|name| name == "scope");
    let scope = scope(&asked(view, exchange), members, is_scripted)?;
    let form = form(view, leg, exchange, &script.token)?;
    let is_known = |name: &String| leg.members.iter().chain(&MEMBERS).any(|known| known == name);
    // Where the type of a member is known, a null is not of it.
    let has_null =
        members.iter().any(|(name, value)| value.is_null() && (is_known(name) || name == "id_token"));
    let at_idp = leg.party == Party::Idp;
    let is_minimal = scope == Scope::Absent && !members.contains_key("expires_in");
    let unknown = members.keys().any(|name| !is_known(name));
    let due = |is_odd: bool, row| is_odd.then_some((row, Severity::Fail));
    let odd = [
        due(token_type != leg.token_type, leg.case),
        due(at_idp && is_minimal, "txr-no-id-token-needed"),
        due(at_idp && scope != Scope::Granted, "txr-scope-absent"),
        lifetime(members).map(|at_most| (leg.expires, at_most)),
        due(members.contains_key("refresh_token"), leg.refresh_token),
        due(unknown, "http-unknown-members"),
        has_null.then_some(("http-unknown-members", Severity::Warn)),
        packing(exchange).map(|at_most| ("http-content-type", at_most)),
        due(form == Form::Unreadable, leg.opaque),
        due(form == Form::Large, "http-large-value"),
    ];
    let odd = odd.into_iter().flatten();
    // Who may refuse one of two oddities may refuse both.
    let at_most = odd.clone().map(|(_, at_most)| at_most).min().unwrap_or(Severity::Fail);
    Some((odd.map(|(row, _)| row).next().unwrap_or(leg.regular), at_most))
}

/// What an answer says of scope.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Scope {
    /// Nothing, where something was asked for or the script leaves it out.
    Absent,
    /// All that was asked for.
    Granted,
    /// Null.
    Null,
}

/// `None` where less was granted than asked for, or what was granted cannot be told: a client that needs more may stop.
/// What the server leaves alone is as it should be.
fn scope(asked: &BTreeSet<String>, members: &Map<String, Value>, is_scripted: bool) -> Option<Scope> {
    match members.get("scope") {
        None if asked.is_empty() && !is_scripted => Some(Scope::Granted),
        None => Some(Scope::Absent),
        Some(Value::Null) => Some(Scope::Null),
        Some(_) if !is_scripted => Some(Scope::Granted),
        Some(stated) => {
            let stated = scopes(stated.as_str()?);
            (!asked.is_empty() && asked.is_subset(&stated)).then_some(Scope::Granted)
        }
    }
}

/// What refusing an odd `expires_in` counts as: what RFC 6749 permits is no more than unusual.
fn lifetime(members: &Map<String, Value>) -> Option<Severity> {
    match members.get("expires_in") {
        None | Some(Value::Null) => Some(Severity::Warn),
        Some(Value::Number(seconds)) => {
            let is_sensible = seconds.as_f64().is_some_and(|seconds| seconds > 0.0 && seconds <= LONGEST);
            match (is_sensible, seconds.is_u64()) {
                (true, true) => None,
                (true, false) => Some(Severity::Warn),
                (false, _) => Some(Severity::Info),
            }
        }
        Some(_) => Some(Severity::Info),
    }
}

/// What refusing an odd content type counts as: a wrong one may be refused.
fn packing(exchange: &Exchange) -> Option<Severity> {
    let stated = exchange.response.header("content-type").map(ToString::to_string).unwrap_or_default();
    let mut parts = stated.split(';').map(|part| part.trim().to_ascii_lowercase().replace('"', ""));
    let is_json = parts.next().as_deref() == Some("application/json");
    let is_utf8 = parts.all(|part| part.strip_prefix("charset=").is_none_or(|charset| charset == "utf-8"));
    match stated == "application/json" {
        true => None,
        false if is_json && is_utf8 => Some(Severity::Fail),
        false => Some(Severity::Info),
    }
}

/// What the token looks like to the client.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Form {
    /// It is long.
    Large,
    /// As usual.
    Regular,
    /// It cannot be read, or holds what the client does not expect.
    Unreadable,
}

/// `None` for a grant in which a client that can read it may find a reason to stop.
fn form(view: &View<'_>, leg: &Leg, exchange: &Exchange, token: &TokenBend) -> Option<Form> {
    let TokenBend { header, claims, padding, form } = token;
    if *form != Default::default() {
        return Some(Form::Unreadable);
    }
    let names = [header, claims]
        .into_iter()
        .flat_map(|bend| bend.set.keys().chain(&bend.null).chain(&bend.remove).map(String::as_str));
    let is_checked = |name: &str| match name {
        "aud" => {
            let asked = exchange.request.all("audience").map(|param| param.value.to_string());
            let stated = audiences(view, token);
            !asked.into_iter().any(|audience| stated.contains(&audience))
        }
        name => CHECKED.contains(&name),
    };
    if leg.party == Party::Idp && names.clone().any(is_checked) {
        return None;
    }
    Some(match (names.count(), padding) {
        (0, 0) => Form::Regular,
        (0, _) => Form::Large,
        _ => Form::Unreadable,
    })
}

/// Members of both answers that clients are expected to know.
const MEMBERS: [&str; 5] = ["access_token", "expires_in", "refresh_token", "scope", "token_type"];

/// Claims and header parameters of a grant that a client may check (ID-JAG draft -04 section 3.1).
const CHECKED: [&str; 10] =
    ["authorization_details", "client_id", "exp", "iat", "iss", "jti", "nbf", "resource", "scope", "typ"];

/// Seconds beyond which a lifetime may be taken for a mistake.
const LONGEST: f64 = u32::MAX as f64;
