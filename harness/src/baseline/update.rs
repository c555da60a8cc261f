//! Brings our own form of a baseline up to date with a run, and leaves everything else in its file as it is.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crosscheck_scenarios::{Problem, Release, problem_in};

use crate::summary::{Found, Summary};
use crate::text::printable;
use crate::whole;

use super::is_cut_short;

/// What a run changes in our own baseline.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// Findings that are to be listed, sorted by scenario, then requirement.
    pub added: Vec<Addition>,
    /// Entries that go: scenario and requirement, as they are listed.
    pub removed: Vec<(String, String)>,
}

/// An entry that is to be written.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Addition {
    /// The scenario's id.
    pub scenario: String,
    /// The requirement as it is reported.
    pub requirement: String,
    /// A sentence that stands in until somebody gives the reason.
    pub reason: String,
}

impl Changes {
    /// What `summary` found and nobody listed, and what is listed and was not found. Nothing of a client that died by
    /// a signal or was ended at its time limit: that is never expected.
    pub fn of(summary: &Summary<'_>) -> Self {
        let unlisted = summary.failures.iter().chain(&summary.warnings);
        let unlisted = unlisted.filter(|found| !is_cut_short(found.played)).map(Addition::of);
        let mut added: Vec<_> = unlisted.collect::<BTreeSet<_>>().into_iter().collect();
        added.dedup_by(|one, other| {
            (&one.scenario, &one.requirement) == (&other.scenario, &other.requirement)
        });
        let ours = summary.stale.iter().filter(|stale| stale.is_ours);
        let removed = ours.filter_map(|stale| Some((stale.scenario.to_owned(), stale.check?.to_owned())));
        let removed: BTreeSet<_> = removed.collect();
        Self { added, removed: removed.into_iter().collect() }
    }

    /// Whether the baseline is as the run is.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    fn removes(&self, entry: &dyn TableLike) -> bool {
        let text = |key| entry.get(key).and_then(Item::as_str);
        self.removed.iter().any(|(scenario, requirement)| {
            text("scenario") == Some(scenario) && text("requirement") == Some(requirement)
        })
    }
}

/// A line for each: `+ requirement @ scenario`.
impl fmt::Display for Changes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Addition { scenario, requirement, .. } in &self.added {
            writeln!(out, "+ {requirement} @ {scenario}")?;
        }
        self.removed
            .iter()
            .try_for_each(|(scenario, requirement)| writeln!(out, "- {requirement} @ {scenario}"))
    }
}

impl Addition {
    fn of(found: &Found<'_>) -> Self {
        let finding = found.check.finding.as_ref().map_or("", |finding| finding.what.as_str());
        let sentence = printable(finding);
        let end = sentence.find(". ").map_or(sentence.len(), |end| end + 1);
        Self {
            scenario: found.played.scenario.id.to_string(),
            requirement: found.check.id(),
            reason: format!("Recorded by crosscheck {}: {}", Release::PRESENT, &sentence[..end]),
        }
    }

    fn members(&self) -> [(&'static str, &str); 3] {
        [("scenario", &self.scenario), ("requirement", &self.requirement), ("reason", &self.reason)]
    }

    fn to_table(&self) -> Table {
        self.members().into_iter().map(|(key, text)| (key, Value::from(text))).collect()
    }

    fn to_inline_table(&self) -> InlineTable {
        self.members().into_iter().map(|(key, text)| (key, Value::from(text))).collect()
    }
}

/// Writes `changes` to the file at `path`, which is written whole or not at all: to its `[[expected]]` tables, or to the
/// `[[client.expected]]` tables of the client of that name. Without a client the file need not exist.
///
/// # Errors
/// When the file cannot be read or written, is no TOML, or has no such client.
pub fn update(path: &Path, client: Option<&str>, changes: &Changes) -> Result<(), UpdateError> {
    if changes.is_empty() {
        return Ok(());
    }
    let name = path.display().to_string();
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && client.is_none() => HEAD.to_owned(),
        read => {
            read.map_err(|error| UpdateError::Unreadable { path: name.clone(), why: error.to_string() })?
        }
    };
    let text = updated(&name, &text, client, changes)?;
    // What a link points to is replaced, not the link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    whole::write(&path, |out| out.write_all(text.as_bytes()))
        .map_err(|error| UpdateError::Unwritable { path: name, why: error.to_string() })
}

