//! Successes of the token endpoints: those that must be taken, those that are none, and what comes of them.

use serde_json::{Value, json};

use crosscheck_scenarios::{Bend, EndpointName, Outcome, Party, Profile, Step};
use crosscheck_wire::Text;
use crosscheck_wire::constants::TOKEN_TYPE_ID_JAG;
use crosscheck_wire::ledger::ValueKind;
use crosscheck_wire::transcript::{Ended, Exchange, Header, OutcomeReport, Report};

use crate::check::Verdict;

use super::sample::{
    FIRST_CALL, LEG1, LEG2, SECOND_CALL, Sample, TRAP, around, document, exchange, flow, json_response, leg1,
    leg2, metadata_of, remove, set, set_header, value,
};
use super::{fails, only};

/// The honest flow with an answer that has these members besides the regular ones; null takes a member away, and
/// `"null"` makes it null.
fn answered(at: usize, members: Value) -> Sample {
    let mut sample = Sample::honest();
    let regular = [json!({"expires_in": 300, "scope": "files:read"}), members];
    sample.bend(at, |exchange| {
        let answer = exchange.response.body.json.as_mut().unwrap().as_object_mut().unwrap();
        for (name, value) in regular.iter().flat_map(|members| members.as_object().unwrap()) {
            match value {
                Value::Null => drop(answer.remove(name)),
                value if value == "null" => drop(answer.insert(name.clone(), Value::Null)),
                value => drop(answer.insert(name.clone(), value.clone())),
            }
        }
    });
    script(&mut sample, at, Step { delay_ms: 1, ..Step::default() });
    sample
}

/// Lets the script change the answer.
fn script(sample: &mut Sample, at: usize, step: Step) {
    let steps = match at {
        LEG1 => &mut sample.scenario.idp.token,
        _ => &mut sample.scenario.resource_as.token,
    };
    *steps = vec![step];
}

fn typed(sample: &mut Sample, at: usize, content_type: &'static str) {
    let header = Header { name: "content-type".into(), value: Text::plain(content_type) };
    sample.bend(at, |exchange| exchange.response.headers = vec![header]);
}

/// A token that the script changes.
fn token(at: usize, bend: &Value) -> Sample {
    let mut sample = answered(at, json!({}));
    let token = serde_json::from_value(bend.clone()).unwrap();
    script(&mut sample, at, Step { token, ..Step::default() });
    sample
}

/// Asserts that an answer is a row's: nothing is found where it is taken, and the row where the client gives up.
fn given_up(mut sample: Sample, at: usize, id: &str, verdict: Option<Verdict>) {
    assert_eq!(sample.findings(), [], "{id}");
    if verdict.is_some() {
        assert_eq!(sample.verdict(id), Verdict::Pass, "{id}");
    }
    if verdict.is_none_or(|verdict| verdict == Verdict::Info) {
        sample.scenario.expect.outcome = Outcome::Either;
    }
    let due: Vec<_> = verdict.into_iter().map(|verdict| (id.to_owned(), verdict)).collect();
    assert_eq!(sample.stop_after(at).findings(), due, "{id}");
}

#[test]
fn every_oddity_has_its_row() {
    use Verdict::{Fail, Info, Warn};
    for (at, id, verdict, members) in [
        (LEG1, "txr-accept", Fail, json!({})),
        (LEG1, "txr-na-accepted", Fail, json!({"token_type": "n_a"})),
        (LEG1, "txr-scope-absent", Warn, json!({"scope": null})),
        (LEG1, "txr-scope-absent", Warn, json!({"scope": "null"})),
        (LEG1, "txr-no-id-token-needed", Warn, json!({"scope": null, "expires_in": null})),
        (LEG1, "txr-expires-odd", Warn, json!({"expires_in": null})),
        (LEG1, "txr-expires-odd", Warn, json!({"expires_in": "null"})),
        (LEG1, "txr-expires-odd", Warn, json!({"expires_in": 299.5})),
        (LEG1, "txr-expires-odd", Info, json!({"expires_in": "300"})),
        (LEG1, "txr-expires-odd", Info, json!({"expires_in": -1})),
        (LEG1, "txr-expires-odd", Info, json!({"expires_in": 1e308})),
        (LEG1, "txr-expires-odd", Info, json!({"expires_in": {}})),
        (LEG1, "txr-refresh-ignored", Warn, json!({"refresh_token": "r"})),
        (LEG1, "http-unknown-members", Fail, json!({"id_token": "x", "resource": {"a": 1}})),
        (LEG1, "http-unknown-members", Fail, json!({"issued_at": "null"})),
        (LEG2, "jbr-accept", Fail, json!({})),
        (LEG2, "jbr-accept", Fail, json!({"scope": null})),
        (LEG2, "jbr-token-type-case", Fail, json!({"token_type": "BEARER"})),
        (LEG2, "jbr-expires", Warn, json!({"expires_in": null})),
        (LEG2, "jbr-expires", Info, json!({"expires_in": "soon"})),
        (LEG2, "jbr-refresh-token", Warn, json!({"refresh_token": "r"})),
        (LEG2, "http-unknown-members", Warn, json!({"scope": "null"})),
        (LEG2, "http-unknown-members", Warn, json!({"id_token": "null", "issued_at": "null"})),
    ] {
        given_up(answered(at, members), at, id, Some(verdict));
    }
    for at in [LEG1, LEG2] {
        for (content_type, verdict) in [
            ("application/json;charset=UTF-8", Warn),
            ("Application/JSON", Warn),
            ("application/json; charset=iso-8859-1", Info),
            ("text/plain", Info),
        ] {
            let mut sample = answered(at, json!({}));
            typed(&mut sample, at, content_type);
            given_up(sample, at, "http-content-type", Some(verdict));
        }
    }
}

