//! A transcript as an exchange that people read: every request with its parameters and the tokens in it, what was
//! answered, and how the client ended.

mod rows;

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use hyper::StatusCode;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crosscheck_scenarios::Party;
use crosscheck_wire::transcript::{
    Body, Ended, Exchange, Header, Output, Param, Presented, Report, SCRIPTED,
};
use crosscheck_wire::{Caller, Transcript};

use crate::report::finding::WIDTH;
use crate::report::terminal::PASS;
use crate::text::{milliseconds, printable};
use rows::{Rows, VALUE, cut};

const HEADING: Style = Style::new().bold();
const ODD: Style = AnsiColor::Yellow.on_default();

/// A transcript as it is shown.
pub struct Shown<'a> {
    /// The transcript.
    pub transcript: &'a Transcript,
    /// Whether every header, and bodies and output whole.
    pub all: bool,
}

impl Shown<'_> {
    /// Writes it.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.head(out)?;
        let mut decoded = BTreeMap::new();
        for exchange in &self.transcript.exchanges {
            self.exchange(out, exchange, &mut decoded)?;
        }
        self.left_out(out)?;
        self.client(out)?;
        self.revealed(out)?;
        if !self.all {
            writeln!(out, "\nEverything, such as all headers and bodies whole: crosscheck show --all")?;
        }
        Ok(())
    }

    fn rows(&self) -> Rows<'_> {
        Rows::new(self.transcript, self.all)
    }

    fn head(&self, out: &mut impl Write) -> io::Result<()> {
        let Transcript { scenario, profile, spec_version, registrations, context, .. } = self.transcript;
        let started = Duration::milliseconds(self.transcript.started_at_ms.cast_signed());
        let started = OffsetDateTime::UNIX_EPOCH.checked_add(started).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (date, time) = (started.date(), started.time());
        writeln!(out, "{HEADING}{}{HEADING:#}", printable(scenario.as_str()))?;
        let (hour, minute, second) = time.as_hms();
        let spec_version = spec_version.as_str();
        writeln!(
            out,
            "profile {profile} · MCP {spec_version} · {date} {hour:02}:{minute:02}:{second:02} UTC"
        )?;
        if !self.transcript.revealed.is_empty() {
            writeln!(
                out,
                "{ODD}saved with --reveal: the tokens and secrets themselves stand at the end{ODD:#}"
            )?;
        }
        writeln!(out)?;
        let mut rows = self.rows();
        rows.push(0, "given", context.join(", "));
        for (party, registration) in registrations {
            let methods: Vec<_> = registration.methods.iter().map(ToString::to_string).collect();
            rows.push(0, format!("registered at {party}"), methods.join(" or "));
        }
        if self.all {
            let declared: Vec<_> = self.transcript.declared.iter().map(ToString::to_string).collect();
            rows.push(0, "declared", declared.join(", "));
        }
        rows.write(out, "client", Style::new())
    }

    fn exchange(
        &self,
        out: &mut impl Write,
        exchange: &Exchange,
        decoded: &mut BTreeMap<String, usize>,
    ) -> io::Result<()> {
        let Exchange { number, party, request, .. } = exchange;
        let origin = self.transcript.stage.get(&format!("{party}.origin")).map_or("", String::as_str);
        let heading = format!("#{number}  {} {party} {origin}{}", request.method, request.path);
        let heading = printable(&if self.all { heading } else { cut(&heading, VALUE) });
        let at = milliseconds(exchange.at_us);
        writeln!(out, "\n{HEADING}{heading}{HEADING:#}{}", at_the_edge(&heading, &at))?;

        self.groups(exchange, decoded).into_iter().try_for_each(|group| group.write(out))
    }

    /// What is known of an exchange below its heading, in order: the request, then the answer. `decoded` holds where
    /// each token was decoded, so that it is done once.
    pub(super) fn groups(
        &self,
        exchange: &Exchange,
        decoded: &mut BTreeMap<String, usize>,
    ) -> Vec<Group<'_>> {
        let Exchange { number, party, request, response, .. } = exchange;
        let plain = |label, rows| Group { label, rows, style: Style::new() };
        let mut notes = self.rows();
        if exchange.caller == Caller::As {
            notes.push(0, "", "asked by the authorization server, not by the client");
        }
        if exchange.stray {
            notes.push(0, "", "holds a value of an earlier run: nothing is judged by it");
        }
        let mut auth = self.rows();
        for presented in &request.authentication {
            auth.push(0, "", authentication(presented));
        }
        let mut query = self.params(&request.query, *number, decoded);
        if let (Some(raw), true) = (&request.raw_query, self.all) {
            query.push(0, "as sent", raw.to_string());
        }
        let body = if request.body.params.is_empty() {
            self.body(&request.body, *party)
        } else {
            let label = if request.body.json.is_some() { "json" } else { "form" };
            plain(label, self.params(&request.body.params, *number, decoded))
        };

        let took = milliseconds(exchange.took_us);
        let why = match exchange.refusal.as_str() {
            "" => String::new(),
            SCRIPTED => ", as the script says".to_owned(),
            refusal => format!(", because {}", printable(refusal)),
        };
        let mut answer = self.rows();
        answer.push(0, "", format!("{} after {took}{why}", status(response.status)));
        let style = if (200..300).contains(&response.status) { PASS } else { ODD };
        vec![
            plain("note", notes),
            plain("header", self.headers(&request.headers)),
            plain("auth", auth),
            plain("query", query),
            body,
            plain("note", self.incomplete(&request.body)),
            Group { label: ANSWER, rows: answer, style },
            plain("header", self.headers(&response.headers)),
            self.body(&response.body, *party),
            plain("note", self.incomplete(&response.body)),
        ]
    }

    fn headers(&self, headers: &[Header]) -> Rows<'_> {
        let mut rows = self.rows();
        let matters = |header: &&Header| {
            self.all || MATTER.contains(&header.name.as_str()) || header.value.as_plain().is_none()
        };
        for header in headers.iter().filter(matters) {
            rows.push(0, &header.name, header.value.to_string());
        }
        rows
    }

    fn params(&self, params: &[Param], number: usize, decoded: &mut BTreeMap<String, usize>) -> Rows<'_> {
        let mut rows = self.rows();
        for param in params {
            let value = if param.is_empty() { "(empty)".to_owned() } else { param.value.to_string() };
            let Some(jwt) = &param.jwt else {
                rows.push(0, &param.name, value);
                continue;
            };
            let first = *decoded.entry(value.clone()).or_insert(number);
            if first != number && !self.all {
                rows.push(0, &param.name, format!("{value}, decoded at #{first}"));
            } else {
                rows.token(&param.name, &value, jwt);
            }
        }
        rows
    }

    /// JSON member by member; any other text in lines.
    fn body(&self, body: &Body, party: Party) -> Group<'_> {
        let mut rows = self.rows();
        // What the MCP server and its client have to say to each other is not what the exchange is about.
        let depth = if self.all || !party.is_mcp_server() { usize::MAX } else { 0 };
        match &body.json {
            Some(Value::Object(members)) => rows.members(0, members, depth),
            Some(value) => rows.json(0, "", value, depth),
            None => body.text.to_string().lines().for_each(|line| rows.push(0, "", line)),
        }
        Group { label: if body.json.is_some() { "json" } else { "body" }, rows, style: Style::new() }
    }

    fn incomplete(&self, body: &Body) -> Rows<'_> {
        let mut rows = self.rows();
        if !body.complete {
            rows.push(0, "", format!("the body ended early, after {} bytes", body.bytes));
        }
        rows
    }

    /// What arrived and is no exchange.
    fn left_out(&self, out: &mut impl Write) -> io::Result<()> {
        let rows = self.not_recorded();
        if !rows.is_empty() {
            writeln!(out)?;
        }
        rows.write(out, "note", Style::new())
    }

    /// What arrived and is no exchange, as rows.
    pub(super) fn not_recorded(&self) -> Rows<'_> {
        let Transcript { malformed, unrecorded, .. } = self.transcript;
        let mut rows = self.rows();
        for malformed in malformed {
            let (party, error, at) = (malformed.party, &malformed.error, milliseconds(malformed.at_us));
            rows.push(0, "", format!("{party} got no readable HTTP request, at {at}: {error}"));
        }
        if *unrecorded > 0 {
            rows.push(0, "", format!("{unrecorded} more requests arrived that were not recorded"));
        }
        rows
    }

    fn client(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\n{HEADING}{}{HEADING:#}", self.ended())?;
        self.client_groups().into_iter().try_for_each(|group| group.write(out))
    }

    /// How the client ended, in one line.
    pub(super) fn ended(&self) -> String {
        let client = &self.transcript.client;
        let took = milliseconds(client.took_us);
        match client.ended {
            ended @ Ended::TimedOut(_) => format!("client {ended}"),
            ended => format!("client {ended} after {took}"),
        }
    }

    /// What the client wrote: both streams and its outcome report.
    pub(super) fn client_groups(&self) -> Vec<Group<'_>> {
        let client = &self.transcript.client;
        let mut rows = self.rows();
        match &client.report {
            Report::Absent => rows.push(0, "", "none: the client wrote no outcome report"),
            Report::Unreadable(why) => rows.push(0, "", format!("of no use: {why}")),
            Report::Read(report) => {
                if let Ok(Value::Object(mut members)) = serde_json::to_value(report) {
                    members.retain(|_, value| !value.is_null() && *value != json!({}));
                    rows.members(0, &members, usize::MAX);
                }
            }
        }
        let plain = |label, rows| Group { label, rows, style: Style::new() };
        vec![
            plain("stdout", self.output(&client.stdout)),
            plain("stderr", self.output(&client.stderr)),
            plain("report", rows),
        ]
    }

    fn output(&self, output: &Output) -> Rows<'_> {
        let mut rows = self.rows();
        let text = output.text.to_string();
        let lines: Vec<_> = text.lines().collect();
        let above = if self.all { 0 } else { lines.len().saturating_sub(LINES) };
        match (above, output.dropped) {
            (0, 0) => {}
            (0, dropped) => rows.push(0, "", format!("… {dropped} bytes in the middle were not kept")),
            _ => rows.push(0, "", format!("… the last {LINES} lines of {} bytes", output.bytes)),
        }
        lines[above..].iter().for_each(|line| rows.push(0, "", *line));
        if lines.is_empty() {
            rows.push(0, "", "nothing");
        }
        rows
    }

    fn revealed(&self, out: &mut impl Write) -> io::Result<()> {
        let revealed = &self.transcript.revealed;
        if !revealed.is_empty() {
            writeln!(out, "\n{HEADING}tokens and secrets{HEADING:#}")?;
        }
        revealed
            .iter()
            .try_for_each(|(name, value)| writeln!(out, "   «{}»\n   {}", printable(name), printable(value)))
    }
}

