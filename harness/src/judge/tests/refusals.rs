//! What follows a refusal, and what the caller learns of it.

use serde_json::{Value, json};

use crosscheck_scenarios::{EndpointName, Outcome, Party, Profile};
use crosscheck_wire::ledger::ValueKind;
use crosscheck_wire::transcript::{Ended, Exchange, Header, Output, Report, SCRIPTED};
use crosscheck_wire::{Alteration, Text};

use crate::check::Verdict;

use super::sample::{
    IDP, LEG1, LEG2, Sample, TRAP, altered, basic, call, challenge, exchange, flow, json_response, leg1,
    leg2, remove, set, set_header, value,
};
use super::{fails, only};

fn text(text: &str) -> Output {
    Output { text: Text::plain(text), ..Output::default() }
}

fn report(json: Value) -> Report {
    Report::Read(serde_json::from_value(json).unwrap())
}

fn leg(party: Party) -> usize {
    if party == Party::Idp { LEG1 } else { LEG2 }
}

fn scripted(exchange: &mut Exchange) {
    exchange.refusal = SCRIPTED.into();
}

/// A run in which a token endpoint refuses by script, and what must reach the caller.
fn refused(party: Party, status: u16, body: Value, due: (Option<&str>, Option<u16>)) -> Sample {
    let mut sample = Sample::honest();
    sample.scenario.at = Some(party);
    sample.scenario.expect.outcome = Outcome::Refused;
    sample.scenario.expect.surfaced.error = due.0.map(str::to_owned);
    sample.scenario.expect.surfaced.status = due.1;
    sample.stop_after(leg(party)).bend(leg(party), |exchange| {
        exchange.response = json_response(status, body);
        scripted(exchange);
    });
    sample
}

/// The run with its last token request sent again after it.
fn again(sample: &mut Sample, times: usize) -> &mut Sample {
    let last = sample.transcript.exchanges.last().unwrap().clone();
    sample.then(vec![last; times]);
    sample.transcript.client.ended = Ended::Exited(1);
    sample
}

/// Both legs with a fresh grant, refused.
fn flow_again(sample: &mut Sample, code: &str, number: usize) {
    let name = format!("id_jag#{number}");
    sample.transcript.values.retain(|value| value.name != name);
    sample.transcript.values.push(value(&name, ValueKind::Token, &[Party::As]));
    let [leg1, leg2] = flow(number);
    sample.then([leg1, refusal_of(leg2, code)]).transcript.client.ended = Ended::Exited(1);
}

fn refusal_of(mut exchange: Exchange, code: &str) -> Exchange {
    exchange.response = json_response(400, json!({ "error": code }));
    exchange
}

#[test]
fn a_refusal_belongs_to_the_row_of_its_shape() {
    let step_up = |max_age: Value| json!({"error": "insufficient_user_authentication", "max_age": max_age});
    for (body, idp, other) in [
        (json!({"error": "invalid_grant", "error_description": "no"}), "txe-reported", "jbe-reported"),
        (json!({"error": "access_denied"}), "txe-reported", "jbe-reported"),
        (json!({"error": "x.y_42"}), "txe-unknown-code", "jbe-unknown-code"),
        (step_up(json!(5)), "txe-step-up", "jbe-unknown-code"),
        (step_up(json!("5")), "txe-step-up-types", "jbe-unknown-code"),
        (json!({"error": " "}), "txe-odd-body", "jbe-odd-body"),
        (json!({"error": 42}), "txe-odd-body", "jbe-odd-body"),
        (json!({"error": "invalid_grant", "error_description": null}), "txe-odd-body", "jbe-odd-body"),
        (json!(["invalid_grant"]), "txe-odd-body", "jbe-odd-body"),
    ] {
        for (party, id) in [(Party::Idp, idp), (Party::As, other)] {
            let mut sample = refused(party, 400, body.clone(), (None, Some(400)));
            sample.transcript.client.report = report(json!({"outcome": "refused", "status": 500}));
            let findings = sample.findings();
            assert_eq!(findings.len(), 1, "{body}: {findings:?}");
            assert_eq!(findings[0].0, id, "{body}");
            sample.transcript.client.report = report(json!({"outcome": "refused", "status": 400}));
            assert_eq!(sample.findings(), [], "{body}");
            assert_eq!(sample.verdict(id), Verdict::Pass);
        }
    }
}

