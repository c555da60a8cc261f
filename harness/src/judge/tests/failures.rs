//! Servers and connections that fail, and what the client makes of it.

use serde_json::json;

use crosscheck_scenarios::{Outcome, Party};
use crosscheck_wire::Text;
use crosscheck_wire::transcript::{Ended, Exchange, Header, Response, SCRIPTED};

use crate::check::Verdict;

use super::sample::{LEG1, LEG2, Sample, challenge, flow, json_response, leg1, leg2};
use super::{fails, only};

const MILLISECOND: u64 = 1000;
const SECOND: u64 = 1_000_000;

/// A run in which the IdP answers like that every time, with such pauses before the repeats.
fn repeated(answer: &Response, pauses: &[u64]) -> Sample {
    let mut sample = Sample::honest();
    sample.scenario.at = Some(Party::Idp);
    sample.scenario.expect.outcome = Outcome::Refused;
    sample.stop_after(LEG1).transcript.exchanges.truncate(LEG1);
    let mut at_us = SECOND;
    let sends = [0].iter().chain(pauses).map(|pause| {
        at_us += pause;
        let mut send = leg1();
        (send.response, send.refusal) = (answer.clone(), SCRIPTED.into());
        (send.at_us, send.took_us) = (at_us, MILLISECOND);
        at_us += MILLISECOND;
        send
    });
    sample.then(sends.collect::<Vec<_>>()).transcript.client.ended = Ended::Exited(1);
    sample
}

fn retry_after(status: u16, value: &str) -> Response {
    let mut answer = json_response(status, json!({"error": "slow_down"}));
    answer.headers.push(Header { name: "retry-after".into(), value: Text::plain(value) });
    answer
}

#[test]
fn a_server_error_is_repeated_twice_and_not_at_once() {
    let error = json_response(500, json!({"error": "server_error"}));
    for pauses in [&[][..], &[0], &[SECOND], &[0, SECOND], &[100 * MILLISECOND, 100 * MILLISECOND]] {
        assert_eq!(repeated(&error, pauses).findings(), [], "{pauses:?}");
    }
    for pauses in [&[0, 0][..], &[SECOND, SECOND, SECOND]] {
        only(&repeated(&error, pauses), "http-5xx", Verdict::Warn);
    }
}

#[test]
fn the_code_of_a_server_error_makes_no_refusal_of_it() {
    let error = json_response(599, json!({"error": "invalid_grant"}));
    assert_eq!(repeated(&error, &[SECOND, 2 * SECOND]).findings(), []);
}

#[test]
fn a_repeat_waits_as_long_as_it_is_asked_to() {
    for (answer, early, enough) in [
        (retry_after(429, "2"), SECOND, 2 * SECOND - 50 * MILLISECOND),
        (retry_after(503, "1"), 0, SECOND),
        // The run begins with 1970.
        (retry_after(429, "Thu, 01 Jan 1970 00:00:05 GMT"), SECOND, 3 * SECOND),
    ] {
        only(&repeated(&answer, &[early]), "http-429", Verdict::Warn);
        assert_eq!(repeated(&answer, &[enough]).findings(), []);
    }
    for free in ["0", "-1", "soon", "1.5", "1000000000000", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        assert_eq!(repeated(&retry_after(429, free), &[0]).findings(), [], "{free}");
    }
    assert_eq!(repeated(&retry_after(400, "5"), &[0]).findings(), []);
    let mut two = retry_after(429, "5");
    two.headers.push(Header { name: "retry-after".into(), value: Text::plain("7") });
    assert_eq!(repeated(&two, &[0]).findings(), []);
}

#[test]
fn a_flow_that_is_begun_anew_need_not_remember_a_pause() {
    let mut sample = repeated(&retry_after(429, "60"), &[0]);
    sample.insert(LEG1 + 1, challenge());
    only(&sample, "http-429", Verdict::Info);
}

#[test]
fn a_client_that_is_ended_in_a_pause_is_in_order() {
    let mut sample = repeated(&retry_after(503, "120"), &[]);
    sample.transcript.client.took_us = 30 * SECOND;
    sample.transcript.client.ended = Ended::TimedOut(30_000);
    only(&sample, "run-outcome", Verdict::Info);
}

#[test]
fn a_broken_connection_is_tried_three_times() {
    let cut = |answer: &mut Response| answer.body.complete = false;
    let mut half = json_response(400, json!({"error": "invalid_grant"}));
    cut(&mut half);
    for answer in [Response::default(), half] {
        assert_eq!(repeated(&answer, &[0]).verdict("http-reset"), Verdict::Pass);
        assert_eq!(repeated(&answer, &[0, 0]).verdict("http-reset"), Verdict::Pass);
        assert_eq!(repeated(&answer, &[0, 0, 0]).verdict("http-reset"), Verdict::Warn);
    }
    only(&repeated(&Response::default(), &[0, 0, 0]), "http-reset", Verdict::Warn);
}

