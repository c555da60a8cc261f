//! What clients are answered by a script, and what the transcript says of it.

use std::collections::HashSet;
use std::io::Read as _;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use futures_util::StreamExt as _;
use http::Request;
use serde_json::json;
use tower::ServiceExt as _;

use crosscheck_scenarios::{EndpointName, Party, Profile, Scenarios, SpecVersion};
use crosscheck_wire::transcript::{Ended, Exchange, SCRIPTED, Transcript};
use crosscheck_wire::{Answer, Declared, Origins, RawClient, RawOutput, Seen, Stage, Watcher, record};

/// A stage on which the token endpoint of the resource authorization server answers by `steps` in turn.
fn playing(steps: &[&str]) -> Arc<Stage> {
    let steps = steps.iter().map(|step| format!("[[as.token]]\n{step}\n")).collect::<String>();
    let script = format!("title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n{steps}");
    let scenarios = Scenarios::parse("script", &script, &[]).unwrap();
    let scenario = Arc::new(scenarios.find("script").unwrap().clone());
    let origins = Origins(Party::ALL.map(|party| format!("http://127.0.0.1:{}", party as usize + 1)));
    let (profile, version) = (Profile::Mcp, SpecVersion::default());
    Arc::new(Stage::new(scenario, profile, version, Declared::default(), origins))
}

async fn answer(stage: &Arc<Stage>) -> Response {
    let respond = async |State(stage): State<Arc<Stage>>| {
        let step = stage.next_step(Party::As, EndpointName::Token);
        Answer::token(json!({ "access_token": "a" })).send(&stage, EndpointName::Token, &step).await
    };
    let recording = from_fn_with_state((Arc::clone(stage), Party::As), record);
    let app = Router::new().fallback(respond).layer(recording).with_state(Arc::clone(stage));
    app.oneshot(Request::post("/token").body(Body::empty()).unwrap()).await.unwrap()
}

/// The bytes that a client reads; what comes before a failure counts.
async fn read(response: Response) -> Vec<u8> {
    let pieces = response.into_body().into_data_stream();
    pieces
        .take_while(|piece| std::future::ready(piece.is_ok()))
        .map(Result::unwrap)
        .collect::<Vec<_>>()
        .await
        .concat()
}

fn close(stage: &Stage) -> Transcript {
    let output = RawOutput::default;
    let (ended, took) = (Ended::Exited(0), Duration::ZERO);
    let client = RawClient { ended, took, stdout: output(), stderr: output(), report: None };
    stage.close(client, Vec::new(), &HashSet::new())
}

/// What a client reads of one answer, and what the transcript says of it.
async fn exchange(step: &str) -> (Vec<u8>, Exchange) {
    let stage = playing(&[step]);
    let bytes = read(answer(&stage).await).await;
    (bytes, close(&stage).exchanges.remove(0))
}

const ERROR: &str = "{\"error\":\"invalid_grant\"}";

#[tokio::test]
async fn an_error_at_a_token_endpoint_has_its_members_whatever_it_is_packed_in() {
    let bom = STANDARD.encode(format!("\u{feff}{ERROR}"));
    let latin = STANDARD.encode(b"{\"error\":\"invalid_grant\",\"error_description\":\"f\xfcr\"}");
    let plain = "content-type = [\"text/plain\"]";
    let cases = [
        (format!("status = 400, body = '{ERROR}', headers = {{ {plain} }}"), true),
        (format!("status = 200, body = '{ERROR}'"), true),
        (format!("status = 400, base64 = '{bom}', headers = {{ {plain} }}"), true),
        (format!("status = 400, body = '{ERROR}', gzip = true"), true),
        (format!("status = 400, body = '{ERROR}', headers = {{ content-encoding = [\"gzip\"] }}"), false),
        (format!("status = 400, base64 = '{latin}'"), false),
        (format!("status = 400, body = '{ERROR}{ERROR}'"), false),
        (format!("status = 400, body = '[{ERROR}]', headers = {{ {plain} }}"), false),
    ];
    for (reply, is_read) in cases {
        let (bytes, exchange) = exchange(&format!("reply = {{ {reply} }}")).await;
        let body = &exchange.response.body;
        let code = exchange.response.member("error");
        assert_eq!(code, is_read.then_some("invalid_grant"), "{reply}");
        assert_eq!((body.bytes, body.complete), (bytes.len() as u64, true), "{reply}");
        assert!(body.text.to_string().contains("invalid_grant"), "{reply}");
        assert_eq!(exchange.refusal, SCRIPTED, "{reply}");
    }
}

