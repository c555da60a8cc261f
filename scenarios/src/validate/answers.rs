//! What is readable in an answer of a script and cannot be meant.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::reply::{Act, Bend, Long, Reply, Step};

use super::{PLACEHOLDERS, nearest};

/// What is wrong with one answer; `problem` takes what to look for in the file, what is wrong, and a hint.
pub(super) fn step_contradictions(step: &Step, problem: &mut impl FnMut(&str, String, &str)) {
    if let Some(reply) = &step.reply {
        if !step.json.is_empty() || step.token != Default::default() {
            problem(
                "reply",
                "a step replaces the answer and alters it".into(),
                "keep `reply`, or `json` and `token`",
            );
        }
        reply_contradictions(reply, problem);
    }
    if let Some(act) = &step.act {
        act_contradictions(act, problem);
    }
    if step.token.padding > MOST_PADDING {
        problem(
            "padding",
            format!("a token is padded with {} bytes", step.token.padding),
            "use 1 MiB at most",
        );
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    for (name, values) in step.headers.iter().chain(step.reply.iter().flat_map(|reply| &reply.headers)) {
        if name.is_empty() || !name.chars().all(legal) {
            problem(
                name,
                format!("`{name}` is no header name"),
                "write it as HTTP does, such as `retry-after`",
            );
        }
        if values.iter().any(|value| value.contains(|c: char| c.is_control() && c != '\t')) {
            problem(name, format!("a value of `{name}` has control characters"), "HTTP cannot carry them");
        }
    }
    for text in step_texts(step) {
        text_problems(&text, problem);
    }
}

/// Bytes of padding that a token may have: a token stands in a header and in the record.
const MOST_PADDING: usize = 1 << 20;

fn reply_contradictions(reply: &Reply, problem: &mut impl FnMut(&str, String, &str)) {
    let bodies = [reply.json.is_some(), reply.body.is_some(), reply.base64.is_some(), reply.long.is_some()];
    if bodies.into_iter().filter(|there| *there).count() > 1 {
        problem("reply", "a reply has two bodies".into(), "keep one of `json`, `body`, `base64` and `long`");
    }
    if !(200..=599).contains(&reply.status) {
        problem("status", format!("`{}` is no final HTTP status", reply.status), "use 200 to 599");
    }
    if reply.base64.as_ref().is_some_and(|text| STANDARD.decode(text).is_err()) {
        problem("base64", "a body is no base64".into(), "use the alphabet with `+` and `/`, and padding");
    }
    let Some(long) = &reply.long else { return };
    if long.repeat.is_empty() {
        problem("long", "a long body repeats nothing".into(), "write `repeat`, or use `body`");
    }
    if long.times.is_none() && reply.gzip {
        problem("gzip", "a body without end is compressed".into(), "write `times`");
    }
    if long.times.is_none() && !long.tail.is_empty() {
        problem("tail", "something stands behind a body without end".into(), "write `times`");
    }
    if long.is_numbered() && long.bytes().is_none_or(|bytes| bytes > Long::NUMBERED) {
        let what = "`{n}` stands in a body that may not be held in memory".to_owned();
        problem("{n}", what, "keep the whole below 4 MiB, or repeat without a number");
    }
}

fn act_contradictions(act: &Act, problem: &mut impl FnMut(&str, String, &str)) {
    match act {
        Act::Pieces { of_bytes: 0 } => {
            problem("pieces", "the pieces of a body are empty".into(), "give them a byte at least");
        }
        Act::Drip { every_ms: 0 } | Act::DripHead { every_ms: 0 } => {
            problem("every_ms", "bytes drip without a pause".into(), "give it a millisecond at least");
        }
        Act::Informational { statuses } => {
            let is_wrong = |status: &&u16| !(100..200).contains(*status) || **status == 101;
            if let Some(status) = statuses.iter().find(is_wrong) {
                let what = format!("`{status}` is no status of an informational answer");
                problem("statuses", what, "use 100 to 199 without 101");
            }
        }
        _ => {}
    }
}

/// Everything in a step that may name parts of the stage or lead a client elsewhere.
fn step_texts(step: &Step) -> Vec<String> {
    let mut texts: Vec<_> = step.headers.values().flatten().cloned().collect();
    if let Some(Reply { headers, json, body, base64, long, .. }) = &step.reply {
        texts.extend(headers.values().flatten().chain(body).cloned());
        texts.extend(json.iter().flat_map(strings));
        texts.extend(long.iter().flat_map(|long| [&long.head, &long.repeat, &long.tail]).cloned());
        let bytes = base64.as_ref().and_then(|text| STANDARD.decode(text).ok());
        texts.extend(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    }
    let bends = [&step.json, &step.token.header, &step.token.claims];
    texts.extend(bends.into_iter().flat_map(bend_texts));
    texts
}

/// The texts of what members are set to.
pub(super) fn bend_texts(bend: &Bend) -> Vec<String> {
    bend.set.values().flat_map(strings).collect()
}

/// Every text below `value`, names of members among them.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| [vec![name.clone()], strings(value)].concat()).collect()
        }
        _ => Vec::new(),
    }
}

