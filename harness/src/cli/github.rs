//! What GitHub Actions is told, where a run is a step of it.

use std::io;
use std::path::Path;

use anyhow::Context as _;

use crate::cli::output::unless_closed;
use crate::report::{Report, annotations, step_summary};

/// Adds the summary to that of a GitHub Actions step, and annotates the job, where there is one.
pub(super) fn tell_github(report: &Report) -> anyhow::Result<()> {
    tell_step_summary(report)?;
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|set| set == "true") {
        // Not on standard output, which may be data.
        annotations(report, &mut io::stderr()).or_else(unless_closed)?;
    }
    Ok(())
}

/// Adds the summary to that of a GitHub Actions step, where there is one.
pub(super) fn tell_step_summary(report: &Report) -> anyhow::Result<()> {
    let path = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty());
    let Some(path) = path else { return Ok(()) };
    step_summary(report, Path::new(&path)).with_context(|| {
        format!("could not add to the file that GITHUB_STEP_SUMMARY names, `{}`", path.display())
    })
}
