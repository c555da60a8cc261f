//! Client assertions at both token endpoints.
//!
//! RFC 7521 section 4.2, RFC 7523 sections 2.2 and 3, RFC 7523bis draft -11 section 4.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crosscheck_scenarios::{Party, Severity};
use crosscheck_wire::Text;
use crosscheck_wire::constants::CLIENT_ASSERTION_TYPE;
use crosscheck_wire::transcript::{Exchange, JwtFacts, Param, Presented};

use super::documents::plain;
use super::evidence::{Breach, Evidence, Rule, rule, rule_at_each};
use super::identifier::is_near;
use super::view::View;

pub(super) const RULES: &[Rule] = &[
    rule("cauth-jwt-not-shared", not_shared),
    rule_at_each("cauth-jwt-params", params),
    rule_at_each("cauth-jwt-iss-sub", iss_sub),
    rule_at_each("cauth-jwt-aud-issuer", audience),
    rule_at_each("cauth-jwt-exp-jti", exp_jti),
    rule_at_each("cauth-jwt-alg", signature),
];

/// An assertion as it was presented.
struct Assertion<'a> {
    exchange: &'a Exchange,
    assertion_type: Option<&'a Text>,
    param: &'a Param,
}

const NO_ASSERTION: &str = "the client does not authenticate with an assertion here";

fn assertions<'a>(exchanges: &[&'a Exchange]) -> Vec<Assertion<'a>> {
    let of = |exchange: &'a Exchange| {
        exchange.request.authentication.iter().filter_map(move |presented| match presented {
            Presented::ClientAssertion { assertion_type, assertion, .. } => {
                Some(Assertion { exchange, assertion_type: assertion_type.as_ref(), param: assertion })
            }
            _ => None,
        })
    };
    exchanges.iter().flat_map(|exchange| of(exchange)).collect()
}

/// Judges every assertion that a party got.
fn each(view: &View<'_>, party: Party, check: impl Fn(&Assertion<'_>) -> Option<Breach>) -> Evidence {
    match assertions(view.leg(party)).as_slice() {
        [] => Evidence::NotApplicable(NO_ASSERTION),
        some => Evidence::of(some.iter().filter_map(check)),
    }
}

/// Judges the claims of every assertion that can be read.
fn each_jwt(
    view: &View<'_>,
    party: Party,
    check: impl Fn(&Exchange, &JwtFacts) -> Option<Breach>,
) -> Evidence {
    each(view, party, |assertion| check(assertion.exchange, assertion.param.jwt.as_ref()?))
}

fn params(view: &View<'_>, party: Party) -> Evidence {
    each(view, party, |Assertion { exchange, assertion_type, param }| {
        let breach = |what: &str| Breach::new(exchange, what);
        let declared = assertion_type.map(ToString::to_string).unwrap_or_else(|| "nothing".into());
        if declared != CLIENT_ASSERTION_TYPE {
            let what = "The client assertion is not declared as a JWT.";
            return Some(breach(what).compare("client_assertion_type", CLIENT_ASSERTION_TYPE, declared));
        }
        let count = exchange.request.all("client_assertion").count();
        if count > 1 {
            let what = "The request holds more than one client assertion.";
            return Some(breach(what).compare("client_assertion", "one", count.to_string()));
        }
        let what = "The client assertion is no JWT.";
        param.jwt.is_none().then(|| breach(what).compare("client_assertion", "a JWT", "something else"))
    })
}

fn iss_sub(view: &View<'_>, party: Party) -> Evidence {
    let ids = [Party::Idp, Party::As, Party::As2].map(|party| format!("«{party}.client_id»"));
    each_jwt(view, party, |exchange, jwt| {
        let expected = format!("«{}.client_id»", exchange.party);
        let (iss, sub) = (jwt.claim("iss").unwrap_or("nothing"), jwt.claim("sub").unwrap_or("nothing"));
        // An assertion that is in order for the client's other id is a confusion of clients.
        if iss == sub && ids.iter().any(|id| id == iss) {
            return None;
        }
        let what = "`iss` and `sub` of the client assertion are not both the client id.";
        let seen = format!("{iss} and {sub}");
        Some(Breach::new(exchange, what).compare("iss and sub", expected, seen))
    })
}

