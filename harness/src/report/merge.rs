//! Joins the reports of shards into that of the whole run, and those of several clients into one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crosscheck_scenarios::ScenarioId;

use crate::report::model::{ClientReport, Report};
use crate::select::Shard;
use crate::summary::level_in_words;

/// What several reports come to.
#[derive(Debug)]
pub struct Merged {
    /// The joined report. What is missing stands in the `missing_shards` of its clients.
    pub report: Report,
    /// Where the files of each client come from, in the order of the clients.
    pub origins: Vec<Vec<Origin>>,
}

/// A folder that holds files of a client.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The folder.
    pub folder: PathBuf,
    /// The scenarios whose files stand there.
    pub scenarios: Vec<ScenarioId>,
}

/// Why reports do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// They differ in something that decides what is found.
    #[error("`{}` and `{}` are not of one run of `{client}`: {what} differs, {one} and {other}", first.display(), second.display())]
    Differ {
        /// The client.
        client: String,
        /// What differs.
        what: &'static str,
        /// The folder of the first.
        first: PathBuf,
        /// The folder of the second.
        second: PathBuf,
        /// What the first says.
        one: String,
        /// What the second says.
        other: String,
    },
    /// A client or a scenario is called what no folder can be called.
    #[error("`{}` has files of `{}`, which is no name of a folder in a report", folder.display(), name.escape_debug())]
    Name {
        /// The folder of the report.
        folder: PathBuf,
        /// The name.
        name: String,
    },
    /// The same share of the scenarios stands in two.
    #[error("`{}` and `{}` are both {what} of `{client}`", first.display(), second.display())]
    Twice {
        /// The client.
        client: String,
        /// What they both are: a shard, the whole, or a scenario.
        what: String,
        /// The folder of the first.
        first: PathBuf,
        /// The folder of the second.
        second: PathBuf,
    },
    /// They were written by different versions.
    #[error("`{}` was written by crosscheck {one} and `{}` by crosscheck {other}", first.display(), second.display())]
    Versions {
        /// The folder of the first.
        first: PathBuf,
        /// The folder of the second.
        second: PathBuf,
        /// The version of the first.
        one: String,
        /// The version of the second.
        other: String,
    },
}

/// A client in one of the reports, and the folder in which its files stand.
#[derive(Debug)]
struct Part {
    folder: PathBuf,
    client: ClientReport,
}

/// Joins reports, each with its folder, client by client in the order in which these first appear.
///
/// # Errors
/// When two of them do not fit together.
pub fn merge(reports: Vec<(PathBuf, Report)>) -> Result<Merged, MergeError> {
    let crosscheck = one_version(&reports)?;
    let mut rules = BTreeMap::new();
    let mut clients: Vec<(String, Vec<Part>)> = Vec::new();
    for (folder, report) in reports {
        rules.extend(report.rules);
        let several = report.clients.len() > 1;
        for client in report.clients {
            check_names(&folder, &client)?;
            let folder = if several { folder.join(&client.name) } else { folder.clone() };
            let name = client.name.clone();
            let part = Part { folder, client };
            match clients.iter_mut().find(|(known, _)| *known == name) {
                Some((_, parts)) => parts.push(part),
                None => clients.push((name, vec![part])),
            }
        }
    }
    let origins = clients.iter().map(|(_, parts)| parts.iter().map(Part::origin).collect()).collect();
    let clients = clients.into_iter().map(|(_, parts)| join(parts)).collect::<Result<_, _>>()?;
    Ok(Merged { report: Report { crosscheck, rules, ..Report::new(clients) }, origins })
}

/// The version that wrote all reports.
fn one_version(reports: &[(PathBuf, Report)]) -> Result<String, MergeError> {
    let Some(((first, Report { crosscheck: one, .. }), others)) = reports.split_first() else {
        return Ok(String::new());
    };
    match others.iter().find(|(_, other)| other.crosscheck != *one) {
        None => Ok(one.clone()),
        Some((second, other)) => Err(MergeError::Versions {
            first: first.clone(),
            second: second.clone(),
            one: one.clone(),
            other: other.crosscheck.clone(),
        }),
    }
}

/// Whether a client and its scenarios are called what folders within a report can be called.
fn check_names(folder: &Path, client: &ClientReport) -> Result<(), MergeError> {
    let plain = |component: Component<'_>| matches!(component, Component::Normal(_));
    let is_path = |name: &str| !name.is_empty() && Path::new(name).components().all(plain);
    let ids = client.scenarios.iter().map(|scenario| scenario.id.as_str());
    match std::iter::once(client.name.as_str()).chain(ids).find(|name| !is_path(name)) {
        None => Ok(()),
        Some(name) => Err(MergeError::Name { folder: folder.to_owned(), name: name.to_owned() }),
    }
}

