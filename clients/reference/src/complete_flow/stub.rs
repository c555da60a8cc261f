//! A stub that plays all servers on one origin.
//!
//! It judges nothing: it answers, and writes down what arrived in a form that is the same in every honest
//! run.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, EcdsaKeyPair, KeyPair, UnparsedPublicKey};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::behaviour::Behaviour;
use crate::client::{Client, McpEndpoint};
use crate::http::Http;
use crate::kept::Kept;
use crate::report::Outcome;
use crate::token_exchange::ID_JAG;

const ID_TOKEN: &str = "id.token.AAAA";
const ACCESS_TOKEN: &str = "the-access-token-";
/// How a grant begins that is a JWT, other than the JWTs of the client.
const JWT_GRANT: &str = "jwt.";
const OAUTH_METADATA: &str = "/.well-known/oauth-authorization-server";

/// How the servers and the client are set up in one run. In every text `{origin}` is the origin of all
/// servers, `{localhost}` another name of it, `{mcp}` the path of the MCP server.
#[derive(Clone)]
pub(super) struct Setup {
    /// Members that are added to the client's context.
    pub(super) context: Value,
    pub(super) issuer_path: &'static str,
    pub(super) protocol_version: &'static str,
    /// The IdP is found by its issuer.
    pub(super) discover_idp: bool,
    /// The lines of the MCP server's challenge.
    pub(super) challenge: &'static [&'static str],
    /// Where the protected resource metadata is.
    pub(super) resource_metadata_at: &'static [&'static str],
    /// Members of metadata and answers that are other than usual.
    pub(super) resource_metadata: Value,
    pub(super) as_metadata: Value,
    /// The same of the OpenID document alone.
    pub(super) openid_metadata: Value,
    pub(super) idp_metadata: Value,
    pub(super) exchange_answer: Value,
    pub(super) grant_answer: Value,
    /// What stands before the body of a token answer.
    pub(super) before_body: &'static str,
    /// The status of OAuth metadata, 200 if it is served.
    pub(super) oauth_metadata: u16,
    /// The audience of a grant that is a JWT.
    pub(super) grant_audience: Value,
    /// What a token endpoint says in the place of its usual answer.
    pub(super) reply: Option<Reply>,
    /// A path that redirects elsewhere; the MCP endpoint does so when it sees a token.
    pub(super) redirect: &'static str,
    /// A grant is redeemed only once.
    pub(super) refuse_replay: bool,
    /// How the MCP server refuses to list the tools: status, challenge, and the last token it refuses.
    pub(super) refuse_tools: Option<(u16, &'static str, usize)>,
}

/// An answer in the place of the usual one.
#[derive(Clone)]
pub(super) struct Reply {
    /// The path at which it is given.
    pub(super) at: &'static str,
    /// The status; 0 cuts the connection.
    pub(super) status: u16,
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) body: String,
    /// How often it is given before the usual answer.
    pub(super) times: usize,
}

/// An answer that is given every time.
pub(super) fn reply(at: &'static str, status: u16, body: impl Into<String>) -> Reply {
    Reply { at, status, headers: &[], body: body.into(), times: usize::MAX }
}

/// A refusal of a token endpoint.
pub(super) fn refusal(at: &'static str, status: u16, error: &str) -> Option<Reply> {
    let body = json!({"error": error, "error_description": "That will not do", "hint": 1});
    Some(reply(at, status, body.to_string()))
}

pub(super) fn plain() -> Setup {
    Setup {
        context: json!({"client_secret": "s+1 %:", "idp_access_token": "idp-access-token"}),
        issuer_path: "/as",
        protocol_version: "2025-11-25",
        discover_idp: false,
        challenge: &[
            r#"Basic realm="x, y", Bearer realm="x, scope=none, y", scope = "a b", resource_metadata="{origin}/prm{mcp}", error="invalid_token""#,
        ],
        resource_metadata_at: &["/prm/mcp", "/prm/mcp2", "/.well-known/oauth-protected-resource"],
        resource_metadata: json!({}),
        as_metadata: json!({}),
        openid_metadata: json!({}),
        idp_metadata: json!({}),
        exchange_answer: json!({}),
        grant_answer: json!({}),
        before_body: "",
        oauth_metadata: 200,
        grant_audience: Value::Null,
        reply: None,
        redirect: "",
        refuse_replay: false,
        refuse_tools: None,
    }
}

struct Stub {
    origin: String,
    setup: Setup,
    key: Vec<u8>,
    log: Mutex<Vec<String>>,
    issued: Mutex<Issued>,
}

#[derive(Default)]
struct Issued {
    replies: usize,
    grants: usize,
    tokens: usize,
    /// The grants that were redeemed.
    redeemed: HashSet<String>,
}

