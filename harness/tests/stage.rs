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
