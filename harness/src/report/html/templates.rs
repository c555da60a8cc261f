//! The templates inside the binary, and how values get into them.

use std::fmt;
use std::io;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, Output, State, Value};
use serde::Serialize;

use crate::report::source::address;
use crate::text::printable;

/// A template.
#[derive(Clone, Copy, Debug)]
pub(super) enum Template {
    /// The comparison of several clients, whole.
    Comparison,
    /// A client's page behind the scenarios.
    Foot,
    /// A client's page in front of the scenarios.
    Head,
    /// One scenario.
    Scenario,
}

impl Template {
    fn name(self) -> &'static str {
        match self {
            Self::Comparison => "comparison.html",
            Self::Foot => "foot.html",
            Self::Head => "head.html",
            Self::Scenario => "scenario.html",
        }
    }
}

/// Fills a template.
///
/// # Errors
/// Where a template does not fit its data, which the tests rule out.
pub(super) fn render(template: Template, data: &impl Serialize) -> io::Result<String> {
    let template = ENVIRONMENT.get_template(template.name()).map_err(io::Error::other)?;
    template.render(Value::from(Serde(data))).map_err(io::Error::other)
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).build();
    environment.set_syntax(syntax.expect("the delimiters are those that are built in"));
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.set_formatter(escaped);
    environment.add_filter("cited", cited);
    environment.add_filter("code", code);
    for (name, source) in SOURCES {
        environment
            .add_template_owned(name, dense(source))
            .expect("templates are part of the program, and every one is parsed in its tests");
    }
    let (style, script) = (dense(STYLE), dense(SCRIPT));
    let policy = format!(
        "default-src 'none'; img-src data:; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(&style),
        hash(&script)
    );
    // Lines of templates are trimmed, so that a line end that matters is written as a value.
    environment.add_global("nl", Value::from_safe_string("\n".to_owned()));
    environment.add_global("policy", Value::from_safe_string(policy));
    environment.add_global("style", Value::from_safe_string(style));
    environment.add_global("script", Value::from_safe_string(script));
    environment
});

/// Templates by name.
const SOURCES: [(&str, &str); 6] = [
    ("comparison.html", include_str!("comparison.html")),
    ("document.html", include_str!("document.html")),
    ("finding.html", include_str!("finding.html")),
    ("foot.html", include_str!("foot.html")),
    ("head.html", include_str!("head.html")),
    ("scenario.html", include_str!("scenario.html")),
];
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Without the indentation, which a page with hundreds of scenarios would repeat as often.
fn dense(source: &str) -> String {
    source.lines().map(str::trim).filter(|line| !line.is_empty()).fold(String::new(), |mut all, line| {
        all.push_str(line);
        all.push('\n');
        all
    })
}

/// The hash by which a content security policy admits exactly this text.
fn hash(text: &str) -> String {
    BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes()))
}

/// Writes a value: whatever comes from outside without characters that mean something in HTML, move the cursor or turn
/// the reading direction.
fn escaped(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if value.is_safe() => out.write_str(text)?,
        Some(text) => escape(out, text)?,
        None if value.kind() == ValueKind::None => {}
        None => write!(out, "{value}")?,
    }
    Ok(())
}

/// A source, which leads to where it can be read if it can be. A link is no network access before it is followed.
fn cited(source: &str) -> Result<Value, minijinja::Error> {
    let mut out = String::new();
    let address = address(source);
    if let Some(address) = &address {
        out.push_str("<a rel=noreferrer href=\"");
        escape(&mut out, address)?;
        out.push_str("\">");
    }
    escape(&mut out, source)?;
    out.push_str(if address.is_some() { "</a>" } else { "" });
    Ok(Value::from_safe_string(out))
}

/// Escapes a sentence in which backticks set off code.
fn code(sentence: &str) -> Result<Value, minijinja::Error> {
    let mut out = String::new();
    for (place, stretch) in sentence.split('`').enumerate() {
        let is_code = place % 2 == 1;
        out.push_str(if is_code { "<code>" } else { "" });
        escape(&mut out, stretch)?;
        out.push_str(if is_code { "</code>" } else { "" });
    }
    Ok(Value::from_safe_string(out))
}

fn escape(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !b"&<>\"'".contains(byte);
    if text.as_bytes().iter().all(is_plain) {
        return out.write_str(text);
    }
    for c in printable(text).chars() {
        match c {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            c => out.write_char(c)?,
        }
    }
    Ok(())
}