#[test]
fn an_answer_that_need_not_be_readable_is_an_odd_one() {
    let bends: [fn(&mut Exchange); 7] = [
        |exchange| exchange.response.headers.clear(),
        |exchange| exchange.response.headers[0].value = Text::plain("text/plain"),
        |exchange| exchange.response.body.complete = false,
        |exchange| exchange.response.body.bytes = 1 << 20,
        |exchange| exchange.response.body.text = Text::plain("\u{feff}{}"),
        |exchange| exchange.response.body.text = Text::plain("f\u{fffd}r"),
        |exchange| {
            let header = Header { name: "content-encoding".into(), value: Text::plain("gzip") };
            exchange.response.headers.push(header);
        },
    ];
    for bend in bends {
        let mut sample = refused(Party::Idp, 400, json!({"error": "invalid_grant"}), (None, Some(400)));
        sample.bend(LEG1, bend);
        sample.transcript.client.report = report(json!({"outcome": "refused"}));
        fails(&sample, "txe-odd-body");
    }
}

#[test]
fn of_two_codes_in_one_answer_either_will_do() {
    let mut sample =
        refused(Party::As, 400, json!({"error": "invalid_client"}), (Some("invalid_grant"), None));
    let twice = r#"{"error":"invalid_grant","error":"invalid_client"}"#;
    sample.bend(LEG2, |exchange| exchange.response.body.text = Text::plain(twice));
    sample.transcript.client.report = report(json!({"outcome": "refused", "error": "invalid_client"}));
    assert_eq!(sample.findings(), []);
    assert_eq!(sample.verdict("jbe-odd-body"), Verdict::Pass);
    sample.transcript.client.report = report(json!({"outcome": "refused", "error": "server_error"}));
    fails(&sample, "jbe-odd-body");
}

#[test]
fn code_or_status_suffices_where_both_are_named() {
    let due = (Some("invalid_grant"), Some(400));
    let mut sample = refused(Party::Idp, 400, json!({"error": "invalid_grant"}), due);
    for told in [
        json!({"outcome": "refused", "error": "invalid_grant"}),
        json!({"outcome": "refused", "status": 400}),
        json!({"outcome": "refused", "error": "server_error", "status": 400}),
        json!({"outcome": "refused", "message": "HTTP 400"}),
    ] {
        sample.transcript.client.report = report(told);
        assert_eq!(sample.findings(), []);
    }
    for untold in [
        json!({"outcome": "refused", "error": "server_error", "status": 500}),
        json!({"outcome": "refused", "message": "port 14001"}),
        json!({"outcome": "authorized", "error": "invalid_grant"}),
    ] {
        sample.transcript.client.report = report(untold);
        fails(&sample, "txe-reported");
    }
    sample.transcript.client.report = report(json!({"outcome": "refused"}));
    assert_eq!(sample.finding().compared[0].expected, "invalid_grant or 400");
    sample.transcript.client.stderr = text("denied: 400\n");
    assert_eq!(sample.findings(), []);
}

#[test]
fn a_blank_code_is_told_by_itself_or_with_the_status() {
    let mut sample = refused(Party::As, 400, json!({"error": " "}), (Some(" "), Some(400)));
    for told in [json!({"outcome": "refused", "error": " "}), json!({"outcome": "refused", "status": 400})] {
        sample.transcript.client.report = report(told);
        assert_eq!(sample.findings(), []);
    }
    sample.transcript.client.report = report(json!({"outcome": "refused", "message": "no token came"}));
    fails(&sample, "jbe-odd-body");
}

