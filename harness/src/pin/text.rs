//! The pinned exchange as text, one request after the other.

use std::fmt::Write as _;

use serde_json::Value;

use crosscheck_scenarios::EndpointName;
use crosscheck_wire::Transcript;
use crosscheck_wire::transcript::{
    Body, Ended, Exchange, Header, JwtFacts, Param, Report, Request, Response,
};

use super::folder::{FORM, MARK};
use super::normal::Normal;
use super::order::in_order;
use crate::text::printable;

/// Headers that say nothing that varies otherwise than with the run.
const LEFT_OUT: &[&str] = &["content-length", "host"];
/// Headers of an answer that a client may act upon.
const OF_ANSWERS: &[&str] = &["content-type", "location", "retry-after", "www-authenticate"];
/// Members of a token endpoint's answer (RFC 6749 sections 5.1 and 5.2, RFC 8693 section 2.2.1).
const OAUTH_MEMBERS: &[&str] = &[
    "access_token",
    "error",
    "error_description",
    "error_uri",
    "expires_in",
    "issued_token_type",
    "refresh_token",
    "scope",
    "token_type",
];
/// Characters of a value in an answer that are shown.
const SHOWN: usize = 200;

/// What a pinned exchange need not hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Without {
    /// The header `user-agent` and the version in `clientInfo`
    UserAgent,
}

/// The pinned text of a run.
pub fn pinned(transcript: &Transcript, without: Option<Without>) -> String {
    let text = Pinned { normal: Normal::new(transcript), without };
    let exchanges: Vec<_> = transcript.of_client().collect();
    let mut blocks = vec![format!("{MARK}{FORM} {}\n", transcript.scenario)];
    blocks.extend(in_order(&exchanges, |exchange| text.exchange(exchange)));
    if transcript.unrecorded > 0 {
        blocks.push("further requests, not recorded\n".to_owned());
    }
    for malformed in &transcript.malformed {
        let error = printable(&text.normal.text(&malformed.error));
        blocks.push(format!("no readable request to {}: {error}\n", malformed.party));
    }
    blocks.push(text.end(transcript));
    blocks.join("\n")
}

struct Pinned {
    normal: Normal,
    without: Option<Without>,
}

impl Pinned {
    fn exchange(&self, exchange: &Exchange) -> String {
        let Exchange { party, endpoint, request, response, .. } = exchange;
        let path = printable(&self.normal.text(&request.path.to_string()));
        let mut text = format!("{} {{{party}.origin}}{path}\n", printable(&request.method));
        self.request(&mut text, request);
        self.response(&mut text, response, *endpoint);
        text
    }

    fn request(&self, text: &mut String, request: &Request) {
        let mut headers: Vec<_> =
            request.headers.iter().filter(|header| !LEFT_OUT.contains(&header.name.as_str())).collect();
        headers.sort_by(|one, other| one.name.cmp(&other.name));
        for header in headers {
            self.header(text, header);
        }
        if request.raw_query.is_some() {
            text.push_str("  query\n");
            self.params(text, &request.query);
        }
        self.body(text, &request.body);
    }

    fn header(&self, text: &mut String, Header { name, value }: &Header) {
        let value = match self.without {
            Some(Without::UserAgent) if name == "user-agent" => "«user agent»".to_owned(),
            _ => self.normal.value(name, &value.to_string()),
        };
        let _ = writeln!(text, "{}", format!("  {name}: {value}").trim_end());
    }

    fn body(&self, text: &mut String, body: &Body) {
        if !body.params.is_empty() {
            text.push_str("  body\n");
            self.params(text, &body.params);
        } else if let Some(json) = &body.json {
            let mut json = self.normal.json("", json);
            if self.without == Some(Without::UserAgent)
                && let Some(version) = json.pointer_mut("/params/clientInfo/version")
            {
                *version = "«version»".into();
            }
            let _ = write!(text, "  body\n{}", indented(&format!("{json:#}")));
        } else if body.bytes > 0 {
            let _ = write!(text, "  body\n{}", indented(&self.normal.text(&body.text.to_string())));
        }
        if !body.complete {
            text.push_str("  body ends early\n");
        }
    }

    fn params(&self, text: &mut String, params: &[Param]) {
        for Param { name, value, jwt } in params {
            let value = self.normal.value(name, &value.to_string());
            let name = printable(&self.normal.text(name));
            let _ = writeln!(text, "{}", format!("    {name} = {value}").trim_end());
            if let Some(jwt) = jwt {
                self.jwt(text, jwt);
            }
        }
    }

    fn jwt(&self, text: &mut String, jwt: &JwtFacts) {
        let mut members = |part: &str, members| {
            let Value::Object(members) = members else { return };
            for (name, value) in members {
                let _ =
                    writeln!(text, "      {part} {} = {}", printable(&name), printable(&value.to_string()));
            }
        };
        members("header", self.normal.json("", &jwt.header.clone().into()));
        members("claim", self.normal.claims(jwt).into());
        let _ =
            writeln!(text, "      verifies with {}", jwt.verifies_with.as_deref().unwrap_or("no known key"));
    }

    fn response(&self, text: &mut String, response: &Response, endpoint: EndpointName) {
        match response.status {
            0 => text.push_str("no answer\n"),
            status => {
                let _ = writeln!(text, "answer {status}");
            }
        }
        let mut headers: Vec<_> =
            response.headers.iter().filter(|header| OF_ANSWERS.contains(&header.name.as_str())).collect();
        headers.sort_by(|one, other| one.name.cmp(&other.name));
        for header in headers {
            let value = self.normal.value(&header.name, &header.value.to_string());
            let _ = writeln!(text, "  {}: {value:.SHOWN$}", header.name);
        }
        let json = response.body.json.as_ref().filter(|_| endpoint == EndpointName::Token);
        for name in OAUTH_MEMBERS {
            let Some(value) = json.and_then(|json| json.get(name)) else { continue };
            let value = match self.normal.json(name, value) {
                Value::String(value) => value,
                other => other.to_string(),
            };
            let _ = writeln!(text, "{}", format!("    {name} = {:.SHOWN$}", printable(&value)).trim_end());
        }
    }

    fn end(&self, transcript: &Transcript) -> String {
        let mut text = match transcript.client.ended {
            Ended::Exited(code) => format!("exited {code}\n"),
            Ended::Signal(signal) => format!("ended by signal {signal}\n"),
            Ended::TimedOut(_) => "ended at the time limit\n".to_owned(),
        };
        match &transcript.client.report {
            Report::Absent => text.push_str("no outcome report\n"),
            Report::Unreadable(why) => {
                let _ = writeln!(text, "outcome report of no use: {}", printable(&self.normal.text(why)));
            }
            Report::Read(report) => {
                text.push_str("outcome report\n");
                let members = serde_json::to_value(report).unwrap_or_default();
                for (name, value) in members.as_object().into_iter().flatten() {
                    let value = self.normal.json(name, value);
                    if !value.is_null() && value.as_object().is_none_or(|members| !members.is_empty()) {
                        let _ = writeln!(text, "  {name} = {}", printable(&value.to_string()));
                    }
                }
            }
        }
        text
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {}\n", printable(line).trim_end())).collect()
}
