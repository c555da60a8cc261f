//! An IdP on a stage of its own, and the requests that tests send it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use crosscheck_scenarios::{Party, Profile, Scenarios, SpecVersion};
use crosscheck_wire::constants::{FORM, GRANT_TYPE_TOKEN_EXCHANGE, TOKEN_TYPE_ID_JAG, TOKEN_TYPE_ID_TOKEN};
use crosscheck_wire::jose::Jwt;
use crosscheck_wire::{Declared, Origins, Stage, form};

/// The mock IdP of one scenario.
pub(crate) struct Idp {
    pub(crate) stage: Arc<Stage>,
    router: Router,
}

/// What it answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Idp {
    /// Plays `script`, which leaves out what every scenario has.
    pub(crate) fn playing(script: &str) -> Self {
        let head = "title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n";
        let scenarios = Scenarios::parse("test", &format!("{head}{script}"), &[]).unwrap();
        let scenario = scenarios.find("test").unwrap().clone();
        let origins = Origins(Party::ALL.map(|party| format!("http://127.0.0.1:{}", party as usize + 1)));
        let (profile, version) = (Profile::Mcp, SpecVersion::default());
        let stage = Arc::new(Stage::new(Arc::new(scenario), profile, version, Declared::default(), origins));
        Self { router: crosscheck_mock_idp::router(Arc::clone(&stage)), stage }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(crate) async fn request(&self, method: &str, path: &str) -> Reply {
        self.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
    }

    /// Posts to the token endpoint; the first header is the content type.
    pub(crate) async fn post(&self, headers: &[(&str, &str)], body: String) -> Reply {
        let request = Request::builder().method("POST").uri(&self.stage.scenario.idp.token_path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Posts a form to the token endpoint.
    pub(crate) async fn exchange(&self, form: &Parameters) -> Reply {
        self.post(&[("content-type", FORM)], form.body()).await
    }

    /// The parameters of a correct exchange by a public client.
    pub(crate) fn parameters(&self) -> Parameters {
        let urls = &self.stage.urls;
        Parameters(Vec::new())
            .with("grant_type", GRANT_TYPE_TOKEN_EXCHANGE)
            .with("requested_token_type", TOKEN_TYPE_ID_JAG)
            .with("audience", urls.issuer(Party::As))
            .with("resource", urls.resource(Party::Mcp))
            .with("scope", "files:read")
            .with("subject_token", &self.stage.id_token)
            .with("subject_token_type", TOKEN_TYPE_ID_TOKEN)
            .with("client_id", &self.stage.registration(Party::Idp).client_id)
    }

    /// An ID token of this IdP with some claims changed.
    pub(crate) fn id_token(&self, changes: Value) -> String {
        let mut claims = Jwt::decode(&self.stage.id_token).unwrap().claims;
        claims.extend(object(changes));
        self.stage.key(Party::Idp).sign(&self.stage.key(Party::Idp).header("JWT"), &claims)
    }

    /// A client assertion as the IdP wants it.
    pub(crate) fn client_assertion(&self) -> String {
        let key = self.stage.registration(Party::Idp).key.as_ref().unwrap();
        let client_id = &self.stage.registration(Party::Idp).client_id;
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": self.stage.urls.issuer(Party::Idp),
            "exp": self.stage.now() + 60, "jti": self.stage.canary.mint(),
        });
        key.sign(&key.header("JWT"), &object(claims))
    }

    /// How many grants were minted.
    pub(crate) fn grants(&self) -> usize {
        self.stage.ledger.values().iter().filter(|minted| minted.facts.name.starts_with("id_jag#")).count()
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The grant that the answer carries.
    pub(crate) fn grant(&self) -> Jwt {
        assert_eq!(self.status, 200, "{}", self.body);
        Jwt::decode(self.json()["access_token"].as_str().unwrap()).unwrap()
    }

    /// The status, the `error` and the `error_description`.
    pub(crate) fn refusal(&self) -> (u16, String, String) {
        let json = self.json();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        (self.status, text("error"), text("error_description"))
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

    pub(crate) fn json(&self) -> Value {
        self.0.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>().into()
    }
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}
