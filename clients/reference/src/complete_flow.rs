//! The whole client against a stub that plays all three servers on one origin.
//!
//! The stub judges nothing: it answers, and writes down what arrived in a form that is the same in every
//! honest run.

use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::behaviour::Behaviour;
use crate::client::{Client, McpEndpoint};
use crate::http::Http;
use crate::outcome::Outcome;
use crate::token_exchange::ID_JAG;
use crate::{Control, Fault};

const ID_TOKEN: &str = "id.token.AAAA";
const GRANT: &str = "id.jag.AAAA";
const ACCESS_TOKEN: &str = "the-access-token";

/// How the servers and the client are set up in one run; conforming by default.
#[derive(Clone, Default)]
struct Setup {
    /// Members that are added to the client's context.
    context: Value,
    /// `token_endpoint_auth_methods_supported` at the resource authorization server.
    methods: Value,
    issuer_path: &'static str,
    openid_only: bool,
    discover_idp: bool,
    /// The path of the token endpoint that refuses.
    refuse_at: &'static str,
    /// The MCP server refuses the token when the tools are first listed.
    forget_first_token: bool,
    protocol_version: &'static str,
}

fn plain() -> Setup {
    Setup {
        context: json!({"client_secret": "s+1 %:", "idp_access_token": "idp-access-token"}),
        methods: json!(["client_secret_basic"]),
        issuer_path: "/as",
        protocol_version: "2025-11-25",
        ..Setup::default()
    }
}

/// Set-ups that together give every fault the occasion it needs.
fn setups(key_pem: &str) -> Vec<Setup> {
    let secrets = json!({"client_secret": "s+1 %:", "idp_client_secret": "i&2 =+"});
    let keys = json!({"private_key_pem": key_pem, "idp_private_key_pem": key_pem});
    let post = json!({"client_secret": "s", "token_endpoint_auth_method": "client_secret_post"});
    vec![
        plain(),
        Setup { context: secrets, methods: Value::Null, ..plain() },
        Setup { context: keys, methods: json!(["private_key_jwt"]), ..plain() },
        Setup { context: post, protocol_version: "2026-07-28", ..plain() },
        Setup { issuer_path: "/as/", openid_only: true, discover_idp: true, ..plain() },
        Setup { refuse_at: "/idp/exchange", ..plain() },
        Setup { refuse_at: "/redeem", ..plain() },
    ]
}

struct Stub {
    origin: String,
    setup: Setup,
    key: Vec<u8>,
    log: Mutex<Vec<String>>,
}

/// Runs the client with `behaviour`; what the stub saw, and last what the client said.
async fn run(setup: &Setup, key: &EcdsaKeyPair, behaviour: Behaviour) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let origin = format!("http://127.0.0.1:{port}");
    let stub = Arc::new(Stub {
        origin: origin.clone(),
        setup: setup.clone(),
        key: key.public_key().as_ref().to_vec(),
        log: Mutex::default(),
    });
    let router = Router::new().fallback(answer).with_state(Arc::clone(&stub));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let mut context = json!({
        "client_id": "client a:", "idp_client_id": "client b&", "idp_id_token": ID_TOKEN,
        "idp_issuer": format!("{origin}/idp"),
        "idp_token_endpoint": (!setup.discover_idp).then(|| format!("{origin}/idp/exchange")),
    });
    context.as_object_mut().unwrap().extend(setup.context.as_object().unwrap().clone());
    let text = format!("{origin}/mcp");
    let client = Client {
        context: serde_json::from_value(context).unwrap(),
        mcp: McpEndpoint { url: Url::parse(&text).unwrap(), text },
        protocol_version: setup.protocol_version.to_owned(),
        behaviour,
        http: Http::new().unwrap(),
    };
    let result = client.run().await;
    server.abort();
    let outcome = match &result {
        Ok(token) => serde_json::to_string(&Outcome::authorized(token.scope.as_deref())),
        Err(failure) => serde_json::to_string(&Outcome::refused(failure)),
    };
    let mut log = std::mem::take(&mut *stub.log.lock().unwrap());
    log.push(outcome.unwrap());
    log.iter().map(|line| line.replace(&port, "PORT")).collect()
}

