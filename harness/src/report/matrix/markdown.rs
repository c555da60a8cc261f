//! The matrix as a Markdown table for each file of scenarios.

use std::fmt::{self, Display, Formatter};

use crate::check::Verdict;
use crate::report::markdown::{cell, code};
use crate::report::matrix::{Answer, Course, Matrix, Members, Row, Surfaced};
use crate::text::shortened;

const LEGEND: &str = "\
A line tells what the client did with one answer of a token endpoint: the IdP's (`idp`) or the resource authorization
server's (`as`), which comes always, or once with a conforming one behind it. Code, description, further members and
status are those of the answer, and whether they reached the caller: `yes` in the outcome report, `in the output` in
what the client prints or in the report's message, `not known` where it is in neither and there is no report, `–` where
there is none to surface. Retried counts the token requests there beyond the first.
";

const HEAD: &str = "\
| Row | At | Answer | Client | Code | Description | Members | Status | Retried | Seconds | Verdict |
|---|---|---|---|---|---|---|---|---:|---:|---|
";

/// Members that are told by name.
const NAMED: usize = 4;

impl Display for Matrix {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { crosscheck, profile, .. } = self;
        writeln!(out, "# Error handling of {}\n", code(&self.command))?;
        write!(out, "Crosscheck {crosscheck}, profile {profile}")?;
        if let Some(level) = &self.level_in_words {
            write!(out, ", {level}")?;
        }
        writeln!(out, ".\n\n{LEGEND}")?;
        if self.rows.is_empty() {
            writeln!(out, "No scenario of this run is about the answers of a token endpoint.")?;
        }
        for rows in self.rows.chunk_by(|one, other| file(&one.row) == file(&other.row)) {
            write!(out, "## {}\n\n{HEAD}", file(&rows[0].row))?;
            for row in rows {
                writeln!(out, "{row}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// The file of a row, and its folder where the file is one row.
fn file(row: &str) -> &str {
    row.rsplit_once('/').map_or(row, |(file, _)| file)
}

impl Display for Row {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { leg, client, code, description, members, status, retried, seconds, verdict, .. } = self;
        let slug = self.row.rsplit('/').next().unwrap_or(&self.row);
        let once = if self.once { ", once" } else { "" };
        let answer = self.answer.as_ref().map_or("not asked for".into(), ToString::to_string);
        let verdict = if *verdict > Verdict::Info { verdict.as_str() } else { Verdict::Pass.as_str() };
        write!(out, "| {slug} | {leg}{once} | {} | {client} | {code} | {description} ", cell(&answer))?;
        write!(out, "| {} | {status} | {retried} | {seconds:.2} | {verdict} |", cell(&members.to_string()))
    }
}

impl Display for Answer {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let brief = |text: &str| shortened(text, 40);
        match (self.status, &self.error, &self.content_type) {
            (0, ..) => return out.write_str("broken off"),
            (status, Some(error), _) if !error.trim().is_empty() => write!(out, "{status} {}", brief(error))?,
            (status, _, Some(kind)) => write!(out, "{status} {}", brief(kind))?,
            (status, _, None) => write!(out, "{status}")?,
        }
        match (self.bytes, self.complete) {
            (_, false) => out.write_str(", incomplete"),
            (0, true) => out.write_str(", empty"),
            (_, true) => Ok(()),
        }
    }
}

impl Display for Course {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Reached => "reached",
            Self::WentOn => "went on",
            Self::TimedOut => "ran into the time limit",
            Self::Died => "died",
            Self::Stopped => "stopped",
        })
    }
}

impl Display for Surfaced {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Yes => "yes",
            Self::InPart => "in part",
            Self::InOutput => "in the output",
            Self::No => "no",
            Self::NotKnown => "not known",
            Self::NothingToSurface => "–",
        })
    }
}

impl Display for Members {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let (sent, Some(surfaced)) = (self.sent.len(), &self.surfaced) else {
            return out.write_str(if self.sent.is_empty() { "–" } else { "not known" });
        };
        match surfaced.len() {
            _ if sent == 0 => out.write_str("–"),
            0 => write!(out, "none of {sent}"),
            count if count > NAMED => write!(out, "{count} of {sent}"),
            count if count == sent => out.write_str(&surfaced.join(", ")),
            count => write!(out, "{} ({count} of {sent})", surfaced.join(", ")),
        }
    }
}