/// The `text` of a file called `name` with `changes`.
fn updated(name: &str, text: &str, client: Option<&str>, changes: &Changes) -> Result<String, UpdateError> {
    let has_crlf = text.contains("\r\n");
    let text = &text.replace("\r\n", "\n");
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        UpdateError::Malformed(problem_in(name, text, error.span(), error.message().trim().to_owned(), None))
    })?;
    let unattached = edit(name, &mut document, client, changes)?;
    // From the end, so that comments of one place keep their order.
    unattached.into_iter().rev().for_each(|(position, comments)| attach(&mut document, position, &comments));
    let mut edited = document.to_string();
    if !text.starts_with('\n') {
        edited.drain(..edited.len() - edited.trim_start_matches('\n').len());
    }
    Ok(if has_crlf { edited.replace('\n', "\r\n") } else { edited })
}

/// Changes the entries, and returns the comments that stood above removed ones without being about them, each with its
/// position among the tables.
fn edit(
    name: &str,
    document: &mut DocumentMut,
    client: Option<&str>,
    changes: &Changes,
) -> Result<Vec<(isize, String)>, UpdateError> {
    // Comments of a file in which nothing else stands stay above what is added.
    let is_bare = document.as_table().is_empty();
    let head = document.trailing().as_str().unwrap_or_default().trim_end().to_owned();
    // Where nothing stands above the first table, its comments are about the file.
    let has_values = document.iter().any(|(_, item)| item.is_value());
    let top = positions(document.as_table()).into_iter().min().filter(|_| !has_values);
    let Some((owner, is_inline)) = owner(document, client) else {
        let client = client.unwrap_or_default().to_owned();
        return Err(UpdateError::NoClient { path: name.to_owned(), client });
    };
    if !owner.contains_key(KEY) {
        let none = if is_inline { Item::Value(Array::new().into()) } else { ArrayOfTables::new().into() };
        owner.insert(KEY, none);
    }
    match owner.get_mut(KEY) {
        Some(Item::ArrayOfTables(entries)) => {
            let unattached = remove(entries, changes, top);
            let first = entries.len();
            changes.added.iter().for_each(|addition| entries.push(addition.to_table()));
            if let Some(table) = entries.get_mut(first).filter(|_| is_bare && !head.is_empty()) {
                table.decor_mut().set_prefix(format!("{head}\n\n"));
                document.set_trailing("");
            }
            Ok(unattached)
        }
        Some(Item::Value(Value::Array(entries))) => {
            entries.retain(|entry| !entry.as_inline_table().is_some_and(|entry| changes.removes(entry)));
            for addition in &changes.added {
                let decor = entries.iter().last().map(|last| last.decor().clone());
                entries.push(addition.to_inline_table());
                if let (Some(decor), Some(added)) = (decor, entries.iter_mut().last()) {
                    *added.decor_mut() = decor;
                }
            }
            Ok(Vec::new())
        }
        _ => Err(UpdateError::NoList { path: name.to_owned() }),
    }
}

/// The table that the entries belong to, and whether it stands in one line.
fn owner<'a>(document: &'a mut DocumentMut, client: Option<&str>) -> Option<(&'a mut dyn TableLike, bool)> {
    let Some(client) = client else { return Some((document.as_table_mut(), false)) };
    let is_named = |table: &dyn TableLike| table.get("name").and_then(Item::as_str) == Some(client);
    match document.get_mut("client")? {
        Item::ArrayOfTables(clients) => {
            let table = clients.iter_mut().find(|table| is_named(*table))?;
            Some((table, false))
        }
        Item::Value(Value::Array(clients)) => {
            let mut tables = clients.iter_mut().filter_map(Value::as_inline_table_mut);
            let table = tables.find(|table| is_named(*table))?;
            Some((table, true))
        }
        _ => None,
    }
}

