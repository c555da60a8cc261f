//! A transcript of the honest flow, and ways to bend it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crosscheck_scenarios::{
    AsScript, AuthMethod, ClientScript, EndpointName, Expect, IdpScript, Kind, McpScript, Party, Profile,
    Scenario, ScenarioId, SpecVersion, TrapScript,
};
use crosscheck_wire::constants::{
    CLIENT_ASSERTION_TYPE, FORM, GRANT_TYPE_JWT_BEARER, GRANT_TYPE_TOKEN_EXCHANGE, TOKEN_TYPE_ID_JAG,
    TOKEN_TYPE_ID_TOKEN,
};
use crosscheck_wire::ledger::{ValueFacts, ValueKind};
use crosscheck_wire::transcript::{
    Body, ClientFacts, Ended, Exchange, Header, JwtFacts, Mention, Output, Param, Place, Presented,
    RegistrationFacts, Report, Request, Response, VERSION,
};
use crosscheck_wire::{Alteration, Caller, Encoding, Part, Text, Transcript};

use crate::check::{Check, Finding, Verdict};

use super::judge;

pub(super) const IDP: &str = "http://idp";
pub(super) const AS: &str = "http://as";
pub(super) const MCP: &str = "http://mcp";
pub(super) const TRAP: &str = "http://trap";

/// Places of the honest exchanges.
pub(super) const CHALLENGE: usize = 0;
pub(super) const RESOURCE_METADATA: usize = 1;
pub(super) const METADATA: usize = 2;
pub(super) const LEG1: usize = 3;
pub(super) const LEG2: usize = 4;
pub(super) const FIRST_CALL: usize = 5;
pub(super) const SECOND_CALL: usize = 6;

/// A scenario and what a client did in it.
pub(super) struct Sample {
    pub(super) scenario: Scenario,
    pub(super) transcript: Transcript,
}

impl Sample {
    /// The whole flow as it should be: public at the IdP, client_secret_basic at the AS.
    pub(super) fn honest() -> Self {
        let exchanges = vec![challenge(), resource_metadata(), metadata(), leg1(), leg2(), call(), call()];
        let mut sample = Self { scenario: scenario(), transcript: transcript(exchanges) };
        sample.renumber();
        sample
    }

    /// The honest flow with private_key_jwt at both servers.
    pub(super) fn with_keys() -> Self {
        let mut sample = Self::honest();
        for registration in sample.transcript.registrations.values_mut() {
            (registration.methods, registration.declared) = (vec![AuthMethod::PrivateKeyJwt], true);
        }
        for (at, party, issuer) in [(LEG1, "idp", IDP), (LEG2, "as", AS)] {
            sample.bend(at, |exchange| {
                exchange.request.headers.retain(|header| header.name != "authorization");
                remove(exchange, "client_id");
                set(exchange, "client_assertion_type", Text::plain(CLIENT_ASSERTION_TYPE));
                exchange.request.body.params.push(assertion(party, issuer));
            });
        }
        sample
    }

    /// Changes one exchange and reads it again.
    pub(super) fn bend(&mut self, at: usize, bend: impl FnOnce(&mut Exchange)) -> &mut Self {
        bend(&mut self.transcript.exchanges[at]);
        self.renumber();
        self
    }

    /// Ends the run after an exchange, refused with an OAuth error.
    pub(super) fn refuse(&mut self, at: usize, status: u16, code: &str) -> &mut Self {
        self.transcript.exchanges.truncate(at + 1);
        self.transcript.client.ended = Ended::Exited(1);
        self.bend(at, |exchange| exchange.response = json_response(status, json!({ "error": code })))
    }

    /// Ends the run after an exchange that is answered as usual.
    pub(super) fn stop_after(&mut self, at: usize) -> &mut Self {
        self.transcript.exchanges.truncate(at + 1);
        self.transcript.client.ended = Ended::Exited(1);
        self
    }

    /// Puts an exchange before the one at a place.
    pub(super) fn insert(&mut self, at: usize, exchange: Exchange) -> &mut Self {
        self.transcript.exchanges.insert(at, exchange);
        self.renumber();
        self
    }

    /// How the client is registered at an authorization server.
    pub(super) fn registration(&mut self, party: Party) -> &mut RegistrationFacts {
        self.transcript.registrations.get_mut(&party).unwrap()
    }

