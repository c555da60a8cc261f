//! One scenario's section.

use serde::Serialize;

use crosscheck_wire::Transcript;

use crate::check::Finding;
use crate::report::html::Tone;
use crate::report::html::compared::Compared;
use crate::report::html::findings::RuleShown;
use crate::report::html::message::Recorded;
use crate::report::html::sequence::{Diagram, Marks};
use crate::report::model::{CheckReport, ClientReport, Report, ScenarioReport, ScenarioResult, Standing};
use crate::text::{count, milliseconds};

/// Which sections are open at first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opens {
    failed: bool,
    every: bool,
}

impl Opens {
    pub(super) fn of(client: &ClientReport) -> Self {
        Self { failed: client.counts.failed <= FEW, every: client.scenarios.len() == 1 }
    }

    fn opens(self, scenario: &ScenarioReport) -> bool {
        self.every || self.failed && scenario.result == ScenarioResult::Failed
    }
}

/// Failed scenarios that are read from the first to the last.
const FEW: usize = 10;

/// What the template of a scenario takes.
#[derive(Debug, Serialize)]
pub(super) struct Section<'a> {
    /// The subject, where this is its first scenario.
    begins: Option<&'a str>,
    id: &'a str,
    title: &'a str,
    why: &'a str,
    result: ScenarioResult,
    word: &'static str,
    open: bool,
    took: String,
    level: Option<u8>,
    undeclared: &'a [String],
    /// What was found, the worst first.
    found: Vec<Found<'a>>,
    not_applicable: Vec<&'a String>,
    passed: &'a [String],
    diagram: Option<Diagram>,
    recorded: Option<Recorded<'a>>,
    /// Lines of the diff, each behind the kind of its mark.
    difference: Vec<(&'static str, &'a str)>,
    again: &'a str,
}

/// One finding.
#[derive(Debug, Serialize)]
struct Found<'a> {
    id: &'a str,
    tone: Tone,
    verdict: &'static str,
    /// Whether it would count by the newest rules, and does not by those of the release that was named.
    announced: bool,
    reason: Option<&'a str>,
    message: Option<&'a str>,
    exchange: Option<usize>,
    what: &'a str,
    compared: Vec<Compared<'a>>,
    as_expected: &'a [String],
    excerpt: Option<Vec<&'a str>>,
    /// The number of the message, where there is one, and what happened.
    then: Vec<(Option<usize>, &'a str)>,
    covers: Vec<&'a str>,
    repeated: Option<String>,
    rule: Option<RuleShown<'a>>,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        report: &'a Report,
        scenario: &'a ScenarioReport,
        transcript: Option<&'a Transcript>,
        begins: bool,
        opens: Opens,
    ) -> Self {
        let marks = Marks::new(scenario);
        let mut found: Vec<_> = scenario
            .checks
            .iter()
            .filter(|check| Tone::of(check) > Tone::Plain)
            .filter_map(|check| Some(Found::new(report, check, check.finding.as_ref()?)))
            .collect();
        found.sort_by_key(|found| std::cmp::Reverse(found.tone));
        Self {
            begins: begins.then(|| scenario.subject()),
            id: scenario.id.as_str(),
            title: &scenario.title,
            why: &scenario.why,
            result: scenario.result,
            word: scenario.result.as_str(),
            open: opens.opens(scenario),
            took: milliseconds(scenario.took_us),
            level: scenario.level,
            undeclared: &scenario.undeclared,
            found,
            not_applicable: scenario.not_applicable.values().flatten().collect(),
            passed: &scenario.passed,
            diagram: transcript.and_then(|transcript| Diagram::new(transcript, &marks)),
            recorded: transcript.map(|transcript| Recorded::new(transcript, &marks)),
            difference: scenario.difference.iter().map(|line| (side(line), line.as_str())).collect(),
            again: &scenario.again,
        }
    }
}

impl<'a> Found<'a> {
    fn new(report: &'a Report, check: &'a CheckReport, finding: &'a Finding) -> Self {
        let compared = finding.compared.iter();
        Self {
            id: &check.id,
            tone: Tone::of(check),
            verdict: check.verdict.as_str(),
            announced: check.standing == Standing::Announced,
            reason: check.reason.as_deref(),
            message: check.message.as_deref(),
            exchange: finding.exchange,
            what: &finding.what,
            compared: compared.map(|one| Compared::new(one, finding.exchange.is_some())).collect(),
            as_expected: &finding.as_expected,
            excerpt: finding.excerpt.as_ref().map(|excerpt| excerpt.lines().collect()),
            then: finding.then.iter().map(|one| (one.exchange, one.what.as_str())).collect(),
            covers: finding.covers.iter().map(|id| id.as_str()).collect(),
            repeated: (finding.repeated > 0).then(|| count(finding.repeated, "more time")),
            rule: RuleShown::of(report, &check.requirement),
        }
    }
}

/// Which text a line of a unified diff is of.
fn side(line: &str) -> &'static str {
    match line.chars().next() {
        Some('+') => "ins",
        Some('-') => "del",
        Some('@') => "gap",
        _ => "both",
    }
}
