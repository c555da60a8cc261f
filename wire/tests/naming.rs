//! What a transcript says of requests that carry minted values, right, altered and leaked.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use tower::ServiceExt as _;

use crosscheck_scenarios::{AuthMethod, Capability, Party, Profile, Scenarios, SpecVersion};
use crosscheck_wire::ledger::ValueKind;
use crosscheck_wire::transcript::{Ended, Exchange, Place, Presented, Report, Transcript};
use crosscheck_wire::{Alteration, Declared, Origins, RawClient, RawOutput, Stage, Text, record};

/// A stage whose client is registered at the resource authorization server for Basic, with awkward credentials.
fn stage() -> Arc<Stage> {
    stage_of(AuthMethod::ClientSecretBasic)
}

fn stage_of(method: AuthMethod) -> Arc<Stage> {
    let folder = tempfile::tempdir().unwrap();
    let script = "title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n[client]\nclient_id = \"as client%{canary}+\"\nclient_secret = \"as s%cret:{canary}+&\"\n";
    std::fs::write(folder.path().join("script.toml"), script).unwrap();
    let scenarios = Scenarios::folder(folder.path(), &[]).unwrap();
    let scenario = Arc::new(scenarios.iter().next().unwrap().clone());
    let origins = Origins(Party::ALL.map(|party| format!("http://127.0.0.1:{}", party as usize + 1)));
    let declared = Declared(vec![Capability::AsAuth(method)]);
    Arc::new(Stage::new(scenario, Profile::Mcp, SpecVersion::default(), declared, origins))
}

fn client(stdout: &str, report: Option<&str>) -> RawClient {
    let output = |text: &str| RawOutput { text: text.into(), bytes: text.len() as u64, dropped: 0 };
    RawClient {
        ended: Ended::Exited(0),
        took: Duration::ZERO,
        stdout: output(stdout),
        stderr: output(""),
        report: report.map(|text| Ok(text.to_owned())),
    }
}

/// What the transcript says of one request at the resource authorization server.
async fn exchange(stage: &Arc<Stage>, request: Request<Body>) -> Exchange {
    let app = Router::new()
        .fallback(any(async || "ok"))
        .layer(from_fn_with_state((Arc::clone(stage), Party::As), record));
    app.oneshot(request).await.unwrap();
    close(stage, client("", None)).exchanges.pop().unwrap()
}

fn close(stage: &Stage, client: RawClient) -> Transcript {
    stage.close(client, Vec::new(), &HashSet::new())
}

fn form(body: String) -> Request<Body> {
    Request::post("/token")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap()
}

fn basic(user: &str, password: &str) -> Request<Body> {
    let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut request = form("scope=x".into());
    request.headers_mut().insert(AUTHORIZATION, value.parse().unwrap());
    request
}

