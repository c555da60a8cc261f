//! The folder of pinned exchanges: one snapshot file a scenario, and beside it what differs and waits for review.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crosscheck_scenarios::{Scenario, Scenarios};

use super::{Without, pinned};
use crate::run::{Played, PlayedResult};
use crate::snapshot::diff::{self, Line};
use crate::snapshot::file::{self, FileError};

/// How a pinned exchange begins, before the number of its form.
pub(crate) const MARK: &str = "crosscheck pin ";
/// The form that is written. A later one has a higher number.
pub(crate) const FORM: u32 = 1;

/// How the name of a pinned exchange ends.
const ACCEPTED: &str = ".snap";
/// How the name of one that waits for review ends.
const PENDING: &str = ".snap.new";

/// Which pinned exchanges are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Update {
    /// All of them; those of no scenario are removed
    All,
    /// The missing ones
    New,
}

/// Why pinned exchanges cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// A file cannot be read or written, or is damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// A snapshot of something else.
    #[error("`{}` is a snapshot of something else than a client's exchange", .0.display())]
    Foreign(PathBuf),
    /// Written by a later version.
    #[error("`{}` was written by a newer crosscheck", .0.display())]
    Newer(PathBuf),
    /// Nothing can be written there.
    #[error("could not write to `{}`: {error}", path.display())]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

/// The pinned exchanges of one client.
#[derive(Debug)]
pub struct Pins {
    folder: PathBuf,
    on_file: BTreeMap<String, String>,
    update: Option<Update>,
    /// Whether differences are left behind for review.
    leaves_pending: bool,
}

/// How a run compares with what is pinned. Ids of scenarios.
#[derive(Debug, Default)]
pub struct Compared {
    /// Those with the same exchange.
    pub same: usize,
    /// Those with another one.
    pub differing: Vec<Differing>,
    /// Those with none on file.
    pub missing: Vec<String>,
    /// Files that belong to no scenario.
    pub stale: Vec<String>,
    /// Files that were written anew.
    pub written: Vec<String>,
    /// Files that were overwritten.
    pub updated: Vec<String>,
    /// Files of no scenario that were removed.
    pub removed: Vec<String>,
    /// Whether differences are left behind for review.
    pub is_pending: bool,
}

/// An exchange that is another than the pinned one.
#[derive(Debug)]
pub struct Differing {
    /// The scenario.
    pub id: String,
    /// What differs.
    pub lines: Vec<Line>,
}

impl Compared {
    /// Whether everything is as pinned, or was made so.
    pub fn as_pinned(&self) -> bool {
        self.differing.is_empty() && self.missing.is_empty() && self.stale.is_empty()
    }
}

impl Pins {
    /// Reads what is pinned, and makes sure that what will be written can be, before a client is started.
    /// `leaves_pending` says whether differences are left behind for review.
    ///
    /// # Errors
    /// When a file cannot be used, or when nothing can be written there.
    pub fn open(folder: PathBuf, update: Option<Update>, leaves_pending: bool) -> Result<Self, PinError> {
        let paths = found(&folder, ACCEPTED)?;
        let read = |(id, path): (String, PathBuf)| Ok((id, read(&path)?.unwrap_or_default()));
        let on_file = paths.into_iter().map(read).collect::<Result<BTreeMap<_, _>, PinError>>()?;
        let pins = Self { folder, on_file, update, leaves_pending: leaves_pending && update.is_none() };
        if update.is_some() {
            fs::create_dir_all(&pins.folder).map_err(|error| pins.unwritable(&pins.folder, error))?;
        }
        if (update.is_some() || leaves_pending) && pins.folder.is_dir() {
            let parents =
                pins.on_file.keys().filter_map(|id| Some(pins.path(id, ACCEPTED).parent()?.to_owned()));
            for folder in parents.chain([pins.folder.clone()]).collect::<BTreeSet<_>>() {
                tempfile::tempfile_in(&folder).map_err(|error| pins.unwritable(&folder, error))?;
            }
        }
        Ok(pins)
    }

    /// Where they stand.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Compares a run with what is pinned, and writes what is to be written. Files of no scenario are looked for
    /// where `scenarios`, all that there are, were played without a filter.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn compare(
        &self,
        all: &[Played],
        without: Option<Without>,
        scenarios: Option<&Scenarios>,
    ) -> Result<Compared, PinError> {
        let mut compared = Compared { is_pending: self.leaves_pending, ..Compared::default() };
        for Played { scenario, result, .. } in all {
            let PlayedResult::Judged { transcript, .. } = result else { continue };
            self.compare_one(&mut compared, scenario, &pinned(transcript, without))?;
        }
        if let Some(scenarios) = scenarios {
            self.find_stale(&mut compared, scenarios)?;
        }
        Ok(compared)
    }

    fn compare_one(&self, compared: &mut Compared, scenario: &Scenario, text: &str) -> Result<(), PinError> {
        let id = scenario.id.as_str();
        let write = |ending| file::write(&self.path(id, ending), &scenario.title, text);
        let difference = self.on_file.get(id).map(|old| diff::lines(&format!("{old}\n"), text));
        match (difference, self.update) {
            (Some(lines), _) if lines.is_empty() => {
                compared.same += 1;
                self.settle(id)?;
            }
            (Some(_), Some(Update::All)) => {
                write(ACCEPTED)?;
                self.settle(id)?;
                compared.updated.push(id.to_owned());
            }
            (Some(lines), _) => {
                if self.leaves_pending {
                    write(PENDING)?;
                }
                compared.differing.push(Differing { id: id.to_owned(), lines });
            }
            (None, Some(_)) => {
                write(ACCEPTED)?;
                self.settle(id)?;
                compared.written.push(id.to_owned());
            }
            (None, None) => compared.missing.push(id.to_owned()),
        }
        Ok(())
    }

    /// Names the files that belong to none of all `scenarios`, or removes them where everything is written.
    fn find_stale(&self, compared: &mut Compared, scenarios: &Scenarios) -> Result<(), PinError> {
        let waiting = found(&self.folder, PENDING)?.into_iter().map(|(id, _)| id);
        let all: BTreeSet<_> = self.on_file.keys().cloned().chain(waiting).collect();
        let stale = all.into_iter().filter(|id| scenarios.find(id).is_none()).collect();
        if self.update != Some(Update::All) {
            compared.stale = stale;
            return Ok(());
        }
        for id in &stale {
            remove(&self.path(id, ACCEPTED))?;
            self.settle(id)?;
        }
        compared.removed = stale;
        Ok(())
    }

    /// Removes what waits for review of a scenario and is out of date, where anything may be written at all.
    fn settle(&self, id: &str) -> Result<(), PinError> {
        if self.update.is_some() || self.leaves_pending { remove(&self.path(id, PENDING)) } else { Ok(()) }
    }

    fn path(&self, id: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{id}{ending}"))
    }

    fn unwritable(&self, path: &Path, error: io::Error) -> PinError {
        PinError::Unwritable { path: path.to_owned(), error }
    }
}

