//! Records every request before it is answered, and every answer before it is sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName};
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};

use crosscheck_scenarios::{EndpointName, Party};

use crate::answer::{Answer, HeadAct};
use crate::canary::Canary;
use crate::close::KEPT;
use crate::naming::Namer;
use crate::seen::{Seen, Watcher};
use crate::stage::Stage;

/// Bytes of a request body that a mock works on; a larger one is answered with 413.
pub const BODY_LIMIT: usize = 1 << 20;

/// Bytes of a request body that are read at all; then the connection ends.
const READ_LIMIT: u64 = 64 << 20;

/// Bytes of a response body that are kept whole; of a larger one the transcript has the beginning alone.
const RESPONSE_LIMIT: u64 = 4 << 20;

/// Requests of one run that are recorded; a client that sends more is answered with 429.
const RECORD_LIMIT: usize = 1000;

/// The header by which a server of the stage shows that it is not the client.
pub const STAGE_HEADER: &str = "crosscheck-stage";

/// Who made a request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// The resource authorization server, which fetches the IdP's keys.
    As,
    /// The client under test.
    Client,
}

/// What a mock tells the recorder about its answer.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) endpoint: EndpointName,
    pub(crate) refusal: String,
}

/// Everything that crossed the wire in one run, as it was.
#[derive(Debug)]
pub struct Recorder {
    started: Instant,
    started_at: SystemTime,
    secret: String,
    records: Mutex<Records>,
    watcher: Option<Watcher>,
}

#[derive(Debug, Default)]
struct Records {
    exchanges: Vec<RawExchange>,
    malformed: Vec<(Party, Duration, String)>,
    unrecorded: u64,
}

/// One request and its response, as they were.
#[derive(Clone, Debug)]
pub(crate) struct RawExchange {
    pub(crate) party: Party,
    pub(crate) caller: Caller,
    pub(crate) at: Duration,
    pub(crate) took: Duration,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RawBody,
    pub(crate) endpoint: EndpointName,
    pub(crate) refusal: String,
    pub(crate) status: u16,
    pub(crate) response_headers: HeaderMap,
    pub(crate) response_body: RawBody,
}

/// A body; of a large one `kept` is the beginning.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawBody {
    pub(crate) kept: Vec<u8>,
    pub(crate) bytes: u64,
    pub(crate) complete: bool,
}

impl RawBody {
    /// Whether nothing of it is left out.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.len() as u64 == self.bytes
    }

    /// Takes note of a piece that leaves, or of the end; `announced` is the length that the headers name.
    fn leave(&mut self, piece: Option<&Bytes>, announced: Option<u64>) {
        if let Some(piece) = piece {
            if self.is_kept() {
                self.kept.extend_from_slice(piece);
            }
            self.bytes += piece.len() as u64;
            if self.bytes > RESPONSE_LIMIT {
                self.kept.truncate(KEPT);
                self.kept.shrink_to_fit();
            }
        }
        self.complete = announced.map_or(piece.is_none(), |announced| announced == self.bytes);
    }
}

impl Recorder {
    /// A recorder whose clock starts now.
    pub fn new(canary: &Canary) -> Self {
        Self {
            started: Instant::now(),
            started_at: SystemTime::now(),
            secret: canary.mint(),
            records: Mutex::default(),
            watcher: None,
        }
    }

    /// Has each exchange told to `watcher` once it is answered.
    pub fn watch(&mut self, watcher: Watcher) {
        self.watcher = Some(watcher);
    }

    /// The header that marks a request of the stage itself.
    pub fn stage_header(&self) -> (HeaderName, &str) {
        (HeaderName::from_static(STAGE_HEADER), &self.secret)
    }

    /// Notes a connection that carried no readable request.
    pub fn malformed(&self, party: Party, error: impl Into<String>) {
        let at = self.started.elapsed();
        self.lock().malformed.push((party, at, error.into()));
    }

