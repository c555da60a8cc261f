//! `crosscheck show`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::cli::output::unless_closed;
use crate::exit;
use crate::report::Shown;
use crate::saved;

/// Options of `crosscheck show`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ShowOptions {
    /// A transcript that `crosscheck run --report DIR` saved: DIR/SCENARIO/transcript.json
    #[arg(value_name = "TRANSCRIPT")]
    transcript: PathBuf,
    /// Show every header, and bodies and output whole
    #[arg(long)]
    all: bool,
}

/// Prints a saved transcript; for that nobody needs to know the scenario.
pub(super) fn show(options: &ShowOptions) -> anyhow::Result<ExitCode> {
    let transcript = saved::read(&options.transcript)?;
    let shown = Shown { transcript: &transcript, all: options.all };
    shown.write(&mut anstream::stdout().lock()).or_else(unless_closed)?;
    Ok(ExitCode::from(exit::AS_EXPECTED))
}