#[test]
fn who_follows_a_redirect_has_another_answer_to_tell() {
    let mut sample = refused(Party::As, 307, json!({}), (None, Some(307)));
    let location = Header { name: "location".into(), value: Text::plain("http://trap/token") };
    sample.bend(LEG2, |exchange| exchange.response.headers.push(location));
    sample.transcript.client.report = report(json!({"outcome": "refused", "status": 401}));
    fails(&sample, "jbe-odd-body");
    let mut followed = refusal_of(leg2(), "invalid_client");
    followed.party = Party::Trap;
    sample.then([followed]).transcript.client.ended = Ended::Exited(1);
    fails(&sample, "http-redirect-secret@as");
}

#[test]
fn without_a_readable_report_nothing_counts_but_the_report() {
    let due = (Some("invalid_grant"), Some(400));
    let mut sample = refused(Party::Idp, 400, json!({"error": "invalid_grant"}), due);
    only(&sample, "txe-reported", Verdict::Info);
    sample.transcript.client.report = Report::Unreadable("it is no file".into());
    let found = [("txe-reported".to_owned(), Verdict::Info), ("run-report".to_owned(), Verdict::Warn)];
    assert_eq!(sample.findings(), found);
    sample.transcript.client.stdout = text("invalid_grant");
    only(&sample, "run-report", Verdict::Warn);
}

#[test]
fn only_the_answer_of_the_script_is_due() {
    let mut sample = refused(Party::Idp, 400, json!({"error": "invalid_grant"}), (None, Some(400)));
    sample.transcript.client.report = report(json!({"outcome": "refused"}));
    sample.bend(LEG1, |exchange| exchange.refusal = "the audience is another".into());
    let ids: Vec<_> = sample.findings().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [""; 0]);
}

#[test]
fn a_refusal_without_anything_due_is_still_no_success() {
    let mut sample = refused(Party::As, 307, json!({}), (None, None));
    assert_eq!(sample.findings(), []);
    sample.transcript.client.report = report(json!({"outcome": "authorized"}));
    fails(&sample, "jbe-odd-body");
    sample.bend(LEG2, |exchange| exchange.response = Default::default());
    only(&sample, "http-reset", Verdict::Warn);
}

#[test]
fn a_client_that_may_try_again_owes_the_error_only_if_it_stops() {
    let mut sample =
        refused(Party::Idp, 400, json!({"error": "invalid_grant"}), (Some("invalid_grant"), None));
    sample.scenario.expect.outcome = Outcome::Either;
    sample.transcript.client.report = report(json!({"outcome": "refused"}));
    fails(&sample, "txe-reported");
    let mut fresh = leg1();
    set(&mut fresh, "subject_token", Text::value("other_id_token"));
    sample.then([fresh, leg2(), call()]).transcript.client.report = report(json!({"outcome": "authorized"}));
    assert_eq!(sample.findings(), []);
}

#[test]
fn the_step_that_failed() {
    for (party, own, other) in
        [(Party::Idp, "token_exchange", "jwt_bearer"), (Party::As, "jwt_bearer", "token_exchange")]
    {
        let mut sample =
            refused(party, 400, json!({"error": "invalid_grant"}), (Some("invalid_grant"), None));
        let named = |step: &str| json!({"outcome": "refused", "error": "invalid_grant", "step": step});
        for free in [own, "discovery", "oauth"] {
            sample.transcript.client.report = report(named(free));
            assert_eq!(sample.findings(), []);
        }
        for wrong in [other, "resource"] {
            sample.transcript.client.report = report(named(wrong));
            only(&sample, "flow-failing-step-named", Verdict::Warn);
        }
    }
}

#[test]
fn a_token_that_nobody_issued() {
    let mut sample = refused(Party::As, 400, json!({"error": "invalid_scope"}), (None, None));
    let mut made_up = call();
    set_header(&mut made_up, "authorization", Text::plain("Bearer undefined"));
    made_up.response.status = 401;
    sample.then([made_up]).transcript.client.ended = Ended::Exited(1);
    fails(&sample, "jbe-reported");
}