/// A difference that waits for review.
#[derive(Debug)]
pub struct Pending {
    /// The scenario.
    pub id: String,
    /// What differs from what is pinned.
    pub lines: Vec<Line>,
    new: PathBuf,
}

impl Pending {
    /// Makes the new exchange the pinned one.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn accept(&self) -> Result<(), PinError> {
        let system = |error| FileError::Unwritable { path: self.new.clone(), error };
        Ok(fs::rename(&self.new, accepted(&self.new)).map_err(system)?)
    }

    /// Removes the new exchange.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn reject(&self) -> Result<(), PinError> {
        remove(&self.new)
    }
}

/// Everything in `folder` that waits for review, by id.
///
/// # Errors
/// When the folder or a file cannot be used.
pub fn pending(folder: &Path) -> Result<Vec<Pending>, PinError> {
    let pending = |(id, new): (String, PathBuf)| {
        let text = |path: &Path| Ok::<_, PinError>(read(path)?.unwrap_or_default());
        let lines = diff::lines(&text(&accepted(&new))?, &text(&new)?);
        Ok(Pending { id, lines, new })
    };
    fs::read_dir(folder).map_err(|error| FileError::Unreadable { path: folder.to_owned(), error })?;
    found(folder, PENDING)?.into_iter().map(pending).collect()
}

/// Where a new exchange stands once it is accepted.
fn accepted(new: &Path) -> PathBuf {
    new.with_extension("")
}

/// The files below `folder` whose names end so, by id; none where there is no such folder. What is hidden, such as
/// `.git`, is none of ours.
fn found(folder: &Path, ending: &str) -> Result<Vec<(String, PathBuf)>, PinError> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), folder.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        let system = |error| FileError::Unreadable { path: folder.clone(), error };
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(system)?,
        };
        for entry in entries {
            let entry = entry.map_err(system)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            if entry.file_type().map_err(system)?.is_dir() {
                folders.push((format!("{prefix}{name}/"), entry.path()));
            } else if let Some(name) = name.strip_suffix(ending) {
                found.push((format!("{prefix}{name}"), entry.path()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The pinned exchange at `path`; `None` where there is no such file.
fn read(path: &Path) -> Result<Option<String>, PinError> {
    let Some(text) = file::read(path)? else { return Ok(None) };
    let form = text.strip_prefix(MARK).and_then(|rest| rest.split_whitespace().next()?.parse::<u32>().ok());
    match form {
        None => Err(PinError::Foreign(path.to_owned())),
        Some(form) if form > FORM => Err(PinError::Newer(path.to_owned())),
        Some(_) => Ok(Some(text)),
    }
}

fn remove(path: &Path) -> Result<(), PinError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::Unwritable { path: path.to_owned(), error }.into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_of_no_scenario_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let faults: Vec<_> =
            crosscheck_reference_client::Fault::ALL.iter().map(|fault| fault.slug()).collect();
        let scenarios = Scenarios::embedded(&faults).unwrap();
        let path = |id: &str| folder.path().join(format!("{id}.snap"));
        let pending = folder.path().join("gone/waiting.snap.new");
        file::write(&pending, "t", &format!("{MARK}{FORM} gone/waiting")).unwrap();
        for id in ["flow/complete", "gone/long-ago", ".git/gone"] {
            file::write(&path(id), "t", &format!("{MARK}{FORM} {id}")).unwrap();
        }
        fs::write(folder.path().join("README.md"), "about these files").unwrap();

        let compare = |update, scenarios| {
            Pins::open(folder.path().to_owned(), update, true).unwrap().compare(&[], None, scenarios).unwrap()
        };
        // Neither scenario was played, which says nothing about the one that there is.
        assert_eq!(compare(None, Some(&scenarios)).stale, ["gone/long-ago", "gone/waiting"]);
        assert!(compare(None, None).as_pinned());
        assert_eq!(compare(Some(Update::New), Some(&scenarios)).stale, ["gone/long-ago", "gone/waiting"]);
        assert!(compare(Some(Update::All), None).removed.is_empty());
        assert!(path("gone/long-ago").exists());

        assert_eq!(compare(Some(Update::All), Some(&scenarios)).removed, ["gone/long-ago", "gone/waiting"]);
        assert!(
            path("flow/complete").exists() && path(".git/gone").exists() && !path("gone/long-ago").exists()
        );
        assert!(compare(None, Some(&scenarios)).as_pinned());
    }
}
