//! What a run shows while it runs, how much it says in the end, and whether it goes on after a failure.

use std::io::{self, Write as _};
use std::sync::Arc;

use tokio::sync::watch;

use crosscheck_scenarios::{Scenario, ScenarioId};
use crosscheck_wire::Seen;

use crate::cli::baseline::Measure;
use crate::cli::progress::Pace;
use crate::live::Live;
use crate::report::{exchange_line, stopped};
use crate::run::{Played, Player, RunError, Settings};
use crate::text::seconds;

/// Options of `crosscheck run` about what it tells.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct TellOptions {
    /// Start no further scenario after the first one that fails the run
    #[arg(long)]
    fail_fast: bool,
    /// Print one line for each finding, and the counts
    #[arg(long, short, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Print each scenario and each exchange as it happens, to standard error
    #[arg(long, short)]
    verbose: bool,
    /// Pass on all output of the client to standard error as it comes; it may hold secrets, and only
    /// `--test-threads 1` keeps scenarios apart
    #[arg(long)]
    nocapture: bool,
}

impl TellOptions {
    /// How a plan is played with `settings`.
    pub(super) fn pace<'a>(&self, settings: &Settings, interrupted: &'a watch::Receiver<bool>) -> Pace<'a> {
        // What is told as it happens shows how far it is, and would tear a line that stands.
        let shows_progress = !(self.quiet || self.verbose || self.nocapture);
        Pace { threads: settings.threads, interrupted, shows_progress }
    }

    /// What is told while scenarios are played.
    pub(super) fn live(&self) -> Live {
        self.telling(|scenario, seen| say(scenario.as_str(), &exchange_line(seen)))
    }

    /// The same while the set-up check is made, which is no scenario of the run.
    pub(super) fn live_at_set_up(&self) -> Live {
        self.telling(|_, seen| say("set-up", &exchange_line(seen)))
    }

    fn telling(&self, tell: fn(&ScenarioId, &Seen)) -> Live {
        let live = Live::new(self.nocapture);
        if self.verbose { live.with_exchanges(tell) } else { live }
    }

    /// Plays a scenario, and tells of its beginning and its end where that is asked for.
    pub(super) fn play(
        &self,
        player: &mut Player,
        scenario: &Arc<Scenario>,
        settings: &Settings,
    ) -> Result<Played, RunError> {
        let tell = |what: &str| {
            if self.verbose {
                say(scenario.id.as_str(), what);
            }
        };
        tell("starts");
        let played = player.play(scenario, settings)?;
        tell(&format!("{}, {}", played.verdict().as_str(), seconds(played.took)));
        Ok(played)
    }

    /// Whether nothing further is started after this scenario: it fails the run by what was found in it.
    pub(super) fn ends(&self, played: &Played, measure: &Measure, deny_warnings: bool) -> bool {
        if !self.fail_fast {
            return false;
        }
        let summary = measure.summary(std::slice::from_ref(played), deny_warnings);
        !summary.failures.is_empty() || (summary.denies_warnings() && summary.warned > 0)
    }

    /// Says on standard error, where standard output is for programs, that the run stopped at its first failure.
    pub(super) fn stopped(&self, not_played: usize) {
        if let Some(stopped) = stopped(not_played) {
            let _ = writeln!(io::stderr(), "{stopped}");
        }
    }
}

/// One line about a scenario on standard error, written at once so that it stays whole beside other writers.
fn say(scenario: &str, what: &str) {
    // Nobody may be reading there.
    let _ = io::stderr().write_all(format!("{scenario}  {what}\n").as_bytes());
}