fn audience(view: &View<'_>, party: Party) -> Evidence {
    each_jwt(view, party, |exchange, jwt| {
        let issuer = view.issuer(exchange.party);
        let near = match jwt.claims.get("aud") {
            Some(Value::String(aud)) if aud == issuer => return None,
            // What older rules allowed is told without failing the client.
            Some(Value::String(aud)) => *aud == view.url(exchange) || is_near(aud, issuer),
            Some(Value::Array(many)) => matches!(many.as_slice(), [Value::String(one)] if one == issuer),
            _ => false,
        };
        let seen = jwt.claims.get("aud").map_or("nothing".into(), plain);
        let what = "`aud` of the client assertion is not the server's issuer identifier alone.";
        let breach = Breach::new(exchange, what).compare("aud", issuer, seen);
        Some(breach.tolerated(near))
    })
}

fn exp_jti(view: &View<'_>, party: Party) -> Evidence {
    let mut used = HashMap::new();
    for Assertion { exchange, param, .. } in
        assertions(view.leg(Party::Idp)).iter().chain(&assertions(view.leg(Party::As)))
    {
        if let Some(jti) = param.jwt.as_ref().and_then(|jwt| jwt.claim("jti")) {
            let first = used.entry(jti).or_insert(exchange.number);
            *first = (*first).min(exchange.number);
        }
    }
    each_jwt(view, party, |exchange, jwt| {
        let jti = jwt.claim("jti").filter(|jti| !jti.is_empty());
        let (exp, iat) = (seconds(jwt, "exp"), seconds(jwt, "iat"));
        if exp.is_none() {
            return Some(
                Breach::new(exchange, "The client assertion has no `exp`.").compare("exp", "soon", "nothing"),
            );
        }
        let Some(jti) = jti else {
            let breach = Breach::new(exchange, "The client assertion has no `jti`.");
            return Some(breach.compare("jti", "new in every request", "nothing"));
        };
        if let Some(first) = used.get(jti).filter(|first| **first < exchange.number) {
            let breach = Breach::new(exchange, "The client assertion has a `jti` that was used before.");
            return Some(breach.compare("jti", "new in every request", format!("that of #{first}")));
        }
        let life = exp?.saturating_sub(iat?);
        (life > LONGEST_LIFE).then(|| {
            let breach = Breach::new(exchange, "The client assertion is good for longer than ten minutes.");
            breach
                .compare("exp - iat", format!("at most {LONGEST_LIFE} s"), format!("{life} s"))
                .at_most(Severity::Warn)
        })
    })
}

fn signature(view: &View<'_>, party: Party) -> Evidence {
    each_jwt(view, party, |exchange, jwt| {
        let key = format!("{}.client_key", exchange.party);
        (jwt.verifies_with.as_ref() != Some(&key)).then(|| {
            let alg = jwt.header.get("alg").map_or("no alg".into(), plain);
            let verifies =
                jwt.verifies_with.as_ref().map_or("no key of this run".into(), |name| format!("«{name}»"));
            let what = "The client assertion does not verify with the key that is registered here.";
            Breach::new(exchange, what).compare("signature", format!("«{key}»"), format!("{verifies}, {alg}"))
        })
    })
}

fn not_shared(view: &View<'_>) -> Evidence {
    let presented = assertions(&view.exchanges);
    let parties: BTreeSet<_> = presented.iter().map(|assertion| assertion.exchange.party).collect();
    if parties.len() < 2 {
        return Evidence::NotApplicable(
            "the client does not authenticate with assertions at several servers",
        );
    }
    Evidence::of(presented.iter().enumerate().filter_map(|(at, later)| {
        let elsewhere = |earlier: &&Assertion<'_>| {
            earlier.param == later.param && earlier.exchange.party != later.exchange.party
        };
        let first = presented[..at].iter().find(elsewhere)?.exchange.number;
        let breach =
            Breach::new(later.exchange, "The client assertion made for one server is sent to another.");
        let seen = format!("the same in #{first} and #{}", later.exchange.number);
        Some(breach.compare("client_assertion", "one for each server", seen))
    }))
}

fn seconds(jwt: &JwtFacts, name: &str) -> Option<i64> {
    let value = jwt.claims.get(name)?;
    value.as_i64().or_else(|| value.as_f64().map(|number| number as i64))
}

/// Seconds that an assertion may reasonably be good for.
const LONGEST_LIFE: i64 = 600;
