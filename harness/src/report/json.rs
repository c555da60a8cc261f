//! The run as one JSON document.

use serde::Serialize;
use serde_json::{Value, json};

use crosscheck_scenarios::Catalogue;

use crate::check::Check;
use crate::run::{Played, PlayedResult, Settings};
use crate::summary::Summary;

/// Version of the form.
const VERSION: u32 = 1;

/// Everything about a run except the transcripts, which stand in files of their own.
pub fn document(all: &[Played], summary: &Summary<'_>, settings: &Settings) -> Value {
    json!({
        "version": VERSION,
        "crosscheck": env!("CARGO_PKG_VERSION"),
        "profile": settings.profile,
        "spec_version": settings.spec_version,
        "command": settings.command.to_line(),
        "declared": settings.declared.0.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "as_expected": summary.as_expected(),
        "counts": {
            "passed": summary.passed,
            "failed": summary.failed,
            "warned": summary.warned,
            "not_applicable": summary.not_applicable,
            "with_expected_findings": summary.known,
            "stale_entries": summary.stale.len(),
        },
        "scenarios": all.iter().map(scenario).collect::<Vec<_>>(),
    })
}

fn scenario(played: &Played) -> Value {
    let needs = match &played.result {
        PlayedResult::NotApplicable(needs) => needs.iter().map(ToString::to_string).collect(),
        PlayedResult::Judged { .. } => Vec::new(),
    };
    json!({
        "id": played.scenario.id,
        "title": played.scenario.title,
        "why": played.scenario.why,
        "verdict": played.verdict(),
        "took_us": u64::try_from(played.took.as_micros()).unwrap_or(u64::MAX),
        "undeclared": needs,
        "checks": played.checks().iter().map(check).collect::<Vec<_>>(),
    })
}

#[derive(Serialize)]
struct Rule<'a> {
    source: &'a [String],
    summary: &'a str,
    mend: &'a str,
}

fn check(check: &Check) -> Value {
    let row = Catalogue::embedded().find(check.requirement.as_str());
    let rule = row.map(|row| Rule { source: &row.source, summary: &row.summary, mend: &row.mend });
    json!({
        "id": check.id(),
        "requirement": check.requirement,
        "at": check.at,
        "verdict": check.verdict,
        "finding": check.finding,
        "rule": rule,
    })
}
