//! Writes a run into a folder: one document for the run, and for each scenario what it left behind.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crosscheck_scenarios::Rules;

use crate::report::model::ScenarioReport;
use crate::report::{Comparison, Matrix, Report, html, junit, official, summary};
use crate::run::{Played, PlayedResult};
use crate::snapshot::{canonical, file};
use crate::whole;

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

    /// Writes the report of one client: `report.json`, `index.html`, `junit.xml`, `summary.md`, the error-handling matrix as
    /// `errors.md` and `errors.json`, and for each judged scenario
    /// a folder of its id with `transcript.json`, its canonical `exchange.snap`, the client's output, and `checks.json`
    /// where the scenario is one of the official suite.
    ///
    /// # Errors
    /// When a file cannot be written; none is left half-written.
    pub fn write(&self, report: &Report, matrix: &Matrix<'_>, all: &[Played]) -> Result<(), FolderError> {
        self.overview(report)?;
        self.page(report, all)?;
        self.json(Path::new("errors.json"), matrix)?;
        self.file(Path::new("errors.md"), matrix.to_string().as_bytes())?;
        for played in all {
            let PlayedResult::Judged { transcript, .. } = &played.result else { continue };
            let folder = Path::new(played.scenario.id.as_str());
            self.json(&folder.join("transcript.json"), transcript)?;
            let exchange = file::content(&played.scenario.title, &canonical(transcript));
            self.file(&folder.join("exchange.snap"), exchange.as_bytes())?;
            for (name, output) in
                [("stdout.txt", &transcript.client.stdout), ("stderr.txt", &transcript.client.stderr)]
            {
                self.file(&folder.join(name), output.text.to_string().as_bytes())?;
            }
            if played.scenario.idp.rules == Rules::OfficialSuite {
                self.json(&folder.join("checks.json"), &official::checks(transcript))?;
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
        self.file(Path::new("comparison.md"), Comparison::new(report).to_string().as_bytes())?;
        self.write_file(Path::new("index.html"), |file| html::write_comparison(file, report))
    }

    /// The page of the one client, with the transcripts in memory.
    fn page(&self, report: &Report, all: &[Played]) -> Result<(), FolderError> {
        let [client] = report.clients.as_slice() else { return Ok(()) };
        let transcripts: HashMap<_, _> = all
            .iter()
            .filter_map(|played| match &played.result {
                PlayedResult::Judged { transcript, .. } => Some((&played.scenario.id, &**transcript)),
                PlayedResult::NotApplicable(_) => None,
            })
            .collect();
        let transcript =
            |scenario: &ScenarioReport| transcripts.get(&scenario.id).copied().map(Cow::Borrowed);
        self.write_file(Path::new("index.html"), |file| html::write_page(file, report, client, &transcript))
    }

    /// What is written for any number of clients.
    fn overview(&self, report: &Report) -> Result<(), FolderError> {
        self.json(Path::new("report.json"), report)?;
        self.file(Path::new("summary.md"), summary::markdown(report).as_bytes())?;
        self.write_file(Path::new("junit.xml"), |file| junit::write(report, file))
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
