//! Closes a run: turns what was recorded into the transcript, in which minted values have names.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::read::GzDecoder;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_ENCODING};
use serde_json::{Map, Value, json};

use crosscheck_scenarios::EndpointName;

use crate::canary::Canary;
use crate::client_authentication::Credential;
use crate::constants::FORM;
use crate::form::{self, Form};
use crate::jose::{Jwt, SigningKey};
use crate::ledger::ValueFacts;
use crate::naming::Namer;
use crate::record::{RawBody, RawExchange};
use crate::registration::Registration;
use crate::stage::Stage;
use crate::text::{Part, Text};
use crate::transcript::{
    Body, ClientFacts, Exchange, Header, JwtFacts, Malformed, Mention, OutcomeReport, Output, Param, Place,
    Presented, RegistrationFacts, Report, Request, Response, Transcript, VERSION,
};

/// Bytes of a body that the transcript keeps.
pub(crate) const KEPT: usize = 64 << 10;

/// Bytes that a compressed body is read to.
const READ: u64 = 4 << 20;

/// What the driver saw of the client, before values are named.
#[derive(Clone, Debug)]
pub struct RawClient {
    /// How it ended.
    pub ended: crate::transcript::Ended,
    /// How long it ran.
    pub took: Duration,
    /// Standard output.
    pub stdout: RawOutput,
    /// Standard error.
    pub stderr: RawOutput,
    /// The outcome report: absent, its text, or why it cannot be read.
    pub report: Option<Result<String, String>>,
}

/// Captured output as it was.
#[derive(Clone, Debug, Default)]
pub struct RawOutput {
    /// What was kept.
    pub text: String,
    /// How many bytes were written.
    pub bytes: u64,
    /// How many of them were not kept.
    pub dropped: u64,
}

impl Stage {
    /// The transcript of the run. `context` names the keys that the client was given; `retired` holds the
    /// canary tags of earlier runs on the same listeners.
    pub fn close(&self, client: RawClient, context: Vec<String>, retired: &HashSet<String>) -> Transcript {
        let closing = Close { stage: self, namer: Namer::new(self.ledger.values()), retired };
        let exchanges = self.recorder.exchanges();
        Transcript {
            version: VERSION,
            scenario: self.scenario.id.clone(),
            started_at_ms: self.recorder.started_at_ms(),
            profile: self.profile,
            spec_version: self.spec_version,
            stage: self.urls.by_name(),
            values: facts(self),
            registrations: self
                .registered_at()
                .map(|party| (party, registration(self.registration(party))))
                .collect(),
            declared: self.declared.0.clone(),
            context,
            exchanges: exchanges.iter().enumerate().map(|(at, raw)| closing.exchange(at + 1, raw)).collect(),
            unrecorded: self.recorder.unrecorded(),
            malformed: self
                .recorder
                .malformed_connections()
                .into_iter()
                .map(|(party, at, error)| Malformed { party, at_us: micros(at), error })
                .collect(),
            client: closing.client(client),
            revealed: BTreeMap::new(),
        }
    }
}

/// What is told of each value, once for those that have several forms.
fn facts(stage: &Stage) -> Vec<ValueFacts> {
    let mut facts: Vec<_> = stage.ledger.values().into_iter().map(|minted| minted.facts).collect();
    facts.dedup();
    facts
}

fn registration(registration: &Registration) -> RegistrationFacts {
    let texts = [Some(&registration.client_id), registration.client_secret.as_ref()];
    RegistrationFacts {
        methods: registration.methods.clone(),
        declared: registration.declared,
        needs_encoding: texts.into_iter().flatten().any(|text| form::encode(text) != **text),
    }
}

struct Close<'a> {
    stage: &'a Stage,
    namer: Namer,
    retired: &'a HashSet<String>,
}

