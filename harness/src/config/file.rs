//! The types of `crosscheck.toml`, and how it is read so that everything that is wrong is told at once.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, Deserializer, Error};

use crosscheck_scenarios::{AuthMethod, Capability, Problem, Profile, SpecVersion, nearest, problem_in};

use crate::baseline::Row;
use crate::config::values::{Limit, Word, Words};

/// What `crosscheck run` and `crosscheck doctor` do where the command line does not say otherwise. Relative paths begin
/// in the folder of the file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(title = "Crosscheck configuration")]
pub(super) struct File {
    /// The release whose scenarios and severities count, such as 0.1.0.
    #[schemars(with = "Option<String>")]
    pub(super) as_of: Option<Spanned<String>>,
    /// A folder of scenarios of one's own, besides the built-in ones.
    pub(super) scenarios: Option<PathBuf>,
    /// The folder into which reports are written.
    pub(super) report: Option<PathBuf>,
    /// What fails a run besides failures.
    pub(super) deny: Option<Deny>,
    /// How many scenarios run at a time; as many as there are cores by default.
    pub(super) test_threads: Option<NonZeroUsize>,
    /// The clients that are driven when none is named; all by default.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) default_clients: Option<Vec<Spanned<String>>>,
    /// The clients.
    #[schemars(with = "Vec<ClientTable>")]
    pub(super) client: Vec<Spanned<ClientTable>>,
}

/// What fails a run besides failures.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Deny {
    /// Nothing.
    Nothing,
    /// Warnings.
    Warnings,
}

/// One client.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(rename = "Client", extend("required" = ["name"]))]
pub(super) struct ClientTable {
    /// Its name: letters, digits, `-`, `_` and `.`, a letter or digit first. Its reports stand in a folder of that name.
    #[schemars(with = "String", regex(pattern = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$"))]
    pub(super) name: Option<Spanned<String>>,
    /// The command, to which the MCP server's URL is appended; the embedded reference client by default. A relative
    /// path of the program begins in `directory`.
    #[schemars(schema_with = "words")]
    pub(super) command: Option<Words>,
    /// The folder in which the command and `setup` are started; that of the file by default.
    #[schemars(with = "Option<PathBuf>")]
    pub(super) directory: Option<Spanned<PathBuf>>,
    /// A command that is run once before the client is driven.
    #[schemars(schema_with = "words")]
    pub(super) setup: Option<Spanned<Words>>,
    /// Variables for the command and `setup`.
    #[schemars(with = "BTreeMap<String, String>")]
    pub(super) environment: BTreeMap<String, Spanned<String>>,
    /// How long one start may take: seconds, or a string with the unit s or ms; 30 s by default.
    #[schemars(schema_with = "limit")]
    pub(super) timeout: Option<Limit>,
    /// How long it may take in a slow scenario, in the same form; 60 s by default.
    #[schemars(schema_with = "limit")]
    pub(super) slow_timeout: Option<Limit>,
    /// The flow name that the client's adapter knows.
    pub(super) flow_name: Option<String>,
    /// The documents it is judged by.
    pub(super) profile: Option<Profile>,
    /// The MCP revision it is told to speak.
    pub(super) spec_version: Option<SpecVersion>,
    /// What it declares about itself.
    #[schemars(schema_with = "capabilities")]
    pub(super) capabilities: Option<Vec<Word<Capability>>>,
    /// The methods for which it is registered at the IdP; the same as `idp-auth=METHOD` among the capabilities.
    pub(super) idp_auth: Option<Vec<AuthMethod>>,
    /// The methods for which it is registered at the resource authorization server; the same as `as-auth=METHOD`.
    pub(super) as_auth: Option<Vec<AuthMethod>>,
    /// Whether its credentials at the resource authorization server are bound to an issuer.
    pub(super) pinned_issuer: Option<bool>,
    /// Only the scenarios that have one of these in their ids.
    #[schemars(with = "Vec<String>")]
    pub(super) filters: Vec<Spanned<String>>,
    /// Without the scenarios that have one of these in their ids.
    #[schemars(with = "Vec<String>")]
    pub(super) skip: Vec<Spanned<String>>,
    /// A file of expected failures in the format of the official suite.
    #[schemars(with = "Option<PathBuf>")]
    pub(super) expected_failures: Option<Spanned<PathBuf>>,
    /// Findings that are expected, each with its reason.
    pub(super) expected: Vec<Row>,
}

/// The JSON Schema of the configuration.
pub fn schema() -> Value {
    schemars::schema_for!(File).to_value()
}

fn words(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "array", "null"],
        "items": { "type": "string" },
        "minLength": 1,
        "minItems": 1,
    })
}

fn limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["number", "string", "null"], "exclusiveMinimum": 0, "pattern": "^[0-9.]+(s|ms)?$" })
}

fn capabilities(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<_> = Capability::all().iter().map(ToString::to_string).collect();
    json_schema!({ "type": ["array", "null"], "items": { "enum": words } })
}

/// Reads `text` of the file called `name`, without what cannot be read, which stands among the problems.
pub(super) fn read(name: &str, text: &str) -> (File, Vec<Problem>) {
    let problem = |error: Error| {
        let (what, hint) = worded(error.message());
        problem_in(name, text, error.span(), what, hint)
    };
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What follows from a slip of the pen is not told besides.
        return (File::default(), errors.into_iter().map(problem).collect());
    }
    let span = root.span();
    let mut root = root.into_inner();
    let mut errors = Vec::new();
    for (_, value) in root.iter_mut().filter(|(key, _)| key.get_ref().as_ref() == "client") {
        let DeValue::Array(clients) = value.get_mut() else { continue };
        for client in clients.iter_mut() {
            if let DeValue::Table(client) = client.get_mut() {
                keep_readable::<ClientTable>(client, &mut errors);
            }
        }
    }
    keep_readable::<File>(&mut root, &mut errors);
    let file = File::deserialize(Deserializer::from(Spanned::new(span, root))).unwrap_or_else(|error| {
        errors.push(error);
        File::default()
    });
    (file, errors.into_iter().map(problem).collect())
}

/// Takes the entries out of a table that are no members of `T`, so that one mistake does not hide the next. Every member
/// of `T` has a default.
fn keep_readable<T: DeserializeOwned>(table: &mut DeTable<'_>, errors: &mut Vec<Error>) {
    let is_readable = |(key, value): &(Spanned<DeString<'_>>, Spanned<DeValue<'_>>)| {
        let alone = DeTable::from_iter([(key.clone(), value.clone())]);
        let read = T::deserialize(Deserializer::from(Spanned::new(key.span(), alone)));
        read.map_err(|error| errors.push(error)).is_ok()
    };
    *table = std::mem::take(table).into_iter().filter(is_readable).collect();
}

/// What the TOML reader says, and a mend for it.
fn worded(message: &str) -> (String, Option<String>) {
    for (beginning, kind) in [("unknown field `", "key"), ("unknown variant `", "value")] {
        let Some((word, rest)) = message.strip_prefix(beginning).and_then(|rest| rest.split_once('`')) else {
            continue;
        };
        let known: Vec<_> = rest.split('`').skip(1).step_by(2).collect();
        let hint = match nearest(word, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", known.join(", ")),
        };
        return (format!("no {kind} is called `{word}` here"), Some(hint));
    }
    let single = message.contains("invalid type: map, expected a sequence");
    let hint = single.then(|| "a list of tables has double brackets, such as `[[client]]`".to_owned());
    (message.trim().to_owned(), hint)
}
