//! Reads saved transcripts.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crosscheck_wire::Transcript;
use crosscheck_wire::transcript::VERSION;

/// Why a file cannot be read as a transcript.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// It is cut, or was changed by hand.
    #[error("`{}` is damaged: {error}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        error: serde_json::Error,
    },
    /// It is a folder, such as that of a whole report.
    #[error("`{}` is a folder; a transcript is a file in a report: `{}/SCENARIO/transcript.json`", .0.display(), .0.display())]
    Folder(PathBuf),
    /// It is something else.
    #[error("`{}` is no transcript: it is no JSON object with a version, a scenario and exchanges", .0.display())]
    Foreign(PathBuf),
    /// This version of crosscheck does not know its form.
    #[error("`{}` has version {version} of the form of transcripts, and this crosscheck reads version {VERSION}", path.display())]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// The system refused.
    #[error("could not read `{}`: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

/// What every version has.
#[derive(Deserialize)]
struct Head {
    version: u64,
    #[serde(rename = "scenario")]
    _scenario: IgnoredAny,
    #[serde(rename = "exchanges")]
    _exchanges: IgnoredAny,
}

/// Reads the transcript at `path`.
///
/// # Errors
/// When the file cannot be read, or is no transcript of a form that is known here.
pub fn read(path: &Path) -> Result<Transcript, SavedError> {
    let path = || path.to_owned();
    let text = fs::read(path()).map_err(|error| match error.kind() {
        io::ErrorKind::IsADirectory => SavedError::Folder(path()),
        _ => SavedError::Unreadable { path: path(), error },
    })?;
    let damaged = |error| SavedError::Damaged { path: path(), error };
    match serde_json::from_slice(&text) {
        Ok(Head { version, .. }) if version == u64::from(VERSION) => parse(&text).map_err(damaged),
        Ok(Head { version, .. }) => Err(SavedError::OtherVersion { path: path(), version }),
        // What begins like one was one.
        Err(error) if !error.is_data() && text.trim_ascii_start().starts_with(b"{") => Err(damaged(error)),
        Err(_) => Err(SavedError::Foreign(path())),
    }
}

/// Reads the text of a transcript.
///
/// # Errors
/// When it has another form.
pub fn parse(text: &[u8]) -> serde_json::Result<Transcript> {
    serde_json::from_slice(text)
}