#[test]
fn who_asks_for_no_scope_misses_none() {
    for (members, id) in [
        (json!({"scope": null}), "txr-accept"),
        (json!({"scope": null, "expires_in": null}), "txr-expires-odd"),
    ] {
        let mut sample = answered(LEG1, members);
        sample.bend(LEG1, |exchange| remove(exchange, "scope"));
        assert_eq!(sample.findings(), []);
        assert_eq!(sample.verdict(id), Verdict::Pass);
        assert_eq!(sample.verdict("txr-scope-absent"), Verdict::NotApplicable);
        let json = serde_json::from_value(json!({"remove": ["scope"]})).unwrap();
        script(&mut sample, LEG1, Step { json, ..Step::default() });
        assert_eq!(sample.verdict(id), Verdict::NotApplicable);
    }
}

#[test]
fn tokens_are_not_read() {
    for (at, id, verdict, bend) in [
        (LEG1, "txr-opaque", Verdict::Fail, json!({"form": "encrypted"})),
        (LEG1, "txr-opaque", Verdict::Fail, json!({"claims": {"set": {"aud": ["{as.issuer}"]}}})),
        (LEG1, "http-large-value", Verdict::Warn, json!({"padding": 16_384})),
        (
            LEG2,
            "jbr-opaque",
            Verdict::Warn,
            json!({"claims": {"set": {"exp": 1, "iss": "https://elsewhere"}}}),
        ),
        (LEG2, "http-large-value", Verdict::Warn, json!({"padding": 16_384})),
    ] {
        given_up(token(at, &bend), at, id, Some(verdict));
    }
}

#[test]
fn who_refuses_an_answer_that_is_wrong_is_left_alone() {
    for members in [
        json!({"token_type": "Bearer"}),
        json!({"token_type": null}),
        json!({"error": "invalid_grant"}),
        json!({"error": "null"}),
    ] {
        let mut sample = answered(LEG1, members);
        sample.scenario.expect.outcome = Outcome::Either;
        assert_eq!(sample.stop_after(LEG1).findings(), []);
    }
    let mut created = answered(LEG2, json!({}));
    created.bend(LEG2, |exchange| exchange.response.status = 201);
    given_up(created, LEG2, "jbr-accept", None);
    for set in [
        json!({"aud": "{trap.issuer}"}),
        json!({"exp": 1}),
        json!({"authorization_details": [{"type": "x-files"}]}),
    ] {
        given_up(token(LEG1, &json!({"claims": {"set": set}})), LEG1, "txr-opaque", None);
    }
    let mut narrowed = answered(LEG1, json!({}));
    narrowed.bend(LEG1, |exchange| set(exchange, "scope", Text::plain("files:read files:write")));
    narrowed.scenario.client.scope = Some("files:read files:write".into());
    let set = json!({"scope": "files:read"}).as_object().unwrap().clone();
    script(&mut narrowed, LEG1, Step { json: Bend { set, ..Bend::default() }, ..Step::default() });
    given_up(narrowed, LEG1, "txr-accept", None);
}

#[test]
fn a_success_with_an_error_beside_the_token_may_be_used() {
    for at in [LEG1, LEG2] {
        assert_eq!(answered(at, json!({"error": "invalid_grant"})).findings(), []);
    }
}