/// Removes entries with the comments directly above them, and returns the comments further up. `top` is the position of
/// the file's first table, where all comments are about the file.
fn remove(entries: &mut ArrayOfTables, changes: &Changes, top: Option<isize>) -> Vec<(isize, String)> {
    let mut unattached = Vec::new();
    for place in (0..entries.len()).rev() {
        if !entries.get(place).is_some_and(|entry| changes.removes(entry)) {
            continue;
        }
        let entry = entries.remove(place);
        let above = entry.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
        let end = if entry.position() == top { above.len() } else { above.rfind("\n\n").unwrap_or(0) };
        if above[..end].contains('#') {
            unattached.push((entry.position().unwrap_or_default(), above[..end].to_owned()));
        }
    }
    unattached.reverse();
    unattached
}

/// Puts comments above the table that follows `position`, or at the end of the file.
fn attach(document: &mut DocumentMut, position: isize, comments: &str) {
    let comments = comments.trim_end();
    let next = positions(document.as_table()).into_iter().filter(|next| *next > position).min();
    match next.and_then(|next| at_position(document.as_table_mut(), next)) {
        Some(table) => {
            let above = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
            let above = format!("{comments}\n\n{}", above.trim_start_matches('\n'));
            table.decor_mut().set_prefix(above);
        }
        None => {
            let end = document.trailing().as_str().unwrap_or_default();
            let end = format!("{comments}\n{end}");
            document.set_trailing(end);
        }
    }
}

/// The positions of the tables below `table` that have a head of their own.
fn positions(table: &Table) -> Vec<isize> {
    let below = |table: &Table| table.position().into_iter().chain(positions(table)).collect::<Vec<_>>();
    let of_item = |item: &Item| match item {
        Item::Table(table) => below(table),
        Item::ArrayOfTables(tables) => tables.iter().flat_map(below).collect(),
        _ => Vec::new(),
    };
    table.iter().flat_map(|(_, item)| of_item(item)).collect()
}

/// The table at `position`, somewhere below `table`.
fn at_position(table: &mut Table, position: isize) -> Option<&mut Table> {
    let tables = table.iter_mut().flat_map(|(_, item)| -> Vec<&mut Table> {
        match item {
            Item::Table(table) => vec![table],
            Item::ArrayOfTables(tables) => tables.iter_mut().collect(),
            _ => Vec::new(),
        }
    });
    for table in tables {
        if table.position() == Some(position) {
            return Some(table);
        }
        if let Some(found) = at_position(table, position) {
            return Some(found);
        }
    }
    None
}

/// Why a baseline could not be written.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// It is no TOML any more.
    #[error("the file was changed while the run went on\n{0}")]
    Malformed(Problem),
    /// No client is called so.
    #[error("`{path}` has no client called `{client}`")]
    NoClient {
        /// The file.
        path: String,
        /// The name.
        client: String,
    },
    /// `expected` is something else.
    #[error("`expected` in `{path}` is no list")]
    NoList {
        /// The file.
        path: String,
    },
    /// The file cannot be read.
    #[error("could not read `{path}`: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's reason.
        why: String,
    },
    /// The file cannot be written; it is as it was.
    #[error("could not write `{path}`: {why}")]
    Unwritable {
        /// The file.
        path: String,
        /// The system's reason.
        why: String,
    },
}

/// The key that the entries stand under.
const KEY: &str = "expected";

/// What a new file begins with.
const HEAD: &str = "# Findings that are expected of the client, each with the reason why.\n";