/// Bare dates, hosts outside the stage, and names in braces that are none.
pub(super) fn text_problems(text: &str, problem: &mut impl FnMut(&str, String, &str)) {
    if text.contains("$__toml_private_datetime") {
        problem("reply", "a JSON value is a bare date".into(), "quote dates");
    }
    for host in outside_hosts(text) {
        let what = format!("`{host}` is a host outside the stage, to which a client might be led");
        problem(
            &host,
            what,
            "use a name of the stage such as `{trap.origin}`, or a host that never resolves, such as `a.example`",
        );
    }
    for name in placeholders(text) {
        let near = nearest(name, PLACEHOLDERS.iter().copied()).unwrap_or("as.issuer");
        let what = format!("no part of the stage is called `{{{name}}}`");
        problem(&format!("{{{name}}}"), what, &format!("did you mean `{{{near}}}`?"));
    }
}

/// Hosts of URLs, relative ones included, that are neither loopback nor reserved never to resolve (RFC 2606
/// section 2). A client reads a URL as browsers do: without its slashes, with too many, with backslashes, or with a
/// name before the host.
fn outside_hosts(text: &str) -> Vec<String> {
    let text = text.replace('\\', "/");
    let behind = |mark: &str| text.match_indices(mark).map(|(at, _)| at).collect::<Vec<_>>();
    // A path, the name of a document type, or a file of the client's own machine.
    let slashes = behind("//").into_iter().filter(|at| {
        let before = &text[..*at];
        let inside = before.ends_with(|c: char| c.is_alphanumeric() || "/}-".contains(c));
        !inside && !before.ends_with("file:")
    });
    let lower = text.to_ascii_lowercase();
    let schemes = ["http:", "https:"]
        .into_iter()
        .flat_map(|scheme| lower.match_indices(scheme).map(move |(at, _)| at + scheme.len()));
    let schemes = schemes.filter(|at| !text[*at..].starts_with("//"));
    // An origin of the stage is no more than a name where `@` and another host follow.
    let origins = behind(".origin}").into_iter().map(|at| at + ".origin}".len());
    let origins = origins.filter(|at| authority(&text[*at..]).contains('@'));
    let hosts = slashes.chain(schemes).chain(origins).map(|at| host(authority(&text[at..])));
    hosts.filter(|host| !is_safe(host)).map(str::to_owned).collect()
}

/// What stands between the slashes of a URL and its path.
fn authority(text: &str) -> &str {
    let end = |c: char| !(c.is_alphanumeric() || "-._~%!$&'*+;=:@[]{}".contains(c));
    text.trim_start_matches('/').split(end).next().unwrap_or_default()
}

/// The host of an authority, without a name before it and a port behind it.
fn host(authority: &str) -> &str {
    let host = authority.rsplit('@').next().unwrap_or(authority);
    match host.split_once(']') {
        Some((address, _)) => address.trim_start_matches('['),
        None => host.split(':').next().unwrap_or(host).trim_end_matches('.'),
    }
}

/// Whether no request to `host` leaves the machine.
fn is_safe(host: &str) -> bool {
    let loopback = || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    let reserved = [".example", ".invalid", ".test"];
    let host = host.to_ascii_lowercase();
    host.is_empty() || host == "localhost" || reserved.iter().any(|end| host.ends_with(end)) || loopback()
}

/// Words in braces that look like names of the stage and are none.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let candidates = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    candidates.filter(|name| {
        let is_word = |word: &str| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let named = name.split_once('.').is_some_and(|(party, part)| is_word(party) && is_word(part));
        named && !PLACEHOLDERS.contains(name)
    })
}