#[test]
fn one_repeat_is_told_and_two_are_counted() {
    for (party, code, id) in [
        (Party::Idp, "invalid_request", "txe-invalid-request"),
        (Party::Idp, "invalid_client", "txe-invalid-client"),
        (Party::Idp, "invalid_grant", "txe-invalid-grant"),
        (Party::Idp, "unauthorized_client", "txe-unauthorized-client"),
        (Party::Idp, "unsupported_grant_type", "txe-unsupported-grant-type"),
        (Party::Idp, "invalid_scope", "txe-invalid-scope"),
        (Party::Idp, "invalid_target", "txe-invalid-target"),
        (Party::Idp, "access_denied", "txe-access-denied"),
        (Party::As, "invalid_request", "jbe-invalid-request"),
        (Party::As, "invalid_client", "jbe-invalid-client"),
        (Party::As, "invalid_grant", "jbe-invalid-grant"),
        (Party::As, "unauthorized_client", "jbe-unauthorized-client"),
        (Party::As, "unsupported_grant_type", "jbe-unsupported-grant-type"),
        (Party::As, "invalid_scope", "jbe-invalid-scope"),
        (Party::As, "invalid_target", "jbe-invalid-target"),
        (Party::As, "access_denied", "jbe-access-denied"),
    ] {
        let mut sample = refused(party, 400, json!({ "error": code }), (None, None));
        sample.transcript.profile = Profile::Next;
        assert_eq!(sample.findings(), []);
        assert_eq!(sample.verdict(id), Verdict::Pass);
        only(again(&mut sample, 1), id, Verdict::Info);
        only(again(&mut sample, 1), id, Verdict::Warn);
    }
}

#[test]
fn one_whole_flow_again_is_right_after_some_refusals_of_a_grant() {
    for (code, id) in [
        ("invalid_grant", "jbe-invalid-grant"),
        ("invalid_client", "jbe-invalid-client"),
        ("unauthorized_client", "jbe-unauthorized-client"),
    ] {
        let mut sample = refused(Party::As, 400, json!({ "error": code }), (None, None));
        flow_again(&mut sample, code, 2);
        assert_eq!(sample.findings(), []);
        flow_again(&mut sample, code, 3);
        only(&sample, id, Verdict::Warn);
    }
    let mut loops = refused(Party::As, 400, json!({ "error": "invalid_grant" }), (None, None));
    for number in 2..=4 {
        flow_again(&mut loops, "invalid_grant", number);
    }
    fails(&loops, "jbe-total-bounded");
}

#[test]
fn a_flow_that_the_mcp_server_asks_for_anew_is_no_repeat() {
    let mut sample = refused(Party::As, 400, json!({"error": "invalid_scope"}), (None, None));
    for number in 2..=3 {
        flow_again(sample.then([challenge()]), "invalid_scope", number);
    }
    assert_eq!(sample.findings(), []);
    let mut idp = refused(Party::Idp, 400, json!({"error": "invalid_scope"}), (None, None));
    for _ in 0..2 {
        idp.then([challenge(), refusal_of(leg1(), "invalid_scope")]);
    }
    idp.transcript.client.ended = Ended::Exited(1);
    only(&idp, "txe-invalid-scope", Verdict::Info);
}

#[test]
fn a_request_for_something_else_is_no_repeat() {
    let mut sample = refused(Party::Idp, 400, json!({"error": "invalid_scope"}), (None, None));
    for scope in ["a", "b"] {
        let mut other = refusal_of(leg1(), "invalid_scope");
        set(&mut other, "scope", Text::plain(scope));
        sample.then([other]);
    }
    assert_eq!(sample.verdict("txe-invalid-scope"), Verdict::Pass);
}

#[test]
fn a_refused_resource_is_not_left_out() {
    let mut sample = refused(Party::Idp, 400, json!({"error": "invalid_target"}), (None, None));
    let mut without = refusal_of(leg1(), "invalid_target");
    remove(&mut without, "resource");
    sample.then([without]).transcript.client.ended = Ended::Exited(1);
    only(&sample, "txe-invalid-target", Verdict::Warn);
}

