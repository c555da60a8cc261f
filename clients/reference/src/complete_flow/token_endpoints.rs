//! What the client does after odd answers of the token endpoints, and after none.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::stub::{Reply, Setup, plain, refusal, reply, run};
use super::{control, count, fault, key_and_pem, outcome};
use crate::behaviour::Behaviour;
use crate::{Control, Fault};

const IDP: &str = "/idp/exchange";
const AS: &str = "/redeem/as";

async fn log_of(setup: &Setup, behaviour: Behaviour) -> Vec<String> {
    run(setup, &key_and_pem().0, behaviour).await
}

async fn log(reply: Reply, behaviour: Behaviour) -> Vec<String> {
    log_of(&Setup { reply: Some(reply), ..plain() }, behaviour).await
}

async fn report(reply: Reply, behaviour: Behaviour) -> Value {
    outcome(&log(reply, behaviour).await)
}

#[tokio::test]
async fn an_answer_that_is_no_success_ends_the_flow_and_is_told_with_its_status() {
    for (at, step) in [(IDP, "token_exchange"), (AS, "jwt_bearer")] {
        for (status, body) in
            [(200, "{}"), (200, "<html>"), (204, ""), (302, ""), (400, "[]"), (502, "<html>")]
        {
            let log = log(reply(at, status, body), Behaviour::default()).await;
            let outcome = outcome(&log);
            assert_eq!(
                (outcome["status"].as_u64(), outcome["step"].as_str()),
                (Some(status.into()), Some(step))
            );
            assert_eq!((count(&log, at), count(&log, "/mcp")), (1, 1), "{log:#?}");
        }
    }
}

