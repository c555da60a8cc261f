//! `checks.json` as the official MCP conformance suite writes it for its complete-flow scenario.
//!
//! Told request by request: what arrived, the checks that it raises, what was answered. A step of the flow passed
//! when the server accepted it, since the servers of that scenario keep the suite's own rules. Minted values stand
//! by their names. The checks of a code that is redeemed are left out: these servers redeem none.

use serde::Serialize;
use serde_json::{Map, Value, json};
use time::format_description::well_known::iso8601::{Config, EncodedConfig, Iso8601, TimePrecision};
use time::{Duration, OffsetDateTime};

use crosscheck_scenarios::{EndpointName, Party};
use crosscheck_wire::Transcript;
use crosscheck_wire::constants::{FORM, GRANT_TYPE_JWT_BEARER};
use crosscheck_wire::transcript::{Body, Exchange, Param, Request};

/// The checks of a run, in the order in which the suite emits them.
pub(crate) fn checks(transcript: &Transcript) -> Vec<Check> {
    let (started, ended) = (started(transcript), ended(transcript));
    let told = |exchange: &Exchange| {
        let mut checks = told(exchange, started + micros(exchange.at_us));
        checks.iter_mut().for_each(|check| check.exchange = Some(exchange.number));
        checks
    };
    let mut checks: Vec<_> = transcript.of_client().flat_map(told).collect();
    for kind in [TOKEN_EXCHANGE, JWT_BEARER] {
        if !checks.iter().any(|check| check.id == kind.id) {
            checks.push(kind.check(false, ended).saying("no such request was sent"));
        }
    }
    checks
}

fn started(transcript: &Transcript) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(transcript.started_at_ms.cast_signed())
}

fn ended(transcript: &Transcript) -> OffsetDateTime {
    started(transcript) + micros(transcript.client.took_us)
}

/// When the client ended, as the suite writes times.
pub(in crate::report) fn ended_at(transcript: &Transcript) -> String {
    timestamp(ended(transcript))
}

fn timestamp(at: OffsetDateTime) -> String {
    at.format(&Iso8601::<MILLISECONDS>).unwrap_or_default()
}

/// One element of the file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Check {
    /// What it is about; many checks may have the same.
    pub(crate) id: &'static str,
    /// The exchange that raised it; `None` for a step that the run lacks.
    #[serde(skip)]
    pub(crate) exchange: Option<usize>,
    name: &'static str,
    description: String,
    status: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    spec_references: &'static [Reference],
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
}

impl Check {
    /// Whether it counts against the client.
    pub(crate) fn is_failing(&self) -> bool {
        self.status == FAILURE
    }

    /// Whether it counts for the client; one that only informs does neither.
    pub(crate) fn is_passing(&self) -> bool {
        self.status == SUCCESS
    }

    fn saying(self, description: &str) -> Self {
        Self { description: description.to_owned(), ..self }
    }

    fn with(self, details: Value) -> Self {
        Self { details: Some(details), ..self }
    }
}

#[derive(Serialize)]
struct Reference {
    id: &'static str,
    url: &'static str,
}

/// What all checks of an id have in common.
struct Kind {
    id: &'static str,
    name: &'static str,
    /// The description where there is no better one.
    says: &'static str,
    references: &'static [Reference],
}

impl Kind {
    /// A step of the flow.
    fn step(&self, exchange: &Exchange, at: OffsetDateTime) -> Check {
        match exchange.response.status {
            200 => self.check(true, at),
            _ => self.check(false, at).saying(&exchange.refusal),
        }
    }

    /// Something that happened, with the details that there are.
    fn record<const N: usize>(
        &self,
        description: &str,
        details: [(&str, Option<Value>); N],
        at: OffsetDateTime,
    ) -> Check {
        let details = details.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let details: Map<_, _> = details.collect();
        Check { status: "INFO", ..self.check(true, at).saying(description).with(details.into()) }
    }

