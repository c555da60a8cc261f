//! Runs the command that a client is configured to need once before it is driven.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use tokio::sync::watch;

use crosscheck_wire::transcript::Ended;

use crate::driver::{Command, DriveError, Ran, run};
use crate::text::quoted;

/// Why a client could not be prepared. None of this says anything about its conformance.
#[derive(Debug, thiserror::Error)]
pub enum PreparationError {
    /// The command ran and failed.
    #[error("{ended}{}", said(.last_lines))]
    Failed {
        /// How it ended.
        ended: Ended,
        /// The end of what it printed.
        last_lines: Vec<String>,
    },
    /// The user ended the run.
    #[error("interrupted")]
    Interrupted,
    /// It could not be started.
    #[error(transparent)]
    Unstarted(DriveError),
    /// The system gives no runtime.
    #[error("could not prepare the run: {0}")]
    Surroundings(io::Error),
}

/// Runs `command` in `directory`. What it leaves running is ended with it. Values of the `environment` are named in what
/// is told of its output, and not shown.
///
/// # Errors
/// When it cannot be started, or does not exit with 0.
pub fn prepare(
    command: &Command,
    directory: Option<&Path>,
    environment: &BTreeMap<String, String>,
    interrupted: watch::Receiver<bool>,
) -> Result<(), PreparationError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(PreparationError::Surroundings)?;
    let ran =
        runtime.block_on(run(command, directory, environment, interrupted)).map_err(|error| match error {
            DriveError::Interrupted => PreparationError::Interrupted,
            error => PreparationError::Unstarted(error),
        })?;
    match ran.ended {
        Ended::Exited(0) => Ok(()),
        ended => Err(PreparationError::Failed { ended, last_lines: last_lines(&ran, environment) }),
    }
}

/// Lines that are shown of the output: as many as lead from the end of a Node.js stack trace to its cause.
const SHOWN: usize = 12;
/// Values shorter than this are no secrets, and would be found everywhere.
const SECRET: usize = 6;

fn last_lines(ran: &Ran, environment: &BTreeMap<String, String>) -> Vec<String> {
    let mut text = format!("{}\n{}", ran.stdout.text, ran.stderr.text);
    let mut secrets: Vec<_> = environment.iter().filter(|(_, value)| value.len() >= SECRET).collect();
    // A value that begins with another one is looked for first, so that nothing of it is left.
    secrets.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    for (name, value) in secrets {
        text = text.replace(value, &format!("«{name}»"));
    }
    end_of(&text)
}

/// The last lines of an output that are not empty.
pub(crate) fn end_of(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).collect();
    let end = &lines[lines.len().saturating_sub(SHOWN)..];
    end.iter().map(|line| format!("{:.200}", quoted(line))).collect()
}

/// What they tell, as the end of a sentence.
pub(crate) fn said(last_lines: &[String]) -> String {
    let mut text = String::new();
    match last_lines {
        [] => text.push_str(", and printed nothing"),
        lines => {
            text.push_str("; its last lines:");
            for line in lines {
                let _ = write!(text, "\n      {line}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crosscheck_wire::RawOutput;

    use super::*;

    #[test]
    fn a_value_that_begins_with_another_is_named_whole() {
        let output = |text: &str| RawOutput { text: text.to_owned(), bytes: 0, dropped: 0 };
        let (stdout, stderr) = (output("token=secret-one-and-more"), output("user=secret-one"));
        let ran = Ran { ended: Ended::Exited(1), took: Duration::ZERO, stdout, stderr };
        let values = [("A_USER", "secret-one"), ("TOKEN", "secret-one-and-more")];
        let environment = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(last_lines(&ran, &environment), ["token=«TOKEN»", "user=«A_USER»"]);
    }
}