impl Close<'_> {
    fn exchange(&self, number: usize, raw: &RawExchange) -> Exchange {
        let request = self.request(raw);
        Exchange {
            number,
            party: raw.party,
            caller: raw.caller,
            endpoint: raw.endpoint,
            stray: self.is_stray(raw),
            at_us: micros(raw.at),
            took_us: micros(raw.took),
            request,
            response: self.response(raw),
            refusal: raw.refusal.clone(),
        }
    }

    fn request(&self, raw: &RawExchange) -> Request {
        let path = self.namer.within(&raw.path);
        let raw_query = raw.query.as_deref().map(|query| self.namer.within(query));
        let query: Vec<_> = match &raw.query {
            Some(query) => {
                Form::parse(query.as_bytes()).pairs().iter().map(|pair| self.param(pair)).collect()
            }
            None => Vec::new(),
        };
        let headers = self.headers(&raw.headers);
        let form = form_of(raw);
        let json = is_json(&raw.headers).then(|| serde_json::from_slice(&raw.body.kept).ok()).flatten();
        let mut body = self.body(&raw.body, &raw.body.kept, json.as_ref());
        if let Some(form) = &form {
            body.params = form.pairs().iter().map(|pair| self.param(pair)).collect();
        }
        let token_request = raw.endpoint == EndpointName::Token || form.is_some();
        let authentication = match token_request {
            true => self.presented(&Credential::read(&raw.headers, &form.unwrap_or_default())),
            false => Vec::new(),
        };
        let mut mentions = mentions(&path, Place::Url, "");
        mentions.extend(query.iter().flat_map(|param| mentions_of_param(param, Place::Url)));
        if let (Some(raw_query), true) = (&raw_query, mentions.is_empty()) {
            mentions.extend(self::mentions(raw_query, Place::Url, ""));
        }
        mentions.extend(header_mentions(&headers));
        mentions.extend(self.decoded_mentions(&body));
        if body.params.is_empty() {
            mentions.extend(self::mentions(&body.text, Place::Body, ""));
        } else {
            mentions.extend(body.params.iter().flat_map(|param| mentions_of_param(param, Place::Body)));
        }
        Request {
            method: raw.method.clone(),
            path,
            query,
            raw_query,
            headers,
            body,
            authentication,
            mentions,
        }
    }

    fn response(&self, raw: &RawExchange) -> Response {
        let headers = self.headers(&raw.response_headers);
        let (content, is_readable) = decoded(&raw.response_headers, &raw.response_body);
        let json = is_readable.then(|| json_of(raw, &content)).flatten();
        let body = self.body(&raw.response_body, &content, json.as_ref());
        let mut found: Vec<_> = header_mentions(&headers).collect();
        found.extend(mentions(&body.text, Place::Body, ""));
        Response { status: raw.status, headers, body, mentions: found }
    }

    fn body(&self, raw: &RawBody, content: &[u8], json: Option<&Value>) -> Body {
        let text = String::from_utf8_lossy(&content[..content.len().min(KEPT)]);
        Body {
            bytes: raw.bytes,
            complete: raw.complete,
            text: self.namer.within(&text),
            json: json.map(|json| self.namer.json(json)),
            params: Vec::new(),
        }
    }

    fn headers(&self, headers: &HeaderMap) -> Vec<Header> {
        let named = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
            let text = String::from_utf8_lossy(value.as_bytes());
            let value = match basic_pair(name, &text) {
                Some((user, password)) => {
                    let (user, password) = (self.namer.basic_part(&user), self.namer.basic_part(&password));
                    let mut parts = vec![Part::Plain("Basic ".into())];
                    parts.extend(user.parts().iter().cloned());
                    parts.push(Part::Plain(":".into()));
                    parts.extend(password.parts().iter().cloned());
                    Text::from_parts(parts)
                }
                None => self.bearer(name, &text),
            };
            Header { name: name.as_str().to_owned(), value }
        };
        headers.iter().filter(|(name, _)| *name != crate::record::STAGE_HEADER).map(named).collect()
    }

    /// A bearer token is a value of its own, so that a near miss of it is seen.
    fn bearer(&self, name: &http::HeaderName, text: &str) -> Text {
        match text.split_once(' ') {
            Some((scheme, token)) if name == AUTHORIZATION => {
                let mut parts = vec![Part::Plain(format!("{scheme} "))];
                parts.extend(self.namer.whole(token).parts().iter().cloned());
                Text::from_parts(parts)
            }
            _ => self.namer.within(text),
        }
    }

    fn presented(&self, credentials: &[Credential]) -> Vec<Presented> {
        let whole = |text: &Option<String>| text.as_deref().map(|text| self.namer.whole(text));
        let present = |credential: &Credential| match credential {
            Credential::Assertion { client_id, assertion_type, assertion } => Presented::ClientAssertion {
                client_id: whole(client_id),
                assertion_type: whole(assertion_type),
                assertion: Box::new(self.param(&("client_assertion".to_owned(), assertion.clone()))),
            },
            Credential::Basic { user, password } => Presented::ClientSecretBasic {
                client_id: self.namer.basic_part(user),
                client_secret: self.namer.basic_part(password),
            },
            Credential::Identified(id) => Presented::Identified { client_id: self.namer.whole(id) },
            Credential::OtherHeader(scheme) => {
                Presented::OtherHeader { scheme: self.namer.within(scheme).to_string() }
            }
            Credential::Post { client_id, client_secret } => Presented::ClientSecretPost {
                client_id: whole(client_id),
                client_secret: self.namer.whole(client_secret),
            },
        };
        credentials.iter().map(present).collect()
    }

    fn param(&self, (name, value): &(String, String)) -> Param {
        let value_text = self.namer.whole(value);
        let jwt = Jwt::decode(value).map(|jwt| self.jwt(value, &jwt));
        Param { name: self.namer.within(name).to_string(), value: value_text, jwt }
    }

    fn jwt(&self, text: &str, jwt: &Jwt) -> JwtFacts {
        let minted = self.namer.exact(text).map(|minted| minted.facts.signed_with.clone());
        let verifies_with = minted.unwrap_or_else(|| {
            let mut keys = self.keys();
            keys.find(|key| jwt.verifies_with(key.public_jwk())).map(|key| key.name.to_owned())
        });
        JwtFacts {
            header: self.namer.object(&jwt.header),
            claims: self.namer.object(&jwt.claims),
            verifies_with,
        }
    }

    fn keys(&self) -> impl Iterator<Item = &SigningKey> {
        self.stage.registered_at().flat_map(|party| {
            let own = self.stage.registration(party).key.as_ref();
            std::iter::once(self.stage.key(party)).chain(own)
        })
    }

    /// Values inside the readable segments of tokens that the client made itself.
    fn decoded_mentions(&self, body: &Body) -> Vec<Mention> {
        let jwts = body.params.iter().filter_map(|param| param.jwt.as_ref().map(|jwt| (param, jwt)));
        let named = |(param, jwt): (&Param, &JwtFacts)| {
            let text = format!("{}{}", Value::Object(jwt.header.clone()), Value::Object(jwt.claims.clone()));
            let own = param.value.as_value().is_none();
            let names = self.stage.ledger.values().into_iter().map(|minted| minted.facts.name);
            let at = param.name.clone();
            names
                .filter(|name| own && text.contains(&format!("«{name}»")))
                .map(|name| Mention { name, place: Place::Body, at: at.clone() })
                .collect::<Vec<_>>()
        };
        jwts.flat_map(named).collect()
    }

    fn is_stray(&self, raw: &RawExchange) -> bool {
        let mut texts = vec![raw.path.clone(), raw.query.clone().unwrap_or_default()];
        for (name, value) in &raw.headers {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            if let Some((user, password)) = basic_pair(name, &text) {
                texts.extend([user, password]);
            }
            texts.push(text);
        }
        texts.push(String::from_utf8_lossy(&raw.body.kept).into_owned());
        let tokens: Vec<_> = texts.iter().flat_map(|text| token_payloads(text)).collect();
        texts.extend(tokens);
        let tags: HashSet<_> = texts.iter().flat_map(|text| Canary::tags(text)).collect();
        !tags.contains(self.stage.canary.tag()) && tags.iter().any(|tag| self.retired.contains(*tag))
    }

    fn client(&self, raw: RawClient) -> ClientFacts {
        let output = |raw: RawOutput| Output {
            text: self.namer.within(&raw.text),
            bytes: raw.bytes,
            dropped: raw.dropped,
        };
        let report = match raw.report {
            None => Report::Absent,
            Some(Err(why)) => Report::Unreadable(why),
            Some(Ok(text)) => self.report(&text),
        };
        ClientFacts {
            ended: raw.ended,
            took_us: micros(raw.took),
            stdout: output(raw.stdout),
            stderr: output(raw.stderr),
            report,
        }
    }

    fn report(&self, text: &str) -> Report {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let members = match serde_json::from_str(text) {
            Ok(Value::Object(members)) => self.namer.object(&members),
            Ok(_) => return Report::Unreadable("it is no JSON object".into()),
            Err(error) => return Report::Unreadable(error.to_string()),
        };
        // An adapter that writes every member writes null for what it does not know.
        let known: Map<_, _> = members.into_iter().filter(|(_, value)| !value.is_null()).collect();
        let wrong = |(name, value): (&String, &Value)| {
            let alone = json!({ "outcome": "refused", name: value });
            let error = serde_json::from_value::<OutcomeReport>(alone).err()?;
            Some(format!("`{name}`: {:.100}", error.to_string()))
        };
        match serde_json::from_value(known.clone().into()) {
            Ok(report) => Report::Read(Box::new(report)),
            Err(error) => Report::Unreadable(known.iter().find_map(wrong).unwrap_or(error.to_string())),
        }
    }
}

