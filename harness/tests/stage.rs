//! The servers behind real sockets: what no well-behaved HTTP client sends, and what a script does to a
//! connection.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crosscheck::stage::Servers;
use crosscheck_scenarios::{Party, Profile, Scenarios, SpecVersion};
use crosscheck_wire::transcript::{Ended, Transcript};
use crosscheck_wire::{Declared, Origins, RawClient, RawOutput, Stage};

/// Servers with a run of `script` on them.
async fn play(servers: &Servers, script: &str) -> Arc<Stage> {
    let text = format!("title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n{script}");
    let scenarios = Scenarios::parse("script", &text, &[]).unwrap();
    let scenario = Arc::new(scenarios.iter().next().unwrap().clone());
    let (profile, version) = (Profile::default(), SpecVersion::default());
    let stage = Arc::new(Stage::new(scenario, profile, version, Declared::default(), servers.origins()));
    servers.play(&stage);
    stage
}

/// Sends bytes and reads until the server ends the connection.
async fn send(origin: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(origin.strip_prefix("http://").unwrap()).await.unwrap();
    // A server may close before it has read everything; what it said counts.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn close(stage: &Stage) -> Transcript {
    let output = RawOutput::default;
    let (ended, took) = (Ended::Exited(0), Duration::ZERO);
    let client = RawClient { ended, took, stdout: output(), stderr: output(), report: None };
    stage.close(client, Vec::new(), &HashSet::new())
}

fn all(origins: &Origins) -> [(Party, &str); 6] {
    Party::ALL.map(|party| (party, origins.of(party)))
}

