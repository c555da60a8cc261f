//! A configuration of which every word has been checked.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use crosscheck_scenarios::{AuthMethod, Capability, Problem, Profile, Scenarios, SpecVersion, problem_in};

use crate::baseline::{BaselineError, Expected, Row};
use crate::config::file::{self, ClientTable, Deny};
use crate::config::problems::Check;
use crate::config::values::{Limit, Word, Words};

/// A configuration. Its paths begin in the folder of the file.
#[derive(Clone, Debug)]
pub struct Config {
    /// The release whose scenarios and severities count.
    pub as_of: Option<Spanned<String>>,
    /// A folder of scenarios of one's own.
    pub scenarios: Option<PathBuf>,
    /// The folder into which reports are written.
    pub report: Option<PathBuf>,
    /// What fails a run besides failures.
    pub deny: Option<Deny>,
    /// How many scenarios run at a time.
    pub test_threads: Option<NonZeroUsize>,
    /// The clients, in the file's order; their names differ.
    pub clients: Vec<Client>,
    default_clients: Option<Vec<String>>,
    name: String,
    text: String,
    path: PathBuf,
}

/// A configured client; what is absent is left to the command line and to its defaults.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Its name, which is a folder name too.
    pub name: String,
    /// Its command; none stands for the embedded reference client.
    pub command: Option<Vec<String>>,
    /// Where its commands are started, absolute.
    pub directory: Option<PathBuf>,
    /// A command that is run once before.
    pub setup: Option<Spanned<Vec<String>>>,
    /// Variables for its commands.
    pub environment: BTreeMap<String, String>,
    /// How long one start may take.
    pub timeout: Option<Duration>,
    /// How long it may take in a slow scenario.
    pub slow_timeout: Option<Duration>,
    /// The flow name that its adapter knows.
    pub flow_name: Option<String>,
    /// The documents it is judged by.
    pub profile: Option<Profile>,
    /// The MCP revision it is told to speak.
    pub spec_version: Option<SpecVersion>,
    /// What it declares about itself.
    pub capabilities: Option<Vec<Capability>>,
    /// The methods for which it is registered at the IdP.
    pub idp_auth: Option<Vec<AuthMethod>>,
    /// The methods for which it is registered at the resource authorization server.
    pub as_auth: Option<Vec<AuthMethod>>,
    /// Whether its credentials are bound to an issuer.
    pub pinned_issuer: Option<bool>,
    /// Only the scenarios that have one of these in their ids.
    pub filters: Vec<Spanned<String>>,
    /// Without the scenarios that have one of these in their ids.
    pub skip: Vec<Spanned<String>>,
    /// A file of expected failures in the official suite's format, absolute.
    pub expected_failures: Option<Spanned<PathBuf>>,
    /// Findings that are expected, unchecked.
    pub expected: Vec<Row>,
    /// Where `name` and `directory` stand.
    name_at: Range<usize>,
    directory_at: Option<Range<usize>>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("could not read `{path}`: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's reason.
        error: io::Error,
    },
    /// It is wrong; every problem found.
    #[error("the configuration is wrong\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Problem>),
}

impl Config {
    /// Reads the file at `path`, which messages call `name`.
    ///
    /// # Errors
    /// When it cannot be read, or when anything in it is wrong.
    pub fn read(path: &Path, name: String) -> Result<Self, ConfigError> {
        let unreadable = |error| ConfigError::Unreadable { path: name.clone(), error };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let path = std::path::absolute(path).map_err(unreadable)?;
        Self::parse(&text, name, path)
    }

    /// Takes the text of the file at `path`, absolute, which messages call `name`.
    ///
    /// # Errors
    /// When anything in it is wrong.
    pub fn parse(text: &str, name: String, path: PathBuf) -> Result<Self, ConfigError> {
        let (file, mut problems) = file::read(&name, text);
        // A name that could not be read is not missed besides.
        let complete = problems.is_empty();
        let mut check = Check { name: &name, text, problems: Vec::new() };
        check.clients(&file, complete);
        check.default_clients(&file, complete);
        problems.extend(check.problems);
        problems.sort_by_key(|problem| (problem.line, problem.column));
        if !problems.is_empty() {
            return Err(ConfigError::Wrong(problems));
        }
        let folder = path.parent().unwrap_or(&path);
        let clients = file.client.into_iter().map(Spanned::into_inner);
        Ok(Self {
            as_of: file.as_of,
            scenarios: file.scenarios.map(|path| folder.join(path)),
            report: file.report.map(|path| folder.join(path)),
            deny: file.deny,
            test_threads: file.test_threads,
            clients: clients.map(|table| client(table, folder)).collect(),
            default_clients: file
                .default_clients
                .map(|names| names.into_iter().map(Spanned::into_inner).collect()),
            name,
            text: text.to_owned(),
            path,
        })
    }

    /// What messages call the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the file stands, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text of the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The clients that are driven when none is named.
    pub fn defaults(&self) -> Vec<&Client> {
        let is_default =
            |client: &&Client| self.default_clients.as_ref().is_none_or(|names| names.contains(&client.name));
        self.clients.iter().filter(is_default).collect()
    }

    /// The client of this name.
    pub fn client(&self, name: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.name == name)
    }

    /// The findings that are expected of a client of this configuration.
    ///
    /// # Errors
    /// When one names a scenario or a requirement that does not exist, or gives no reason.
    pub fn expected(&self, client: &Client, scenarios: &Scenarios) -> Result<Expected, BaselineError> {
        Expected::of(client.expected.clone(), &self.name, &self.text, scenarios)
    }

    /// What is wrong at a place of the file.
    pub fn problem(&self, span: Range<usize>, what: String, hint: Option<String>) -> Problem {
        problem_in(&self.name, &self.text, Some(span), what, hint)
    }
}

impl Client {
    /// Where its name stands.
    pub fn name_at(&self) -> Range<usize> {
        self.name_at.clone()
    }

    /// Where its directory stands, where it is written down.
    pub fn directory_at(&self) -> Option<Range<usize>> {
        self.directory_at.clone()
    }
}

fn client(table: ClientTable, folder: &Path) -> Client {
    let name_at = table.name.as_ref().map_or(0..0, Spanned::span);
    let directory_at = table.directory.as_ref().map(Spanned::span);
    let directory = table.directory.map_or_else(|| folder.to_owned(), |path| folder.join(path.into_inner()));
    Client {
        name: table.name.map(Spanned::into_inner).unwrap_or_default(),
        command: table.command.map(|Words(words)| words),
        directory: Some(directory),
        setup: table.setup.map(|setup| {
            let span = setup.span();
            let Words(words) = setup.into_inner();
            Spanned::new(span, words)
        }),
        environment: table.environment.into_iter().map(|(key, value)| (key, value.into_inner())).collect(),
        timeout: table.timeout.map(|Limit(limit)| limit),
        slow_timeout: table.slow_timeout.map(|Limit(limit)| limit),
        flow_name: table.flow_name,
        profile: table.profile,
        spec_version: table.spec_version,
        capabilities: table.capabilities.map(|words| words.into_iter().map(|Word(word)| word).collect()),
        idp_auth: table.idp_auth,
        as_auth: table.as_auth,
        pinned_issuer: table.pinned_issuer,
        filters: table.filters,
        skip: table.skip,
        expected_failures: table.expected_failures.map(|path| {
            let span = path.span();
            Spanned::new(span, folder.join(path.into_inner()))
        }),
        expected: table.expected,
        name_at,
        directory_at,
    }
}
