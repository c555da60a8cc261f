//! A unified diff, on a terminal or in a CI log.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::snapshot::diff::{Line, Side};
use crate::text::printable;

/// Writes a unified diff in colour, at most `most` lines of it.
///
/// # Errors
/// When `out` does not take it.
pub fn write_difference(out: &mut impl Write, lines: &[Line], most: usize) -> io::Result<()> {
    for line in lines.iter().take(most) {
        let style = match line.side {
            Side::Both => Style::new(),
            Side::Gap => AnsiColor::Cyan.on_default(),
            Side::New => AnsiColor::Green.on_default(),
            Side::Old => AnsiColor::Red.on_default(),
        };
        writeln!(out, "      {style}{}{style:#}", printable(line.to_string().trim_end()))?;
    }
    if lines.len() > most {
        writeln!(out, "      … and {} more lines", lines.len() - most)?;
    }
    Ok(())
}