#[tokio::test]
async fn whoever_watches_is_told_of_each_exchange_once_it_is_answered() {
    let packed = format!("reply = {{ status = 400, body = '{ERROR}', gzip = true }}");
    let steps = [
        packed.as_str(),
        "reply = { status = 400, json = { error = \"{secret.as_client_secret}\" } }",
        "reply = { status = 400, json = { error = \"stalled\" } }\nact = { stall = { after_bytes = 3 } }",
        "act = \"close\"",
        "",
    ];
    let mut stage = playing(&steps);
    let (tell, told) = mpsc::channel();
    let watcher = Watcher::new(move |seen: &Seen| tell.send(seen.clone()).unwrap());
    Arc::get_mut(&mut stage).expect("nobody else has it").recorder.watch(watcher);
    for (number, status, error) in
        [(1, 400, Some("invalid_grant")), (2, 400, None), (3, 400, None), (4, 0, None), (5, 200, None)]
    {
        let _response = answer(&stage).await;
        let seen = told.try_recv().expect("it is told before the answer goes out");
        assert_eq!((seen.number, seen.status, seen.error.as_deref()), (number, status, error));
        assert_eq!((seen.party, seen.endpoint, seen.method), (Party::As, EndpointName::Token, Some("POST")));
    }
}

#[tokio::test]
async fn a_body_is_compressed_whether_short_or_long() {
    for (long, length) in [("times = 10", 20), ("times = 1000000", 2_000_000)] {
        let reply = format!("reply = {{ status = 400, gzip = true, long = {{ repeat = \"ab\", {long} }} }}");
        let (bytes, exchange) = exchange(&reply).await;
        let mut content = Vec::new();
        GzDecoder::new(bytes.as_slice()).read_to_end(&mut content).unwrap();
        assert_eq!(content, b"ab".repeat(length / 2));
        let body = exchange.response.body;
        assert!(body.complete && body.bytes == bytes.len() as u64 && body.bytes < 20_000, "{}", body.bytes);
        assert_eq!(body.text.as_plain().map(str::len), Some(length.min(64 << 10)));
    }
}

#[tokio::test]
async fn a_long_body_is_what_it_says_and_announces_its_length() {
    let long = "long = { head = '{\"error\":\"invalid_grant\"', repeat = ',\"m{n}\":{n}', times = 100000, tail = '}' }";
    let stage = playing(&[&format!("reply = {{ status = 400, {long} }}")]);
    let response = answer(&stage).await;
    let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let bytes = read(response).await;
    assert_eq!(bytes.len(), length);
    let exchange = close(&stage).exchanges.remove(0);
    assert_eq!(exchange.response.member("error"), Some("invalid_grant"));
    assert_eq!(exchange.response.body.json.unwrap()["m99999"], 99999);

    let stage = playing(&[
        "reply = { status = 400, long = { head = 'a', repeat = 'bc', times = 50000000, tail = 'd' } }",
    ]);
    let response = answer(&stage).await;
    assert_eq!(response.headers()["content-length"], "100000002");
    let mut pieces = response.into_body().into_data_stream();
    let (mut count, mut last) = (0, None);
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        assert!(piece.len() <= 64 << 10);
        count += piece.len();
        last = piece.last().copied();
    }
    assert_eq!((count, last), (100_000_002, Some(b'd')));
    let body = close(&stage).exchanges.remove(0).response.body;
    assert!(body.complete && body.bytes == 100_000_002 && body.json.is_none());
    assert_eq!(body.text.as_plain().map(str::len), Some(64 << 10));
}