#[tokio::test]
async fn what_a_server_says_is_told_inert_and_in_brief() {
    let error = format!("{}\u{1b}[31m \r\n\"", "x".repeat(10_000));
    let body = json!({"error": error, "error_description": "\u{202e}\u{0}"});
    let report = report(reply(IDP, 400, body.to_string()), Behaviour::default()).await;
    assert_eq!(report["error"], error);
    let message = report["message"].as_str().unwrap();
    assert!(message.len() < 300 && message.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{message}");
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_given_up_and_its_status_told() {
    let body = || json!({"error": "invalid_grant", "error_description": "x".repeat(3 << 20)}).to_string();
    let honest = report(reply(IDP, 400, body()), Behaviour::default()).await;
    assert_eq!((&honest["status"], &honest["error"]), (&json!(400), &Value::Null));
    let boundless = report(reply(IDP, 400, body()), fault(Fault::NoSizeLimit)).await;
    assert_eq!(boundless["error"], "invalid_grant");
}

#[tokio::test]
async fn a_token_request_is_sent_as_often_as_the_behaviour_says() {
    let sent =
        async |reply: Reply, behaviour: Behaviour| count(&log(reply.clone(), behaviour).await, reply.at);
    let cut = || reply(IDP, 0, "");
    let down = || reply(AS, 503, "");
    let refused = || refusal(AS, 400, "invalid_scope").unwrap();
    let limited = |value| Reply { headers: value, ..reply(IDP, 429, "") };
    for answer in [cut(), down(), refused(), limited(&[("retry-after", "0")])] {
        assert_eq!(sent(answer, Behaviour::default()).await, 1);
    }
    for (answer, behaviour, times) in [
        (cut(), fault(Fault::BrokenConnectionRepeated), 4),
        (cut(), fault(Fault::RepeatsForEver), 8),
        (cut(), control(Control::RepeatsAfterPause), 3),
        (down(), fault(Fault::ServerErrorRepeatedAtOnce), 4),
        (down(), fault(Fault::RepeatsForEver), 8),
        (down(), fault(Fault::RetryAfterIgnored), 1),
        (refused(), fault(Fault::RepeatsRefusedRequest), 3),
        (refused(), fault(Fault::RepeatsForEver), 1),
        (refused(), control(Control::RepeatsAfterPause), 1),
        (limited(&[("retry-after", "0")]), control(Control::RepeatsAfterPause), 3),
        (limited(&[("retry-after", "3")]), control(Control::RepeatsAfterPause), 1),
        (limited(&[("retry-after", "3")]), fault(Fault::RetryAfterIgnored), 2),
        (limited(&[("retry-after", "3")]), fault(Fault::ServerErrorRepeatedAtOnce), 1),
    ] {
        assert_eq!(sent(answer, behaviour.clone()).await, times, "{behaviour:?}");
    }
}

#[tokio::test]
async fn the_pause_that_the_server_asks_for_is_kept() {
    let busy = Reply { headers: &[("retry-after", "1")], times: 1, ..reply(AS, 503, "") };
    let start = Instant::now();
    let log = log(busy, control(Control::RepeatsAfterPause)).await;
    assert_eq!(outcome(&log)["outcome"], "authorized");
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_narrowed_scope_is_what_is_asked_for_next_and_never_again() {
    let setup = Setup { exchange_answer: json!({"scope": "a"}), ..plain() };
    for (behaviour, scope, rounds) in [
        (Behaviour::default(), "&scope=a", 1),
        (fault(Fault::NarrowedScopeIgnored), "&scope=a+b", 1),
        (fault(Fault::NarrowedScopeAskedAgain), "&scope=a", 5),
    ] {
        let log = log_of(&setup, behaviour).await;
        let redeemed: Vec<_> = log.iter().filter(|line| line.contains("| /redeem")).collect();
        assert!(redeemed[0].ends_with(scope), "{}", redeemed[0]);
        assert_eq!(redeemed.len(), rounds);
    }
}

#[tokio::test]
async fn what_is_no_token_is_presented_by_faults_only() {
    for (missing, body) in [
        (Fault::MissingTokenPresented, "<html>"),
        (Fault::MissingTokenPresented, "[]"),
        (Fault::MissingTokenPresented, r#"{"access_token": 7}"#),
        (Fault::ErrorInSuccessIgnored, r#"{"error": "e"}"#),
    ] {
        let presented = log(reply(IDP, 200, body), fault(missing)).await;
        assert!(presented.iter().any(|line| line.contains("assertion=undefined")), "{presented:#?}");
        let presented = log(reply(AS, 200, body), fault(missing)).await;
        assert!(presented.iter().any(|line| line.contains("Bearer undefined")), "{presented:#?}");
    }
    let log = log(reply(IDP, 400, "<html>"), fault(Fault::MissingTokenPresented)).await;
    assert_eq!(count(&log, "/redeem"), 0);
}

#[tokio::test]
async fn a_grant_for_another_server_is_presented_there_without_credentials_by_a_fault_only() {
    let setup = Setup { grant_audience: json!("{origin}/other"), ..plain() };
    let log = log_of(&setup, Behaviour::default()).await;
    assert_eq!((count(&log, "/redeem/as"), count(&log, "/redeem/other")), (1, 0));
    let log = log_of(&setup, fault(Fault::FollowsGrantAudience)).await;
    let redeemed: Vec<_> = log.iter().filter(|line| line.contains("| /redeem")).collect();
    assert!(redeemed.len() == 1 && redeemed[0].contains("/redeem/other"), "{redeemed:#?}");
    assert!(redeemed[0].contains("client_id=client+a") && !redeemed[0].contains("Basic"), "{redeemed:#?}");
}

#[tokio::test]
async fn what_a_refusal_names_is_visited_by_faults_only() {
    let challenge = &[("www-authenticate", r#"Bearer resource_metadata="{origin}/prm/idp""#)];
    let named = Reply { headers: challenge, ..reply(IDP, 401, "") };
    let page = reply(AS, 400, json!({"error": "access_denied", "error_uri": "{origin}/page"}).to_string());
    for (answer, fault_of, path) in [
        (named, Fault::DiscoveryAfter401OfIdp, "/prm/idp"),
        (reply(IDP, 401, ""), Fault::DiscoveryAfter401OfIdp, "/.well-known/oauth-protected-resource/idp"),
        (page.clone(), Fault::ErrorUriFetched, "/page"),
        (page, Fault::CodeFlowAfterDenial, "/authorize"),
    ] {
        assert_eq!(count(&log(answer.clone(), Behaviour::default()).await, path), 0);
        assert_eq!(count(&log(answer, fault(fault_of)).await, path), 1, "{path}");
    }
}

#[tokio::test]
async fn a_report_is_wrong_by_faults_only() {
    let refused = |status, error| refusal(IDP, status, error).unwrap();
    let bare = |fault_of| report(refused(400, "access_denied"), fault(fault_of));
    assert_eq!(bare(Fault::RefusalReportedAsSuccess).await, json!({"outcome": "authorized"}));
    assert_eq!(bare(Fault::WrongStepReported).await["step"], "jwt_bearer");
    for lost in [Fault::ErrorCodeLost, Fault::FixedErrorCodes] {
        let report = bare(lost).await;
        assert_eq!((&report["error"], &report["status"]), (&Value::Null, &Value::Null), "{lost:?}");
    }
    let known = report(refused(400, "invalid_grant"), fault(Fault::FixedErrorCodes)).await;
    assert_eq!(known["error"], "invalid_grant");
    let unreadable = report(reply(AS, 502, "<html>"), fault(Fault::UnreadableBodyLost)).await;
    assert_eq!(unreadable["message"], "refused at jwt_bearer: expected value at line 1 column 1");
    let odd = json!({"error": "access_denied", "error_description": null, "max_age": "5"});
    for lost in [Fault::DescriptionMustBeText, Fault::MaxAgeMustBeNumber] {
        let report = report(reply(IDP, 400, odd.to_string()), fault(lost)).await;
        assert_eq!((&report["error"], &report["status"]), (&Value::Null, &Value::Null), "{lost:?}");
    }
}