/// The honest flow with an answer in which there is no token, and a client that goes on or stops.
fn nothing(at: usize, answer: Value, goes_on: bool) -> Sample {
    let mut sample = Sample::honest();
    sample.scenario.expect.outcome = Outcome::Refused;
    sample.bend(at, |exchange| exchange.response = json_response(200, answer)).stop_after(at);
    match at {
        _ if !goes_on => {}
        LEG1 => {
            let mut blind = leg2();
            set(&mut blind, "assertion", Text::plain("undefined"));
            blind.response = json_response(400, json!({"error": "invalid_grant"}));
            sample.then([blind]).transcript.client.ended = Ended::Exited(1);
        }
        _ => {
            let mut blind = exchange(Party::Mcp, EndpointName::Mcp, "POST", "/mcp", 401);
            set_header(&mut blind, "authorization", Text::plain("Bearer undefined"));
            sample.then([blind]).transcript.client.ended = Ended::Exited(1);
        }
    }
    sample
}

fn body(text: &'static str) -> impl Fn(&mut Exchange) {
    move |exchange| {
        exchange.response.body.json = None;
        exchange.response.body.text = Text::plain(text);
    }
}

#[test]
fn the_flow_ends_where_there_is_no_token() {
    for (at, id, answer) in [
        (LEG1, "txr-no-token", json!({})),
        (LEG1, "txr-no-token", json!({"access_token": null, "issued_token_type": TOKEN_TYPE_ID_JAG})),
        (LEG1, "txr-no-token", json!({"access_token": " ", "issued_token_type": TOKEN_TYPE_ID_JAG})),
        (LEG1, "txr-no-token", json!({"access_token": 12345})),
        (LEG1, "txe-error-in-200", json!({"ok": false, "error": "invalid_code"})),
        (LEG1, "txr-issued-type", json!({"access_token": "t", "issued_token_type": "…:access_token"})),
        (LEG1, "http-not-object", json!([])),
        (LEG2, "jbr-no-token", json!({"access_token": "", "token_type": "Bearer"})),
        (LEG2, "jbr-no-token", json!({"error": "invalid_grant"})),
        (LEG2, "jbr-token-type-unknown", json!({"access_token": "t", "token_type": "N_A"})),
        (LEG2, "http-not-object", json!("token")),
    ] {
        assert_eq!(nothing(at, answer.clone(), false).findings(), []);
        fails(&nothing(at, answer, true), id);
    }
    for at in [LEG1, LEG2] {
        for (id, text) in [
            ("http-not-json", ""),
            ("http-not-json", "<html>"),
            ("http-not-object", "null"),
            ("http-not-json", "{\"a"),
        ] {
            assert_eq!(nothing(at, json!({}), false).bend(at, body(text)).findings(), []);
            fails(nothing(at, json!({}), true).bend(at, body(text)), id);
            let mut empty = nothing(at, json!({}), true);
            fails(
                empty.bend(at, body("")).bend(at, |exchange| exchange.response.status = 204),
                "http-not-json",
            );
        }
    }
}

#[test]
fn a_missing_type_is_a_warning() {
    let untyped = json!({"access_token": "t"});
    let mut grant = nothing(LEG1, untyped.clone(), true);
    only(&grant, "txr-issued-type", Verdict::Warn);
    grant.transcript.profile = Profile::Strict;
    fails(&grant, "txr-issued-type");
    only(&nothing(LEG2, untyped, true), "jbr-token-type-unknown", Verdict::Warn);
    // The token itself may be good.
    for (at, member, id) in
        [(LEG1, "issued_token_type", "txr-issued-type"), (LEG2, "token_type", "jbr-token-type-unknown")]
    {
        let mut lenient = answered(at, json!({ member: null }));
        for outcome in [Outcome::Either, Outcome::Refused] {
            lenient.scenario.expect.outcome = outcome;
            only(&lenient, id, Verdict::Warn);
        }
    }
}

#[test]
fn a_token_of_an_unknown_type_is_not_used() {
    let mut sample = answered(LEG2, json!({"token_type": "DPoP"}));
    sample.scenario.expect.outcome = Outcome::Refused;
    fails(&sample, "jbr-token-type-unknown");
    sample.scenario.expect.outcome = Outcome::Either;
    for call in [FIRST_CALL, SECOND_CALL] {
        sample.bend(call, |exchange| set_header(exchange, "dpop", Text::plain("proof")));
    }
    assert_eq!(sample.findings(), []);
}

#[test]
fn a_token_that_no_header_can_hold() {
    let broken = |token: &str| nothing(LEG2, json!({"access_token": token, "token_type": "Bearer"}), true);
    only(&broken("one two"), "jbr-no-token", Verdict::Info);
    only(&broken("one\r\nx-two: 3"), "jbr-no-token", Verdict::Warn);
    let mut split = broken("one\r\nx-two: 3");
    split.bend(FIRST_CALL, |exchange| set_header(exchange, "x-two", Text::plain("3")));
    fails(&split, "jbr-no-token");
}