/// Runs the client with `behaviour`; what the stub saw, and last what the client said.
pub(super) async fn run(setup: &Setup, key: &EcdsaKeyPair, behaviour: Behaviour) -> Vec<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let origin = format!("http://127.0.0.1:{port}");
    let stub = Arc::new(Stub {
        origin: origin.clone(),
        setup: setup.clone(),
        key: key.public_key().as_ref().to_vec(),
        log: Mutex::default(),
        issued: Mutex::default(),
    });
    let router = Router::new().fallback(answer).with_state(Arc::clone(&stub));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let client = client_of(setup, behaviour.clone(), &origin);
    let result = client.run().await;
    server.abort();
    let outcome = match &result {
        Ok(token) => serde_json::to_string(&Outcome::authorized(token.scope.as_deref())),
        Err(failure) => serde_json::to_string(&Outcome::refused(failure, &behaviour)),
    };
    let mut log = std::mem::take(&mut *stub.log.lock().unwrap());
    log.push(outcome.unwrap());
    log.iter().map(|line| line.replace(&port, "PORT")).collect()
}

/// The client in `setup`, where all servers are at `origin`.
pub(super) fn client_of(setup: &Setup, behaviour: Behaviour, origin: &str) -> Client {
    let mut context = json!({
        "client_id": "client a:", "idp_client_id": "client b&", "idp_id_token": ID_TOKEN,
        "idp_issuer": "{origin}/idp",
        "idp_token_endpoint": (!setup.discover_idp).then_some("{origin}/idp/exchange?tenant=1"),
    });
    extend(&mut context, &setup.context);
    let text = format!("{origin}/mcp");
    Client {
        context: serde_json::from_str(&filled(&context.to_string(), origin)).unwrap(),
        mcp: McpEndpoint { url: Url::parse(&text).unwrap(), text },
        tool: None,
        protocol_version: setup.protocol_version.to_owned(),
        http: Http::new(&behaviour).unwrap(),
        behaviour,
        kept: Kept::default().into(),
    }
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
        header("x-refresh-token"),
        header("cookie"),
        header("referer"),
        stub.canonical(&body),
    ];
    stub.log.lock().unwrap().push(line.join(" | "));
    stub.answer(&method, uri.path(), &header("authorization"), &body)
}