/// Rows under one label.
pub(super) struct Group<'a> {
    /// Such as `form`.
    pub(super) label: &'static str,
    /// The rows; a group without any is not shown.
    pub(super) rows: Rows<'a>,
    style: Style,
}

impl Group<'_> {
    fn write(self, out: &mut impl Write) -> io::Result<()> {
        self.rows.write(out, self.label, self.style)
    }
}

/// The label of the group with which the answer begins.
pub(super) const ANSWER: &str = "answer";

/// Headers that decide something in the flow; others are shown where they hold a minted value.
const MATTER: [&str; 13] = [
    "authorization",
    "content-encoding",
    "content-type",
    "cookie",
    "dpop",
    "dpop-nonce",
    "location",
    "mcp-protocol-version",
    "origin",
    "retry-after",
    "set-cookie",
    "transfer-encoding",
    "www-authenticate",
];

/// Lines of the client's output that are shown.
const LINES: usize = 10;

/// What follows on `line` so that `text` ends in the last column, there or on the next line.
fn at_the_edge(line: &str, text: &str) -> String {
    match WIDTH.checked_sub(line.chars().count()) {
        Some(room) if room >= text.len() + 2 => format!("{text:>room$}"),
        _ => format!("\n{text:>WIDTH$}"),
    }
}

/// How a client said who it is.
fn authentication(presented: &Presented) -> String {
    match (presented, presented.method()) {
        (Presented::OtherHeader { scheme }, _) => format!("an Authorization header of the scheme {scheme}"),
        (Presented::Identified { client_id }, _) => format!("none; the client calls itself {client_id}"),
        (_, method) => method.map(|method| method.to_string()).unwrap_or_default(),
    }
}

/// Such as `401 Unauthorized`.
fn status(status: u16) -> String {
    if status == 0 {
        return "none: the connection ended before the headers did,".into();
    }
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.map_or(status.to_string(), |reason| format!("{status} {reason}"))
}
