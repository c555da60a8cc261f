//! Makes the report of a run.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crosscheck_scenarios::{Capability, Catalogue, RequirementId};

use crate::baseline::Baseline;
use crate::check::{Check, Verdict};
use crate::report::finding;
use crate::report::model::{
    CheckReport, ClientReport, Counts, Report, Rule, RunFacts, ScenarioReport, ScenarioResult, Standing,
    VERSION,
};
use crate::run::{Played, PlayedResult, Settings};
use crate::summary::{Found, Summary};

/// What is known of one client once its scenarios are judged.
pub struct JudgedClient<'a> {
    /// Its name.
    pub name: &'a str,
    /// How it was driven; none for saved transcripts.
    pub run: Option<RunFacts>,
    /// Its scenarios, in the order of their ids.
    pub all: &'a [Played],
    /// What they come to.
    pub summary: &'a Summary<'a>,
    /// What is expected of it.
    pub baseline: &'a Baseline,
    /// The command that plays a scenario again.
    pub again: &'a dyn Fn(&Played) -> String,
}

impl RunFacts {
    /// The facts of a run with `settings` that began at `started`; `command` is the client's, as one would type it.
    pub fn new(
        command: String,
        settings: &Settings,
        summary: &Summary<'_>,
        started: SystemTime,
        took: Duration,
    ) -> Self {
        let started = OffsetDateTime::from(started);
        let started = started.replace_nanosecond(0).unwrap_or(started);
        Self {
            command,
            profile: settings.profile,
            documents: settings.profile.documents().map(str::to_owned).collect(),
            spec_version: settings.spec_version,
            flow_name: settings.flow_name.clone(),
            declared: words(&settings.declared.0),
            deny_warnings: summary.denies_warnings(),
            started_at: started.format(&Rfc3339).unwrap_or_default(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            shard: None,
            missing_shards: Vec::new(),
            not_played: 0,
        }
    }
}

impl Report {
    /// The report of `clients`.
    pub fn new(clients: Vec<ClientReport>) -> Self {
        let found = clients.iter().flat_map(ClientReport::checks);
        let found = found.filter(|(_, check)| check.finding.is_some());
        let rules = found.filter_map(|(_, check)| {
            let row = Catalogue::embedded().find(check.requirement.as_str())?;
            let (source, summary, mend) = (row.source.clone(), row.summary.clone(), row.mend.clone());
            Some((row.id.clone(), Rule { keyword: row.keyword.to_string(), source, summary, mend }))
        });
        Self {
            version: VERSION,
            crosscheck: env!("CARGO_PKG_VERSION").to_owned(),
            as_expected: clients.iter().all(|client| client.as_expected),
            rules: rules.collect::<BTreeMap<RequirementId, Rule>>(),
            clients,
        }
    }
}

impl ClientReport {
    /// The report of one client.
    pub fn new(judged: JudgedClient<'_>) -> Self {
        let JudgedClient { name, run, all, summary, baseline, again } = judged;
        let standings = standings(summary);
        Self {
            name: name.to_owned(),
            as_expected: summary.as_expected(),
            run,
            level: summary.level(),
            level_in_words: summary.level_in_words(),
            counts: Counts {
                passed: summary.passed,
                failed: summary.failed,
                warned: summary.warned,
                expected: summary.known,
                not_applicable: summary.not_applicable,
                outcome_reports: summary.outcome_reports,
                codes_not_shown: summary.codes_not_shown,
            },
            as_of: summary.as_of.map(|release| release.version().to_owned()),
            stale: summary.stale.iter().map(|stale| format!("{stale} ({})", stale.place)).collect(),
            scenarios: all
                .iter()
                .map(|played| scenario(played, &standings, baseline, again(played)))
                .collect(),
        }
    }
}

/// What of the checks counts, by where they stand in memory; the rest is told.
type Standings = HashMap<*const Check, Standing>;

fn standings(summary: &Summary<'_>) -> Standings {
    let of = |list: &[Found<'_>], standing| {
        list.iter().map(move |found| (std::ptr::from_ref(found.check), standing)).collect::<Vec<_>>()
    };
    let announced: Vec<_> = summary.announced.iter().map(|announced| announced.found).collect();
    // What is announced and counts as a warning all the same stands among the warnings, which come later.
    of(&announced, Standing::Announced)
        .into_iter()
        .chain(of(&summary.failures, Standing::Failure))
        .chain(of(&summary.warnings, Standing::Warning))
        .chain(of(&summary.expected, Standing::Expected))
        .collect()
}

fn scenario(played: &Played, standings: &Standings, baseline: &Baseline, again: String) -> ScenarioReport {
    let mut checks = Vec::new();
    let mut passed = Vec::new();
    let mut not_applicable: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in played.checks() {
        match (one.verdict, &one.finding) {
            (Verdict::NotApplicable, finding) => {
                let why = finding.as_ref().map(|finding| finding.what.clone()).unwrap_or_default();
                not_applicable.entry(why).or_default().push(one.id());
            }
            (Verdict::Pass, None) => passed.push(one.id()),
            _ => checks.push(check(played, one, standings, baseline)),
        }
    }
    ScenarioReport {
        id: played.scenario.id.clone(),
        title: played.scenario.title.clone(),
        why: played.scenario.why.clone(),
        result: result(played, &checks),
        verdict: played.verdict(),
        level: played.level(),
        took_us: u64::try_from(played.took.as_micros()).unwrap_or(u64::MAX),
        undeclared: match &played.result {
            PlayedResult::NotApplicable(needs) => words(needs),
            PlayedResult::Judged { .. } => Vec::new(),
        },
        checks,
        passed,
        not_applicable,
        difference: played.difference().iter().map(ToString::to_string).collect(),
        again,
    }
}

fn result(played: &Played, checks: &[CheckReport]) -> ScenarioResult {
    let of = |check: &CheckReport| match check.standing {
        Standing::Warning => ScenarioResult::Warned,
        Standing::Failure => ScenarioResult::Failed,
        Standing::Expected => ScenarioResult::Expected,
        Standing::Announced | Standing::Told => ScenarioResult::Passed,
    };
    match played.result {
        PlayedResult::NotApplicable(_) => ScenarioResult::NotApplicable,
        PlayedResult::Judged { .. } => checks.iter().map(of).max().unwrap_or(ScenarioResult::Passed),
    }
}

fn check(played: &Played, check: &Check, standings: &Standings, baseline: &Baseline) -> CheckReport {
    let standing = standings.get(&std::ptr::from_ref(check)).copied().unwrap_or(Standing::Told);
    CheckReport {
        id: check.id(),
        requirement: check.requirement.clone(),
        at: check.at,
        verdict: check.verdict,
        standing,
        reason: if standing == Standing::Expected { baseline.reason(played, check) } else { None },
        message: finding::message(played, check),
        finding: check.finding.clone(),
    }
}

fn words(capabilities: &[Capability]) -> Vec<String> {
    capabilities.iter().map(ToString::to_string).collect()
}
