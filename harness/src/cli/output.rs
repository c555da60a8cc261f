//! What stands on standard output.

use std::io::{self, Write as _};

use crate::report::Report;

/// What stands on standard output.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Format {
    /// What people read.
    Human,
    /// `report.json`, and nothing else.
    Json,
}

/// Prints a report for programs.
pub(super) fn print(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report)?;
    writeln!(out)
}

/// Forgives a reader that left early.
pub(super) fn unless_closed(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}