async fn answer(
    State(stub): State<Arc<Stub>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
    let body = String::from_utf8_lossy(&body).into_owned();
    let line = [
        method.to_string(),
        uri.to_string(),
        header("content-type"),
        header("accept"),
        header("authorization"),
        header("x-access-token"),
        header("referer"),
        stub.canonical(&body),
    ];
    let calls = {
        let mut log = stub.log.lock().unwrap();
        log.push(line.join(" | "));
        log.len()
    };
    let Stub { origin, setup, .. } = &*stub;
    let issuer = format!("{origin}{}", setup.issuer_path);
    let json = match uri.path() {
        path if path == setup.refuse_at => {
            let error = json!({"error": "invalid_grant", "error_description": "no", "hint": 1});
            return (StatusCode::BAD_REQUEST, error.to_string()).into_response();
        }
        "/mcp" => return stub.mcp(&method, &header("authorization"), &body, calls),
        "/prm" | "/.well-known/oauth-protected-resource" => json!({
            "resource": format!("{origin}/mcp"),
            "authorization_servers": [issuer],
            "scopes_supported": ["a", "b", "c"],
        }),
        "/.well-known/oauth-authorization-server/as" if setup.openid_only => {
            return StatusCode::NOT_FOUND.into_response();
        }
        "/.well-known/oauth-authorization-server/as" | "/.well-known/openid-configuration/as" => json!({
            "issuer": issuer,
            "token_endpoint": format!("{origin}/redeem"),
            "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint_auth_methods_supported": setup.methods,
        }),
        "/idp/.well-known/openid-configuration" => json!({
            "issuer": format!("{origin}/idp"),
            "token_endpoint": format!("{origin}/idp/exchange"),
        }),
        "/idp/exchange" | "/idp/token" => {
            json!({"access_token": GRANT, "issued_token_type": ID_JAG, "token_type": "N_A"})
        }
        "/redeem" | "/as/token" => {
            json!({"access_token": ACCESS_TOKEN, "token_type": "Bearer", "scope": "a"})
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    json.to_string().into_response()
}

impl Stub {
    fn mcp(&self, method: &Method, authorization: &str, body: &str, calls: usize) -> Response {
        let forgotten = self.setup.forget_first_token && body.contains("tools/list") && calls < 9;
        if authorization != format!("Bearer {ACCESS_TOKEN}") || forgotten {
            let metadata = format!("{}/prm", self.origin);
            let bearer =
                format!(r#"Bearer scope="a b", resource_metadata="{metadata}", error="invalid_token""#);
            let challenge = format!(r#"Basic realm="x, y", {bearer}"#);
            return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
        }
        if method == Method::DELETE {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        let message: Value = serde_json::from_str(body).unwrap();
        if message["id"].is_null() {
            return StatusCode::ACCEPTED.into_response();
        }
        let result =
            json!({"protocolVersion": self.setup.protocol_version, "tools": [{"name": "test-tool"}]});
        let response = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
        let headers = [("content-type", "text/event-stream"), ("mcp-session-id", "session")];
        (headers, format!(": hello\n\ndata: {response}\n\n")).into_response()
    }

    /// `body` with what differs between honest runs taken out of the JWTs that the client makes.
    fn canonical(&self, body: &str) -> String {
        let values = form_urlencoded::parse(body.as_bytes()).map(|(_, value)| value.into_owned());
        values.filter(|value| value.starts_with("ey")).fold(body.to_owned(), |body, jwt| {
            let facts = self.jwt_facts(&jwt);
            body.replace(&jwt, &facts)
        })
    }

    fn jwt_facts(&self, jwt: &str) -> String {
        let (message, signature) = jwt.rsplit_once('.').unwrap();
        let decode = |segment: &str| URL_SAFE_NO_PAD.decode(segment).unwrap();
        let (header, claims) = message.split_once('.').unwrap();
        let mut claims: Value = serde_json::from_slice(&decode(claims)).unwrap();
        for volatile in ["iat", "exp", "jti"] {
            if let Some(value) = claims.get_mut(volatile) {
                *value = json!("present");
            }
        }
        let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.key)
            .verify(message.as_bytes(), &decode(signature));
        format!("{} {claims} {}", String::from_utf8(decode(header)).unwrap(), verified.is_ok())
    }
}

fn key_and_pem() -> (EcdsaKeyPair, String) {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let pem = STANDARD.encode(key.to_pkcs8v1().unwrap());
    (key, format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n"))
}

fn fault(fault: Fault) -> Behaviour {
    Behaviour { faults: vec![fault], controls: Vec::new() }
}

#[tokio::test]
async fn the_honest_client_reaches_the_server_in_every_set_up_that_lets_it() {
    let (key, pem) = key_and_pem();
    for setup in setups(&pem) {
        let log = run(&setup, &key, Behaviour::default()).await;
        let outcome: Value = serde_json::from_str(log.last().unwrap()).unwrap();
        let expected = if setup.refuse_at.is_empty() { "authorized" } else { "refused" };
        assert_eq!(outcome["outcome"], expected, "{log:#?}");
    }
}

#[tokio::test]
async fn the_requests_of_the_honest_client_are_these() {
    let (key, _) = key_and_pem();
    let log = run(&plain(), &key, Behaviour::default()).await;
    let targets: Vec<_> =
        log.iter().map(|line| line.split(" | ").take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        targets[..targets.len() - 1],
        [
            "POST /mcp",
            "GET /prm",
            "GET /.well-known/oauth-authorization-server/as",
            "POST /idp/exchange",
            "POST /redeem",
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
    assert!(log[4].contains("assertion=id.jag.AAAA&"), "{}", log[4]);
}

#[tokio::test]
async fn every_fault_shows() {
    let (key, pem) = key_and_pem();
    let setups = setups(&pem);
    let mut honest = Vec::new();
    for setup in &setups {
        honest.push(run(setup, &key, Behaviour::default()).await);
        assert_eq!(run(setup, &key, Behaviour::default()).await, *honest.last().unwrap());
    }
    // That one shows on stderr only.
    for committed in Fault::ALL.iter().copied().filter(|committed| *committed != Fault::PrintsTokens) {
        let mut shown = false;
        for (setup, honest) in setups.iter().zip(&honest) {
            shown |= run(setup, &key, fault(committed)).await != *honest;
        }
        assert!(shown, "{} changes nothing", committed.slug());
    }
}

#[tokio::test]
async fn every_control_still_reaches_the_server() {
    let (key, _) = key_and_pem();
    for control in Control::ALL {
        let behaviour = Behaviour { faults: Vec::new(), controls: vec![*control] };
        let log = run(&plain(), &key, behaviour).await;
        assert!(log.last().unwrap().contains("authorized"), "{}: {log:#?}", control.slug());
    }
}

#[tokio::test]
async fn a_refusal_by_the_idp_ends_the_flow_and_is_reported() {
    let (key, _) = key_and_pem();
    let log = run(&Setup { refuse_at: "/idp/exchange", ..plain() }, &key, Behaviour::default()).await;
    let outcome: Value = serde_json::from_str(log.last().unwrap()).unwrap();
    assert_eq!(outcome["error"], "invalid_grant");
    assert_eq!(outcome["step"], "token_exchange");
    assert_eq!(outcome["members"], json!({"hint": 1}));
    assert!(!log.iter().any(|line| line.contains("/redeem")), "{log:#?}");
}

#[tokio::test]
async fn a_token_that_is_refused_later_is_replaced_once() {
    let (key, _) = key_and_pem();
    let log = run(&Setup { forget_first_token: true, ..plain() }, &key, Behaviour::default()).await;
    assert_eq!(log.iter().filter(|line| line.contains("/redeem")).count(), 2);
    assert!(log.last().unwrap().contains("authorized"), "{log:#?}");
}
