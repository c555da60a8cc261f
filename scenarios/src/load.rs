//! Reads scripts, embedded ones and a user's own, and reports everything that is wrong with them at once.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use serde_json::Value;
use toml::Spanned;

use crate::catalogue::Catalogue;
use crate::file::File;
use crate::id::ScenarioId;
use crate::profile::Capability;
use crate::reply::{Bend, Step};
use crate::scenario::{Outcome, Scenario};
pub use crate::source::Problem;
use crate::source::Source;

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
        let code = ["src", "tests"].map(Path::new);
        for folder in FILES.dirs().filter(|folder| !code.contains(&folder.path())) {
            embedded_scripts(folder, &mut files);
        }
        files.sort();
        Self::read(files.into_iter(), faults)
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

/// The candidate that `word` was most likely meant to be.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}

/// The JSON Schema of a script file, draft 2020-12.
pub fn schema() -> Value {
    schemars::schema_for!(File).to_value()
}

/// Names of the stage that text in a reply may stand for, written `{as.issuer}`.
pub const PLACEHOLDERS: &[&str] = &[
    "as.authorization_endpoint",
    "as.issuer",
    "as.origin",
    "as.registration_endpoint",
    "as.token_endpoint",
    "idp.issuer",
    "idp.jwks_uri",
    "idp.origin",
    "idp.token_endpoint",
    "mcp.metadata_url",
    "mcp.origin",
    "mcp.resource",
];

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

/// Requirements, faults and capabilities that do not exist, and ids that are none.
fn word_problems(file: &File, source: Source<'_>, faults: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let requirements: Vec<_> = Catalogue::embedded().iter().map(|row| row.id.as_str()).collect();
    let mut check = |words: &[Spanned<String>], known: &[&str], kind: &str| {
        for word in words.iter().filter(|word| !known.contains(&word.get_ref().as_str())) {
            let near = nearest(word.get_ref(), known.iter().copied());
            let what = format!("no {kind} is called `{}`", word.get_ref());
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            problems.push(source.problem(Some(word.span()), what, hint));
        }
    };
    let capabilities: Vec<_> = Capability::all().iter().map(ToString::to_string).collect();
    let capabilities: Vec<_> = capabilities.iter().map(String::as_str).collect();
    let none = Vec::new();
    check(&file.requirements, &requirements, "requirement");
    check(&file.faults, faults, "fault of the reference client");
    check(&file.needs, &capabilities, "capability");
    for case in &file.case {
        check(case.requirements.as_ref().unwrap_or(&none), &requirements, "requirement");
        check(case.faults.as_ref().unwrap_or(&none), faults, "fault of the reference client");
        check(case.needs.as_ref().unwrap_or(&none), &capabilities, "capability");
    }

    let mut seen = HashSet::new();
    for id in file.case.iter().map(|case| &case.id) {
        let slug = id.get_ref();
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if slug.is_empty() || !slug.chars().all(legal) {
            let what = format!("`{slug}` is no case id: use lower-case letters, digits and `-`");
            problems.push(source.problem(Some(id.span()), what, None));
        } else if !seen.insert(slug) {
            problems.push(source.problem(Some(id.span()), format!("two cases are called `{slug}`"), None));
        }
    }
    problems
}

