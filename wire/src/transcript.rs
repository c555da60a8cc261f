//! The transcript of one run: what crossed the wire and what the client said about itself.
//!
//! It holds names, and minted values only where somebody asked for them, so that it can be saved, shared and judged
//! again.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crosscheck_scenarios::{AuthMethod, Capability, EndpointName, Party, Profile, ScenarioId, SpecVersion};

use crate::ledger::ValueFacts;
use crate::record::Caller;
use crate::text::Text;

/// Version of the JSON form.
pub const VERSION: u32 = 1;

/// [`Exchange::refusal`] of every answer that the script put in the place of the server's own, success or not.
pub const SCRIPTED: &str = "scripted";

/// Everything that is known of one run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Transcript {
    /// Version of this form, [`VERSION`].
    pub version: u32,
    /// The scenario that was played.
    pub scenario: ScenarioId,
    /// Milliseconds from 1970 to the start of the run.
    pub started_at_ms: u64,
    /// The profile it is judged by.
    pub profile: Profile,
    /// The MCP revision the client was told to speak.
    pub spec_version: SpecVersion,
    /// Identifiers and URLs of the stage by name, such as `as.issuer`; they are no secrets.
    pub stage: BTreeMap<String, String>,
    /// Minted values, without the values.
    pub values: Vec<ValueFacts>,
    /// How the client is registered, at each authorization server of the stage that knows it.
    pub registrations: BTreeMap<Party, RegistrationFacts>,
    /// What the client declared.
    pub declared: Vec<Capability>,
    /// Keys of the context that the client was given.
    pub context: Vec<String>,
    /// Requests and responses in the order of arrival.
    pub exchanges: Vec<Exchange>,
    /// How many further requests arrived that are not among them.
    pub unrecorded: u64,
    /// Connections that carried no readable HTTP request.
    pub malformed: Vec<Malformed>,
    /// What the client process did.
    pub client: ClientFacts,
    /// Minted values by name, where somebody asked for them: the one place in which they stand. Nothing is judged by it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revealed: BTreeMap<String, String>,
}

impl Transcript {
    /// What the client under test did in this run, in order.
    pub fn of_client(&self) -> impl Iterator<Item = &Exchange> + Clone {
        self.exchanges.iter().filter(|exchange| exchange.caller == Caller::Client && !exchange.stray)
    }
}

/// A registration as far as it is no secret.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RegistrationFacts {
    /// Methods that the server accepts from this client.
    pub methods: Vec<AuthMethod>,
    /// Whether the registration fixes the method, so that metadata does not decide.
    pub declared: bool,
    /// Whether the id or the secret needs form-encoding.
    pub needs_encoding: bool,
}

/// One request and its response.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Exchange {
    /// Position in the run, counted from 1.
    pub number: usize,
    /// The server that was asked.
    pub party: Party,
    /// Who asked.
    pub caller: Caller,
    /// What the URL was for.
    pub endpoint: EndpointName,
    /// Whether it carries a value of an earlier run, so that nothing is judged by it.
    pub stray: bool,
    /// Microseconds from the start of the run to the arrival of the request.
    pub at_us: u64,
    /// Microseconds from there to the response.
    pub took_us: u64,
    /// The request.
    pub request: Request,
    /// The response.
    pub response: Response,
    /// Why the server refused, in its own words; empty when it did not.
    pub refusal: String,
}

/// A recorded request.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Request {
    /// HTTP method.
    pub method: String,
    /// Path as sent.
    pub path: Text,
    /// Decoded query parameters.
    pub query: Vec<Param>,
    /// The query as sent, without `?`; `None` when there was none.
    pub raw_query: Option<Text>,
    /// Headers in order, names in lower case. Basic credentials stand decoded.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Body,
    /// Every way in which the client authenticated or identified itself, in the order header, body.
    pub authentication: Vec<Presented>,
    /// Where minted values stood.
    pub mentions: Vec<Mention>,
}

