//! How runs end: reached or not, at the time limit, with errors told or not.

use serde_json::json;

use crosscheck_scenarios::{EndpointName, Kind, Outcome, Party, Reached, RequirementId};
use crosscheck_wire::Text;
use crosscheck_wire::transcript::{Ended, Output, Report};

use crate::check::Verdict;

use super::sample::{FIRST_CALL, LEG1, LEG2, METADATA, Sample, exchange, set};

fn found(id: &str, verdict: Verdict) -> [(String, Verdict); 1] {
    [(id.to_owned(), verdict)]
}

/// A run in which the IdP refuses by script, and that is how it must end.
fn refused_at(leg: usize, code: &str) -> Sample {
    let mut sample = Sample::honest();
    sample.scenario.expect.outcome = Outcome::Refused;
    sample.scenario.expect.surfaced.error = Some(code.to_owned());
    sample.refuse(leg, 400, code);
    sample
}

fn report(json: serde_json::Value) -> Report {
    Report::Read(serde_json::from_value(json).unwrap())
}

#[test]
fn a_refusal_that_is_reported_passes() {
    for (leg, id) in [(LEG1, "txe-reported"), (LEG2, "jbe-reported")] {
        let mut sample = refused_at(leg, "invalid_grant");
        sample.transcript.client.report = report(json!({"outcome": "refused", "error": "invalid_grant"}));
        assert_eq!(sample.findings(), []);
        assert_eq!(sample.verdict(id), Verdict::Pass);
        sample.transcript.client.report = report(json!({"outcome": "refused"}));
        assert_eq!(sample.findings(), found(id, Verdict::Fail));
        sample.transcript.client.report = report(json!({"outcome": "authorized"}));
        assert_eq!(sample.findings(), found(id, Verdict::Fail));
    }
}

#[test]
fn another_refusal_than_that_of_the_script_is_not_looked_for() {
    let mut sample = refused_at(LEG1, "invalid_grant");
    sample.transcript.client.report = report(json!({"outcome": "refused"}));
    sample.bend(LEG1, |exchange| set(exchange, "audience", Text::plain("http://as/token")));
    sample.refuse(LEG1, 400, "invalid_target");
    assert_eq!(sample.findings(), found("tx-audience-is-as-issuer", Verdict::Fail));
}

#[test]
fn without_a_report_the_output_is_searched_and_silence_proves_nothing() {
    let mut sample = refused_at(LEG1, "access_denied");
    assert_eq!(sample.findings(), found("txe-reported", Verdict::Info));
    sample.transcript.client.stderr =
        Output { text: Text::plain("refused: access_denied\n"), ..Output::default() };
    assert_eq!(sample.findings(), []);
    sample.scenario.expect.surfaced.error = None;
    sample.scenario.expect.surfaced.status = Some(400);
    assert_eq!(sample.findings(), found("txe-reported", Verdict::Info));
}

#[test]
fn an_unexpected_refusal_says_what_happened_last_and_how_the_client_ended() {
    let mut sample = Sample::honest();
    sample.refuse(FIRST_CALL, 403, "insufficient_scope");
    sample.transcript.client.stderr = Output { text: Text::plain("one\ntwo\n"), ..Output::default() };
    assert_eq!(sample.findings(), found("run-outcome", Verdict::Fail));
    let finding = sample.finding();
    assert_eq!(
        finding.what,
        "The client does not reach the MCP server, and no other finding says why; \
         the last request was #6 POST mcp /mcp, 403 insufficient_scope, then the client exited 1."
    );
    assert_eq!(finding.excerpt.as_deref(), Some("one\ntwo"));
}

#[test]
fn going_on_where_the_flow_must_end_is_found() {
    let mut sample = Sample::honest();
    sample.scenario.expect.outcome = Outcome::Refused;
    assert_eq!(sample.findings(), found("run-outcome", Verdict::Fail));
    sample.scenario.expect.outcome = Outcome::Either;
    assert_eq!(sample.findings(), []);
}

#[test]
fn a_warning_explains_an_outcome_only_when_a_server_refused_after_it() {
    let mut sample = Sample::honest();
    sample.bend(LEG1, |exchange| set(exchange, "audience", Text::plain("http://as/")));
    sample.transcript.exchanges.truncate(FIRST_CALL);
    sample.transcript.client.ended = Ended::Exited(1);
    let ids: Vec<_> = sample.findings().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["tx-audience-is-as-issuer", "jbr-accept"]);
    sample.refuse(LEG2, 400, "invalid_grant");
    assert_eq!(sample.findings(), found("tx-audience-is-as-issuer", Verdict::Warn));
}

#[test]
fn a_client_that_sends_nothing_is_not_reached() {
    let mut sample = Sample::honest();
    sample.scenario.requirements = vec![RequirementId::new("flow-order")];
    sample.transcript.exchanges.clear();
    sample.transcript.client.ended = Ended::Exited(127);
    assert_eq!(sample.findings(), found("run-reached", Verdict::NotReached));
    assert_eq!(sample.finding().what, "The client sent no request; the client exited 127.");
}