    /// Puts a call with the access token at the end, with what the server makes of it.
    pub(super) fn calls(&mut self, token: &str, status: u16) -> &mut Self {
        let mut call = call();
        set_header(&mut call, "authorization", around("Bearer ", token, ""));
        call.response.status = status;
        self.then([call])
    }

    /// Puts exchanges at the end, which is then a good one.
    pub(super) fn then(&mut self, exchanges: impl IntoIterator<Item = Exchange>) -> &mut Self {
        self.transcript.client.ended = Ended::Exited(0);
        self.transcript.exchanges.extend(exchanges);
        self.renumber();
        self
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        judge(&self.scenario, &self.transcript)
    }

    /// What is neither passed nor inapplicable, by id and verdict.
    pub(super) fn findings(&self) -> Vec<(String, Verdict)> {
        let told = |check: &Check| check.verdict > Verdict::NotApplicable;
        self.checks().iter().filter(|check| told(check)).map(|check| (check.id(), check.verdict)).collect()
    }

    /// The one finding of the run.
    pub(super) fn finding(&self) -> Finding {
        let told: Vec<_> =
            self.checks().into_iter().filter(|check| check.verdict > Verdict::NotApplicable).collect();
        let [one] = <[Check; 1]>::try_from(told).unwrap_or_else(|told| panic!("not one finding: {told:#?}"));
        one.finding.unwrap()
    }

    /// The verdict on a row.
    pub(super) fn verdict(&self, id: &str) -> Verdict {
        self.checks().iter().find(|check| check.id() == id).unwrap_or_else(|| panic!("no check {id}")).verdict
    }

    fn renumber(&mut self) {
        for (at, exchange) in self.transcript.exchanges.iter_mut().enumerate() {
            exchange.number = at + 1;
            read_again(exchange);
        }
    }
}

/// A value of the run, altered.
pub(super) fn altered(value: &str, how: Alteration) -> Text {
    Text::from_parts(vec![Part::Altered { value: value.into(), how }])
}

/// Text around a value.
pub(super) fn around(before: &str, value: &str, after: &str) -> Text {
    let value = Part::Value { name: value.into(), encoding: Encoding::Raw };
    Text::from_parts(vec![Part::Plain(before.into()), value, Part::Plain(after.into())])
}

/// Sets a body parameter.
pub(super) fn set(exchange: &mut Exchange, name: &str, value: Text) {
    let params = &mut exchange.request.body.params;
    match params.iter_mut().find(|param| param.name == name) {
        Some(param) => param.value = value,
        None => params.push(Param { name: name.into(), value, jwt: None }),
    }
}

/// Takes a body parameter away.
pub(super) fn remove(exchange: &mut Exchange, name: &str) {
    exchange.request.body.params.retain(|param| param.name != name);
}

/// Adds a parameter to the URL.
pub(super) fn set_query(exchange: &mut Exchange, name: &str, value: Text) {
    let mut parts = vec![Part::Plain(format!("{name}="))];
    parts.extend(value.parts().iter().cloned());
    exchange.request.raw_query = Some(Text::from_parts(parts));
    exchange.request.query.push(Param { name: name.into(), value, jwt: None });
}

/// Sets a header.
pub(super) fn set_header(exchange: &mut Exchange, name: &str, value: Text) {
    exchange.request.headers.retain(|header| header.name != name);
    exchange.request.headers.push(Header { name: name.into(), value });
}

/// A Basic header as a transcript shows it.
pub(super) fn basic(id: &Text, secret: &Text) -> Text {
    let mut parts = vec![Part::Plain("Basic ".into())];
    parts.extend(id.parts().iter().cloned());
    parts.push(Part::Plain(":".into()));
    parts.extend(secret.parts().iter().cloned());
    Text::from_parts(parts)
}

/// Changes a claim of the client assertion.
pub(super) fn set_claim(exchange: &mut Exchange, name: &str, value: Value) {
    let params = exchange.request.body.params.iter_mut();
    let jwt = params.filter_map(|param| param.jwt.as_mut()).next().unwrap();
    jwt.claims.insert(name.into(), value);
}

pub(super) fn json_response(status: u16, json: Value) -> Response {
    let text = json.to_string();
    let named = text.split('«').skip(1).filter_map(|rest| Some(rest.split_once('»')?.0.to_owned()));
    let mentions = named.map(|name| Mention { name, place: Place::Body, at: String::new() });
    let mentions = mentions.collect();
    let content_type = Header { name: "content-type".into(), value: Text::plain("application/json") };
    let body = Body { text: Text::plain(text), json: Some(json), complete: true, ..Body::default() };
    Response { status, headers: vec![content_type], body, mentions }
}

