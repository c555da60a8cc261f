//! `report.json`: everything about the runs of one or more clients except the transcripts, which stand in files of their
//! own. Every other file of a report is made from it, so that saved reports can be merged and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Add;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crosscheck_scenarios::{Party, Profile, RequirementId, ScenarioId, SpecVersion};

use crate::check::{Finding, Verdict};
use crate::select::Shard;
use crate::text::count;

/// Version of the form.
pub const VERSION: u32 = 1;

/// A report.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[schemars(title = "report.json of crosscheck")]
pub struct Report {
    /// Version of this form: 1.
    pub version: u32,
    /// Version of crosscheck that judged.
    pub crosscheck: String,
    /// Whether every client is as expected: exit code 0, unless exchanges differ from the pinned ones.
    pub as_expected: bool,
    /// The rules behind the findings, by requirement.
    pub rules: BTreeMap<RequirementId, Rule>,
    /// The clients, in the order in which they were driven.
    pub clients: Vec<ClientReport>,
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// When the text is no report of the form that is known here.
    pub fn parse(text: &[u8]) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        match serde_json::from_slice(text) {
            Ok(Head { version: VERSION }) => serde_json::from_slice(text).map_err(ReportError::Damaged),
            Ok(Head { version }) => Err(ReportError::OtherVersion(version)),
            Err(error) => Err(ReportError::Damaged(error)),
        }
    }

    /// What it says of `client`, one of its own, as a report of that client alone.
    #[must_use]
    pub fn of_client(&self, client: &ClientReport) -> Self {
        let found: BTreeSet<_> = client.checks().map(|(_, check)| &check.requirement).collect();
        let rules = self.rules.iter().filter(|(id, _)| found.contains(id));
        Self {
            version: self.version,
            crosscheck: self.crosscheck.clone(),
            as_expected: client.as_expected,
            rules: rules.map(|(id, rule)| (id.clone(), rule.clone())).collect(),
            clients: vec![client.clone()],
        }
    }
}

/// Why a text cannot be read as a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It is cut, or something else.
    #[error("it is no report: {0}")]
    Damaged(serde_json::Error),
    /// This version of crosscheck does not know its form.
    #[error("it has version {0} of the form of reports, and this crosscheck reads version {VERSION}")]
    OtherVersion(u32),
}

/// What a requirement demands.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Rule {
    /// The keyword of RFC 2119, such as `MUST NOT`.
    pub keyword: String,
    /// Document and section, as they are cited.
    pub source: Vec<String>,
    /// What must be so, in one sentence.
    pub summary: String,
    /// How a breach is mended, in one sentence.
    pub mend: String,
}

/// One client.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ClientReport {
    /// Its name in the configuration, or that of its program.
    pub name: String,
    /// Whether it has no failure, no denied warning and no stale entry.
    pub as_expected: bool,
    /// How it was driven; none for saved transcripts, which may be of several runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunFacts>,
    /// The level of the client contract that it was judged at; none where nothing was judged.
    pub level: Option<u8>,
    /// The same in words.
    pub level_in_words: Option<String>,
    /// Scenarios by what came of them.
    pub counts: Counts,
    /// The release whose rules count, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Expected findings that no longer occur, each in one line with its place.
    pub stale: Vec<String>,
    /// The scenarios, in the order of their ids.
    pub scenarios: Vec<ScenarioReport>,
}

impl ClientReport {
    /// Every check that found something, with its scenario.
    pub fn checks(&self) -> impl Iterator<Item = (&ScenarioReport, &CheckReport)> {
        self.scenarios.iter().flat_map(|scenario| scenario.checks.iter().map(move |check| (scenario, check)))
    }

    /// How it fares in one line, such as `109 of 112 passed · 2 failed · 1 with warnings`.
    pub fn headline(&self) -> String {
        let counts = self.counts;
        let mut parts = vec![format!("{} of {} passed", counts.passed, counts.judged())];
        for (number, what) in [
            (counts.failed, "failed"),
            (counts.warned, "with warnings"),
            (counts.expected, "with expected findings"),
            (counts.not_applicable, "not applicable"),
        ] {
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        }
        if !self.stale.is_empty() {
            parts.push(count(self.stale.len(), "stale expectation"));
        }
        parts.join(" · ")
    }

    /// Whether its warnings fail the run.
    pub(super) fn denies_warnings(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.deny_warnings)
    }
}

