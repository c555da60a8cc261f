//! What a mock says, and how a script bends it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crosscheck_scenarios::{Act, EndpointName, Long, Reply, Step};

use crate::body::Content;
use crate::record::Served;
use crate::stage::Stage;
use crate::transcript::SCRIPTED;

/// An answer before the script has its say.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    content: Content,
    gzip: bool,
    refusal: String,
}

/// What is done to status line and headers of an answer; the owner of the connection obeys it.
#[derive(Clone, Debug)]
pub enum HeadAct {
    /// The connection ends after that many bytes of them.
    Cut(usize),
    /// They go out byte by byte.
    Drip {
        /// The pause before each byte.
        every: Duration,
        /// Is told when all of them have gone, for the body waits until then.
        gone: Arc<Notify>,
    },
    /// Answers with these status codes go before them.
    Informational(Vec<u16>),
}

impl HeadAct {
    /// `None` for what is done to the body.
    fn of(act: &Act) -> Option<Self> {
        Some(match act {
            Act::Close => Self::Cut(0),
            Act::CutHead { after_bytes } => Self::Cut(*after_bytes),
            Act::DripHead { every_ms } => {
                Self::Drip { every: Duration::from_millis(*every_ms), gone: Arc::default() }
            }
            Act::Informational { statuses } => Self::Informational(statuses.clone()),
            Act::Cut { .. } | Act::Drip { .. } | Act::Pieces { .. } | Act::Stall { .. } => return None,
        })
    }
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
        let content = Content::Bytes(Bytes::new());
        Self { status, headers: Vec::new(), content, gzip: false, refusal: String::new() }
    }

    /// 405 with the methods that an endpoint has, as in `GET, HEAD`.
    pub fn not_allowed(methods: &str) -> Self {
        Self::status(405).header(ALLOW.as_str(), methods).refusal("the endpoint has no such method")
    }

    /// A status with a body that is no JSON document.
    pub fn text(status: u16, content_type: &str, body: String) -> Self {
        let answer = Self::status(status).header(CONTENT_TYPE.as_str(), content_type);
        Self { content: Content::Bytes(body.into()), ..answer }
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
        if let Content::Json(Value::Object(members)) = &mut answer.content {
            stage.bend(&step.json, members);
        }
        for (name, values) in &step.headers {
            answer.set_headers(stage, name, values);
        }
        let refusal = answer.refusal.clone();
        let head = step.act.as_ref().and_then(HeadAct::of);
        let mut response = answer.into_response(step.act.as_ref(), head.as_ref());
        response.extensions_mut().insert(Served { endpoint, refusal });
        if let Some(head) = head {
            response.extensions_mut().insert(head);
        }
        response
    }

    fn scripted(stage: &Stage, reply: &Reply) -> Self {
        let mut answer = Self { gzip: reply.gzip, ..Self::status(reply.status) }.refusal(SCRIPTED);
        if let Some(json) = &reply.json {
            let mut json = json.clone();
            stage.fill_strings([&mut json]);
            answer = answer.header(CONTENT_TYPE.as_str(), JSON).with_json(json);
        } else if let Some(Long { head, repeat, times, tail }) = &reply.long {
            let [head, repeat, tail] = [head, repeat, tail].map(|text| stage.fill(text));
            answer.content = Content::Long(Long { head, repeat, times: *times, tail });
        } else {
            let text = reply.body.as_deref().map(|body| stage.fill(body).into());
            let bytes = || STANDARD.decode(reply.base64.as_deref()?).ok().map(Bytes::from);
            answer.content = Content::Bytes(text.or_else(bytes).unwrap_or_default());
        }
        for (name, values) in &reply.headers {
            answer.set_headers(stage, name, values);
        }
        answer
    }

    fn set_headers(&mut self, stage: &Stage, name: &str, values: &[String]) {
        let Ok(name) = name.parse::<HeaderName>() else { return };
        self.headers.retain(|(other, _)| *other != name);
        let values =
            values.iter().filter_map(|value| HeaderValue::from_bytes(stage.fill(value).as_bytes()).ok());
        self.headers.extend(values.map(|value| (name.clone(), value)));
    }

    fn with_json(self, value: Value) -> Self {
        Self { content: Content::Json(value), ..self }
    }

    fn unstored(self) -> Self {
        self.header(CACHE_CONTROL.as_str(), "no-store").header(PRAGMA.as_str(), "no-cache")
    }

    fn into_response(self, act: Option<&Act>, head: Option<&HeadAct>) -> Response {
        let gone = match head {
            Some(HeadAct::Drip { gone, .. }) => Some(Arc::clone(gone)),
            _ => None,
        };
        let mut headers: HeaderMap = HeaderMap::new();
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        let mut response = Response::new(self.content.into_body(self.gzip, act, gone, &mut headers));
        *response.headers_mut() = headers;
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response
    }
}

/// An OAuth error with status 400.
pub fn refuse(code: &str, why: &str) -> Answer {
    Answer::error(400, code, why)
}

const JSON: &str = "application/json";
