//! Joins the reports of shards into that of the whole run, and those of several clients into one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crosscheck_scenarios::ScenarioId;

use crate::report::model::{ClientReport, Counts, Report, RunFacts};
use crate::select::Shard;
use crate::summary::level_in_words;

/// A client in one of the reports that are joined.
#[derive(Clone, Debug)]
pub struct Part {
    /// The folder in which its files stand.
    pub folder: PathBuf,
    /// What is said of it there.
    pub client: ClientReport,
}

/// A client with everything that was said of it.
#[derive(Debug)]
pub struct Merged {
    /// The joined report.
    pub client: ClientReport,
    /// The folders from which it comes.
    pub folders: Vec<PathBuf>,
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
}

/// Joins parts, client by client in the order in which they first appear. What is missing stands in
/// [`RunFacts::missing_shards`].
///
/// # Errors
/// When two of them do not fit together.
pub fn merge(parts: Vec<Part>) -> Result<Vec<Merged>, MergeError> {
    let mut clients: Vec<(String, Vec<Part>)> = Vec::new();
    for part in parts {
        match clients.iter_mut().find(|(name, _)| *name == part.client.name) {
            Some((_, parts)) => parts.push(part),
            None => clients.push((part.client.name.clone(), vec![part])),
        }
    }
    clients.into_iter().map(|(_, parts)| join(parts)).collect()
}

/// The report of merged clients; `reports` are those that they come from.
///
/// # Errors
/// When these were written by different versions.
pub fn report(merged: &[Merged], reports: &[(PathBuf, Report)]) -> Result<Report, MergeError> {
    let mut rules = BTreeMap::new();
    let mut version: Option<&(PathBuf, Report)> = None;
    for part in reports {
        let (first, one) = version.get_or_insert(part);
        if one.crosscheck != part.1.crosscheck {
            return Err(MergeError::Versions {
                first: first.clone(),
                second: part.0.clone(),
                one: one.crosscheck.clone(),
                other: part.1.crosscheck.clone(),
            });
        }
        rules.extend(part.1.rules.clone());
    }
    let crosscheck = version.map(|(_, report)| report.crosscheck.clone()).unwrap_or_default();
    let clients = merged.iter().map(|merged| merged.client.clone()).collect();
    Ok(Report { crosscheck, rules, ..Report::new(clients) })
}

fn join(parts: Vec<Part>) -> Result<Merged, MergeError> {
    let folders: Vec<_> = parts.iter().map(|part| part.folder.clone()).collect();
    for second in &parts[1..] {
        same_run(&parts[0], second)?;
    }
    let missing = missing(&parts)?;
    only_once(&parts)?;
    let mut parts = parts.into_iter().map(|part| part.client);
    let mut whole = parts.next().unwrap_or_else(|| unreachable!("a client is known by a part of it"));
    for part in parts {
        add(&mut whole, part);
    }
    whole.scenarios.sort_by(|one, other| one.id.cmp(&other.id));
    whole.level_in_words = level_in_words(whole.counts.outcome_reports, whole.counts.judged());
    if let Some(run) = &mut whole.run {
        run.shard = None;
        run.missing_shards.extend(missing);
    }
    Ok(Merged { client: whole, folders })
}

/// Whether two parts are of one run.
fn same_run(first: &Part, second: &Part) -> Result<(), MergeError> {
    let facts = |part: &Part| part.client.run.as_ref().map_or_else(Vec::new, decisive);
    for ((what, one), (_, other)) in facts(first).into_iter().zip(facts(second)) {
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

/// What decides which findings there are, by name.
fn decisive(run: &RunFacts) -> Vec<(&'static str, String)> {
    let of = shard(run).map_or_else(|| "no shard".to_owned(), |shard| format!("{} shards", shard.count()));
    vec![
        ("the number of shards", of),
        ("the profile", run.profile.to_string()),
        ("the command", run.command.clone()),
        ("the MCP revision", run.spec_version.as_str().to_owned()),
        ("the flow name", run.flow_name.clone()),
        ("what is declared", run.declared.join(",")),
        ("whether warnings are denied", run.deny_warnings.to_string()),
    ]
}

fn shard(run: &RunFacts) -> Option<Shard> {
    run.shard.as_deref()?.parse().ok()
}

/// The shards that are not among `parts`.
fn missing(parts: &[Part]) -> Result<Vec<String>, MergeError> {
    let mut there: BTreeMap<Option<u32>, &Part> = BTreeMap::new();
    let mut count = 0;
    for part in parts {
        let shard = part.client.run.as_ref().and_then(shard);
        if let Some(first) = there.insert(shard.map(|shard| shard.index()), part) {
            let what = shard.map_or_else(|| "the whole run".to_owned(), |shard| format!("shard {shard}"));
            return Err(twice(first, part, what));
        }
        count = shard.map_or(0, |shard| shard.count());
    }
    let absent = (1..=count).filter(|index| !there.contains_key(&Some(*index)));
    Ok(absent.map(|index| format!("{index}/{count}")).collect())
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
    let (first, second) = (first.clone(), second.clone());
    MergeError::Twice { client: first.client.name, what, first: first.folder, second: second.folder }
}

fn add(whole: &mut ClientReport, part: ClientReport) {
    whole.as_expected &= part.as_expected;
    whole.level = whole.level.max(part.level);
    whole.counts = sum(whole.counts, part.counts);
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

fn sum(one: Counts, other: Counts) -> Counts {
    Counts {
        passed: one.passed + other.passed,
        failed: one.failed + other.failed,
        warned: one.warned + other.warned,
        expected: one.expected + other.expected,
        not_applicable: one.not_applicable + other.not_applicable,
        outcome_reports: one.outcome_reports + other.outcome_reports,
        codes_not_shown: one.codes_not_shown + other.codes_not_shown,
    }
}