#[test]
fn success_is_not_reported_where_there_is_no_token() {
    for (at, id) in [(LEG1, "txr-no-token"), (LEG2, "jbr-no-token")] {
        let mut sample = nothing(at, json!({}), false);
        let report = |outcome| {
            let text = json!({ "outcome": outcome }).to_string();
            Report::Read(Box::new(serde_json::from_str::<OutcomeReport>(&text).unwrap()))
        };
        sample.transcript.client.report = report("refused");
        assert_eq!(sample.findings(), []);
        sample.transcript.client.report = report("authorized");
        fails(&sample, id);
    }
}

#[test]
fn another_token_type_of_the_grant_is_told() {
    for members in [json!({"token_type": "Bearer"}), json!({"token_type": null})] {
        only(&answered(LEG1, members), "txr-token-type-other", Verdict::Info);
    }
}

#[test]
fn the_second_leg_asks_for_no_more_scope_than_was_granted() {
    let mut sample = answered(LEG1, json!({}));
    sample.scenario.client.scope = Some("files:read files:write".into());
    sample.bend(LEG1, |exchange| set(exchange, "scope", Text::plain("files:write files:read")));
    assert_eq!(sample.findings(), []);
    sample.bend(LEG2, |exchange| set(exchange, "scope", Text::plain("files:read")));
    assert_eq!(sample.findings(), []);
    sample.bend(LEG2, |exchange| set(exchange, "scope", Text::plain("files:read files:write")));
    only(&sample, "txr-scope-narrowed", Verdict::Warn);
}

#[test]
fn narrow_access_tokens_are_not_fetched_over_and_over() {
    let mut sample = answered(LEG2, json!({"scope": "files:list"}));
    assert_eq!(sample.findings(), []);
    let narrow = |_| {
        let [_, mut second] = flow(1);
        second.response.body.json.as_mut().unwrap()["scope"] = json!("files:list");
        [leg1(), second]
    };
    sample.then((0..2).flat_map(narrow));
    assert_eq!(sample.findings(), []);
    only(sample.then((0..3).flat_map(narrow)), "jbr-scope-narrowed", Verdict::Warn);
}

#[test]
fn refresh_tokens_stay_with_their_server() {
    let with_tokens = || {
        let mut sample = Sample::honest();
        sample.transcript.values.extend([
            value("idp_refresh_token", ValueKind::Token, &[Party::Idp]),
            value("as_refresh_token", ValueKind::Token, &[Party::As]),
        ]);
        sample
    };
    let mut at_as = with_tokens();
    at_as.bend(LEG1, |exchange| set(exchange, "refresh_token", Text::value("idp_refresh_token")));
    at_as.bend(LEG2, |exchange| set(exchange, "refresh_token", Text::value("as_refresh_token")));
    assert_eq!(at_as.findings(), []);
    at_as.bend(LEG2, |exchange| set(exchange, "refresh_token", Text::value("idp_refresh_token")));
    only(&at_as, "txr-refresh-ignored", Verdict::Warn);
    let mut at_mcp = with_tokens();
    at_mcp.bend(SECOND_CALL, |exchange| {
        set_header(exchange, "authorization", around("Bearer ", "as_refresh_token", ""));
        exchange.response.status = 401;
    });
    only(&at_mcp, "jbr-refresh-token", Verdict::Warn);
}

#[test]
fn a_grant_is_not_taken_where_it_says() {
    let foreign = || token(LEG1, &json!({"claims": {"set": {"aud": "{trap.issuer}"}}}));
    assert_eq!(foreign().findings(), []);
    let mut sample = foreign();
    let path = "/.well-known/oauth-authorization-server";
    let found = document(Party::Trap, path, metadata_of(TRAP));
    let mut strange = leg2();
    strange.party = Party::Trap;
    strange.response = json_response(400, json!({"error": "invalid_grant"}));
    sample.scenario.expect.outcome = Outcome::Either;
    sample.stop_after(LEG1).then([found, strange]);
    only(&sample, "txr-foreign-audience", Verdict::Warn);
}

#[test]
fn a_large_token_arrives_whole() {
    let large = |at| token(at, &json!({"padding": 16_384}));
    let mut grant = large(LEG1);
    grant.bend(LEG2, |exchange| set(exchange, "assertion", Text::plain("eyJhbGciOiJFUzI1NiJ9.eyJhIjoi")));
    only(grant.refuse(LEG2, 400, "invalid_grant"), "http-large-value", Verdict::Warn);
    let mut token = large(LEG2);
    token.bend(FIRST_CALL, |exchange| {
        set_header(exchange, "authorization", Text::plain("Bearer eyJhbGciOiJFUzI1NiJ9.eyJhIjoi"));
        exchange.response.status = 401;
    });
    only(token.stop_after(FIRST_CALL), "http-large-value", Verdict::Warn);
}