async fn basic_credentials(user: &str, password: &str, stage: &Arc<Stage>) -> (Text, Text) {
    let request = exchange(stage, basic(user, password)).await.request;
    match request.authentication.as_slice() {
        [Presented::ClientSecretBasic { client_id, client_secret }] => {
            (client_id.clone(), client_secret.clone())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_parameter_is_named_exactly_or_by_what_differs() {
    let stage = stage();
    let token = stage.id_token.clone();
    let mut altered = token.clone();
    altered.pop();
    altered.push(if token.ends_with('A') { 'B' } else { 'A' });
    let short = &token[..token.len() / 4];
    let body = form(format!("a={token}&b={altered}&c=%20{token}&d=plain&e={short}"));
    let request = exchange(&stage, body).await.request;
    assert_eq!(request.param("e").unwrap().value.as_altered(), Some(("id_token", Alteration::Cut)));
    assert!(request.param("a").unwrap().value.is("id_token"));
    assert_eq!(request.param("b").unwrap().value.as_altered(), Some(("id_token", Alteration::Signature)));
    assert_eq!(request.param("c").unwrap().value.as_altered(), Some(("id_token", Alteration::Whitespace)));
    assert_eq!(request.param("d").unwrap().value.as_plain(), Some("plain"));
    assert_eq!(request.param("a").unwrap().jwt.as_ref().unwrap().verifies_with.as_deref(), Some("idp.key"));
    assert_eq!(request.param("b").unwrap().jwt.as_ref().unwrap().verifies_with, None);
}

#[tokio::test]
async fn however_deep_a_body_is_the_transcript_can_be_read_again() {
    let stage = stage();
    for depth in [90, 110, 127, 200] {
        let body = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let request =
            Request::post("/mcp").header(CONTENT_TYPE, "application/json").body(body.clone().into());
        exchange(&stage, request.unwrap()).await;
        let transcript = close(&stage, client("", None));
        let saved = serde_json::to_string(&transcript).unwrap();
        assert_eq!(serde_json::from_str::<Transcript>(&saved).unwrap(), transcript, "{depth}");
        let json = transcript.exchanges.last().unwrap().request.body.json.as_ref();
        let whole = json.map(ToString::to_string) == Some(body);
        assert_eq!((json.is_some(), whole), (depth < 128, depth <= 100), "{depth}");
    }
}

#[tokio::test]
async fn basic_credentials_tell_whether_they_were_form_encoded() {
    let stage = stage();
    let secret = stage.registration(Party::As).client_secret.clone().unwrap();
    let id = stage.registration(Party::As).client_id.clone();
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();

    let (user, password) = basic_credentials(&encode(&id), &encode(&secret), &stage).await;
    assert!(user.is("as.client_id") && password.is("as.client_secret"));
    let (_, password) = basic_credentials(&encode(&id), &secret, &stage).await;
    assert_eq!(password.as_altered(), Some(("as.client_secret", Alteration::NotEncoded)));
    let (_, password) = basic_credentials(&encode(&id), &encode(&encode(&secret)), &stage).await;
    assert_eq!(password.as_altered(), Some(("as.client_secret", Alteration::EncodedTwice)));
}

#[tokio::test]
async fn a_body_that_was_not_form_encoded_is_told_from_a_foreign_value() {
    let stage = stage();
    let request = exchange(
        &stage,
        form(format!("client_secret={}", stage.registration(Party::As).client_secret.as_ref().unwrap())),
    )
    .await;
    let secret = &request.request.param("client_secret").unwrap().value;
    assert_eq!(secret.as_altered(), Some(("as.client_secret", Alteration::NotEncoded)));
}

#[tokio::test]
async fn a_leak_is_found_in_every_form() {
    let stage = stage();
    let secret = stage.registration(Party::As).client_secret.clone().unwrap();
    let percent: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let payload = stage.id_token.split('.').nth(1).unwrap().to_owned();
    let forms = [
        secret.clone(),
        percent.clone(),
        percent.replace('+', "%20"),
        STANDARD.encode(&secret),
        STANDARD.encode(format!("x{secret}")),
        STANDARD.encode(format!("xy{secret}")),
        serde_json::to_string(&secret).unwrap(),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        secret.bytes().map(|byte| format!("{byte:02X}")).collect(),
    ];
    for form in forms {
        let text = close(&stage, client(&format!("before {form} after"), None)).client.stdout.text;
        assert!(text.names().any(|(name, _)| name == "as.client_secret"), "{form}: {text}");
        assert!(!text.to_string().contains(&stage.canary.tag().to_owned()), "{form}: {text}");
    }
    let text = close(&stage, client(&payload, None)).client.stdout.text;
    assert_eq!(text.to_string(), "«claims of id_token»");
}

#[tokio::test]
async fn a_token_of_which_the_end_is_missing_is_named() {
    let stage = stage();
    let token = &stage.id_token;
    let header = token.split('.').next().unwrap();
    for length in [header.len(), header.len() + 1, 150, token.len() - 1] {
        let printed = format!("token {}\n{}", &token[..length], &token[..length]);
        let text = close(&stage, client(&printed, None)).client.stdout.text;
        assert_eq!(text.to_string(), "token «id_token cut short»\n«id_token cut short»", "{length}");
        assert_eq!(text.names().count(), 0);
    }
    // Another token of the same key begins alike.
    let other = format!("{header}.eyJzdWIiOiJzb21lYm9keSBlbHNlIn0.AAAA");
    let text = close(&stage, client(&other, None)).client.stdout.text;
    assert!(text.to_string().starts_with("«unknown token"), "{text}");
}

#[tokio::test]
async fn a_saved_transcript_holds_no_secret_and_reads_back_equal() {
    let stage = stage();
    let secret = stage.registration(Party::As).client_secret.clone().unwrap();
    exchange(&stage, basic(&stage.registration(Party::As).client_id, &secret)).await;
    exchange(
        &stage,
        form(format!(
            "subject_token={}&token=eyJhbGciOiJub25lIn0.eyJzdWIiOiJzb21lYm9keSBlbHNlIn0.AAAA",
            stage.id_token
        )),
    )
    .await;
    let report = "{\"outcome\":\"refused\",\"step\":\"jwt_bearer\",\"message\":\"x\"}";
    let transcript = close(&stage, client(&stage.id_token, Some(report)));
    let saved = serde_json::to_string(&transcript).unwrap();
    for value in [secret.as_str(), &stage.id_token, "eyJzdWIiOiJzb21lYm9keSBlbHNlIn0"] {
        assert!(!saved.contains(value), "{value}");
    }
    assert_eq!(serde_json::from_str::<Transcript>(&saved).unwrap(), transcript);
    assert!(matches!(transcript.client.report, Report::Read(_)));
}

#[tokio::test]
async fn a_private_key_is_found_as_a_member_of_a_jwk_and_in_its_pem() {
    let stage = stage_of(AuthMethod::PrivateKeyJwt);
    let key = stage.registration(Party::As).key.as_ref().unwrap();
    for printed in [key.private_pem().to_owned(), format!("{{\"d\":\"{}\"}}", key.private_scalar())] {
        let transcript = close(&stage, client(&printed, None));
        let text = &transcript.client.stdout.text;
        assert!(text.names().any(|(name, _)| name == "as.client_key"), "{text}");
        assert!(key.private_pem_body().all(|line| !text.to_string().contains(line)), "{text}");
        let told = transcript.values.iter().filter(|value| value.name == "as.client_key");
        assert_eq!(told.count(), 1);
    }
}

#[tokio::test]
async fn a_secret_in_place_of_a_scheme_is_named() {
    let stage = stage();
    let mut request = form("grant_type=x".into());
    let secret = stage.registration(Party::As).client_secret.clone().unwrap().replace([' ', '&'], "");
    stage.ledger.mint("other", &secret, ValueKind::Credential, &[]);
    request.headers_mut().insert(AUTHORIZATION, secret.parse().unwrap());
    let saved = serde_json::to_string(&exchange(&stage, request).await).unwrap();
    assert!(!saved.contains(&secret), "{saved}");
}

#[tokio::test]
async fn text_that_looks_like_tokens_all_over_is_read_once() {
    let text = "eyJ".repeat(200_000);
    let output = close(&stage(), client(&text, None)).client.stdout.text;
    assert_eq!(output.as_plain().map(str::len), Some(text.len()));
}

#[tokio::test]
async fn mentions_say_where_a_value_stood() {
    let stage = stage();
    let uri = format!("/x?t={}", stage.id_token);
    let request = Request::get(uri)
        .header("referer", format!("http://x/{}", stage.id_token))
        .body(Body::empty())
        .unwrap();
    let found = exchange(&stage, request).await.request.mentions;
    let places: Vec<_> = found.iter().map(|mention| (mention.place, mention.at.as_str())).collect();
    assert_eq!(places, [(Place::Url, "t"), (Place::Header, "referer")]);
}

#[tokio::test]
async fn a_request_with_a_value_of_an_earlier_run_is_stray() {
    let (earlier, now) = (stage(), stage());
    let retired = HashSet::from([earlier.canary.tag().to_owned()]);
    let app = Router::new()
        .fallback(any(async || "ok"))
        .layer(from_fn_with_state((Arc::clone(&now), Party::As), record));
    for token in [&earlier.id_token, &now.id_token] {
        app.clone().oneshot(form(format!("subject_token={token}"))).await.unwrap();
    }
    let exchanges = now.close(client("", None), Vec::new(), &retired).exchanges;
    assert_eq!(exchanges.iter().map(|exchange| exchange.stray).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn an_unusable_outcome_report_says_why() {
    let usable = "\u{feff}{\"outcome\":\"refused\",\"error\":null,\"members\":null,\"more\":1}";
    let report = close(&stage(), client("", Some(usable))).client.report;
    assert!(matches!(report, Report::Read(_)), "{report:?}");
    for text in ["", "[]", "{\"outcome\":\"maybe\"}", "{\"outcome\":\"refused\",\"status\":\"400\"}"] {
        let report = close(&stage(), client("", Some(text))).client.report;
        assert!(matches!(report, Report::Unreadable(_)), "{text}: {report:?}");
    }
}

#[tokio::test]
async fn a_large_body_is_counted_and_answered_with_413() {
    let stage = stage();
    let exchange = exchange(&stage, form("x=".to_owned() + &"y".repeat(10 << 20))).await;
    assert_eq!((exchange.response.status, exchange.request.body.bytes), (413, (10 << 20) + 2));
}
