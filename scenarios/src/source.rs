//! Places in a hand-written file.

use std::fmt;
use std::ops::Range;

/// A file's name and text.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The path as the reader knows it.
    pub(crate) path: &'a str,
    /// The whole text.
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// A problem at a byte range of the text.
    pub(crate) fn problem(
        &self,
        span: Option<Range<usize>>,
        what: impl fmt::Display,
        hint: Option<String>,
    ) -> Problem {
        let start = span.as_ref().map_or(0, |span| span.start.min(self.text.len()));
        let before = &self.text[..self.text.floor_char_boundary(start)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before[line_start..].chars().count() + 1;
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let width = span
            .and_then(|span| self.text.get(span))
            .and_then(|text| text.lines().next())
            .map_or(1, |text| text.chars().count().max(1));
        Problem {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column,
            what: what.to_string(),
            excerpt: format!("{line}\n{}{}", " ".repeat(column - 1), "^".repeat(width)),
            hint,
        }
    }

    /// The first place where `needle` stands.
    pub(crate) fn find(&self, needle: &str) -> Option<Range<usize>> {
        self.text.find(needle).map(|at| at..at + needle.len())
    }
}

/// A problem at a byte range of a file that another part of the program reads.
pub fn problem_in(
    path: &str,
    text: &str,
    span: Option<Range<usize>>,
    what: String,
    hint: Option<String>,
) -> Problem {
    Source { path, text }.problem(span, what, hint)
}

/// One thing that is wrong with a file, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The file.
    pub path: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// The line, and below it carets under the place.
    pub excerpt: String,
    /// How it is mended.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}: {}", self.path, self.line, self.column, self.what)?;
        for line in self.excerpt.lines() {
            write!(out, "\n    {line}")?;
        }
        match &self.hint {
            Some(hint) => write!(out, "\n    hint: {hint}"),
            None => Ok(()),
        }
    }
}
