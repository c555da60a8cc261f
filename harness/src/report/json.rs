//! The run as one JSON document.

use serde::Serialize;

use crosscheck_scenarios::{Capability, Catalogue, Profile, ScenarioId, SpecVersion};

use crate::check::{Check, Verdict};
use crate::run::{Played, PlayedResult, Settings};
use crate::summary::Summary;

/// Version of the form.
const VERSION: u32 = 1;

/// Everything about a run except the transcripts, which stand in files of their own.
#[derive(Serialize)]
pub struct Document<'a> {
    version: u32,
    crosscheck: &'static str,
    /// None for saved transcripts, which may be of several runs.
    #[serde(flatten)]
    run: Option<Run<'a>>,
    as_expected: bool,
    /// The level of the client contract that the run was judged at; null where nothing was judged.
    level: Option<u8>,
    counts: Counts,
    scenarios: Vec<ScenarioReport<'a>>,
}

#[derive(Serialize)]
struct Run<'a> {
    profile: Profile,
    spec_version: SpecVersion,
    command: String,
    declared: &'a [Capability],
}

#[derive(Serialize)]
struct Counts {
    passed: usize,
    failed: usize,
    warned: usize,
    not_applicable: usize,
    outcome_reports: usize,
    with_expected_findings: usize,
    stale_entries: usize,
}

#[derive(Serialize)]
struct ScenarioReport<'a> {
    id: &'a ScenarioId,
    title: &'a str,
    why: &'a str,
    verdict: Verdict,
    /// 2 where it was judged by an outcome report, 1 without; null where it does not apply.
    level: Option<u8>,
    took_us: u64,
    undeclared: &'a [Capability],
    checks: Vec<CheckReport<'a>>,
    /// How the canonical exchange differs from the nearest on file, as a unified diff; empty where it does not.
    difference: Vec<String>,
}

#[derive(Serialize)]
struct CheckReport<'a> {
    id: String,
    #[serde(flatten)]
    check: &'a Check,
    /// The rule behind a finding.
    rule: Option<Rule<'a>>,
}

#[derive(Serialize)]
struct Rule<'a> {
    source: &'a [String],
    summary: &'a str,
    mend: &'a str,
}

impl<'a> Document<'a> {
    /// The document of a run that has ended, or of saved transcripts, which have no settings.
    pub fn new(all: &'a [Played], summary: &Summary<'_>, settings: Option<&'a Settings>) -> Self {
        Self {
            version: VERSION,
            crosscheck: env!("CARGO_PKG_VERSION"),
            run: settings.map(|settings| Run {
                profile: settings.profile,
                spec_version: settings.spec_version,
                command: settings.command.to_line(),
                declared: &settings.declared.0,
            }),
            as_expected: summary.as_expected(),
            level: summary.level(),
            counts: Counts {
                passed: summary.passed,
                failed: summary.failed,
                warned: summary.warned,
                not_applicable: summary.not_applicable,
                outcome_reports: summary.outcome_reports,
                with_expected_findings: summary.known,
                stale_entries: summary.stale.len(),
            },
            scenarios: all.iter().map(scenario).collect(),
        }
    }
}

fn scenario(played: &Played) -> ScenarioReport<'_> {
    ScenarioReport {
        id: &played.scenario.id,
        title: &played.scenario.title,
        why: &played.scenario.why,
        verdict: played.verdict(),
        level: played.level(),
        took_us: u64::try_from(played.took.as_micros()).unwrap_or(u64::MAX),
        undeclared: match &played.result {
            PlayedResult::NotApplicable(needs) => needs,
            PlayedResult::Judged { .. } => &[],
        },
        checks: played.checks().iter().map(check).collect(),
        difference: played.difference().iter().map(ToString::to_string).collect(),
    }
}

fn check(check: &Check) -> CheckReport<'_> {
    let row = Catalogue::embedded().find(check.requirement.as_str());
    let row = row.filter(|_| check.verdict >= Verdict::Info);
    let rule = row.map(|row| Rule { source: &row.source, summary: &row.summary, mend: &row.mend });
    CheckReport { id: check.id(), check, rule }
}