/// A request that is answered with a status alone.
pub(super) fn exchange(
    party: Party,
    endpoint: EndpointName,
    method: &str,
    path: &str,
    status: u16,
) -> Exchange {
    Exchange {
        number: 0,
        party,
        caller: Caller::Client,
        endpoint,
        stray: false,
        at_us: 0,
        took_us: 0,
        request: Request { method: method.into(), path: Text::plain(path), ..Request::default() },
        response: Response { status, ..Response::default() },
        refusal: String::new(),
    }
}

pub(super) fn challenge() -> Exchange {
    let mut challenge = exchange(Party::Mcp, EndpointName::Mcp, "POST", "/mcp", 401);
    let value = format!(
        "Bearer resource_metadata=\"{MCP}/.well-known/oauth-protected-resource/mcp\", scope=\"files:read\""
    );
    challenge.response.headers.push(Header { name: "www-authenticate".into(), value: Text::plain(value) });
    challenge
}

fn resource_metadata() -> Exchange {
    let path = "/.well-known/oauth-protected-resource/mcp";
    let mut found = exchange(Party::Mcp, EndpointName::ResourceMetadata, "GET", path, 200);
    found.response =
        json_response(200, json!({"resource": format!("{MCP}/mcp"), "authorization_servers": [AS]}));
    found
}

fn metadata() -> Exchange {
    let path = "/.well-known/oauth-authorization-server";
    let mut found = exchange(Party::As, EndpointName::OauthMetadata, "GET", path, 200);
    found.response = json_response(200, metadata_of(AS));
    found
}

/// Complete metadata of an authorization server.
pub(super) fn metadata_of(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "registration_endpoint": format!("{issuer}/register"),
        "jwks_uri": format!("{issuer}/jwks"),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    })
}

fn token_request(party: Party, params: &[(&str, Text)], answer: Value) -> Exchange {
    let mut request = exchange(party, EndpointName::Token, "POST", "/token", 200);
    set_header(&mut request, "content-type", Text::plain(FORM));
    for (name, value) in params {
        set(&mut request, name, value.clone());
    }
    request.request.body.bytes = 1;
    request.response = json_response(200, answer);
    request
}

/// The answer of the IdP that brings a grant, and the request and answer that turn it into an access token.
pub(super) fn flow(number: usize) -> [Exchange; 2] {
    let (mut leg1, mut leg2) = (leg1(), leg2());
    let answer = json!({"access_token": format!("«id_jag#{number}»"), "issued_token_type": TOKEN_TYPE_ID_JAG, "token_type": "N_A"});
    leg1.response = json_response(200, answer);
    set(&mut leg2, "assertion", Text::value(format!("id_jag#{number}")));
    let answer = json!({"access_token": format!("«access_token#{number}»"), "token_type": "Bearer"});
    leg2.response = json_response(200, answer);
    [leg1, leg2]
}

/// The same for the second MCP server and the second authorization server.
pub(super) fn second_flow() -> [Exchange; 2] {
    let [mut leg1, mut leg2] = flow(3);
    set(&mut leg1, "audience", Text::plain("http://as2"));
    set(&mut leg1, "resource", Text::plain("http://mcp2/mcp"));
    leg2.party = Party::As2;
    let credentials = basic(&Text::value("as2.client_id"), &Text::value("as2.client_secret"));
    set_header(&mut leg2, "authorization", credentials);
    [leg1, leg2]
}

/// A call of the second MCP server.
pub(super) fn second_call() -> Exchange {
    let mut call = call();
    call.party = Party::Mcp2;
    set_header(&mut call, "authorization", around("Bearer ", "access_token#3", ""));
    call
}

/// A served document.
pub(super) fn document(party: Party, path: &str, json: Value) -> Exchange {
    let mut found = exchange(party, EndpointName::Unknown, "GET", path, 200);
    found.response = json_response(200, json);
    found
}