impl Request {
    /// The first header called `name` (lower case).
    pub fn header(&self, name: &str) -> Option<&Text> {
        first_header(&self.headers, name)
    }

    /// Parameters of a form body, or the top-level members of a JSON body.
    pub fn params(&self) -> &[Param] {
        &self.body.params
    }

    /// The first parameter called `name` that is not empty.
    pub fn param(&self, name: &str) -> Option<&Param> {
        self.params().iter().find(|param| param.name == name && !param.is_empty())
    }

    /// Every parameter called `name` that is not empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Param> {
        self.params().iter().filter(move |param| param.name == name && !param.is_empty())
    }
}

/// A recorded response.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Response {
    /// HTTP status; 0 when the connection ended before the headers did.
    pub status: u16,
    /// Headers in order.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Body,
    /// Names of minted values in it.
    pub mentions: Vec<Mention>,
}

impl Response {
    /// The first header called `name` (lower case).
    pub fn header(&self, name: &str) -> Option<&Text> {
        first_header(&self.headers, name)
    }

    /// A string member of a JSON body.
    pub fn member(&self, name: &str) -> Option<&str> {
        self.body.json.as_ref()?.get(name)?.as_str()
    }
}

fn first_header<'a>(headers: &'a [Header], name: &str) -> Option<&'a Text> {
    headers.iter().find(|header| header.name == name).map(|header| &header.value)
}

/// A header.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Header {
    /// Name in lower case.
    pub name: String,
    /// Value.
    pub value: Text,
}

/// A body.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Body {
    /// How many bytes arrived; of a response, how many the client let the server send.
    pub bytes: u64,
    /// Whether it ended as announced.
    pub complete: bool,
    /// Its text without gzip, if it was compressed; cut after 64 KiB.
    pub text: Text,
    /// Its value when it is JSON, with minted values named as in the text; at a token endpoint that of every object,
    /// whatever its type. A string is cut after 64 KiB, and what is nested deeper than 100 levels is null; none where
    /// the body is larger than 4 MiB, incomplete, or not in the content coding that its headers name.
    pub json: Option<Value>,
    /// Decoded pairs of a form body, or the members of a JSON object sent to a token endpoint.
    pub params: Vec<Param>,
}

/// A decoded parameter.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Param {
    /// Name.
    pub name: String,
    /// Value.
    pub value: Text,
    /// The token that the value is, when it is a JWT.
    pub jwt: Option<JwtFacts>,
}

impl Param {
    /// Whether the value is empty, which counts as absent (RFC 6749 section 3.2).
    pub fn is_empty(&self) -> bool {
        self.value.parts().is_empty()
    }
}

/// A decoded JWT.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct JwtFacts {
    /// JOSE header; minted values in it stand as `«name»`.
    pub header: Map<String, Value>,
    /// Claims, likewise.
    pub claims: Map<String, Value>,
    /// Name of the key that its signature verifies with.
    pub verifies_with: Option<String>,
}

impl JwtFacts {
    /// A string claim.
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }
}

/// One way in which a client said who it is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Presented {
    /// A client assertion (RFC 7523 section 2.2).
    ClientAssertion {
        /// `client_id` beside it.
        client_id: Option<Text>,
        /// `client_assertion_type`.
        assertion_type: Option<Text>,
        /// The assertion.
        assertion: Box<Param>,
    },
    /// `Authorization: Basic`, each part form-decoded (RFC 6749 section 2.3.1).
    ClientSecretBasic {
        /// The user part.
        client_id: Text,
        /// The password part.
        client_secret: Text,
    },
    /// `client_secret` in the body.
    ClientSecretPost {
        /// `client_id` beside it.
        client_id: Option<Text>,
        /// The secret.
        client_secret: Text,
    },
    /// `client_id` alone in the body.
    Identified {
        /// The id.
        client_id: Text,
    },
    /// An `Authorization` header that is no readable Basic.
    OtherHeader {
        /// Its scheme.
        scheme: String,
    },
}

