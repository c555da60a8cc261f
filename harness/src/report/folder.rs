//! Writes a run into a folder: one document for the run, and for each scenario what it left behind.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crosscheck_scenarios::{Rules, ScenarioId};

use crate::report::checks::{official, own};
use crate::report::ci::{junit, summary};
use crate::report::earlier;
use crate::report::html::{self, Transcripts};
use crate::report::model::ScenarioReport;
use crate::report::{Comparison, Matrix, Report};
use crate::run::{Played, PlayedResult};
use crate::snapshot::{canonical, file};
use crate::{saved, whole};

/// What a scenario leaves behind, in a folder of its id.
const TRANSCRIPT: &str = "transcript.json";
const EXCHANGE: &str = "exchange.snap";
const STDOUT: &str = "stdout.txt";
const STDERR: &str = "stderr.txt";
const CHECKS: &str = "checks.json";
pub(super) const OF_A_SCENARIO: [&str; 5] = [TRANSCRIPT, EXCHANGE, STDOUT, STDERR, CHECKS];

/// What people open first.
pub const PAGE: &str = "index.html";

/// What every report has at its top, for one client or several.
pub const REPORT: &str = "report.json";
const SUMMARY: &str = "summary.md";
const JUNIT: &str = "junit.xml";
pub(super) const OVERVIEW: [&str; 4] = [REPORT, SUMMARY, JUNIT, PAGE];

/// What it has besides for one client, and for several.
pub const MATRIX: &str = "errors.json";
const MATRIX_IN_WORDS: &str = "errors.md";
pub(super) const OF_A_CLIENT: [&str; 2] = [MATRIX, MATRIX_IN_WORDS];
pub(super) const COMPARISON: &str = "comparison.md";

/// The folder named by `--report`.
pub struct Folder(PathBuf);

/// Why a report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write the report to `{}`: {error}", path.display())]
pub struct FolderError {
    path: PathBuf,
    error: io::Error,
}