/// The pairs of a form body; those of a JSON object at a token endpoint, where some servers take both.
fn form_of(raw: &RawExchange) -> Option<Form> {
    let mime = form::media_type(&raw.headers);
    if mime == FORM {
        Some(Form::parse(&raw.body.kept))
    } else if mime.contains("json") && !raw.party.is_mcp_server() {
        Form::from_json(&raw.body.kept)
    } else {
        None
    }
}

/// What a response says without its content coding, and whether it can be read whole.
fn decoded<'a>(headers: &HeaderMap, body: &'a RawBody) -> (Cow<'a, [u8]>, bool) {
    let coding = headers.get(CONTENT_ENCODING).map(|coding| coding.as_bytes().to_ascii_lowercase());
    match coding.as_deref() {
        None | Some(b"identity") => (Cow::from(&body.kept), body.is_kept()),
        Some(b"gzip" | b"x-gzip") => {
            let mut content = Vec::new();
            let end = GzDecoder::new(body.kept.as_slice()).take(READ).read_to_end(&mut content);
            let is_whole = end.is_ok() && body.is_kept() && (content.len() as u64) < READ;
            // What is no gzip stands there as it is.
            (if content.is_empty() { Cow::from(&body.kept) } else { content.into() }, is_whole)
        }
        Some(_) => (Cow::from(&body.kept), false),
    }
}