impl Presented {
    /// The method; `None` for a header that is no client authentication.
    pub fn method(&self) -> Option<AuthMethod> {
        match self {
            Self::ClientAssertion { .. } => Some(AuthMethod::PrivateKeyJwt),
            Self::ClientSecretBasic { .. } => Some(AuthMethod::ClientSecretBasic),
            Self::ClientSecretPost { .. } => Some(AuthMethod::ClientSecretPost),
            Self::Identified { .. } => Some(AuthMethod::None),
            Self::OtherHeader { .. } => None,
        }
    }
}

/// A minted value in a message.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Mention {
    /// Its name.
    pub name: String,
    /// Where it stood.
    pub place: Place,
    /// Name of the header or parameter; empty for a path and for a body that is no form.
    pub at: String,
}

/// Part of a message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The body.
    Body,
    /// A header.
    Header,
    /// Path or query.
    Url,
}

/// A connection that carried no readable request.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Malformed {
    /// The server it was made to.
    pub party: Party,
    /// Microseconds from the start of the run.
    pub at_us: u64,
    /// What was wrong.
    pub error: String,
}

/// What the client process did.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ClientFacts {
    /// How it ended.
    pub ended: Ended,
    /// Microseconds from its start to its end.
    pub took_us: u64,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
    /// The outcome report (contract level 2).
    pub report: Report,
}

/// How a client process ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// By itself, with that exit status.
    Exited(i32),
    /// By a signal that we did not send.
    Signal(i32),
    /// At the time limit, by us; milliseconds.
    TimedOut(u64),
}

/// What a process did, as the end of a sentence.
impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(out, "exited {status}"),
            Self::Signal(signal) => write!(out, "was ended by signal {signal}"),
            Self::TimedOut(limit) => write!(out, "was ended at its time limit of {limit} ms"),
        }
    }
}

/// Captured output.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Output {
    /// The first and last 64 KiB.
    pub text: Text,
    /// How many bytes were written.
    pub bytes: u64,
    /// How many of them were not kept.
    pub dropped: u64,
}

/// What became of the outcome report.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// None was written.
    #[default]
    Absent,
    /// It was read.
    Read(Box<OutcomeReport>),
    /// It was written and cannot be used; why.
    Unreadable(String),
}

impl Report {
    /// The report, if it could be read.
    pub fn read(&self) -> Option<&OutcomeReport> {
        match self {
            Self::Read(report) => Some(report),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }
}

/// The outcome report of an adapter: what its library told it of the flow (client contract, level 2). A member that
/// is null counts as absent, and members that are not listed here are ignored.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(title = "Crosscheck outcome report")]
pub struct OutcomeReport {
    /// How the flow ended.
    pub outcome: ReportedOutcome,
    /// The step that failed, or the last one. Any other word is kept, and nothing is judged by it.
    #[serde(default)]
    #[schemars(extend("enum" = ["discovery", "token_exchange", "jwt_bearer", "resource", null]))]
    pub step: Option<String>,
    /// The `error` code, unchanged (RFC 6749 section 5.2).
    #[serde(default)]
    pub error: Option<String>,
    /// The `error_description`.
    #[serde(default)]
    pub error_description: Option<String>,
    /// The `error_uri`.
    #[serde(default)]
    pub error_uri: Option<String>,
    /// The HTTP status of the answer that ended the flow.
    #[serde(default)]
    pub status: Option<u16>,
    /// Further members of the error answer, such as `max_age`, `acr_values` and `claims`, with their values unchanged.
    #[serde(default)]
    pub members: Map<String, Value>,
    /// The scope that was granted.
    #[serde(default)]
    pub scope: Option<String>,
    /// Text for people, such as that of the library's error.
    #[serde(default)]
    pub message: Option<String>,
}

/// How an adapter says that its flow ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedOutcome {
    /// The MCP server accepted the access token.
    Authorized,
    /// The client gave up.
    Refused,
}

/// The JSON Schema of outcome reports.
pub fn outcome_schema() -> Value {
    schemars::schema_for!(OutcomeReport).to_value()
}
