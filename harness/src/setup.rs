//! The set-up check: does the command start, and does any request of it arrive?
//!
//! It never asks whether the flow succeeds; that is what the scenarios judge.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crosscheck_scenarios::Scenario;
use crosscheck_wire::Transcript;
use crosscheck_wire::transcript::Ended;

use crate::driver::DriveError;
use crate::preparation::{end_of, said};
use crate::run::{Player, RunError, Settings};

/// What a client showed in front of a conforming stage.
#[derive(Clone, Copy, Debug)]
pub struct SetUp {
    /// Whether it wrote an outcome report.
    pub reports_outcomes: bool,
    /// How long it took.
    pub took: Duration,
}

/// Why a client cannot be judged at all.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// The user ended the run.
    #[error("interrupted")]
    Interrupted,
    /// The surroundings failed.
    #[error(transparent)]
    Run(RunError),
    /// It does not start, or nothing of it arrives; one sentence, and the likely mend.
    #[error("{what}")]
    Useless {
        /// What happened.
        what: String,
        /// What to do.
        hint: String,
    },
}

/// Drives the client once through a conforming stage.
///
/// # Errors
/// When it does not start, or when no request of it arrives.
pub fn check(
    scenario: &Arc<Scenario>,
    settings: &Settings,
    interrupted: watch::Receiver<bool>,
) -> Result<SetUp, SetUpError> {
    let mut player = Player::new(interrupted).map_err(SetUpError::Run)?;
    let transcript = player.transcript(scenario, settings).map_err(unstarted)?;
    if transcript.exchanges.is_empty() {
        return Err(silent(&transcript, settings));
    }
    Ok(SetUp {
        reports_outcomes: transcript.client.report.read().is_some(),
        took: Duration::from_micros(transcript.client.took_us),
    })
}

fn unstarted(error: RunError) -> SetUpError {
    let hint = match &error {
        RunError::Drive(DriveError::Interrupted) => return SetUpError::Interrupted,
        RunError::Drive(DriveError::NotFound { .. }) => "check the spelling, or give the path of the program",
        RunError::Drive(DriveError::NoInterpreter { .. }) => {
            "install it, or put another in front: `-- python3 client.py`"
        }
        RunError::Drive(DriveError::NotExecutable { .. }) => {
            "run `chmod +x` on it, or put its interpreter in front: `-- python3 client.py`"
        }
        RunError::Drive(DriveError::System { .. }) => "try the command by itself",
        RunError::Ports(_) | RunError::Surroundings(_) => return SetUpError::Run(error),
    };
    SetUpError::Useless { what: error.to_string(), hint: hint.to_owned() }
}

fn silent(transcript: &Transcript, settings: &Settings) -> SetUpError {
    let client = &transcript.client;
    let how = match client.ended {
        Ended::Exited(127) => "exited 127 (command not found)".to_owned(),
        ended => ended.to_string(),
    };
    let text = format!("{}\n{}", client.stdout.text, client.stderr.text);
    let said = said(&end_of(&text));
    let what = format!("the client {how} and no request of it arrived{said}");
    let hint = match client.ended {
        Ended::TimedOut(_) => {
            "does it wait for input? It is given none; its last argument is the MCP server's URL".into()
        }
        _ => format!(
            "does it know the flow `{}`? If only by another name, use `--flow-name`; its last argument is the MCP server's URL",
            settings.flow_name
        ),
    };
    SetUpError::Useless { what, hint }
}