    fn check(&self, passed: bool, at: OffsetDateTime) -> Check {
        Check {
            id: self.id,
            exchange: None,
            name: self.name,
            description: self.says.to_owned(),
            status: if passed { SUCCESS } else { FAILURE },
            timestamp: timestamp(at),
            spec_references: self.references,
            details: None,
        }
    }
}

fn told(exchange: &Exchange, at: OffsetDateTime) -> Vec<Check> {
    let Exchange { request, .. } = exchange;
    // The suite turns broken JSON away before it looks at anything else.
    if is_of_type(request, JSON) && request.body.bytes > 0 && request.body.json.is_none() {
        return Vec::new();
    }
    let answered = at + micros(exchange.took_us);
    match exchange.party {
        Party::Idp => at_idp(exchange, at),
        Party::As | Party::As2 => {
            let mut checks = vec![received(&INCOMING_AUTH, exchange, at)];
            checks.extend(at_as(exchange, at));
            checks.push(sent(&OUTGOING_AUTH, exchange, answered));
            checks
        }
        Party::Mcp | Party::Mcp2 => {
            let mut checks = vec![received(&INCOMING, exchange, at)];
            checks.extend(at_mcp(exchange, at));
            checks.push(sent(&OUTGOING, exchange, answered));
            checks
        }
        Party::Trap => Vec::new(),
    }
}

fn at_idp(exchange: &Exchange, at: OffsetDateTime) -> Vec<Check> {
    match exchange.endpoint {
        EndpointName::Token if has_parameters(&exchange.request) => vec![TOKEN_EXCHANGE.step(exchange, at)],
        _ => Vec::new(),
    }
}

fn at_as(exchange: &Exchange, at: OffsetDateTime) -> Vec<Check> {
    let Exchange { request, response, .. } = exchange;
    let path = request.path.to_string();
    match exchange.endpoint {
        EndpointName::OauthMetadata if response.status == 200 => {
            vec![AS_METADATA.check(true, at).with(place(&path))]
        }
        EndpointName::Authorization => {
            let named = |name| request.query.iter().find(|param| param.name == name && !param.is_empty());
            let sent = |name| named(name).map(|param| param.value.to_string());
            let method = sent("code_challenge_method");
            let is_s256 = method.as_deref() == Some("S256");
            vec![
                AUTHORIZATION.check(true, at).with(json!({ "query": object(&request.query) })),
                CODE_CHALLENGE.check(sent("code_challenge").is_some(), at),
                S256.check(is_s256, at).with(json!({ "method": method.unwrap_or("not specified".into()) })),
            ]
        }
        EndpointName::Token if has_parameters(request) => {
            let grant_type: Vec<_> = request.all("grant_type").map(|param| param.value.to_string()).collect();
            let grant_type = grant_type.join(",");
            let details = json!({ "endpoint": path, "grantType": grant_type });
            let mut checks = vec![TOKEN_REQUEST.check(true, at).with(details)];
            checks.extend((grant_type == GRANT_TYPE_JWT_BEARER).then(|| JWT_BEARER.step(exchange, at)));
            checks
        }
        EndpointName::Registration if request.method == "POST" => {
            vec![REGISTRATION.check(true, at).with(json!({ "endpoint": path }))]
        }
        _ => Vec::new(),
    }
}

fn at_mcp(exchange: &Exchange, at: OffsetDateTime) -> Vec<Check> {
    let Exchange { request, response, .. } = exchange;
    match exchange.endpoint {
        EndpointName::ResourceMetadata if response.status == 200 => {
            vec![RESOURCE_METADATA.check(true, at).with(place(&request.path.to_string()))]
        }
        EndpointName::Mcp if request.method == "POST" && sends_bearer_token(request) => {
            let is_good = response.status != 401;
            vec![if is_good { VALID_TOKEN } else { INVALID_TOKEN }.check(is_good, at)]
        }
        _ => Vec::new(),
    }
}

