//! `crosscheck judge`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use crosscheck_scenarios::{Scenarios, nearest};

use crate::cli::Hinted;
use crate::cli::baseline;
use crate::cli::config::ConfigOptions;
use crate::cli::output::{Format, print, unless_closed};
use crate::exit;
use crate::report::{ClientReport, JudgedClient, Report, Terminal};
use crate::run::Played;
use crate::saved;

/// Options of `crosscheck judge`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct JudgeOptions {
    /// Transcripts that `crosscheck run --report DIR` saved, one a scenario: DIR/SCENARIO/transcript.json
    #[arg(value_name = "TRANSCRIPT", required = true)]
    transcripts: Vec<PathBuf>,
    /// Scenarios of your own, besides the built-in ones
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigOptions,
    #[command(flatten)]
    baseline: baseline::BaselineOptions,
    /// Let warnings fail
    #[arg(long, value_name = "WHAT", value_parser = ["warnings"])]
    deny: Option<String>,
    /// What stands on standard output
    #[arg(long, value_name = "FORMAT", default_value = "human", value_enum)]
    format: Format,
}

/// Judges saved transcripts by the rules of this version, and starts no client.
pub(super) fn judge(options: &JudgeOptions) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let scenarios = options.config.scenarios(options.scenarios.as_deref())?;
    let mut measure = options.baseline.open(&scenarios, None, None)?;
    let played = options.transcripts.iter().map(|path| played(path, &scenarios));
    let all = played.collect::<anyhow::Result<Vec<_>>>()?;
    let updated = measure.update(&all)?;
    let summary = measure.summary(&all, options.deny.is_some());
    let again = |played: &Played| options.again(played, &all);
    let told = match options.format {
        Format::Human => {
            Terminal::of_saved(anstream::stdout(), again).finish(&all, &summary, began.elapsed(), None)
        }
        Format::Json => {
            let baseline = &measure.baseline;
            let judged = JudgedClient {
                name: "saved",
                run: None,
                all: &all,
                summary: &summary,
                baseline,
                again: &again,
            };
            print(&Report::new(vec![ClientReport::new(judged)]))
        }
    };
    let told = told.and_then(|()| updated.map_or(Ok(()), |updated| updated.tell_beside(options.format)));
    told.or_else(unless_closed)?;
    Ok(exit::code(summary.as_expected()))
}

/// The transcript at `path`, judged.
fn played(path: &Path, scenarios: &Scenarios) -> anyhow::Result<Played> {
    let transcript = saved::read(path)?;
    let id = transcript.scenario.as_str();
    let Some(scenario) = scenarios.find(id) else {
        let near = nearest(id, scenarios.iter().map(|scenario| scenario.id.as_str()));
        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        return Err(Hinted::error(
            format!("`{}` is of a scenario that is not known here: `{id}`", path.display()),
            format!("{near}A scenario of your own is found with --scenarios DIR"),
        ));
    };
    Ok(Played::again(Arc::new(scenario.clone()), transcript))
}

impl JudgeOptions {
    /// The command that judges one of `all`, which stand in the order of the paths, once more.
    fn again(&self, played: &Played, all: &[Played]) -> String {
        let place = all.iter().position(|one| std::ptr::eq(one, played));
        let path = place.and_then(|place| self.transcripts.get(place));
        let scenarios = self.scenarios.iter().flat_map(|folder| [Path::new("--scenarios"), folder]);
        let words =
            [Path::new("crosscheck"), Path::new("judge")].into_iter().chain(path.map(PathBuf::as_path));
        let command = shell_words::join(words.chain(scenarios).map(Path::to_string_lossy));
        [command].into_iter().chain(self.config.to_repeat()).collect::<Vec<_>>().join(" ")
    }
}