#[test]
fn the_sign_on_that_does_not_suffice_is_not_used_again() {
    let code = "insufficient_user_authentication";
    let mut sample = refused(Party::Idp, 400, json!({ "error": code }), (Some(code), None));
    sample.transcript.client.report = report(json!({"outcome": "refused", "error": code}));
    assert_eq!(sample.findings(), []);
    let mut anew = refused(Party::Idp, 400, json!({ "error": code }), (None, None));
    anew.then([challenge(), refusal_of(leg1(), code)]).transcript.client.ended = Ended::Exited(1);
    only(&anew, "txe-step-up", Verdict::Info);
    only(again(&mut sample, 1), "txe-step-up", Verdict::Warn);
}

#[test]
fn credentials_of_the_other_registration() {
    let refusal = json!({"error": "invalid_client"});
    let mut sample = refused(Party::As, 401, refusal.clone(), (None, None));
    let mut other = sample.transcript.exchanges[LEG2].clone();
    set_header(
        &mut other,
        "authorization",
        basic(&Text::value("idp.client_id"), &Text::value("idp.client_secret")),
    );
    sample.then([other]).transcript.client.ended = Ended::Exited(1);
    fails(&sample, "jbe-invalid-client");

    let mut sample = refused(Party::Idp, 401, refusal, (None, None));
    let mut other = sample.transcript.exchanges[LEG1].clone();
    set(&mut other, "client_secret", Text::value("as.client_secret"));
    sample.then([other]).transcript.client.ended = Ended::Exited(1);
    fails(&sample, "txe-invalid-client");
}

#[test]
fn another_way_in_after_a_denial() {
    for party in [Party::Idp, Party::As] {
        for code in ["access_denied", "invalid_target"] {
            let mut sample = refused(party, 400, json!({ "error": code }), (None, None));
            sample.then([exchange(Party::As, EndpointName::Authorization, "GET", "/authorize", 200)]);
            sample.transcript.client.ended = Ended::Exited(1);
            only(&sample, "flow-no-fallback-on-denial", Verdict::Warn);
            let mut register = refused(party, 400, json!({ "error": code }), (None, None));
            register.then([exchange(Party::As, EndpointName::Registration, "POST", "/register", 201)]);
            register.transcript.client.ended = Ended::Exited(1);
            only(&register, "cid-no-surprise-registration", Verdict::Warn);
        }
        let mut other = refused(party, 400, json!({"error": "invalid_scope"}), (None, None));
        other.then([exchange(Party::Idp, EndpointName::Authorization, "GET", "/authorize", 200)]);
        other.transcript.client.ended = Ended::Exited(1);
        assert_eq!(other.findings(), []);
    }
}

#[test]
fn a_401_of_the_idp_is_no_challenge() {
    let path = "/.well-known/oauth-protected-resource";
    let metadata = || exchange(Party::Idp, EndpointName::ResourceMetadata, "GET", path, 404);
    let named = || exchange(Party::Trap, EndpointName::Unknown, "GET", "/prm", 404);
    for asked in [metadata(), named()] {
        let mut sample = refused(Party::Idp, 401, json!({"error": "invalid_client"}), (None, None));
        sample.bend(LEG1, |exchange| {
            let value = Text::plain(format!("Bearer resource_metadata=\"{TRAP}/prm\""));
            exchange.response.headers.push(Header { name: "www-authenticate".into(), value });
        });
        sample.then([asked]).transcript.client.ended = Ended::Exited(1);
        only(&sample, "txe-401-no-discovery", Verdict::Warn);
    }
    let mut anyway = refused(Party::Idp, 401, json!({"error": "invalid_client"}), (None, None));
    anyway.insert(LEG1, metadata()).then([metadata()]).transcript.client.ended = Ended::Exited(1);
    assert_eq!(anyway.findings(), []);
}

