//! The servers on a stage of their own, an IdP that serves its keys, and the requests that tests send.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crosscheck_mock_as::{authorization_server, key_client, mcp_server, trap};
use crosscheck_scenarios::{AuthMethod, Capability, EndpointName, Party, Profile, Scenarios, SpecVersion};
use crosscheck_wire::constants::{FORM, GRANT_TYPE_JWT_BEARER, TYP_ID_JAG};
use crosscheck_wire::jose::SigningKey;
use crosscheck_wire::transcript::{Ended, Transcript};
use crosscheck_wire::{Answer, Declared, Origins, RawClient, RawOutput, SUBJECT, Stage, form, record};

/// Request headers.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

/// The servers of one scenario.
pub(crate) struct Servers {
    pub(crate) stage: Arc<Stage>,
    keys: reqwest::Client,
    idp: JoinHandle<()>,
}

/// What one of them answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Servers {
    /// Plays `script`, which leaves out what every scenario has.
    pub(crate) async fn playing(script: &str) -> Self {
        Self::playing_for(script, None).await
    }

    /// Plays `script` for a client that is registered at the authorization server for `method` alone.
    pub(crate) async fn playing_for(script: &str, method: Option<AuthMethod>) -> Self {
        let head = "title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n";
        let scenarios = Scenarios::parse("test", &format!("{head}{script}"), &[]).unwrap();
        let scenario = Arc::new(scenarios.find("test").unwrap().clone());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let idp = format!("http://{}", listener.local_addr().unwrap());
        let origins = Origins(Party::ALL.map(|party| match party {
            Party::Idp => idp.clone(),
            _ => format!("http://127.0.0.1:{}", party as usize + 1),
        }));
        let declared = Declared(method.map(Capability::AsAuth).into_iter().collect());
        let (profile, version) = (Profile::Mcp, SpecVersion::default());
        let stage = Arc::new(Stage::new(scenario, profile, version, declared, origins));
        let recording = axum::middleware::from_fn_with_state((Arc::clone(&stage), Party::Idp), record);
        let idp = Router::new().fallback(jwks).layer(recording).with_state(Arc::clone(&stage));
        let idp = tokio::spawn(async { axum::serve(listener, idp).await.unwrap() });
        Self { stage, keys: key_client(), idp }
    }

    /// Takes the IdP off the network.
    pub(crate) async fn close_idp(&mut self) {
        self.idp.abort();
        assert!((&mut self.idp).await.is_err_and(|error| error.is_cancelled()));
    }

    /// Sends a request to one of the servers.
    pub(crate) async fn send(
        &self,
        party: Party,
        (method, path): (&str, &str),
        headers: Headers<'_>,
        body: impl Into<Body>,
    ) -> Reply {
        let request = Request::builder().method(method).uri(path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let stage = Arc::clone(&self.stage);
        let router = match party {
            Party::As | Party::As2 => authorization_server(stage, party, self.keys.clone()),
            Party::Trap => trap(stage),
            _ => mcp_server(stage, party),
        };
        let response = router.oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, party: Party, path: &str) -> Reply {
        self.send(party, ("GET", path), &[], Body::empty()).await
    }

    /// Posts `form` to the token endpoint, with the client's credentials in the header.
    pub(crate) async fn redeem(&self, form: &Parameters) -> Reply {
        let basic = self.basic();
        self.post(&[("content-type", FORM), ("authorization", &basic)], form.body()).await
    }

    /// Posts to the token endpoint.
    pub(crate) async fn post(&self, headers: Headers<'_>, body: impl Into<Body>) -> Reply {
        let path = self.stage.scenario.resource_as.token_path.clone();
        self.send(Party::As, ("POST", &path), headers, body).await
    }

    /// Posts an assertion to the token endpoint of the second server, with the client's credentials there.
    pub(crate) async fn redeem_at_second(&self, assertion: &str) -> Reply {
        let basic = self.basic_at(Party::As2);
        let headers = [("content-type", FORM), ("authorization", basic.as_str())];
        self.send(Party::As2, ("POST", "/token"), &headers, self.presenting(assertion).body()).await
    }

    /// The client's credentials as an `Authorization` header.
    pub(crate) fn basic(&self) -> String {
        self.basic_at(Party::As)
    }

    fn basic_at(&self, party: Party) -> String {
        let registration = self.stage.registration(party);
        basic(&registration.client_id, registration.client_secret.as_deref().unwrap_or_default())
    }

    /// The parameters of a correct request with a correct grant.
    pub(crate) fn parameters(&self) -> Parameters {
        self.presenting(&self.grant().signed())
    }

    /// The parameters of a correct request with this assertion.
    pub(crate) fn presenting(&self, assertion: &str) -> Parameters {
        Parameters(Vec::new()).with("grant_type", GRANT_TYPE_JWT_BEARER).with("assertion", assertion)
    }

    /// A correct grant.
    pub(crate) fn grant(&self) -> Grant<'_> {
        self.grant_for(Party::As, Party::Mcp)
    }

    /// A correct grant for an authorization server and an MCP server that it protects.
    pub(crate) fn grant_for(&self, party: Party, server: Party) -> Grant<'_> {
        let Stage { urls, canary, .. } = &*self.stage;
        let (key, now) = (self.stage.key(Party::Idp), self.stage.now());
        let claims = json!({
            "iss": urls.issuer(Party::Idp),
            "sub": SUBJECT,
            "aud": urls.issuer(party),
            "client_id": self.stage.registration(party).client_id,
            "jti": canary.mint(),
            "iat": now,
            "exp": now + 300,
            "resource": urls.resource(server),
            "scope": "files:list files:read",
        });
        Grant { header: key.header(TYP_ID_JAG), claims: object(claims), key }
    }

    /// An access token that the authorization server issues.
    pub(crate) async fn access_token(&self) -> String {
        self.redeem(&self.parameters()).await.member("access_token")
    }

    /// Sends a request to the MCP endpoint with an access token.
    pub(crate) async fn call(&self, method: &str, token: &str, headers: Headers<'_>, body: &str) -> Reply {
        self.call_at(Party::Mcp, (method, token), headers, body).await
    }

    /// The same at one of the MCP servers.
    pub(crate) async fn call_at(
        &self,
        party: Party,
        (method, token): (&str, &str),
        headers: Headers<'_>,
        body: &str,
    ) -> Reply {
        let bearer = format!("Bearer {token}");
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        let path = self.stage.urls.resource(party).to_owned();
        self.send(party, (method, &path), &headers, body.to_owned()).await
    }

    /// How many access tokens were minted.
    pub(crate) fn access_tokens(&self) -> usize {
        let minted = self.stage.ledger.values();
        minted.iter().filter(|minted| minted.facts.name.starts_with("access_token#")).count()
    }

    pub(crate) fn transcript(&self) -> Transcript {
        let output = RawOutput::default;
        let (ended, took) = (Ended::Exited(0), Duration::ZERO);
        let client = RawClient { ended, took, stdout: output(), stderr: output(), report: None };
        self.stage.close(client, Vec::new(), &HashSet::new())
    }
}

