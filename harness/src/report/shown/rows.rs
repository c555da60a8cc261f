//! Names and values, a line each, in columns.

use std::io::{self, Write};

use anstyle::Style;
use serde_json::{Map, Value};
use textwrap::{Options, WordSeparator, WordSplitter};

use crosscheck_wire::Transcript;
use crosscheck_wire::transcript::JwtFacts;

use crate::report::finding::WIDTH;
use crate::text::printable;

const DIM: Style = Style::new().dimmed();
/// Columns in front of the label of a group.
const MARGIN: usize = 3;
/// Columns of the label.
const LABEL: usize = 7;
/// Columns of a level.
const INDENT: usize = 2;
/// Columns of a name; a longer one has a line of its own.
const NAME: usize = 24;
/// Columns between a name, its value and a note.
const GAP: usize = 2;
/// Characters of an object on one line.
const COMPACT: usize = 40;
/// Rows that are shown unless everything is.
const ROWS: usize = 40;
/// Characters of a name or value, likewise.
pub(super) const VALUE: usize = 300;

/// A group of rows under one label.
pub(in crate::report) struct Rows<'a> {
    transcript: &'a Transcript,
    /// Whether the group is written whole.
    all: bool,
    rows: Vec<Row>,
}

/// A name and a value.
pub(in crate::report) struct Row {
    /// Levels below the group.
    pub(in crate::report) depth: usize,
    /// The name; empty for a line of text.
    pub(in crate::report) name: String,
    /// The value; empty for a name with members below it.
    pub(in crate::report) value: String,
    /// What is said about the value.
    pub(in crate::report) note: String,
}

impl<'a> Rows<'a> {
    pub(super) fn new(transcript: &'a Transcript, all: bool) -> Self {
        Self { transcript, all, rows: Vec::new() }
    }

    pub(in crate::report) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A name and a value, `depth` levels down. Where the value is an identifier of the stage, its name stands behind.
    pub(super) fn push(&mut self, depth: usize, name: impl Into<String>, value: impl Into<String>) {
        let value = value.into();
        let note =
            self.name_of(value.trim_matches(['[', ']'])).map(|name| format!("= {name}")).unwrap_or_default();
        self.rows.push(Row { depth, name: name.into(), value, note });
    }

    /// A token with its JOSE header and claims.
    pub(super) fn token(&mut self, name: &str, value: &str, jwt: &JwtFacts) {
        let by = match &jwt.verifies_with {
            Some(key) => format!("signed with {key}"),
            None => "signed with no key of this run".to_owned(),
        };
        self.push(0, name, format!("{value}, {by}"));
        self.push(1, "header", "");
        self.members(2, &jwt.header, usize::MAX);
        self.push(1, "claims", "");
        self.members(2, &jwt.claims, usize::MAX);
        let issued = jwt.claims.get("iat").and_then(Value::as_i64);
        for row in self.rows.iter_mut().rev().take_while(|row| row.depth > 1) {
            let time = ["exp", "nbf"].contains(&row.name.as_str()).then(|| row.value.parse::<i64>().ok());
            if let (Some(issued), Some(time)) = (issued, time.flatten()) {
                row.note = format!("= iat {:+} s", time.saturating_sub(issued));
            }
        }
    }

    /// The members of an object; what lies more than `deeper` levels below them stands on their line.
    pub(super) fn members(&mut self, depth: usize, members: &Map<String, Value>, deeper: usize) {
        members.iter().for_each(|(name, value)| self.json(depth, name, value, deeper));
    }

    pub(super) fn json(&mut self, depth: usize, name: &str, value: &Value, deeper: usize) {
        let is_flat = |value: &Value| !value.is_object() && !value.is_array();
        match value {
            Value::Object(members) if !members.is_empty() && deeper > 0 => {
                self.push(depth, name, "");
                self.members(depth + 1, members, deeper - 1);
            }
            Value::Array(items) if items.iter().all(is_flat) => {
                let words: Vec<_> = items.iter().map(word).collect();
                self.push(depth, name, format!("[{}]", words.join(", ")));
            }
            Value::Array(items) if deeper > 0 => {
                for (place, item) in items.iter().enumerate() {
                    self.json(depth, &format!("{name}[{place}]"), item, deeper - 1);
                }
            }
            _ if is_flat(value) => self.push(depth, name, word(value)),
            _ => self.push(depth, name, cut(&value.to_string(), COMPACT)),
        }
    }