impl Stub {
    fn answer(&self, method: &Method, path: &str, authorization: &str, body: &str) -> Response {
        let setup = &self.setup;
        let mcp = path.starts_with("/mcp");
        if path == setup.redirect && (!mcp || authorization != "-") {
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response();
        }
        if let Some(reply) = setup.reply.as_ref().filter(|reply| path == reply.at) {
            let given = &mut self.issued.lock().unwrap().replies;
            *given += 1;
            if *given <= reply.times {
                return self.reply(reply);
            }
        }
        if let Some(issuer_path) = path.strip_prefix(OAUTH_METADATA) {
            return match (setup.oauth_metadata, issuer_path) {
                (200, "/as") => self.as_metadata(setup.issuer_path, &json!({})),
                (200, other) => self.as_metadata(other, &json!({})),
                (status, _) => StatusCode::from_u16(status).unwrap().into_response(),
            };
        }
        match path {
            _ if mcp => self.mcp(method, path, authorization, body),
            _ if setup.resource_metadata_at.contains(&path) => {
                let second = path.ends_with("/mcp2");
                let (resource, issuer) =
                    if second { ("/mcp2", "/other") } else { ("/mcp", setup.issuer_path) };
                let usual = json!({
                    "resource": format!("{{origin}}{resource}"),
                    "authorization_servers": [format!("{{origin}}{issuer}")],
                    "scopes_supported": ["a", "c"],
                });
                self.document(usual, &setup.resource_metadata)
            }
            "/idp/.well-known/openid-configuration" => self.document(
                json!({"issuer": "{origin}/idp", "token_endpoint": "{origin}/idp/exchange"}),
                &setup.idp_metadata,
            ),
            "/.well-known/openid-configuration" | "/.well-known/openid-configuration/as" => {
                self.as_metadata(setup.issuer_path, &setup.openid_metadata)
            }
            "/idp/exchange" | "/idp/token" => self.exchange(),
            _ if path.starts_with("/redeem") || path.ends_with("/token") => self.redeem(body),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }

    fn reply(&self, reply: &Reply) -> Response {
        if reply.status == 0 {
            // Ends the task that serves the connection, without the message of a panic.
            std::panic::resume_unwind(Box::new("cut"));
        }
        let status = StatusCode::from_u16(reply.status).unwrap();
        let mut response = (status, self.filled(&reply.body)).into_response();
        for (name, value) in reply.headers {
            let value = HeaderValue::from_str(&self.filled(value)).unwrap();
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
        response
    }

    fn as_metadata(&self, issuer_path: &str, openid: &Value) -> Response {
        let mut usual = json!({
            "issuer": format!("{{origin}}{issuer_path}"),
            "token_endpoint": format!("{{origin}}/redeem{}?tenant=1", issuer_path.trim_end_matches('/')),
            "authorization_endpoint": "{origin}/authorize",
            "registration_endpoint": "{origin}/register",
            "jwks_uri": "{origin}/jwks",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        });
        extend(&mut usual, &self.setup.as_metadata);
        self.document(usual, openid)
    }

    fn exchange(&self) -> Response {
        let mut issued = self.issued.lock().unwrap();
        issued.grants += 1;
        let mut grant = format!("id.jag.AAA{}", issued.grants);
        if !self.setup.grant_audience.is_null() {
            let claims = self.filled(&json!({"aud": self.setup.grant_audience}).to_string());
            grant = format!("{JWT_GRANT}{}.AAA{}", URL_SAFE_NO_PAD.encode(claims), issued.grants);
        }
        let usual = json!({"access_token": grant, "issued_token_type": ID_JAG, "token_type": "N_A"});
        self.token_answer(usual, &self.setup.exchange_answer)
    }

    fn redeem(&self, body: &str) -> Response {
        let mut issued = self.issued.lock().unwrap();
        let assertion = form_urlencoded::parse(body.as_bytes()).find(|(name, _)| name == "assertion");
        let assertion = assertion.map(|(_, value)| value.into_owned()).unwrap_or_default();
        if !issued.redeemed.insert(assertion) && self.setup.refuse_replay {
            return (StatusCode::BAD_REQUEST, r#"{"error": "invalid_grant"}"#).into_response();
        }
        issued.tokens += 1;
        let token = format!("{ACCESS_TOKEN}{}", issued.tokens);
        let usual = json!({"access_token": token, "token_type": "Bearer", "scope": "a", "expires_in": 3600});
        self.token_answer(usual, &self.setup.grant_answer)
    }

    fn mcp(&self, method: &Method, path: &str, authorization: &str, body: &str) -> Response {
        let token = authorization.strip_prefix("Bearer ").and_then(|token| token.strip_prefix(ACCESS_TOKEN));
        let number = token.and_then(|token| token.split('.').next());
        let Some(token) = number.and_then(|number| number.parse::<usize>().ok()) else {
            return self.challenge(401, path, self.setup.challenge);
        };
        match self.setup.refuse_tools {
            Some((status, challenge, last)) if body.contains("tools/list") && token <= last => {
                return self.challenge(status, path, &[challenge]);
            }
            _ => {}
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

    fn challenge(&self, status: u16, path: &str, lines: &[&str]) -> Response {
        let mut response = StatusCode::from_u16(status).unwrap().into_response();
        for line in lines {
            let line = HeaderValue::from_str(&self.filled(line).replace("{mcp}", path)).unwrap();
            response.headers_mut().append(header::WWW_AUTHENTICATE, line);
        }
        response
    }

    fn document(&self, mut usual: Value, other: &Value) -> Response {
        extend(&mut usual, other);
        self.filled(&usual.to_string()).into_response()
    }

    fn token_answer(&self, mut usual: Value, other: &Value) -> Response {
        extend(&mut usual, other);
        format!("{}{usual}", self.setup.before_body).into_response()
    }

    fn filled(&self, text: &str) -> String {
        filled(text, &self.origin)
    }

    /// `body` with JWTs as what they say, without what differs between honest runs.
    fn canonical(&self, body: &str) -> String {
        let values = form_urlencoded::parse(body.as_bytes()).map(|(_, value)| value.into_owned());
        values.fold(body.to_owned(), |body, value| {
            let claims = value.strip_prefix(JWT_GRANT).and_then(|rest| rest.split('.').next());
            match claims {
                Some(claims) => body.replace(claims, &String::from_utf8(decoded(claims)).unwrap()),
                None if value.starts_with("ey") => body.replace(&value, &self.jwt_facts(&value)),
                None => body,
            }
        })
    }

    fn jwt_facts(&self, jwt: &str) -> String {
        let (message, signature) = jwt.rsplit_once('.').unwrap();
        let (header, claims) = message.split_once('.').unwrap();
        let mut claims: Value = serde_json::from_slice(&decoded(claims)).unwrap();
        for volatile in ["iat", "exp", "jti"] {
            if let Some(value) = claims.get_mut(volatile) {
                *value = json!("present");
            }
        }
        let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.key)
            .verify(message.as_bytes(), &decoded(signature));
        format!("{} {claims} {}", String::from_utf8(decoded(header)).unwrap(), verified.is_ok())
    }
}

fn filled(text: &str, origin: &str) -> String {
    let localhost = origin.replace("127.0.0.1", "localhost");
    text.replace("{origin}", origin).replace("{localhost}", &localhost)
}

fn decoded(segment: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(segment).unwrap()
}

fn extend(members: &mut Value, other: &Value) {
    members.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
}