fn sends_bearer_token(request: &Request) -> bool {
    let header = request.header("authorization").map(ToString::to_string).unwrap_or_default();
    let mut words = header.split(' ');
    words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
        && words.next().is_some_and(|token| !token.is_empty())
}

/// Whether it is a POST with a body of a type that the suite's token endpoints read.
fn has_parameters(request: &Request) -> bool {
    request.method == "POST" && (is_of_type(request, FORM) || is_of_type(request, JSON))
}

fn is_of_type(request: &Request, media_type: &str) -> bool {
    let sent = request.header("content-type").map(ToString::to_string).unwrap_or_default();
    sent.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
}

fn received(kind: &Kind, exchange: &Exchange, at: OffsetDateTime) -> Check {
    let Request { method, path, query, body, .. } = &exchange.request;
    let (mcp_method, of) = mcp_method(exchange);
    let details = [
        ("method", Some(json!(method))),
        ("path", Some(json!(path.to_string()))),
        ("body", content(body)),
        ("query", (!query.is_empty()).then(|| object(query))),
        ("mcpMethod", mcp_method),
    ];
    kind.record(&format!("Received {method} request for {path}{of}"), details, at)
}

fn sent(kind: &Kind, exchange: &Exchange, at: OffsetDateTime) -> Check {
    let Exchange { request: Request { method, path, .. }, response, .. } = exchange;
    let (mcp_method, of) = mcp_method(exchange);
    let headers =
        response.headers.iter().map(|header| (header.name.clone(), json!(header.value.to_string())));
    let headers: Map<_, _> = headers.collect();
    let details = [
        ("method", Some(json!(method))),
        ("path", Some(json!(path.to_string()))),
        ("statusCode", Some(json!(response.status))),
        ("mcpMethod", mcp_method),
        ("headers", Some(headers.into())),
        ("body", content(&response.body)),
    ];
    let description = format!("Sent {} response for {method} {path}{of}", response.status);
    kind.record(&description, details, at)
}

/// The JSON-RPC method, alone and as it stands at the end of a description.
fn mcp_method(exchange: &Exchange) -> (Option<Value>, String) {
    let json = exchange.request.body.json.as_ref().filter(|_| exchange.endpoint == EndpointName::Mcp);
    match json.and_then(|json| json["method"].as_str()) {
        Some(method) => (Some(method.into()), format!(" (method: {method})")),
        None => (None, String::new()),
    }
}

fn content(body: &Body) -> Option<Value> {
    match body {
        Body { json: Some(json), .. } => Some(json.clone()),
        Body { params, .. } if !params.is_empty() => Some(object(params)),
        Body { bytes: 0, .. } => None,
        Body { text, .. } => Some(text.to_string().into()),
    }
}

fn object(params: &[Param]) -> Value {
    let members: Map<_, _> =
        params.iter().map(|param| (param.name.clone(), param.value.to_string().into())).collect();
    members.into()
}

fn place(path: &str) -> Value {
    json!({ "url": path, "path": path })
}

fn micros(count: u64) -> Duration {
    Duration::microseconds(count.cast_signed())
}

const SUCCESS: &str = "SUCCESS";
/// The suite counts its warnings like failures; none of these checks is one.
const FAILURE: &str = "FAILURE";

const JSON: &str = "application/json";

/// As JavaScript writes a time.
const MILLISECONDS: EncodedConfig = Config::DEFAULT
    .set_time_precision(TimePrecision::Second { decimal_digits: std::num::NonZeroU8::new(3) })
    .encode();

const INCOMING: Kind = kind("incoming-request", "Incoming-request", "", &[]);
const INCOMING_AUTH: Kind = kind("incoming-auth-request", "Incoming-auth-request", "", &[]);
const OUTGOING: Kind = kind("outgoing-response", "Outgoing-response", "", &[]);
const OUTGOING_AUTH: Kind = kind("outgoing-auth-response", "Outgoing-auth-response", "", &[]);