async fn jwks(State(stage): State<Arc<Stage>>) -> Response {
    let step = stage.next_step(Party::Idp, EndpointName::Jwks);
    let keys = Answer::json(json!({ "keys": [stage.key(Party::Idp).public_jwk()] }));
    keys.send(&stage, EndpointName::Jwks, &step).await
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A string member; empty when there is none.
    pub(crate) fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The status, the `error` and the `error_description`.
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        (self.status, self.member("error"), self.member("error_description"))
    }
}

/// A grant before it is signed.
pub(crate) struct Grant<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    key: &'a SigningKey,
}

impl<'a> Grant<'a> {
    pub(crate) fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(claim.into(), value.into());
        self
    }

    pub(crate) fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }

    /// Another header parameter.
    pub(crate) fn headed(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// Signed with another key than the IdP's.
    pub(crate) fn keyed(self, key: &'a SigningKey) -> Self {
        Self { key, ..self }
    }

    pub(crate) fn signed(&self) -> String {
        self.key.sign(&self.header, &self.claims)
    }
}

/// Form parameters in order.
#[derive(Clone)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// One more, whether or not there is one of the name.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(other, _)| other != name);
        self
    }

    /// This one in place of all others of the name.
    pub(crate) fn set(self, name: &str, value: &str) -> Self {
        self.without(name).with(name, value)
    }

    pub(crate) fn body(&self) -> String {
        let pair = |(name, value): &(String, String)| format!("{name}={}", form::encode(value));
        self.0.iter().map(pair).collect::<Vec<_>>().join("&")
    }

    pub(crate) fn json(&self) -> String {
        let members: Map<_, _> = self.0.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        Value::from(members).to_string()
    }
}

/// `Authorization: Basic` of two parts as they are.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}
