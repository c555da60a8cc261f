//! `checks.json` as the official MCP conformance suite writes it for its complete-flow scenario.
//!
//! The suite's two checks are told request by request: a request passes when the server, which keeps the suite's
//! own rules there, accepted it. Everything else in the file is a record of what happened. Minted values stand
//! by their names.

use serde_json::{Map, Value, json};
use time::format_description::well_known::iso8601::{Config, EncodedConfig, Iso8601, TimePrecision};
use time::{Duration, OffsetDateTime};

use crosscheck_scenarios::{EndpointName, Party};
use crosscheck_wire::constants::GRANT_TYPE_JWT_BEARER;
use crosscheck_wire::transcript::{Exchange, Request};
use crosscheck_wire::{Caller, Transcript};

/// The checks of a run that ended at `ended`, in the order in which the suite emits them.
pub(super) fn checks(transcript: &Transcript, ended: OffsetDateTime) -> Vec<Value> {
    let mut checks = Vec::new();
    let started = ended - Duration::microseconds(transcript.client.took_us.cast_signed());
    let of_client =
        transcript.exchanges.iter().filter(|exchange| exchange.caller == Caller::Client && !exchange.stray);
    for exchange in of_client {
        let at = started + Duration::microseconds(exchange.at_us.cast_signed());
        match exchange.party {
            Party::Idp => idp(&mut checks, exchange, at),
            Party::As => resource_as(&mut checks, exchange, at),
            Party::Mcp => mcp(&mut checks, exchange, at),
        }
    }
    for kind in [&TOKEN_EXCHANGE, &JWT_BEARER] {
        if !checks.iter().any(|check| check["id"] == kind.id) {
            checks.push(kind.check("FAILURE", kind.absent, ended));
        }
    }
    checks
}

/// A check of the suite: its id, name, texts and references.
struct Kind {
    id: &'static str,
    name: &'static str,
    passed: &'static str,
    absent: &'static str,
    references: &'static [(&'static str, &'static str)],
}

impl Kind {
    fn check(&self, status: &str, description: &str, at: OffsetDateTime) -> Value {
        let references: Vec<_> =
            self.references.iter().map(|(id, url)| json!({ "id": id, "url": url })).collect();
        let mut check = plain(self.id, self.name, description, status, at);
        if !references.is_empty() {
            check["specReferences"] = references.into();
        }
        check
    }

    fn of(&self, exchange: &Exchange, at: OffsetDateTime) -> Value {
        if exchange.response.status == 200 {
            return self.check("SUCCESS", self.passed, at);
        }
        let why = exchange.response.member("error_description").unwrap_or(&exchange.refusal);
        let mut check = self.check("FAILURE", why, at);
        check["errorMessage"] = why.into();
        check
    }
}

const EMA: (&str, &str) = (
    "SEP-990-Enterprise-Managed-OAuth",
    "https://github.com/modelcontextprotocol/ext-auth/blob/main/specification/draft/enterprise-managed-authorization.mdx",
);

const TOKEN_EXCHANGE: Kind = Kind {
    id: "complete-flow-token-exchange",
    name: "CompleteFlowTokenExchange",
    passed: "The ID token was exchanged for an ID-JAG with all required parameters",
    absent: "No token exchange was made at the IdP",
    references: &[("RFC-8693-Token-Exchange", "https://datatracker.ietf.org/doc/html/rfc8693"), EMA],
};

const JWT_BEARER: Kind = Kind {
    id: "complete-flow-jwt-bearer",
    name: "CompleteFlowJwtBearer",
    passed: "The ID-JAG was redeemed for an access token by the jwt-bearer grant",
    absent: "No jwt-bearer grant was made at the authorization server",
    references: &[("RFC-7523-JWT-Bearer", "https://datatracker.ietf.org/doc/html/rfc7523"), EMA],
};

const METADATA: Kind = record("authorization-server-metadata", "AuthorizationServerMetadata");
const RESOURCE_METADATA: Kind = record("prm-pathbased-requested", "PRMPathBasedRequested");
const TOKEN_REQUEST: Kind = record("token-request", "TokenRequest");
const REGISTRATION: Kind = record("client-registration", "ClientRegistration");
const AUTHORIZATION: Kind = record("authorization-request", "AuthorizationRequest");
const VALID_TOKEN: Kind = record("valid-bearer-token", "ValidBearerToken");
const INVALID_TOKEN: Kind = record("invalid-bearer-token", "InvalidBearerToken");

const fn record(id: &'static str, name: &'static str) -> Kind {
    Kind { id, name, passed: "", absent: "", references: &[] }
}

fn idp(checks: &mut Vec<Value>, exchange: &Exchange, at: OffsetDateTime) {
    if exchange.endpoint == EndpointName::Token && exchange.request.method == "POST" {
        checks.push(TOKEN_EXCHANGE.of(exchange, at));
    }
}