const TOKEN_EXCHANGE: Kind = kind(
    "complete-flow-token-exchange",
    "CompleteFlowTokenExchange",
    "The IdP exchanged the ID token for an ID-JAG",
    &[reference("RFC-8693-Token-Exchange", "https://datatracker.ietf.org/doc/html/rfc8693"), EMA],
);
const JWT_BEARER: Kind = kind(
    "complete-flow-jwt-bearer",
    "CompleteFlowJwtBearer",
    "The authorization server redeemed the ID-JAG for an access token",
    &[reference("RFC-7523-JWT-Bearer-Grant", "https://datatracker.ietf.org/doc/html/rfc7523"), EMA],
);
const RESOURCE_METADATA: Kind = kind(
    "prm-pathbased-requested",
    "PRMPathBasedRequested",
    "Protected resource metadata was read at the path that the resource's own is part of",
    &[
        reference("RFC-9728", "https://www.rfc-editor.org/rfc/rfc9728.html#section-3.1"),
        reference(
            "MCP-2025-06-18-PRM-discovery",
            "https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#protected-resource-metadata-discovery-requirements",
        ),
    ],
);
const AS_METADATA: Kind = kind(
    "authorization-server-metadata",
    "AuthorizationServerMetadata",
    "Authorization server metadata was read",
    &[
        reference("RFC-8414-metadata-request", "https://www.rfc-editor.org/rfc/rfc8414.html#section-3.1"),
        reference(
            "MCP-Authorization-metadata-discovery",
            "https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#authorization-server-metadata-discovery",
        ),
    ],
);
const REGISTRATION: Kind = kind(
    "client-registration",
    "ClientRegistration",
    "The client registered itself",
    &[reference(
        "MCP-Dynamic-client-registration",
        "https://modelcontextprotocol.io/specification/2025-11-25/basic/client#dynamic-client-registration",
    )],
);
const AUTHORIZATION: Kind = kind(
    "authorization-request",
    "AuthorizationRequest",
    "The authorization endpoint was visited",
    &[reference(
        "OAUTH-2.1-authorization-endpoint",
        "https://www.ietf.org/archive/id/draft-ietf-oauth-v2-1-13.html#name-authorization-endpoint",
    )],
);
const CODE_CHALLENGE: Kind = kind(
    "pkce-code-challenge-sent",
    "PKCE Code Challenge",
    "An authorization request carries `code_challenge`",
    &[PKCE],
);
const S256: Kind = kind(
    "pkce-s256-method-used",
    "PKCE S256 Method",
    "`code_challenge_method` of an authorization request is S256",
    &[PKCE],
);
const TOKEN_REQUEST: Kind = kind(
    "token-request",
    "TokenRequest",
    "A token request was sent",
    &[reference(
        "OAUTH-2.1-token-request",
        "https://www.ietf.org/archive/id/draft-ietf-oauth-v2-1-13.html#name-token-request",
    )],
);
const VALID_TOKEN: Kind = kind(
    "valid-bearer-token",
    "ValidBearerToken",
    "The request carries an access token for this server",
    &[ACCESS_TOKEN],
);
const INVALID_TOKEN: Kind = kind(
    "invalid-bearer-token",
    "InvalidBearerToken",
    "The bearer token of the request is no access token for this server",
    &[ACCESS_TOKEN],
);

const ACCESS_TOKEN: Reference = reference(
    "MCP-Access-token-usage",
    "https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#access-token-usage",
);
const EMA: Reference = reference(
    "SEP-990-Enterprise-Managed-OAuth",
    "https://github.com/modelcontextprotocol/ext-auth/blob/main/specification/draft/enterprise-managed-authorization.mdx",
);
const PKCE: Reference = reference(
    "MCP-PKCE-requirement",
    "https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#authorization-code-protection",
);

const fn kind(
    id: &'static str,
    name: &'static str,
    says: &'static str,
    references: &'static [Reference],
) -> Kind {
    Kind { id, name, says, references }
}

const fn reference(id: &'static str, url: &'static str) -> Reference {
    Reference { id, url }
}