/// The value of a response, without its content coding; none where it cannot be read whole.
pub(crate) fn response_json(raw: &RawExchange) -> Option<Value> {
    let (content, is_whole) = decoded(&raw.response_headers, &raw.response_body);
    (is_whole && raw.response_body.complete).then(|| json_of(raw, &content))?
}

/// The value of a response: at a token endpoint, where errors come with any content type and behind a byte order
/// mark, every object.
fn json_of(raw: &RawExchange, content: &[u8]) -> Option<Value> {
    let is_token = raw.endpoint == EndpointName::Token;
    let content = if is_token { content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content) } else { content };
    let value: Value = serde_json::from_slice(content).ok()?;
    (is_json(&raw.response_headers) || is_token && value.is_object()).then_some(value)
}

fn is_json(headers: &HeaderMap) -> bool {
    form::media_type(headers).contains("json")
}

fn basic_pair(name: &http::HeaderName, text: &str) -> Option<(String, String)> {
    let (scheme, rest) = text.split_once(' ')?;
    let basic = *name == AUTHORIZATION && scheme.eq_ignore_ascii_case("basic");
    let bytes = basic.then(|| STANDARD.decode(rest.trim()).ok()).flatten()?;
    let pair = String::from_utf8_lossy(&bytes).into_owned();
    pair.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

/// The decoded payloads of everything in `text` that looks like a JWT.
fn token_payloads(text: &str) -> Vec<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let candidates = text.split(|c| !legal(c)).filter(|word| word.starts_with("eyJ"));
    candidates
        .filter_map(|word| URL_SAFE_NO_PAD.decode(word.split('.').nth(1)?).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

fn mentions(text: &Text, place: Place, at: &str) -> Vec<Mention> {
    let altered = text.as_altered().map(|(name, _)| name);
    let names = text.names().map(|(name, _)| name).chain(altered);
    names.map(|name| Mention { name: name.to_owned(), place, at: at.to_owned() }).collect()
}

fn mentions_of_param(param: &Param, place: Place) -> Vec<Mention> {
    mentions(&param.value, place, &param.name)
}

fn header_mentions(headers: &[Header]) -> impl Iterator<Item = Mention> {
    headers.iter().flat_map(|header| {
        let altered = header.value.parts().iter().filter_map(|part| match part {
            Part::Altered { value, .. } => Some(value.clone()),
            _ => None,
        });
        let names = header.value.names().map(|(name, _)| name.to_owned()).chain(altered);
        names.map(|name| Mention { name, place: Place::Header, at: header.name.clone() })
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
