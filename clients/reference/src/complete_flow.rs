//! The whole client against a stub.

mod setups;
mod stub;
mod token_endpoints;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::client::Client;
use crate::http::Answer;
use crate::token_answer::TokenAnswer;
use crate::{Control, Fault};
use setups::{INSUFFICIENT, reached, refused};
use stub::{Setup, plain, refusal, run};

fn key_and_pem() -> (EcdsaKeyPair, String) {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let pem = STANDARD.encode(key.to_pkcs8v1().unwrap());
    (key, format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n"))
}

/// An honest client that speaks to nobody.
pub(crate) fn client() -> Client {
    stub::client_of(&plain(), Behaviour::default(), "http://127.0.0.1:1")
}

/// The success of a token endpoint with `members`.
pub(crate) fn answer(members: &Value) -> TokenAnswer {
    let body = members.to_string().into_bytes();
    client()
        .read(&Answer { status: StatusCode::OK, headers: HeaderMap::new(), body })
        .unwrap_or_else(|cause| panic!("{cause}"))
}

fn fault(fault: Fault) -> Behaviour {
    Behaviour { faults: vec![fault], controls: Vec::new() }
}

fn control(control: Control) -> Behaviour {
    Behaviour { faults: Vec::new(), controls: vec![control] }
}

async fn honest(setup: &Setup) -> Vec<String> {
    run(setup, &key_and_pem().0, Behaviour::default()).await
}

fn outcome(log: &[String]) -> Value {
    serde_json::from_str(log.last().unwrap()).unwrap()
}

/// How many requests went to `path`.
fn count(log: &[String], path: &str) -> usize {
    log.iter().filter(|line| line.contains(&format!(" | {path}"))).count()
}

#[tokio::test]
async fn the_honest_client_reaches_the_server_in_every_set_up_that_lets_it() {
    let (key, pem) = key_and_pem();
    for (setups, expected) in [(reached(&pem), "authorized"), (refused(), "refused")] {
        for setup in setups {
            let log = run(&setup, &key, Behaviour::default()).await;
            assert_eq!(outcome(&log)["outcome"], expected, "{log:#?}");
        }
    }
}

#[tokio::test]
async fn the_requests_of_the_honest_client_are_these() {
    let log = honest(&plain()).await;
    let targets: Vec<_> =
        log.iter().map(|line| line.split(" | ").take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        targets[..targets.len() - 1],
        [
            "POST /mcp",
            "GET /prm/mcp",
            "GET /.well-known/oauth-authorization-server/as",
            "POST /idp/exchange?tenant=1",
            "POST /redeem/as?tenant=1",
            "POST /mcp",
            "POST /mcp",
            "POST /mcp",
            "POST /mcp",
            "DELETE /mcp",
        ]
    );
    assert!(log[3].contains("&audience=http%3A%2F%2F127.0.0.1%3APORT%2Fas&resource="), "{}", log[3]);
    assert!(log[3].ends_with("%3Aid_token&client_id=client+b%26"), "{}", log[3]);
    let credentials = STANDARD.encode("client+a%3A:s%2B1+%25%3A");
    assert!(log[4].contains(&format!("Basic {credentials}")), "{}", log[4]);
    assert!(log[4].contains("assertion=id.jag.AAA1&"), "{}", log[4]);
}

#[tokio::test]
async fn every_fault_and_every_control_shows() {
    // What these do is seen on stderr, by the exit status, or after a long time only.
    let faults_unseen = [
        Fault::PrintsTokens,
        Fault::DumpsRequestOnFailure,
        Fault::DescriptionPrintedRaw,
        Fault::ServerTextEchoed,
        Fault::NoTimeLimit,
    ];
    let controls_unseen = [Control::SuccessStatusAfterRefusal];
    let (key, pem) = key_and_pem();
    let mut runs = Vec::new();
    for setup in reached(&pem).into_iter().chain(refused()) {
        let honest = run(&setup, &key, Behaviour::default()).await;
        assert_eq!(run(&setup, &key, Behaviour::default()).await, honest);
        runs.push((setup, honest));
    }
    let faults = Fault::ALL.iter().filter(|fault| !faults_unseen.contains(fault));
    let controls = Control::ALL.iter().filter(|control| !controls_unseen.contains(control));
    let behaviours = faults.map(|it| fault(*it)).chain(controls.map(|it| control(*it)));
    for behaviour in behaviours {
        let mut shown = false;
        for index in 0..runs.len() {
            let (setup, honest) = &runs[index];
            shown = run(setup, &key, behaviour.clone()).await != *honest;
            if shown {
                // Neighbours in the list often show in the same set-up, which is tried first now.
                runs[..=index].rotate_right(1);
                break;
            }
        }
        assert!(shown, "{behaviour:?} changes nothing");
    }
}

#[tokio::test]
async fn every_control_still_reaches_the_server() {
    let (key, _) = key_and_pem();
    for freedom in Control::ALL {
        let log = run(&plain(), &key, control(*freedom)).await;
        assert_eq!(outcome(&log)["outcome"], "authorized", "{}: {log:#?}", freedom.slug());
    }
}

#[tokio::test]
async fn a_refusal_by_the_idp_ends_the_flow_and_is_reported() {
    let log = honest(&Setup { reply: refusal("/idp/exchange", 400, "invalid_grant"), ..plain() }).await;
    let outcome = outcome(&log);
    assert_eq!(outcome["error"], "invalid_grant");
    assert_eq!(outcome["step"], "token_exchange");
    assert_eq!(outcome["members"], json!({"hint": 1}));
    assert_eq!(count(&log, "/redeem"), 0, "{log:#?}");
}

#[tokio::test]
async fn a_token_that_is_refused_later_is_replaced_once_by_a_whole_new_flow() {
    let refuse = |last| Setup { refuse_tools: Some((401, "Bearer", last)), ..plain() };
    let log = honest(&refuse(1)).await;
    assert_eq!(outcome(&log)["outcome"], "authorized", "{log:#?}");
    assert_eq!((count(&log, "/redeem"), count(&log, "/prm"), count(&log, "/.well-known")), (2, 1, 4));
    let log = honest(&refuse(usize::MAX)).await;
    assert_eq!((count(&log, "/idp/exchange"), count(&log, "/redeem")), (2, 2), "{log:#?}");
}

#[tokio::test]
async fn the_scope_is_widened_once_to_all_that_was_asked_for_and_all_that_is_missing() {
    let refuse = |last| Setup { refuse_tools: Some((403, INSUFFICIENT, last)), ..plain() };
    let log = honest(&refuse(1)).await;
    let exchanges: Vec<_> = log.iter().filter(|line| line.contains("/idp/exchange")).collect();
    assert!(exchanges[0].contains("&scope=a+b&") && exchanges[1].contains("&scope=a+b+files%3Awrite&"));
    let log = honest(&refuse(usize::MAX)).await;
    assert_eq!(count(&log, "/idp/exchange"), 2, "{log:#?}");
    assert_eq!(outcome(&log)["error"], "insufficient_scope");
}

#[tokio::test]
async fn a_kept_token_serves_the_same_server_and_the_same_user_only() {
    let (_, pem) = key_and_pem();
    let is_calls = |setup: &Setup| !setup.context["calls"].is_null();
    let setups: Vec<_> = reached(&pem).into_iter().filter(is_calls).collect();
    let [users, servers] = &setups[..] else { panic!("two set-ups have calls") };
    assert_eq!(count(&honest(users).await, "/redeem"), 2);
    let log = honest(servers).await;
    assert_eq!((count(&log, "/redeem/as"), count(&log, "/redeem/other")), (1, 1));
    let fault = run(servers, &key_and_pem().0, fault(Fault::OneGrantForAllServers)).await;
    assert_eq!((count(&fault, "/idp/exchange"), count(&fault, "/redeem/other")), (1, 1));
}

#[tokio::test]
async fn a_refused_grant_is_replaced_once_or_presented_once_more() {
    let setup = Setup { refuse_tools: Some((401, "Bearer", 1)), refuse_replay: true, ..plain() };
    let (key, _) = key_and_pem();
    let assertions = async |behaviour| {
        let log = run(&setup, &key, behaviour).await;
        let presented = |line: &String| line.split("assertion=id.jag.AAA").nth(1)?.chars().next();
        (log.iter().filter_map(presented).collect::<String>(), outcome(&log)["outcome"].clone())
    };
    assert_eq!(
        assertions(control(Control::GrantPresentedAgain)).await,
        ("112".to_owned(), json!("authorized"))
    );
    assert_eq!(
        assertions(fault(Fault::ExpiredGrantPresentedAgain)).await,
        ("1112".to_owned(), json!("authorized"))
    );
    assert_eq!(assertions(fault(Fault::GivesUpOnRefusedGrant)).await, ("11".to_owned(), json!("refused")));
}

#[tokio::test]
async fn loops_end() {
    let (key, _) = key_and_pem();
    let refuse = |status, challenge| Setup { refuse_tools: Some((status, challenge, usize::MAX)), ..plain() };
    let refused_grant = Setup { reply: refusal("/redeem/as", 400, "invalid_grant"), ..plain() };
    for (setup, looping) in [
        (refuse(401, "Bearer"), Fault::LoopsOn401),
        (refuse(403, INSUFFICIENT), Fault::LoopsOn403),
        (refused_grant, Fault::LoopsOnInvalidGrant),
    ] {
        let log = run(&setup, &key, fault(looping)).await;
        assert_eq!(count(&log, "/redeem"), 9, "{looping:?}");
    }
}

#[tokio::test]
async fn credentials_stay_with_the_server_that_they_first_went_to() {
    let other = json!(["{origin}/other", "{origin}/as"]);
    let bound = json!({"client_secret": "s", "issuer": "{origin}/elsewhere"});
    let setup =
        Setup { context: bound, resource_metadata: json!({"authorization_servers": other}), ..plain() };
    let log = honest(&setup).await;
    assert_eq!((outcome(&log)["step"].clone(), count(&log, "/idp")), (json!("discovery"), 0), "{log:#?}");
    let log = run(&setup, &key_and_pem().0, fault(Fault::CredentialsToAnyAs)).await;
    assert_eq!(count(&log, "/redeem/other"), 1, "{log:#?}");
}
