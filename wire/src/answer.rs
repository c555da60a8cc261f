//! What a mock says, and how a script bends it.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crosscheck_scenarios::{EndpointName, Reply, Step};

use crate::record::{Closing, Served};
use crate::stage::Stage;
use crate::transcript::SCRIPTED;

/// An answer before the script has its say.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    json: Option<Value>,
    body: String,
    refusal: String,
}

impl Answer {
    /// 200 with a JSON document.
    pub fn json(value: Value) -> Self {
        Self::status(200).header(CONTENT_TYPE.as_str(), JSON).with_json(value)
    }

    /// 201 with a JSON document.
    pub fn created(value: Value) -> Self {
        Self { status: 201, ..Self::json(value) }
    }

    /// 200 with a token response, which nobody may store (RFC 6749 section 5.1).
    pub fn token(value: Value) -> Self {
        Self::json(value).unstored()
    }

    /// An OAuth error (RFC 6749 section 5.2). `why` is the `error_description`.
    pub fn error(status: u16, code: &str, why: &str) -> Self {
        let body = json!({ "error": code, "error_description": why });
        let answer = Self::status(status).header(CONTENT_TYPE.as_str(), JSON).with_json(body);
        answer.unstored().refusal(why)
    }

    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), json: None, body: String::new(), refusal: String::new() }
    }

    /// 405 with the methods that an endpoint has, as in `GET, HEAD`.
    pub fn not_allowed(methods: &str) -> Self {
        Self::status(405).header(ALLOW.as_str(), methods).refusal("the endpoint has no such method")
    }

    /// A status with a body that is no JSON document.
    pub fn text(status: u16, content_type: &str, body: String) -> Self {
        Self { body, ..Self::status(status).header(CONTENT_TYPE.as_str(), content_type) }
    }

    /// Sets a header. A name or value that HTTP does not allow is left out.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            self.headers.retain(|(other, _)| *other != name);
            self.headers.push((name, value));
        }
        self
    }

    /// Notes why the server refused, for people who read the transcript.
    pub fn refusal(mut self, why: &str) -> Self {
        why.clone_into(&mut self.refusal);
        self
    }

    /// The answer as HTTP, bent by `step`, marked with the endpoint it came from.
    pub async fn send(self, stage: &Stage, endpoint: EndpointName, step: &Step) -> Response {
        if step.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(step.delay_ms)).await;
        }
        let mut answer = match &step.reply {
            Some(reply) => Self::scripted(stage, reply),
            None => self,
        };
        if let Some(Value::Object(members)) = &mut answer.json {
            stage.bend(&step.json, members);
        }
        for (name, values) in &step.headers {
            answer.set_headers(stage, name, values);
        }
        let refusal = answer.refusal.clone();
        let mut response = answer.into_response();
        response.extensions_mut().insert(Served { endpoint, refusal });
        if let Some(act) = &step.act {
            response.extensions_mut().insert(Closing::from(act));
        }
        response
    }

    fn scripted(stage: &Stage, reply: &Reply) -> Self {
        let mut answer = Self::status(reply.status);
        if let Some(json) = &reply.json {
            let mut json = json.clone();
            stage.fill_strings([&mut json]);
            answer = answer.header(CONTENT_TYPE.as_str(), JSON).with_json(json);
        }
        answer.body = reply.body.as_deref().map(|body| stage.fill(body)).unwrap_or_default();
        for (name, values) in &reply.headers {
            answer.set_headers(stage, name, values);
        }
        if reply.status >= 400 {
            answer = answer.refusal(SCRIPTED);
        }
        answer
    }

    fn set_headers(&mut self, stage: &Stage, name: &str, values: &[String]) {
        let Ok(name) = name.parse::<HeaderName>() else { return };
        self.headers.retain(|(other, _)| *other != name);
        let values = values.iter().filter_map(|value| HeaderValue::from_str(&stage.fill(value)).ok());
        self.headers.extend(values.map(|value| (name.clone(), value)));
    }

    fn with_json(self, value: Value) -> Self {
        Self { json: Some(value), ..self }
    }

    fn unstored(self) -> Self {
        self.header(CACHE_CONTROL.as_str(), "no-store").header(PRAGMA.as_str(), "no-cache")
    }

    fn into_response(self) -> Response {
        let body = self.json.map_or(self.body, |json| json.to_string());
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

/// An OAuth error with status 400.
pub fn refuse(code: &str, why: &str) -> Answer {
    Answer::error(400, code, why)
}

const JSON: &str = "application/json";