impl Part {
    fn origin(&self) -> Origin {
        let scenarios = self.client.scenarios.iter().map(|scenario| scenario.id.clone()).collect();
        Origin { folder: self.folder.clone(), scenarios }
    }

    fn shard(&self) -> Option<Shard> {
        self.client.run.as_ref()?.shard
    }
}

/// Joins the parts of one client, of which there is at least one.
fn join(parts: Vec<Part>) -> Result<ClientReport, MergeError> {
    for second in &parts[1..] {
        same_run(&parts[0], second)?;
    }
    let missing = missing(&parts)?;
    only_once(&parts)?;
    let mut parts = parts.into_iter().map(|part| part.client);
    let mut whole = parts.next().expect("a client is known by a part of it");
    parts.for_each(|part| add(&mut whole, part));
    whole.scenarios.sort_by(|one, other| one.id.cmp(&other.id));
    whole.level_in_words = level_in_words(whole.counts.outcome_reports, whole.counts.judged());
    if let Some(run) = &mut whole.run {
        run.shard = None;
        run.missing_shards.extend(missing);
    }
    Ok(whole)
}

/// Whether two parts are of one run.
fn same_run(first: &Part, second: &Part) -> Result<(), MergeError> {
    for ((what, one), (_, other)) in decisive(first).into_iter().zip(decisive(second)) {
        if one != other {
            return Err(MergeError::Differ {
                client: first.client.name.clone(),
                what,
                first: first.folder.clone(),
                second: second.folder.clone(),
                one,
                other,
            });
        }
    }
    Ok(())
}

/// What decides which findings there are and which of them count, by name.
fn decisive(part: &Part) -> Vec<(&'static str, String)> {
    let as_of = part.client.as_of.clone().unwrap_or_else(|| "none".to_owned());
    let mut facts = vec![("the release whose rules count", as_of)];
    if let Some(run) = &part.client.run {
        let shards = run.shard.map(|shard| format!("{} shards", shard.count()));
        facts.extend([
            ("the number of shards", shards.unwrap_or_else(|| "no shard".to_owned())),
            ("the profile", run.profile.to_string()),
            ("the command", run.command.clone()),
            ("the MCP revision", run.spec_version.as_str().to_owned()),
            ("the flow name", run.flow_name.clone()),
            ("what is declared", run.declared.join(",")),
            ("whether warnings are denied", run.deny_warnings.to_string()),
        ]);
    }
    facts
}

/// The shards that are not among `parts`.
fn missing(parts: &[Part]) -> Result<Vec<Shard>, MergeError> {
    let mut there: BTreeMap<Option<u32>, &Part> = BTreeMap::new();
    let mut count = 0;
    for part in parts {
        let shard = part.shard();
        if let Some(first) = there.insert(shard.map(|shard| shard.index()), part) {
            let what = shard.map_or_else(|| "the whole run".to_owned(), |shard| format!("shard {shard}"));
            return Err(twice(first, part, what));
        }
        count = shard.map_or(0, |shard| shard.count());
    }
    let absent = (1..=count).filter(|index| !there.contains_key(&Some(*index)));
    Ok(absent.filter_map(|index| Shard::new(index, count).ok()).collect())
}

/// Whether no scenario stands in two parts.
fn only_once(parts: &[Part]) -> Result<(), MergeError> {
    let mut seen: BTreeMap<&ScenarioId, &Part> = BTreeMap::new();
    for part in parts {
        for scenario in &part.client.scenarios {
            if let Some(first) = seen.insert(&scenario.id, part) {
                return Err(twice(first, part, format!("of scenario {}", scenario.id)));
            }
        }
    }
    Ok(())
}

fn twice(first: &Part, second: &Part, what: String) -> MergeError {
    let client = first.client.name.clone();
    MergeError::Twice { client, what, first: first.folder.clone(), second: second.folder.clone() }
}

fn add(whole: &mut ClientReport, part: ClientReport) {
    whole.as_expected &= part.as_expected;
    whole.level = whole.level.max(part.level);
    whole.counts = whole.counts + part.counts;
    let stale: BTreeSet<_> = whole.stale.drain(..).chain(part.stale).collect();
    whole.stale = stale.into_iter().collect();
    whole.scenarios.extend(part.scenarios);
    if let (Some(whole), Some(part)) = (&mut whole.run, part.run) {
        whole.not_played += part.not_played;
        // Shards run beside each other.
        whole.took_ms = whole.took_ms.max(part.took_ms);
        if part.started_at < whole.started_at {
            whole.started_at = part.started_at;
        }
    }
}