/// How a client was driven.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct RunFacts {
    /// The command, as a shell would take it.
    pub command: String,
    /// The documents it is judged by.
    pub profile: Profile,
    /// The frozen revisions of these documents.
    pub documents: Vec<String>,
    /// The MCP revision it was told to speak.
    pub spec_version: SpecVersion,
    /// The flow name that it was given.
    pub flow_name: String,
    /// What it declares about itself.
    pub declared: Vec<String>,
    /// Whether warnings fail the run.
    pub deny_warnings: bool,
    /// When the run began, RFC 3339.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The share of the scenarios that was played, such as `2/3`; none for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub shard: Option<Shard>,
    /// Shards that were not there when reports were merged, such as `2/3`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub missing_shards: Vec<Shard>,
    /// Scenarios that were not played because the run ended at the first failure.
    #[serde(default)]
    pub not_played: usize,
}

/// Scenarios by what came of them, and what else is counted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Counts {
    /// Scenarios without any finding that counts.
    pub passed: usize,
    /// Scenarios with an unexpected failure.
    pub failed: usize,
    /// Scenarios with unexpected warnings and no unexpected failure.
    pub warned: usize,
    /// Scenarios whose only findings that count were expected.
    pub expected: usize,
    /// Scenarios that need what the client does not declare.
    pub not_applicable: usize,
    /// Scenarios in which the client wrote an outcome report that can be read.
    pub outcome_reports: usize,
    /// Error codes that could not be judged because the client wrote no outcome report.
    pub codes_not_shown: usize,
}

impl Counts {
    /// Scenarios that were judged.
    pub fn judged(&self) -> usize {
        self.passed + self.failed + self.warned + self.expected
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            warned: self.warned + other.warned,
            expected: self.expected + other.expected,
            not_applicable: self.not_applicable + other.not_applicable,
            outcome_reports: self.outcome_reports + other.outcome_reports,
            codes_not_shown: self.codes_not_shown + other.codes_not_shown,
        }
    }
}

/// One scenario.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ScenarioReport {
    /// Its id.
    pub id: ScenarioId,
    /// What it plays, in one line.
    pub title: String,
    /// Why a client meets this in life.
    pub why: String,
    /// What came of it.
    pub result: ScenarioResult,
    /// The verdict on it, expected findings included: that of its worst check.
    pub verdict: Verdict,
    /// 2 where it was judged by an outcome report, 1 without; none where it does not apply.
    pub level: Option<u8>,
    /// How long it took, the client's time included, in microseconds.
    pub took_us: u64,
    /// What it needs and the client does not declare.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undeclared: Vec<String>,
    /// The checks that found something.
    pub checks: Vec<CheckReport>,
    /// The ids of the checks that passed.
    pub passed: Vec<String>,
    /// The ids of the checks that did not apply, by the reason.
    pub not_applicable: BTreeMap<String, Vec<String>>,
    /// How the canonical exchange differs from the nearest on file, as lines of a unified diff.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub difference: Vec<String>,
    /// The command that plays just this again.
    pub again: String,
}

impl ScenarioReport {
    /// The folder of its id: `discovery` of `discovery/issuer-without-path`.
    pub fn subject(&self) -> &str {
        self.id.as_str().split('/').next().unwrap_or_default()
    }
}

/// What came of a scenario.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScenarioResult {
    /// It needs what the client does not declare.
    NotApplicable,
    /// Nothing was found that counts.
    Passed,
    /// What counts was expected.
    Expected,
    /// There are warnings.
    Warned,
    /// There is a failure.
    Failed,
}

impl ScenarioResult {
    /// The word in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotApplicable => "not applicable",
            Self::Passed => "passed",
            Self::Expected => "expected",
            Self::Warned => "warned",
            Self::Failed => "failed",
        }
    }
}

/// One check that found something.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CheckReport {
    /// The id that is reported: the requirement, and the party where it is judged at each, such as `cauth-present@as`.
    pub id: String,
    /// The requirement.
    pub requirement: RequirementId,
    /// The party at which it was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Party>,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether it counts.
    pub standing: Standing,
    /// Why it is expected, as the list of expected findings says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The message in which it was first seen, in brief: `#4  POST idp /token   token endpoint, answered 400`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
}

/// Whether a finding counts, and as what.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It fails the run.
    Failure,
    /// It counts as a warning.
    Warning,
    /// It was expected.
    Expected,
    /// It is newer than the release whose rules count, and told only.
    Announced,
    /// It is told, and never counted.
    Told,
}

impl Standing {
    /// Whether it was not expected and counts.
    pub fn is_counted(self) -> bool {
        matches!(self, Self::Failure | Self::Warning)
    }
}