#[test]
fn a_refusal_before_the_question_is_asked_is_not_reached() {
    let mut sample = refused_at(LEG1, "invalid_grant");
    sample.scenario.expect.reached = vec![Reached { party: Party::Idp, endpoint: EndpointName::Token }];
    sample.transcript.exchanges.truncate(LEG1);
    assert_eq!(sample.findings(), found("run-reached", Verdict::NotReached));
    assert!(sample.finding().what.starts_with("The run never got to idp.token"));
}

#[test]
fn giving_up_before_the_server_that_is_to_refuse_is_blamed_on_the_answer_not_taken() {
    let mut sample = refused_at(LEG2, "invalid_grant");
    sample.scenario.expect.reached = vec![Reached { party: Party::As, endpoint: EndpointName::Token }];
    sample.stop_after(LEG1);
    assert_eq!(sample.findings(), found("txr-accept", Verdict::Fail));
}

#[test]
fn a_row_that_the_scenario_asks_about_is_not_reached_unless_a_finding_explains_it() {
    let mut sample = Sample::honest();
    sample.scenario.expect.outcome = Outcome::Refused;
    sample.scenario.requirements = vec![RequirementId::new("jb-assertion-verbatim")];
    sample.transcript.exchanges.truncate(LEG1);
    assert_eq!(sample.findings(), found("jb-assertion-verbatim", Verdict::NotReached));
    sample.scenario.expect.outcome = Outcome::Either;
    assert_eq!(sample.findings(), []);
    sample.scenario.expect.outcome = Outcome::Refused;
    sample.insert(LEG1, exchange(Party::As, EndpointName::Authorization, "GET", "/authorize", 200));
    assert_eq!(sample.findings(), found("flow-no-user-redirect", Verdict::Warn));
}

#[test]
fn a_time_limit_is_a_finding_of_its_own() {
    let mut sample = Sample::honest();
    sample.transcript.exchanges.truncate(LEG2);
    sample.transcript.client.ended = Ended::TimedOut(30_000);
    assert_eq!(sample.findings(), found("run-outcome", Verdict::Fail));
    assert!(sample.finding().what.starts_with("The client was still running at its time limit of 30000 ms"));
    let mut crashed = Sample::honest();
    crashed.transcript.client.ended = Ended::Signal(11);
    assert_eq!(crashed.findings(), found("run-outcome", Verdict::Fail));
}

#[test]
fn a_probe_is_told_and_never_counted() {
    let mut sample = Sample::honest();
    sample.scenario.kind = Kind::Probe;
    sample.bend(LEG1, |exchange| set(exchange, "audience", Text::plain("http://as/token")));
    assert_eq!(sample.findings(), found("tx-audience-is-as-issuer", Verdict::Info));
}

#[test]
fn hostile_requests_are_judged_without_a_panic() {
    for at in [METADATA, LEG1, LEG2, FIRST_CALL] {
        let mut sample = Sample::honest();
        sample.bend(at, |exchange| {
            exchange.request.body.params.clear();
            exchange.request.headers.clear();
            exchange.request.path = Text::default();
            exchange.response.status = 0;
        });
        sample.checks();
    }
}

#[test]
fn a_client_that_reached_the_server_and_says_the_contrary_is_told_so() {
    let mut sample = Sample::honest();
    sample.transcript.client.ended = Ended::Exited(1);
    assert_eq!(sample.findings(), found("run-outcome", Verdict::Info));
    sample.transcript.client.ended = Ended::Exited(0);
    sample.transcript.client.report = report(json!({"outcome": "refused"}));
    assert_eq!(sample.findings(), found("run-outcome", Verdict::Info));
}

#[test]
fn a_refusal_that_nothing_explains_is_told_in_the_servers_words() {
    let mut sample = Sample::honest();
    sample.refuse(LEG2, 400, "invalid_grant");
    sample.transcript.exchanges[LEG2].refusal = "the assertion is not valid yet".into();
    sample.transcript.exchanges.truncate(FIRST_CALL);
    sample.transcript.client.ended = Ended::Exited(1);
    assert_eq!(sample.findings(), found("run-outcome", Verdict::Fail));
    let finding = sample.finding();
    assert_eq!(finding.exchange, Some(LEG2 + 1));
    assert!(
        finding.what.ends_with("The as had refused: the assertion is not valid yet."),
        "{}",
        finding.what
    );
}

#[test]
fn a_report_may_leave_the_code_to_its_message() {
    let mut sample = refused_at(LEG1, "invalid_grant");
    sample.transcript.client.report = report(json!({"outcome": "refused", "message": "invalid_grant: no"}));
    assert_eq!(sample.findings(), []);
    sample.transcript.client.report =
        report(json!({"outcome": "refused", "error": "server_error", "message": "invalid_grant: no"}));
    assert_eq!(sample.findings(), found("txe-reported", Verdict::Fail));
}

#[test]
fn output_that_was_not_kept_in_full_passes_for_nothing() {
    let mut sample = Sample::honest();
    sample.transcript.client.stdout.dropped = 1;
    assert_eq!(sample.findings(), []);
    assert_eq!(sample.verdict("conf-log-default"), Verdict::NotApplicable);
}

#[test]
fn a_client_that_does_not_stop_asking_is_found() {
    let mut sample = Sample::honest();
    sample.transcript.unrecorded = 1;
    assert_eq!(sample.findings(), found("run-outcome", Verdict::Fail));
}