    /// Leaves out what is beyond the first lines.
    fn shorten(&mut self) {
        for row in &mut self.rows {
            (row.name, row.value) = (cut(&row.name, VALUE), cut(&row.value, VALUE));
        }
        if let Some(more @ 1..) = self.rows.len().checked_sub(ROWS) {
            self.rows.truncate(ROWS);
            self.push(0, "…", format!("{more} more lines"));
        }
    }

    /// The rows that are shown.
    pub(in crate::report) fn into_rows(mut self) -> Vec<Row> {
        if !self.all {
            self.shorten();
        }
        self.rows
    }

    /// Writes the group, its lines in `style`; nothing where there is no row.
    pub(super) fn write(self, out: &mut impl Write, label: &str, style: Style) -> io::Result<()> {
        let rows = self.into_rows();
        let names = rows.iter().map(Row::columns).filter(|columns| (1..=NAME).contains(columns));
        let width = names.max().map_or(0, |columns| columns + GAP);
        let lines = rows.iter().flat_map(|row| row.lines(width));
        for (place, (text, note)) in lines.enumerate() {
            let label = if place == 0 { label } else { "" };
            let label = format!("{:MARGIN$}{label:<LABEL$}", "");
            let label = if text.is_empty() && note.is_empty() { label.trim_end() } else { &label };
            writeln!(out, "{DIM}{label}{DIM:#}{style}{text}{style:#}{DIM}{note}{DIM:#}")?;
        }
        Ok(())
    }

    /// The name of an identifier or URL of the stage: the issuer or resource that it is, rather than the origin.
    fn name_of(&self, text: &str) -> Option<&str> {
        let rank = |name: &str| match name.rsplit_once('.') {
            Some((_, "issuer" | "resource")) => 0,
            Some((_, "origin")) => 2,
            _ => 1,
        };
        let same =
            self.transcript.stage.iter().filter(|(name, url)| *url == text && !name.ends_with(".port"));
        same.min_by_key(|(name, _)| rank(name)).map(|(name, _)| name.as_str())
    }
}

impl Row {
    /// How long the name is, with its indentation.
    fn columns(&self) -> usize {
        self.depth * INDENT + printable(&self.name).chars().count()
    }

    /// Its lines, each with the note that stands behind it. A name that does not fit has a line of its own.
    fn lines(&self, width: usize) -> Vec<(String, String)> {
        let room = WIDTH - MARGIN - LABEL - width;
        let value = printable(&self.value);
        // What somebody copies, such as a URL, stays whole.
        let options = Options::new(room).break_words(false).word_splitter(WordSplitter::NoHyphenation);
        let options = options.word_separator(WordSeparator::AsciiSpace);
        let mut values: Vec<_> = textwrap::wrap(&value, options).iter().map(ToString::to_string).collect();
        if self.columns() > NAME && !value.is_empty() {
            values.insert(0, String::new());
        }
        let mut name = format!("{:1$}{2}", "", self.depth * INDENT, printable(&self.name));
        let line = |value| format!("{:<width$}{value}", std::mem::take(&mut name)).trim_end().to_owned();
        let mut lines: Vec<_> = values.iter().map(line).map(|line| (line, String::new())).collect();
        if self.note.is_empty() {
            return lines;
        }
        match lines.last_mut() {
            Some((line, note)) if line.chars().count() + GAP + self.note.chars().count() <= room + width => {
                *note = format!("{:GAP$}{}", "", self.note);
            }
            _ => lines.push((String::new(), format!("{:width$}{}", "", self.note))),
        }
        lines
    }
}

/// A scalar on one line. Text is quoted where it would be taken for another value.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) if serde_json::from_str::<Value>(text).is_err() && !text.is_empty() => {
            text.clone()
        }
        other => other.to_string(),
    }
}

/// The beginning of a long text.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}… {} bytes in all", &text[..at], text.len()),
        None => text.to_owned(),
    }
}