#[tokio::test]
async fn what_is_no_http_is_noted_and_ends_only_its_own_connection() {
    let servers = Servers::open().await.unwrap();
    let stage = play(&servers, "").await;
    for (_, origin) in all(&servers.origins()) {
        assert!(send(origin, b"\x16\x03\x01 not http\r\n\r\n").await.starts_with("HTTP/1.1 400"), "{origin}");
        let next = send(origin, b"GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(next.starts_with("HTTP/1.1 404") || next.starts_with("HTTP/1.1 401"), "{next}");
    }
    let transcript = close(&stage);
    let parties: Vec<_> = transcript.malformed.iter().map(|malformed| malformed.party).collect();
    let expected = [Party::Idp, Party::As, Party::Mcp, Party::As, Party::Mcp2, Party::Trap];
    assert_eq!(parties, expected, "without a script the second authorization server is the first");
    assert!(transcript.exchanges.iter().map(|exchange| exchange.party).eq(expected));
}

#[tokio::test]
async fn a_body_that_ends_too_early_is_recorded_as_incomplete() {
    let servers = Servers::open().await.unwrap();
    let stage = play(&servers, "").await;
    for (_, origin) in all(&servers.origins()) {
        send(origin, b"POST /token HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\ngrant_type=").await;
    }
    servers.clear().await;
    let exchanges = close(&stage).exchanges;
    let bodies: Vec<_> = exchanges.iter().map(|exchange| &exchange.request.body).collect();
    assert_eq!(bodies.len(), 6);
    assert!(bodies.iter().all(|body| !body.complete && body.bytes == 11), "{bodies:?}");
}

#[tokio::test]
async fn a_body_of_10_megabytes_is_refused_and_bodies_of_other_types_are_answered() {
    let servers = Servers::open().await.unwrap();
    let stage = play(&servers, "").await;
    let post = |mime: &str, body: &str| {
        let length = body.len();
        format!(
            "POST /token HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {mime}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    let large = "x".repeat(10 << 20);
    for (party, origin) in all(&servers.origins()) {
        let answer = send(origin, post("application/x-www-form-urlencoded", &large).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{party}: {answer:.80}");
        if party != Party::Idp && party != Party::As {
            continue;
        }
        for (mime, body) in
            [("application/json", "{}"), ("text/plain", "hello"), ("multipart/form-data", "--")]
        {
            let answer = send(origin, post(mime, body).as_bytes()).await;
            assert!(
                answer.starts_with("HTTP/1.1 400") && answer.contains("invalid_request"),
                "{mime}: {answer}"
            );
        }
        let twice =
            send(origin, post("application/x-www-form-urlencoded", "scope=a&scope=b").as_bytes()).await;
        assert!(twice.contains("invalid_request"), "{twice}");
    }
    assert!(close(&stage).malformed.is_empty());
}

#[tokio::test]
async fn a_script_ends_a_connection_before_the_status_line_or_within_the_body() {
    let servers = Servers::open().await.unwrap();
    let script =
        "[[idp.jwks]]\nact = \"close\"\n[[idp.jwks]]\nact = { cut = { after_bytes = 5 } }\n[[idp.jwks]]\n";
    let stage = play(&servers, script).await;
    let get = b"GET /jwks HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let origins = servers.origins();
    let idp = origins.of(Party::Idp);
    assert_eq!(send(idp, get).await, "");
    let cut = send(idp, get).await;
    assert!(cut.starts_with("HTTP/1.1 200") && cut.contains("{\"key") && !cut.contains("kty"), "{cut}");
    assert!(send(idp, get).await.contains("kty"));
    let statuses: Vec<_> = close(&stage)
        .exchanges
        .iter()
        .map(|exchange| (exchange.response.status, exchange.response.body.complete))
        .collect();
    assert_eq!(statuses, [(0, false), (200, false), (200, true)]);
}

/// A run on whose JWKS URL `steps` answer in turn, and a connection on which the first of them is asked for.
async fn asked(servers: &Servers, steps: &str) -> (Arc<Stage>, TcpStream) {
    let stage = play(servers, steps).await;
    let origins = servers.origins();
    let mut stream =
        TcpStream::connect(origins.of(Party::Idp).strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(b"GET /jwks HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    (stage, stream)
}

#[tokio::test]
async fn a_connection_ends_within_the_head_and_at_the_latest_at_its_end() {
    let servers = Servers::open().await.unwrap();
    for (after, expected) in [(0, ""), (17, "HTTP/1.1 418 I'm "), (9999, "\r\n\r")] {
        let step = "reply = { status = 418, body = \"body\" }";
        let act = format!("act = {{ cut_head = {{ after_bytes = {after} }} }}");
        let (stage, mut stream) = asked(&servers, &format!("[[idp.jwks]]\n{step}\n{act}\n")).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with(expected) && !answer.contains("body"), "{after}: {answer:?}");
        assert!(after > 17 || answer == expected);
        let response = close(&stage).exchanges.remove(0).response;
        assert_eq!((response.status, response.body.complete), (0, false));
    }
}

#[tokio::test]
async fn informational_answers_come_before_the_final_one() {
    let servers = Servers::open().await.unwrap();
    let act = "[[idp.jwks]]\nact = { informational = { statuses = [100, 103, 199] } }\n[[idp.jwks]]\n";
    let (_stage, mut stream) = asked(&servers, act).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let heads: Vec<_> = answer.split("\r\n\r\n").collect();
    let statuses = heads.iter().map(|head| head.lines().next().unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(
        statuses[..4],
        ["HTTP/1.1 100 Continue", "HTTP/1.1 103 Early Hints", "HTTP/1.1 199 ", "HTTP/1.1 200 OK"]
    );
    assert!(heads.last().unwrap().contains("kty"), "{answer}");
    let next = send(servers.origins().of(Party::Idp), b"GET /jwks HTTP/1.0\r\n\r\n").await;
    assert!(next.contains(" 200 OK"), "{next}");
}

#[tokio::test]
async fn head_and_body_drip_and_the_body_counts_only_behind_the_head() {
    let servers = Servers::open().await.unwrap();
    let reply = "reply = { status = 400, body = \"body\" }";
    for act in ["drip", "drip_head"] {
        let steps = format!("[[idp.jwks]]\n{reply}\nact = {{ {act} = {{ every_ms = 1 }} }}\n");
        let (stage, mut stream) = asked(&servers, &steps).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("content-length: 4\r\n") && answer.ends_with("\r\n\r\nbody"), "{answer}");
        let body = close(&stage).exchanges.remove(0).response.body;
        assert_eq!((body.bytes, body.complete), (4, true), "{act}");
    }
    let steps = format!("[[idp.jwks]]\n{reply}\nact = {{ drip_head = {{ every_ms = 1 }} }}\n");
    let (stage, mut stream) = asked(&servers, &steps).await;
    assert_eq!(stream.read_u8().await.unwrap(), b'H');
    drop(stream);
    servers.clear().await;
    let body = close(&stage).exchanges.remove(0).response.body;
    assert_eq!((body.bytes, body.complete), (0, false));
}

#[tokio::test]
async fn a_body_goes_out_in_pieces() {
    let servers = Servers::open().await.unwrap();
    let steps =
        "[[idp.jwks]]\nreply = { status = 400, body = \"one two\" }\nact = { pieces = { of_bytes = 4 } }\n";
    let (_stage, mut stream) = asked(&servers, steps).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("transfer-encoding: chunked"), "{answer}");
    assert!(answer.ends_with("4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_stalled_body_does_not_delay_the_end_of_a_run() {
    let servers = Servers::open().await.unwrap();
    let steps =
        "[[idp.jwks]]\nreply = { status = 400, body = \"body\" }\nact = { stall = { after_bytes = 2 } }\n";
    let (stage, mut stream) = asked(&servers, steps).await;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nbo") {
        answer.push(stream.read_u8().await.unwrap());
    }
    servers.clear().await;
    assert_eq!(stream.read(&mut [0; 9]).await.unwrap_or_default(), 0);
    let body = close(&stage).exchanges.remove(0).response.body;
    assert_eq!((body.bytes, body.complete), (2, false));
}

#[tokio::test]
async fn a_body_without_end_stops_when_the_client_leaves_and_a_long_one_ends() {
    let servers = Servers::open().await.unwrap();
    let endless = "[[idp.jwks]]\nreply = { status = 400, long = { repeat = \"A\" } }\n";
    let (stage, mut stream) = asked(&servers, endless).await;
    stream.read_exact(&mut vec![0; 300_000]).await.unwrap();
    drop(stream);
    servers.clear().await;
    let body = close(&stage).exchanges.remove(0).response.body;
    assert!((300_000 - 1000..16 << 20).contains(&body.bytes) && !body.complete, "{}", body.bytes);

    let long = "[[idp.jwks]]\nreply = { status = 400, long = { repeat = \"AB\", times = 50000000 } }\n";
    let (stage, mut stream) = asked(&servers, long).await;
    let (mut piece, mut read) = (vec![0; 1 << 20], 0);
    loop {
        match stream.read(&mut piece).await.unwrap() {
            0 => break,
            bytes => read += bytes,
        }
    }
    assert!((100_000_000..100_001_000).contains(&read), "{read}");
    servers.clear().await;
    let body = close(&stage).exchanges.remove(0).response.body;
    assert_eq!((body.bytes, body.complete), (100_000_000, true));
}

#[tokio::test]
async fn who_connects_while_no_run_is_on_is_not_recorded_and_gives_the_ports_away() {
    let servers = Servers::open().await.unwrap();
    let stage = play(&servers, "").await;
    servers.clear().await;
    assert!(!servers.is_disturbed());
    send(servers.origins().of(Party::Idp), b"GET /jwks HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(servers.is_disturbed());
    assert_eq!(close(&stage).exchanges.len(), 0);
}