#[test]
fn control_characters_of_a_server_are_not_written() {
    let description = "go to \u{1b}[31mred\u{1b}[0m there\r\nERROR all is well\r\nTrace ID: 7";
    let body = json!({"error": "invalid_grant", "error_description": description});
    for party in [Party::Idp, Party::As] {
        let mut sample = refused(party, 400, body.clone(), (None, None));
        sample.transcript.client.stderr = text(&format!("denied: {description}\n"));
        only(&sample, "txe-text-untrusted", Verdict::Warn);
        sample.transcript.client.stderr = text("denied: go to red there\nERROR all is well\n");
        only(&sample, "txe-text-untrusted", Verdict::Warn);
        for free in [
            format!("denied: {}\n", description.escape_debug()),
            "\u{1b}[31mdenied: go to [31mred[0m there ERROR all is well\u{1b}[0m\n".into(),
            "denied: go to red there\r\n  Trace ID: 7\r\n".into(),
            "Trace ID: 7\n".into(),
        ] {
            sample.transcript.client.stderr = text(&free);
            assert_eq!(sample.findings(), [], "{free}");
        }
    }
    let hidden = "abc \u{202e}txt.exe";
    let mut sample = refused(
        Party::Idp,
        400,
        json!({"error": "invalid_grant", "error_description": hidden}),
        (None, None),
    );
    sample.transcript.client.stdout = text(hidden);
    only(&sample, "txe-text-untrusted", Verdict::Info);
}

#[test]
fn the_page_of_an_error_is_not_fetched() {
    for (url, party) in [(format!("{TRAP}/docs"), Party::Trap), (format!("{IDP}/docs"), Party::Idp)] {
        let body = json!({"error": "invalid_grant", "error_uri": url});
        let mut sample = refused(Party::Idp, 400, body, (None, None));
        assert_eq!(sample.verdict("txe-text-untrusted"), Verdict::Pass);
        sample.then([exchange(party, EndpointName::Unknown, "GET", "/docs", 404)]);
        sample.transcript.client.ended = Ended::Exited(1);
        only(&sample, "txe-text-untrusted", Verdict::Warn);
    }
}

#[test]
fn a_secret_that_a_server_echoes() {
    let body = |value: &str| json!({"error": "invalid_grant", "error_description": format!("bad «{value}»")});
    let mut sample = refused(Party::As, 400, body("id_jag#1"), (None, None));
    assert_eq!(sample.verdict("jbe-echo-not-logged"), Verdict::Pass);
    let copied = json!({"outcome": "refused", "error_description": "bad «id_jag#1»"});
    sample.transcript.client.report = report(copied);
    assert_eq!(sample.findings(), []);
    sample.transcript.client.report = report(json!({"outcome": "refused", "message": "bad «id_jag#1»"}));
    only(&sample, "jbe-echo-not-logged", Verdict::Warn);
    sample.transcript.client.report = report(json!({"outcome": "refused", "members": {"t": "«id_token»"}}));
    fails(&sample, "conf-error-output-safe");
    sample.transcript.client.report = Report::Absent;
    sample.transcript.client.stderr.text = Text::value("id_jag#1");
    only(&sample, "jbe-echo-not-logged", Verdict::Warn);
    sample.transcript.client.stdout.text = Text::value("id_token");
    let found: Vec<_> = sample.findings().into_iter().map(|(id, _)| id).collect();
    assert_eq!(found, ["jbe-echo-not-logged", "conf-error-output-safe"]);

    let mut idp = refused(Party::Idp, 400, body("id_token"), (None, None));
    idp.transcript.client.stderr.text = Text::value("id_token");
    only(&idp, "conf-error-output-safe", Verdict::Warn);
    idp.transcript.client.stderr.text = altered("id_token", Alteration::Changed);
    assert_eq!(idp.findings(), []);
}

#[test]
fn going_on_after_a_redirect_is_going_on_without_a_grant() {
    let mut sample = refused(Party::Idp, 302, json!({}), (None, None));
    let mut next = refusal_of(leg2(), "invalid_grant");
    set(&mut next, "assertion", Text::plain("null"));
    sample.then([next]).transcript.client.ended = Ended::Exited(1);
    fails(&sample, "txe-no-leg2");
}