#[test]
fn what_fails_every_time_is_not_asked_for_ever() {
    for answer in [
        json_response(500, json!({})),
        retry_after(429, "2"),
        Response::default(),
        json_response(400, json!({"error": "vendor_code"})),
        json_response(400, json!({"error": "invalid_scope"})),
        json_response(200, json!([])),
    ] {
        let sample = repeated(&answer, &[0; 5]);
        fails(&sample, "http-retry-bounded");
        assert_eq!(sample.finding().compared[0].seen, "6");
        let mut endless = repeated(&answer, &[0; 7]);
        endless.transcript.client.ended = Ended::TimedOut(30_000);
        fails(&endless, "http-retry-bounded");
        endless.transcript.client.ended = Ended::Exited(1);
        endless.transcript.unrecorded = 5;
        fails(&endless, "http-retry-bounded");
    }
    let waits = &[100 * MILLISECOND, 200 * MILLISECOND];
    assert_eq!(repeated(&json_response(503, json!({})), waits).findings(), []);
}

#[test]
fn a_token_in_between_starts_the_count_again() {
    let refused = || {
        let mut refused = leg2();
        refused.response = json_response(503, json!({}));
        refused
    };
    let mut sample = Sample::honest();
    sample.scenario.expect.outcome = Outcome::Either;
    sample.transcript.exchanges.truncate(LEG2);
    let sends = |sample: &mut Sample| {
        for at in [0, 1, 3] {
            let mut refused = refused();
            refused.at_us = at * SECOND;
            sample.then([refused]);
        }
    };
    sends(&mut sample);
    sample.then([leg2()]);
    let [leg1, leg2] = flow(2);
    sample.then([leg1, leg2]);
    sends(&mut sample);
    assert_eq!(sample.verdict("http-retry-bounded"), Verdict::Pass);
}

fn large(bytes: u64, complete: bool) -> Response {
    let mut answer = json_response(400, json!({"error": "invalid_grant"}));
    (answer.body.bytes, answer.body.complete) = (bytes, complete);
    answer
}

#[test]
fn an_answer_is_not_read_whatever_its_size() {
    for (bytes, complete) in [(1 << 20, true), (8 << 20, false), (40 << 20, false)] {
        assert_eq!(repeated(&large(bytes, complete), &[]).findings(), []);
    }
    for (bytes, complete) in [(64 << 20, true), (100 << 20, false)] {
        only(&repeated(&large(bytes, complete), &[]), "http-oversize", Verdict::Warn);
    }
}

/// A run of a slow server that was ended at the limit.
fn waiting(answer: &Response, repeats: usize) -> Sample {
    let mut sample = repeated(answer, &vec![SECOND; repeats]);
    sample.scenario.slow = true;
    sample.transcript.client.ended = Ended::TimedOut(60_000);
    sample
}

#[test]
fn a_client_that_waits_without_limit_is_blamed_once() {
    for answer in [Response::default(), large(10, false)] {
        only(&waiting(&answer, 0), "http-slow", Verdict::Warn);
        let then = waiting(&answer, 0).finding().then;
        assert!(then[0].what.contains("ended at its time limit"), "{then:?}");
    }
    only(&waiting(&large(30 << 20, false), 0), "http-oversize", Verdict::Warn);
    fails(&waiting(&large(10, true), 0), "run-outcome");
}

#[test]
fn a_client_with_a_limit_of_its_own_may_try_once_more() {
    let found = waiting(&Response::default(), 1).findings();
    let told = |id: &str| (id.to_owned(), Verdict::Info);
    assert_eq!(found, [told("http-slow"), told("run-outcome")]);
    let mut gave_up = waiting(&Response::default(), 0);
    gave_up.transcript.client.ended = Ended::Exited(1);
    assert_eq!(gave_up.findings(), []);
    assert_eq!(gave_up.verdict("http-slow"), Verdict::Pass);
}

#[test]
fn a_server_that_is_not_slow_by_script_is_not_blamed_on_the_wait() {
    let mut sample = waiting(&Response::default(), 0);
    sample.scenario.slow = false;
    fails(&sample, "run-outcome");
    let complete = |exchange: &Exchange| exchange.response.body.complete;
    assert!(!sample.transcript.exchanges.last().is_some_and(complete));
}