    /// Milliseconds from 1970 to the start of the run.
    pub(crate) fn started_at_ms(&self) -> u64 {
        let since = self.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn exchanges(&self) -> Vec<RawExchange> {
        self.lock().exchanges.clone()
    }

    pub(crate) fn unrecorded(&self) -> u64 {
        self.lock().unrecorded
    }

    pub(crate) fn malformed_connections(&self) -> Vec<(Party, Duration, String)> {
        self.lock().malformed.clone()
    }

    /// The place of a new record; `None` when there are enough.
    fn arrive(&self, party: Party, request: &http::request::Parts) -> Option<usize> {
        let headers = &request.headers;
        let from_stage = headers.get(STAGE_HEADER).is_some_and(|value| value == self.secret.as_str());
        let exchange = RawExchange {
            party,
            caller: if from_stage { Caller::As } else { Caller::Client },
            at: self.started.elapsed(),
            took: Duration::ZERO,
            method: request.method.to_string(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().map(str::to_owned),
            headers: headers.clone(),
            body: RawBody::default(),
            endpoint: EndpointName::Unknown,
            refusal: String::new(),
            status: 0,
            response_headers: HeaderMap::new(),
            response_body: RawBody::default(),
        };
        let mut records = self.lock();
        if records.exchanges.len() == RECORD_LIMIT {
            records.unrecorded += 1;
            return None;
        }
        records.exchanges.push(exchange);
        Some(records.exchanges.len() - 1)
    }

    fn update(&self, index: usize, change: impl FnOnce(&mut RawExchange)) {
        change(&mut self.lock().exchanges[index]);
    }

    /// Tells the watcher, if there is one, of an exchange that was answered.
    fn tell(&self, stage: &Stage, index: usize) {
        let Some(watcher) = &self.watcher else { return };
        let exchange = self.lock().exchanges[index].clone();
        watcher.tell(&Seen::new(index + 1, &exchange, &Namer::new(stage.ledger.values())));
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Axum middleware of every mock: records the exchange, hands the handler a whole body of at most
/// [`BODY_LIMIT`] bytes, and cuts the answer where the script says so.
pub async fn record(
    State((stage, party)): State<(Arc<Stage>, Party)>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let recorder = &stage.recorder;
    let Some(index) = recorder.arrive(party, &parts) else {
        let why = format!("this run has had {RECORD_LIMIT} requests");
        return plain(&stage, Answer::error(429, "slow_down", &why)).await;
    };
    let body = read(body).await;
    recorder.update(index, |exchange| exchange.body = body.clone());

    let response = if !body.complete && body.bytes < READ_LIMIT {
        plain(&stage, Answer::error(400, "invalid_request", "the request body ended too early")).await
    } else if body.bytes > BODY_LIMIT as u64 {
        let why = format!("the request body is larger than {BODY_LIMIT} bytes");
        plain(&stage, Answer::error(413, "invalid_request", &why)).await
    } else {
        next.run(Request::from_parts(parts, Body::from(body.kept))).await
    };

    let (parts, body) = response.into_parts();
    let is_cut = matches!(parts.extensions.get(), Some(HeadAct::Cut(_)));
    recorder.update(index, |exchange| {
        exchange.took = recorder.started.elapsed().saturating_sub(exchange.at);
        if let Some(served) = parts.extensions.get::<Served>() {
            exchange.endpoint = served.endpoint;
            exchange.refusal.clone_from(&served.refusal);
        }
        exchange.status = if is_cut { 0 } else { parts.status.as_u16() };
        exchange.response_headers = parts.headers.clone();
    });
    if is_cut {
        recorder.tell(&stage, index);
        return Response::from_parts(parts, body);
    }
    let announced = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let body = if body.size_hint().exact().is_some() {
        // It goes out at once, and a client may be gone before anybody asks for it.
        let whole = body.collect().await.map(|collected| collected.to_bytes()).unwrap_or_default();
        recorder.update(index, |exchange| {
            exchange.response_body.leave(Some(&whole), None);
            exchange.response_body.complete = true;
        });
        recorder.tell(&stage, index);
        Body::from(whole)
    } else {
        recorder.tell(&stage, index);
        counted(Arc::clone(&stage), index, announced, body)
    };
    Response::from_parts(parts, body)
}

/// A body whose record grows as its pieces leave.
fn counted(stage: Arc<Stage>, index: usize, announced: Option<u64>, body: Body) -> Body {
    let pieces = body.into_data_stream();
    let counted = stream::unfold((stage, pieces), move |(stage, mut pieces)| async move {
        let piece = pieces.next().await;
        if let None | Some(Ok(_)) = &piece {
            let left = piece.as_ref().and_then(|piece| piece.as_ref().ok());
            stage.recorder.update(index, |exchange| exchange.response_body.leave(left, announced));
        }
        piece.map(|piece| (piece, (stage, pieces)))
    });
    Body::from_stream(counted)
}

async fn plain(stage: &Stage, answer: Answer) -> Response {
    answer.send(stage, EndpointName::Unknown, &Default::default()).await
}

async fn read(mut body: Body) -> RawBody {
    let mut kept = Vec::new();
    let mut bytes = 0;
    let complete = loop {
        match body.frame().await {
            None => break true,
            Some(Err(_)) => break false,
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                bytes += data.len() as u64;
                let room = BODY_LIMIT - kept.len();
                kept.extend_from_slice(&data[..data.len().min(room)]);
                if bytes >= READ_LIMIT {
                    break false;
                }
            }
        }
    };
    RawBody { kept, bytes, complete }
}
