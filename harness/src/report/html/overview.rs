//! Scenarios and requirements as tables of counts.

use std::collections::BTreeMap;

use serde::Serialize;

use crosscheck_scenarios::RequirementId;

use crate::check::Verdict;
use crate::report::html::findings::RuleShown;
use crate::report::model::{ClientReport, Report, ScenarioResult};

/// Results in the order of columns and buttons.
const RESULTS: [ScenarioResult; 5] = [
    ScenarioResult::Failed,
    ScenarioResult::Warned,
    ScenarioResult::Expected,
    ScenarioResult::Passed,
    ScenarioResult::NotApplicable,
];

/// A result and how many scenarios have it.
#[derive(Debug, Serialize)]
pub(super) struct Counted {
    result: ScenarioResult,
    word: &'static str,
    count: usize,
    /// How many have one of the results before it.
    before: usize,
}

/// The scenarios of a subject by result.
#[derive(Debug, Serialize)]
pub(super) struct Subject<'a> {
    name: &'a str,
    counts: Vec<Counted>,
    total: usize,
}

/// How many scenarios of a client have each result.
pub(super) fn totals(client: &ClientReport) -> Vec<Counted> {
    counted(|result| client.scenarios.iter().filter(|scenario| scenario.result == result).count())
}

/// The subjects of a client, in the order of its scenarios.
pub(super) fn subjects(client: &ClientReport) -> Vec<Subject<'_>> {
    let chunks = client.scenarios.chunk_by(|one, other| one.subject() == other.subject());
    let subject = chunks.map(|of_it| Subject {
        name: of_it.first().map_or("", |scenario| scenario.subject()),
        counts: counted(|result| of_it.iter().filter(|scenario| scenario.result == result).count()),
        total: of_it.len(),
    });
    subject.collect()
}

fn counted(count: impl Fn(ScenarioResult) -> usize) -> Vec<Counted> {
    let mut before = 0;
    let counted = RESULTS.map(|result| {
        let counted = Counted { result, word: result.as_str(), count: count(result), before };
        before += counted.count;
        counted
    });
    counted.into()
}

/// A requirement and how often it was kept and broken.
#[derive(Debug, Serialize)]
pub(super) struct Requirement<'a> {
    pub(super) id: &'a str,
    rule: Option<RuleShown<'a>>,
    failed: usize,
    warned: usize,
    told: usize,
    passed: usize,
    not_applicable: usize,
}

impl Requirement<'_> {
    /// Whether it applied anywhere.
    pub(super) fn applied(&self) -> bool {
        self.failed + self.warned + self.told + self.passed > 0
    }
}

/// Every requirement that a check was about, in the order of ids.
pub(super) fn requirements<'a>(report: &'a Report, client: &'a ClientReport) -> Vec<Requirement<'a>> {
    let mut counts: BTreeMap<&str, BTreeMap<Verdict, usize>> = BTreeMap::new();
    for scenario in &client.scenarios {
        let found = scenario.checks.iter().map(|check| (check.requirement.as_str(), check.verdict));
        // A check is called by its requirement, and the party where it is judged at each.
        let bare = |id: &'a String| id.split('@').next().unwrap_or_default();
        let passed = scenario.passed.iter().map(|id| (bare(id), Verdict::Pass));
        let rest = scenario.not_applicable.values().flatten();
        let rest = rest.map(|id| (bare(id), Verdict::NotApplicable));
        for (id, verdict) in found.chain(passed).chain(rest) {
            *counts.entry(id).or_default().entry(verdict).or_default() += 1;
        }
    }
    let requirement = counts.into_iter().map(|(id, counts)| {
        let of = |verdict| counts.get(&verdict).copied().unwrap_or_default();
        Requirement {
            id,
            rule: RuleShown::of(report, &RequirementId::new(id)),
            failed: of(Verdict::Fail) + of(Verdict::NotReached),
            warned: of(Verdict::Warn),
            told: of(Verdict::Info),
            passed: of(Verdict::Pass),
            not_applicable: of(Verdict::NotApplicable),
        }
    });
    requirement.collect()
}