impl Folder {
    /// Makes the folder, and makes sure that files can be written there before a client is started.
    ///
    /// # Errors
    /// When it cannot be made or written to.
    pub fn open(path: PathBuf) -> Result<Self, FolderError> {
        let ready = std::fs::create_dir_all(&path).and_then(|()| tempfile::tempfile_in(&path).map(drop));
        match ready {
            Ok(()) => Ok(Self(path)),
            Err(error) => Err(FolderError { path, error }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Removes what an earlier report in this folder has and `now` has not, and nothing that is not of a report.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn remove_earlier(&self, now: &Report) -> Result<(), FolderError> {
        earlier::remove(&self.0, now).map_err(|(path, error)| FolderError { path, error })
    }

    /// Writes the report of one client that was just driven: what [`Self::write_client`] writes, and what each judged
    /// scenario left behind. What an earlier report has besides is removed.
    ///
    /// # Errors
    /// When a file cannot be written; none is left half-written.
    pub fn write(&self, report: &Report, matrix: &Matrix, all: &[Played]) -> Result<(), FolderError> {
        self.remove_earlier(report)?;
        let told = report.clients.iter().flat_map(|client| &client.scenarios);
        for (played, scenario) in all.iter().zip(told) {
            self.write_played(played, scenario)?;
        }
        let transcripts = all.iter().filter_map(|played| match &played.result {
            PlayedResult::Judged { transcript, .. } => Some((&played.scenario.id, &**transcript)),
            PlayedResult::NotApplicable(_) => None,
        });
        let transcripts: HashMap<_, _> = transcripts.collect();
        let in_memory = |scenario: &ScenarioReport| transcripts.get(&scenario.id).copied().map(Cow::Borrowed);
        self.client(report, matrix, &in_memory)
    }

    /// Writes what is said of one client: `report.json`, `index.html`, `junit.xml`, `summary.md`, and the error-handling
    /// matrix as `errors.md` and `errors.json`. Transcripts are those that stand in the folder.
    ///
    /// # Errors
    /// When a file cannot be written; none is left half-written.
    pub fn write_client(&self, report: &Report, matrix: &Matrix) -> Result<(), FolderError> {
        let on_disk = |scenario: &ScenarioReport| {
            let path = self.0.join(scenario.id.as_str()).join(TRANSCRIPT);
            saved::read(&path).ok().map(Cow::Owned)
        };
        self.client(report, matrix, &on_disk)
    }

    fn client(
        &self,
        report: &Report,
        matrix: &Matrix,
        transcripts: &Transcripts<'_>,
    ) -> Result<(), FolderError> {
        self.overview(report)?;
        if let [client] = report.clients.as_slice() {
            let fill = |file: &mut dyn Write| html::write_page(file, report, client, transcripts);
            self.write_file(Path::new(PAGE), fill)?;
        }
        self.json(Path::new(MATRIX), matrix)?;
        self.file(Path::new(MATRIX_IN_WORDS), matrix.to_string().as_bytes())
    }

    /// Writes a folder of the scenario's id with `transcript.json`, its canonical `exchange.snap`, the client's output,
    /// and `checks.json` in the official suite's form: its own checks where the scenario is one of the suite, else ours.
    fn write_played(&self, played: &Played, scenario: &ScenarioReport) -> Result<(), FolderError> {
        let PlayedResult::Judged { transcript, .. } = &played.result else { return Ok(()) };
        let folder = Path::new(played.scenario.id.as_str());
        self.json(&folder.join(TRANSCRIPT), transcript)?;
        let exchange = file::content(&played.scenario.title, &canonical(transcript));
        self.file(&folder.join(EXCHANGE), exchange.as_bytes())?;
        self.file(&folder.join(STDOUT), transcript.client.stdout.text.to_string().as_bytes())?;
        self.file(&folder.join(STDERR), transcript.client.stderr.text.to_string().as_bytes())?;
        let checks = folder.join(CHECKS);
        if played.scenario.idp.rules == Rules::OfficialSuite {
            self.json(&checks, &official::checks(transcript))
        } else {
            self.json(&checks, &own::checks(scenario, &official::ended_at(transcript)))
        }
    }

    /// Copies what the scenario called `id` left behind from the report at `from`.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn copy_played(&self, from: &Path, id: &ScenarioId) -> Result<(), FolderError> {
        for name in OF_A_SCENARIO {
            let name = Path::new(id.as_str()).join(name);
            let source = from.join(&name);
            match std::fs::File::open(&source) {
                Ok(mut file) => self.write_file(&name, |to| io::copy(&mut file, to).map(drop))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(FolderError { path: source, error }),
            }
        }
        Ok(())
    }

    /// Writes what compares several clients, each of which has a report of its own in a folder of its name.
    ///
    /// # Errors
    /// When a file cannot be written; none is left half-written.
    pub fn write_comparison(&self, report: &Report) -> Result<(), FolderError> {
        self.overview(report)?;
        self.file(Path::new(COMPARISON), Comparison::new(report).to_string().as_bytes())?;
        self.write_file(Path::new(PAGE), |file| html::write_comparison(file, report))
    }

    /// What is written for any number of clients.
    fn overview(&self, report: &Report) -> Result<(), FolderError> {
        self.json(Path::new(REPORT), report)?;
        self.file(Path::new(SUMMARY), summary::markdown(report).as_bytes())?;
        self.write_file(Path::new(JUNIT), |file| junit::write(report, file))
    }

    /// A report may be large, so that it is not held in memory a second time as text.
    fn json(&self, name: &Path, value: &impl Serialize) -> Result<(), FolderError> {
        self.write_file(name, |file| {
            serde_json::to_writer_pretty(&mut *file, value)?;
            writeln!(file)
        })
    }

    fn file(&self, name: &Path, bytes: &[u8]) -> Result<(), FolderError> {
        self.write_file(name, |file| file.write_all(bytes))
    }

    /// Writes beside the target and renames, so that a reader sees the whole file or the one before.
    fn write_file(
        &self,
        name: &Path,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), FolderError> {
        let path = self.0.join(name);
        whole::write(&path, fill).map_err(|error| FolderError { path, error })
    }
}