/// What is readable and cannot be meant.
fn contradictions(scenario: &Scenario, source: Source<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |near: &str, what: String, hint: &str| {
        problems.push(source.problem(source.find(near), what, Some(hint.to_owned())));
    };
    if scenario.requirements.is_empty() {
        problem(
            "title",
            "the scenario names no requirement".into(),
            "add `requirements = [\"…\"]`: what it exists to provoke",
        );
    }
    if let Some(profile) = scenario.profile
        && !scenario.belongs_to(profile)
    {
        let what = format!("the scenario fixes profile `{profile}` and does not belong to it");
        problem("profile", what, "name the profile in `profiles`, or drop one of the two");
    }
    if scenario.expect.outcome == Outcome::Authorized && scenario.expect.surfaced != Default::default() {
        problem(
            "surfaced",
            "a client that is authorized has nothing to surface".into(),
            "set `outcome = \"refused\"`",
        );
    }
    let none = String::new();
    let paths = [
        ("path", &scenario.idp.path),
        ("token_path", &scenario.idp.token_path),
        ("path", &scenario.resource_as.path),
        ("token_path", &scenario.resource_as.token_path),
        ("path", &scenario.mcp.path),
        ("metadata_path", scenario.mcp.metadata_path.as_ref().unwrap_or(&none)),
    ];
    for (key, path) in paths {
        if !(path.is_empty() || path.starts_with('/')) {
            problem(
                &format!("\"{path}\""),
                format!("`{key}` is `{path}`, which does not start with `/`"),
                "write it as a URL path",
            );
        }
    }
    if scenario.resource_as.auth_methods.is_empty() {
        problem(
            "auth_methods",
            "the client may use no authentication method".into(),
            "to leave metadata silent, use `metadata = { remove = [\"token_endpoint_auth_methods_supported\"] }`",
        );
    }
    for bend in [&scenario.idp.metadata, &scenario.resource_as.metadata, &scenario.mcp.metadata] {
        text_problems(&bend_text(bend), &mut problem);
    }
    for step in steps(scenario) {
        step_contradictions(step, &mut problem);
    }
    problems
}

fn step_contradictions(step: &Step, problem: &mut impl FnMut(&str, String, &str)) {
    if let Some(reply) = &step.reply {
        if !step.json.is_empty() || step.token != Default::default() {
            problem(
                "reply",
                "a step replaces the answer and alters it".into(),
                "keep `reply`, or `json` and `token`",
            );
        }
        if reply.json.is_some() && reply.body.is_some() {
            problem("reply", "a reply has both `json` and `body`".into(), "keep one of them");
        }
        if !(200..=599).contains(&reply.status) {
            problem("status", format!("`{}` is no final HTTP status", reply.status), "use 200 to 599");
        }
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let names = step.headers.keys().chain(step.reply.iter().flat_map(|reply| reply.headers.keys()));
    for name in names.filter(|name| name.is_empty() || !name.chars().all(legal)) {
        problem(name, format!("`{name}` is no header name"), "write it as HTTP does, such as `retry-after`");
    }
    for text in step_texts(step) {
        text_problems(&text, problem);
    }
}

/// Everything in a step that may name parts of the stage.
fn step_texts(step: &Step) -> Vec<String> {
    let reply = step.reply.iter();
    let headers = step.headers.values().chain(reply.clone().flat_map(|reply| reply.headers.values()));
    let bodies = reply
        .flat_map(|reply| reply.body.clone().into_iter().chain(reply.json.as_ref().map(Value::to_string)));
    let bends = [&step.json, &step.token.header, &step.token.claims].map(bend_text);
    headers.flatten().cloned().chain(bodies).chain(bends).collect()
}

fn bend_text(bend: &Bend) -> String {
    Value::Object(bend.set.clone()).to_string()
}

/// Bare dates, and names in braces that are none.
fn text_problems(text: &str, problem: &mut impl FnMut(&str, String, &str)) {
    if text.contains("$__toml_private_datetime") {
        problem("reply", "a JSON value is a bare date".into(), "quote dates");
    }
    for name in placeholders(text) {
        let near = nearest(name, PLACEHOLDERS.iter().copied()).unwrap_or("as.issuer");
        let what = format!("no part of the stage is called `{{{name}}}`");
        problem(&format!("{{{name}}}"), what, &format!("did you mean `{{{near}}}`?"));
    }
}

/// Words in braces that look like names of the stage and are none.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let candidates = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    candidates.filter(|name| {
        let named = name.split_once('.').is_some_and(|(party, _)| matches!(party, "idp" | "as" | "mcp"));
        named && !PLACEHOLDERS.contains(name)
    })
}

fn steps(scenario: &Scenario) -> impl Iterator<Item = &Step> {
    let Scenario { idp, resource_as, mcp, .. } = scenario;
    [
        &idp.openid_metadata,
        &idp.oauth_metadata,
        &idp.jwks,
        &idp.token,
        &resource_as.oauth_metadata,
        &resource_as.openid_metadata,
        &resource_as.token,
        &mcp.resource_metadata,
        &mcp.challenge,
        &mcp.mcp,
    ]
    .into_iter()
    .flatten()
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

/// This crate's folders, of which those by subject hold scripts.
static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR");

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