#[tokio::test]
async fn a_body_counts_as_far_as_it_left() {
    let stage = playing(&["reply = { status = 400, long = { repeat = \"A\" } }"]);
    let response = answer(&stage).await;
    assert!(!response.headers().contains_key("content-length"));
    let pieces = response.into_body().into_data_stream().take(3).collect::<Vec<_>>().await;
    assert_eq!(pieces.len(), 3);
    let body = close(&stage).exchanges.remove(0).response.body;
    assert_eq!((body.bytes, body.complete), (3 * (64 << 10), false));

    let cases = [
        (
            format!("reply = {{ status = 400, body = '{ERROR}' }}\nact = {{ cut = {{ after_bytes = 5 }} }}"),
            5,
            false,
        ),
        (
            format!(
                "reply = {{ status = 400, body = '{ERROR}', headers = {{ content-length = [\"90\"] }} }}"
            ),
            25,
            false,
        ),
        (
            format!("reply = {{ status = 400, body = '{ERROR}' }}\nact = {{ pieces = {{ of_bytes = 7 }} }}"),
            25,
            true,
        ),
        (
            format!("reply = {{ status = 400, body = '{ERROR}' }}\nact = {{ drip = {{ every_ms = 1 }} }}"),
            25,
            true,
        ),
    ];
    for (step, bytes, complete) in cases {
        let (read, exchange) = exchange(&step).await;
        assert_eq!(read, ERROR.as_bytes()[..bytes], "{step}");
        let body = exchange.response.body;
        assert_eq!((body.bytes, body.complete), (bytes as u64, complete), "{step}");
    }
}

#[tokio::test]
async fn headers_stand_several_times_and_need_not_be_ascii() {
    let stage = playing(&[
        "reply = { status = 401, headers = { www-authenticate = [\"Negotiate\", \"Basic realm=\\\"für\\\"\"] } }",
    ]);
    let headers = answer(&stage).await.headers().clone();
    let values: Vec<_> = headers.get_all("www-authenticate").iter().map(|value| value.as_bytes()).collect();
    assert_eq!(values, [b"Negotiate".as_slice(), "Basic realm=\"für\"".as_bytes()]);
    let recorded = close(&stage).exchanges.remove(0).response.headers;
    assert!(recorded.iter().any(|header| header.value.as_plain() == Some("Basic realm=\"für\"")));
}

#[tokio::test]
async fn an_answer_may_name_dates_and_secrets() {
    let stage = playing(&[
        "reply = { status = 503, headers = { retry-after = [\"{date.soon}\"] }, body = \"{date.past}\" }",
        "reply = { status = 400, json = { error_description = \"{secret.as_client_secret} {secret.id_jag}\" } }",
        "json.set = { refresh_token = \"{secret.as_refresh_token}\" }",
        "json.set = { refresh_token = \"{secret.as_refresh_token}\" }",
    ]);
    let response = answer(&stage).await;
    let soon = httpdate::parse_http_date(response.headers()["retry-after"].to_str().unwrap()).unwrap();
    let past = httpdate::parse_http_date(std::str::from_utf8(&read(response).await).unwrap()).unwrap();
    let apart = soon.duration_since(past).unwrap().as_secs();
    assert!((62..=63).contains(&apart), "{apart}");

    stage.ledger.mint_token("id_jag", "grant-that-was-issued", "idp.key", &[Party::As]);
    let echoed = String::from_utf8(read(answer(&stage).await).await).unwrap();
    let secret = stage.registration(Party::As).client_secret.clone().unwrap();
    assert_eq!(echoed, json!({ "error_description": format!("{secret} grant-that-was-issued") }).to_string());

    let [one, other] = [read(answer(&stage).await).await, read(answer(&stage).await).await];
    assert_eq!(one, other, "there is one refresh token");
    let transcript = close(&stage);
    let facts = transcript.values.iter().find(|value| value.name == "as_refresh_token").unwrap();
    assert_eq!(facts.travels_to, [Party::As]);
    let exchanges = &transcript.exchanges;
    assert_eq!(exchanges[2].response.member("refresh_token"), Some("«as_refresh_token»"));
    assert_eq!(exchanges[1].response.mentions.len(), 2);
    assert_eq!((exchanges[1].refusal.as_str(), exchanges[2].refusal.as_str()), (SCRIPTED, ""));
}

#[tokio::test]
async fn an_answer_that_is_cut_within_the_head_has_no_status() {
    for act in ["\"close\"", "{ cut_head = { after_bytes = 20 } }"] {
        let stage = playing(&[&format!("reply = {{ status = 400, body = '{ERROR}' }}\nact = {act}")]);
        answer(&stage).await;
        let response = close(&stage).exchanges.remove(0).response;
        assert_eq!((response.status, response.body.bytes, response.body.complete), (0, 0, false), "{act}");
    }
}