pub(super) fn leg1() -> Exchange {
    let params = [
        ("grant_type", Text::plain(GRANT_TYPE_TOKEN_EXCHANGE)),
        ("requested_token_type", Text::plain(TOKEN_TYPE_ID_JAG)),
        ("audience", Text::plain(AS)),
        ("resource", Text::plain(format!("{MCP}/mcp"))),
        ("scope", Text::plain("files:read")),
        ("subject_token", Text::value("id_token")),
        ("subject_token_type", Text::plain(TOKEN_TYPE_ID_TOKEN)),
        ("client_id", Text::value("idp.client_id")),
    ];
    let answer =
        json!({"access_token": "«id_jag#1»", "issued_token_type": TOKEN_TYPE_ID_JAG, "token_type": "N_A"});
    token_request(Party::Idp, &params, answer)
}

pub(super) fn leg2() -> Exchange {
    let params = [("grant_type", Text::plain(GRANT_TYPE_JWT_BEARER)), ("assertion", Text::value("id_jag#1"))];
    let answer = json!({"access_token": "«access_token#1»", "token_type": "Bearer", "scope": "files:read"});
    let mut request = token_request(Party::As, &params, answer);
    set_header(
        &mut request,
        "authorization",
        basic(&Text::value("as.client_id"), &Text::value("as.client_secret")),
    );
    request
}

pub(super) fn call() -> Exchange {
    let mut call = exchange(Party::Mcp, EndpointName::Mcp, "POST", "/mcp", 200);
    set_header(&mut call, "authorization", around("Bearer ", "access_token#1", ""));
    call
}

/// A client assertion that is in order at a server.
pub(super) fn assertion(party: &str, issuer: &str) -> Param {
    let id = format!("«{party}.client_id»");
    let claims =
        json!({"iss": id, "sub": id, "aud": issuer, "iat": 1000, "exp": 1060, "jti": format!("jti-{party}")});
    let header = json!({"alg": "ES256", "typ": "client-authentication+jwt"});
    let object = |value: Value| value.as_object().cloned().unwrap();
    Param {
        name: "client_assertion".into(),
        value: Text::from_parts(vec![Part::Unknown { digest: format!("digest-{party}"), bytes: 400 }]),
        jwt: Some(JwtFacts {
            header: object(header),
            claims: object(claims),
            verifies_with: Some(format!("{party}.client_key")),
        }),
    }
}

/// Reads mentions and client authentication again, as the transcript's writer does.
fn read_again(exchange: &mut Exchange) {
    let request = &mut exchange.request;
    let named = |text: &Text| {
        let names = text.parts().iter().filter_map(|part| match part {
            Part::Altered { value, .. } => Some(value.clone()),
            Part::Value { name, .. } => Some(name.clone()),
            _ => None,
        });
        names.collect::<Vec<_>>()
    };
    let mention = |place, at: &str, text: &Text| {
        let at = at.to_owned();
        named(text).into_iter().map(move |name| Mention { name, place, at: at.clone() }).collect::<Vec<_>>()
    };
    let query = request.query.iter().flat_map(|param| mention(Place::Url, &param.name, &param.value));
    let headers =
        request.headers.iter().flat_map(|header| mention(Place::Header, &header.name, &header.value));
    let body = request.body.params.iter().flat_map(|param| mention(Place::Body, &param.name, &param.value));
    request.mentions = query.chain(headers).chain(body).collect();
    let token = exchange.endpoint == EndpointName::Token || !request.body.params.is_empty();
    request.authentication = if token { authentication(request) } else { Vec::new() };
}

fn authentication(request: &Request) -> Vec<Presented> {
    let client_id = request.param("client_id").map(|param| param.value.clone());
    let mut found = Vec::new();
    if let Some(header) = request.header("authorization") {
        match header.parts() {
            [Part::Plain(_), id, Part::Plain(_), secret] => found.push(Presented::ClientSecretBasic {
                client_id: Text::from_parts(vec![id.clone()]),
                client_secret: Text::from_parts(vec![secret.clone()]),
            }),
            _ => found.push(Presented::OtherHeader { scheme: "Bearer".into() }),
        }
    }
    if let Some(secret) = request.param("client_secret") {
        let client_secret = secret.value.clone();
        found.push(Presented::ClientSecretPost { client_id: client_id.clone(), client_secret });
    }
    if let Some(assertion) = request.param("client_assertion") {
        found.push(Presented::ClientAssertion {
            client_id: client_id.clone(),
            assertion_type: request.param("client_assertion_type").map(|param| param.value.clone()),
            assertion: Box::new(assertion.clone()),
        });
    }
    if let (true, Some(client_id)) = (found.is_empty(), client_id) {
        found.push(Presented::Identified { client_id });
    }
    found
}

