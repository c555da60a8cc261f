//! `crosscheck self-test`: Crosscheck proves itself with the reference client.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;

use crate::cli::output::unless_closed;
use crate::cli::progress::{Pace, play};
use crate::cli::{CANNOT_LISTEN, Hinted, client};
use crate::exit;
use crate::interruption;
use crate::report::SelfTest;
use crate::select::Selection;
use crate::self_proof::{Share, gaps, settings, trials};

/// Options of `crosscheck self-test`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SelfTestOptions {
    #[command(flatten)]
    selection: Selection,
    /// How many trials run at a time; as many as there are cores by default
    #[arg(long, value_name = "N")]
    test_threads: Option<NonZeroUsize>,
}

/// Plays the selected trials and tells what is not as it must be.
pub(super) fn self_test(options: &SelfTestOptions) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let scenarios = client::scenarios(None)?;
    let all = trials(&scenarios, Share::All);
    let count = all.len();
    let trials = options.selection.pick("trial", all, |trial| &trial.id).map_err(|error| {
        Hinted::error(
            error.to_string(),
            "a trial is called by its scenario, and behind it a control or fault",
        )
    })?;
    let program =
        std::env::current_exe().context("could not find this binary to start the reference client")?;
    let settings =
        settings(program.into(), options.test_threads.map_or_else(client::cores, NonZeroUsize::get));
    let interrupted = interruption::listen().context(CANNOT_LISTEN)?;
    let pace = Pace { threads: settings.threads, interrupted: &interrupted, shows_progress: true };
    let outcome = play(
        &trials,
        pace,
        |trial| &trial.id,
        |trial| trial.scenario.slow,
        |_| false,
        |player, trial| Ok(trial.prove(&trial.play(player, &settings)?)),
    )?;
    // A part of the trials proves nothing about the whole.
    let gaps = (trials.len() == count).then(|| gaps(&scenarios));
    let report =
        SelfTest { trials: &trials, results: &outcome.results, gaps: gaps.as_deref(), took: began.elapsed() };
    report.write(&mut anstream::stdout().lock()).or_else(unless_closed)?;
    Ok(exit::code(report.as_it_must_be()))
}