fn resource_as(checks: &mut Vec<Value>, exchange: &Exchange, at: OffsetDateTime) {
    let Exchange { request, .. } = exchange;
    checks.push(told(
        "incoming-auth-request",
        &format!("Received {} request for {}", request.method, request.path),
        request_details(request),
        at,
    ));
    let post = request.method == "POST";
    match exchange.endpoint {
        EndpointName::OauthMetadata | EndpointName::OpenidMetadata => {
            checks.push(METADATA.check("SUCCESS", "Client requested authorization server metadata", at));
        }
        EndpointName::Token if post => {
            let grant = request.param("grant_type").map(|param| param.value.to_string()).unwrap_or_default();
            if grant == GRANT_TYPE_JWT_BEARER {
                checks.push(JWT_BEARER.of(exchange, at));
            }
            let mut check = TOKEN_REQUEST.check("SUCCESS", "Client requested access token", at);
            check["details"] = json!({ "endpoint": request.path.to_string(), "grantType": grant });
            checks.push(check);
        }
        EndpointName::Registration if post => {
            checks.push(REGISTRATION.check("SUCCESS", "Client registered dynamically", at));
        }
        EndpointName::Authorization => {
            checks.push(AUTHORIZATION.check("SUCCESS", "Client made an authorization request", at));
        }
        _ => {}
    }
    checks.push(told(
        "outgoing-auth-response",
        &format!("Sent {} response for {} {}", exchange.response.status, request.method, request.path),
        response_details(exchange),
        at,
    ));
}

fn mcp(checks: &mut Vec<Value>, exchange: &Exchange, at: OffsetDateTime) {
    let Exchange { request, response, .. } = exchange;
    if exchange.endpoint == EndpointName::ResourceMetadata {
        checks.push(RESOURCE_METADATA.check("SUCCESS", "Client requested protected resource metadata", at));
        return;
    }
    let method = request.body.json.as_ref().and_then(|json| json.get("method")).and_then(Value::as_str);
    let of = method.map(|method| format!(" (method: {method})")).unwrap_or_default();
    checks.push(told(
        "incoming-request",
        &format!("Received {} request for {}{of}", request.method, request.path),
        request_details(request),
        at,
    ));
    let bearer = request.header("authorization").is_some_and(|value| {
        value.to_string().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "))
    });
    if bearer && response.status == 401 {
        checks.push(INVALID_TOKEN.check(
            "FAILURE",
            "Client sent a bearer token that was not issued for this server",
            at,
        ));
    } else if bearer {
        checks.push(VALID_TOKEN.check("SUCCESS", "Client sent a valid bearer token", at));
    }
    checks.push(told(
        "outgoing-response",
        &format!("Sent {} response for {} {}", response.status, request.method, request.path),
        response_details(exchange),
        at,
    ));
}

fn told(id: &str, description: &str, details: Value, at: OffsetDateTime) -> Value {
    let mut name = id.to_owned();
    name[..1].make_ascii_uppercase();
    let mut check = plain(id, &name, description, "INFO", at);
    check["details"] = details;
    check
}

fn plain(id: &str, name: &str, description: &str, status: &str, at: OffsetDateTime) -> Value {
    let timestamp = at.format(&Iso8601::<MILLISECONDS>).unwrap_or_default();
    json!({ "id": id, "name": name, "description": description, "status": status, "timestamp": timestamp })
}

/// As JavaScript writes a time.
const MILLISECONDS: EncodedConfig = Config::DEFAULT
    .set_time_precision(TimePrecision::Second { decimal_digits: std::num::NonZeroU8::new(3) })
    .encode();

fn request_details(request: &Request) -> Value {
    let mut details = Map::new();
    details.insert("method".into(), request.method.as_str().into());
    details.insert("path".into(), request.path.to_string().into());
    if let Some(body) = body(&request.body) {
        if let Some(method) = body.get("method").and_then(Value::as_str) {
            details.insert("mcpMethod".into(), method.into());
        }
        details.insert("body".into(), body);
    }
    details.into()
}

fn response_details(exchange: &Exchange) -> Value {
    let Exchange { request, response, .. } = exchange;
    let headers: Map<_, _> = response
        .headers
        .iter()
        .map(|header| (header.name.clone(), header.value.to_string().into()))
        .collect();
    let mut details = json!({ "method": request.method, "path": request.path.to_string(), "statusCode": response.status, "headers": headers });
    if let Some(body) = body(&response.body) {
        details["body"] = body;
    }
    details
}

fn body(body: &crosscheck_wire::transcript::Body) -> Option<Value> {
    if let Some(json) = &body.json {
        return Some(json.clone());
    }
    if !body.params.is_empty() {
        let members = body.params.iter().map(|param| (param.name.clone(), param.value.to_string().into()));
        return Some(Value::Object(members.collect()));
    }
    (body.bytes > 0).then(|| body.text.to_string().into())
}
