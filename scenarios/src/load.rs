//! Reads scripts, embedded ones and a user's own, and reports everything that is wrong with them at once.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use serde_json::Value;

use crate::file::File;
use crate::id::ScenarioId;
use crate::scenario::Scenario;
pub use crate::source::Problem;
use crate::source::Source;
use crate::validate::{contradictions, nearest, word_problems};

/// Scripts by id, sorted.
#[derive(Clone, Debug, Default)]
pub struct Scenarios(Vec<Scenario>);

impl Scenarios {
    /// The scripts that the binary carries. `faults` are the slugs that the reference client knows.
    ///
    /// # Errors
    /// When a script is wrong, which a test excludes for a released binary.
    pub fn embedded(faults: &[&str]) -> Result<Self, LoadError> {
        let mut files = Vec::new();
        let others = ["releases", "src", "tests"].map(Path::new);
        for folder in FILES.dirs().filter(|folder| !others.contains(&folder.path())) {
            embedded_scripts(folder, &mut files);
        }
        files.sort();
        let mut scenarios = Self::read(files.into_iter(), faults)?;
        scenarios.0.iter_mut().for_each(|scenario| scenario.built_in = true);
        Ok(scenarios)
    }

    /// The scripts below `folder`; the id of each is its path there.
    ///
    /// # Errors
    /// When the folder or a file cannot be read, holds no script, or when a script is wrong.
    pub fn folder(folder: &Path, faults: &[&str]) -> Result<Self, LoadError> {
        let mut paths = Vec::new();
        collect(folder, &mut paths)?;
        paths.sort();
        if paths.is_empty() {
            return Err(LoadError::Empty(folder.to_owned()));
        }
        let mut files = Vec::new();
        for path in paths {
            let text = fs::read_to_string(&path).map_err(|error| LoadError::unreadable(&path, &error))?;
            let id = id_of(&path.strip_prefix(folder).unwrap_or(&path).with_extension(""));
            files.push((id, path.display().to_string(), text));
        }
        Self::read(files.into_iter(), faults)
    }

    /// The scenarios of one script, as if it stood in a file of the name `id`.
    ///
    /// # Errors
    /// When the script is wrong.
    pub fn parse(id: &str, text: &str, faults: &[&str]) -> Result<Self, LoadError> {
        Self::read([(id.to_owned(), format!("{id}.toml"), text.to_owned())].into_iter(), faults)
    }

    fn read(
        files: impl Iterator<Item = (String, String, String)>,
        faults: &[&str],
    ) -> Result<Self, LoadError> {
        let mut scenarios = Vec::new();
        let mut problems = Vec::new();
        for (id, path, text) in files {
            let source = Source { path: &path, text: &text };
            match toml::from_str::<File>(&text) {
                Ok(file) => {
                    problems.extend(word_problems(&file, source, faults));
                    let read = file.into_scenarios(&id, &text);
                    problems.extend(read.iter().flat_map(|scenario| contradictions(scenario, source)));
                    scenarios.extend(read);
                }
                Err(error) => {
                    let what = error.message().trim();
                    problems.push(source.problem(error.span(), what, hint(what)));
                }
            }
        }
        scenarios.sort_by(|one: &Scenario, other| one.id.cmp(&other.id));
        // What the top of a file says wrongly is wrong in each of its cases.
        problems.dedup();
        if !problems.is_empty() {
            return Err(LoadError::Wrong(problems));
        }
        match scenarios.windows(2).find(|pair| pair[0].id == pair[1].id) {
            Some(pair) => Err(LoadError::Twice(pair[0].id.clone())),
            None => Ok(Self(scenarios)),
        }
    }

    /// These and `others`.
    ///
    /// # Errors
    /// When an id stands in both.
    pub fn and(mut self, others: Self) -> Result<Self, LoadError> {
        if let Some(twice) = others.iter().find(|other| self.find(other.id.as_str()).is_some()) {
            return Err(LoadError::Twice(twice.id.clone()));
        }
        self.0.extend(others.0);
        self.0.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(self)
    }

    /// The scripts in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Scenario> {
        self.0.iter()
    }

    /// The script called `id`.
    pub fn find(&self, id: &str) -> Option<&Scenario> {
        self.iter().find(|scenario| scenario.id.as_str() == id)
    }
}

/// Why scripts could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder holds no script.
    #[error("`{}` holds no scenario: no file ending in .toml", .0.display())]
    Empty(PathBuf),
    /// Two scripts have one id.
    #[error("two scenarios are called `{0}`: give the file or the case of one of them another name")]
    Twice(ScenarioId),
    /// The folder or a file cannot be read.
    #[error("could not read `{}`: {why}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's word for it.
        why: String,
    },
    /// Scripts are wrong; every problem found.
    #[error("{}", Lines(.0))]
    Wrong(Vec<Problem>),
}

impl LoadError {
    fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), why: error.to_string() }
    }
}

struct Lines<'a>(&'a [Problem]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let plural = if count == 1 { "problem" } else { "problems" };
        write!(out, "{count} {plural} in scenario files")?;
        self.0.iter().try_for_each(|problem| write!(out, "\n{problem}"))
    }
}

/// The JSON Schema of a script file, draft 2020-12.
pub fn schema() -> Value {
    schemars::schema_for!(File).to_value()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    let unreadable = |error: std::io::Error| LoadError::unreadable(folder, &error);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|end| end == "toml") {
            paths.push(path);
        }
    }
    Ok(())
}

/// A mend for what the TOML reader says.
fn hint(message: &str) -> Option<String> {
    let unknown =
        message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"));
    if let Some(rest) = unknown {
        let (word, rest) = rest.split_once('`')?;
        let candidates = rest.split('`').skip(1).step_by(2);
        return nearest(word, candidates).map(|near| format!("did you mean `{near}`?"));
    }
    if message.contains("invalid type: map, expected a sequence") {
        return Some("a list of steps has double brackets, such as `[[idp.token]]`".into());
    }
    message.contains("missing field `why`").then(|| "say in one line why a client meets this in life".into())
}

/// This crate's folders: those by subject hold scripts, and `releases` the ledgers.
pub(crate) static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR");

fn embedded_scripts(folder: &Dir<'_>, files: &mut Vec<(String, String, String)>) {
    folder.dirs().for_each(|folder| embedded_scripts(folder, files));
    let scripts = folder.files().filter(|file| file.path().extension().is_some_and(|end| end == "toml"));
    for file in scripts {
        let id = id_of(&file.path().with_extension(""));
        let text = file.contents_utf8().unwrap_or_default().to_owned();
        files.push((id.clone(), format!("scenarios/{id}.toml"), text));
    }
}

/// A path as an id, with `/` on every system.
fn id_of(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
