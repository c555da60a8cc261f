//! Findings by requirement: one cause is read once, however many scenarios show it.

use std::borrow::Cow;

use serde::Serialize;

use crosscheck_scenarios::{Catalogue, RequirementId};

use crate::report::html::Tone;
use crate::report::model::{CheckReport, ClientReport, Report, ScenarioReport};
use crate::text::count;

/// What a requirement demands, from the report or from the catalogue.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RuleShown<'a> {
    keyword: Cow<'a, str>,
    source: &'a [String],
    summary: &'a str,
    mend: &'a str,
}

impl<'a> RuleShown<'a> {
    /// None where a report of another version names a requirement that is unknown here.
    pub(super) fn of(report: &'a Report, id: &RequirementId) -> Option<Self> {
        if let Some(rule) = report.rules.get(id) {
            let keyword = rule.keyword.as_str().into();
            return Some(Self { keyword, source: &rule.source, summary: &rule.summary, mend: &rule.mend });
        }
        let row = Catalogue::embedded().find(id.as_str())?;
        Some(Self {
            keyword: row.keyword.to_string().into(),
            source: &row.source,
            summary: &row.summary,
            mend: &row.mend,
        })
    }
}

/// Everything that was found of one requirement, in one tone.
#[derive(Debug, Serialize)]
pub(super) struct Group<'a> {
    requirement: &'a str,
    pub(super) tone: Tone,
    rule: Option<RuleShown<'a>>,
    /// Such as `3 scenarios, one cause`.
    extent: String,
    causes: Vec<Cause<'a>>,
}

/// One sentence, and the scenarios in which it was said.
#[derive(Debug, Serialize)]
struct Cause<'a> {
    what: &'a str,
    reason: Option<&'a str>,
    scenarios: Vec<&'a str>,
}

/// The findings of a client by requirement, the worst and then the most frequent first.
pub(super) fn groups<'a>(report: &'a Report, client: &'a ClientReport) -> Vec<Group<'a>> {
    let mut groups: Vec<(&RequirementId, Group<'a>)> = Vec::new();
    for (scenario, check) in found(client) {
        let tone = Tone::of(check);
        let same =
            |(id, group): &&mut (&RequirementId, Group<'_>)| **id == check.requirement && group.tone == tone;
        let group = match groups.iter_mut().find(same) {
            Some((_, group)) => group,
            None => {
                let rule = RuleShown::of(report, &check.requirement);
                let requirement = check.requirement.as_str();
                let group = Group { requirement, tone, rule, extent: String::new(), causes: Vec::new() };
                &mut groups.push_mut((&check.requirement, group)).1
            }
        };
        group.add(scenario, check);
    }
    let mut groups: Vec<_> = groups.into_iter().map(|(_, group)| group).collect();
    for group in &mut groups {
        group.extent = group.extent();
    }
    groups.sort_by_key(|group| std::cmp::Reverse((group.tone, group.scenarios())));
    groups
}

fn found(client: &ClientReport) -> impl Iterator<Item = (&ScenarioReport, &CheckReport)> {
    client.checks().filter(|(_, check)| Tone::of(check) > Tone::Plain)
}

impl<'a> Group<'a> {
    fn add(&mut self, scenario: &'a ScenarioReport, check: &'a CheckReport) {
        let what = check.finding.as_ref().map_or("", |finding| &finding.what);
        let reason = check.reason.as_deref();
        let id = scenario.id.as_str();
        match self.causes.iter_mut().find(|cause| cause.what == what && cause.reason == reason) {
            Some(cause) if cause.scenarios.last() == Some(&id) => {}
            Some(cause) => cause.scenarios.push(id),
            None => self.causes.push(Cause { what, reason, scenarios: vec![id] }),
        }
    }

    fn scenarios(&self) -> usize {
        self.causes.iter().map(|cause| cause.scenarios.len()).sum()
    }

    fn extent(&self) -> String {
        let scenarios = count(self.scenarios(), "scenario");
        match (self.causes.len(), self.scenarios()) {
            (1, 2..) => format!("{scenarios}, one cause"),
            _ => scenarios,
        }
    }
}