fn scenario() -> Scenario {
    Scenario {
        id: ScenarioId::new("sample"),
        built_in: false,
        title: String::new(),
        why: String::new(),
        requirements: Vec::new(),
        faults: Vec::new(),
        kind: Kind::Check,
        at: None,
        slow: false,
        needs: Vec::new(),
        profile: None,
        profiles: Vec::new(),
        spec_version: None,
        client: ClientScript::default(),
        idp: IdpScript::default(),
        resource_as: AsScript::default(),
        mcp: McpScript::default(),
        second_as: None,
        second_mcp: None,
        trap: TrapScript::default(),
        expect: Expect::default(),
        text: String::new(),
    }
}

fn registration(methods: &[AuthMethod]) -> RegistrationFacts {
    RegistrationFacts { methods: methods.to_vec(), declared: false, needs_encoding: false }
}

/// A value that the honest flow does not have.
pub(super) fn value(name: &str, kind: ValueKind, travels_to: &[Party]) -> ValueFacts {
    ValueFacts { name: name.into(), kind, travels_to: travels_to.to_vec(), signed_with: None }
}

fn transcript(exchanges: Vec<Exchange>) -> Transcript {
    let stage = [
        ("idp.origin", IDP.to_owned()),
        ("idp.issuer", IDP.to_owned()),
        ("idp.token_endpoint", format!("{IDP}/token")),
        ("as.origin", AS.to_owned()),
        ("as.issuer", AS.to_owned()),
        ("as.token_endpoint", format!("{AS}/token")),
        ("mcp.origin", MCP.to_owned()),
        ("mcp.resource", format!("{MCP}/mcp")),
        ("as2.origin", "http://as2".to_owned()),
        ("as2.issuer", "http://as2".to_owned()),
        ("as2.token_endpoint", "http://as2/token".to_owned()),
        ("mcp2.origin", "http://mcp2".to_owned()),
        ("mcp2.resource", "http://mcp2/mcp".to_owned()),
        ("trap.origin", TRAP.to_owned()),
        ("trap.issuer", TRAP.to_owned()),
        ("trap.token_endpoint", format!("{TRAP}/token")),
    ];
    Transcript {
        version: VERSION,
        scenario: ScenarioId::new("sample"),
        started_at_ms: 0,
        unrecorded: 0,
        profile: Profile::Mcp,
        spec_version: SpecVersion::V2025,
        stage: stage.map(|(name, url)| (name.to_owned(), url)).into_iter().collect::<BTreeMap<_, _>>(),
        values: vec![
            value("idp.client_id", ValueKind::Identifier, &[Party::Idp, Party::As]),
            value("as.client_id", ValueKind::Identifier, &[Party::Idp, Party::As]),
            value("idp.client_secret", ValueKind::Credential, &[Party::Idp]),
            value("as.client_secret", ValueKind::Credential, &[Party::As]),
            value("as.client_key", ValueKind::Credential, &[]),
            value("id_token", ValueKind::Token, &[Party::Idp]),
            value("idp_access_token", ValueKind::Token, &[Party::Idp]),
            value("id_jag#1", ValueKind::Token, &[Party::As]),
            value("access_token#1", ValueKind::Token, &[Party::Mcp]),
            value("other_id_token", ValueKind::Token, &[Party::Idp]),
            value("as2.client_id", ValueKind::Identifier, &[Party::As2]),
            value("as2.client_secret", ValueKind::Credential, &[Party::As2]),
            value("id_jag#2", ValueKind::Token, &[Party::As]),
            value("access_token#2", ValueKind::Token, &[Party::Mcp]),
            value("id_jag#3", ValueKind::Token, &[Party::As2]),
            value("access_token#3", ValueKind::Token, &[Party::Mcp2]),
            value("id_jag#4", ValueKind::Token, &[Party::Trap]),
        ],
        registrations: [
            (Party::Idp, registration(&[AuthMethod::None])),
            (Party::As, registration(&[AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost])),
        ]
        .into(),
        declared: Vec::new(),
        context: Vec::new(),
        exchanges,
        malformed: Vec::new(),
        client: ClientFacts {
            ended: Ended::Exited(0),
            took_us: 0,
            stdout: Output::default(),
            stderr: Output::default(),
            report: Report::Absent,
        },
        revealed: BTreeMap::new(),
    }
}
