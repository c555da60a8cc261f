//! `checks.json` of a scenario that the official suite does not have: the checks of this harness in the suite's form.

use serde::Serialize;
use serde_json::{Value, json};

use crosscheck_scenarios::Catalogue;

use crate::check::{Finding, Verdict};
use crate::report::model::{CheckReport, ScenarioReport};
use crate::report::source::address;

/// One element of the file, with the members that the suite gives it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::report) struct Check<'a> {
    /// The requirement as it is reported.
    id: &'a str,
    /// The same in the suite's spelling of names, such as `TxAudienceIsAsIssuer`.
    name: String,
    description: &'a str,
    /// `SUCCESS`, `FAILURE`, `WARNING`, `INFO` or `SKIPPED`, as the suite has it.
    status: &'static str,
    timestamp: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    spec_references: Vec<Reference<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Reference<'a> {
    id: &'a str,
    url: String,
}

/// The checks of `scenario` that apply, findings first; `timestamp` is when the run ended. Whether a finding was expected
/// makes no difference, as in the suite.
pub(in crate::report) fn checks<'a>(scenario: &'a ScenarioReport, timestamp: &'a str) -> Vec<Check<'a>> {
    let found = scenario.checks.iter().map(|check| found(check, timestamp));
    let passed = scenario.passed.iter().map(|id| check(id, "SUCCESS", timestamp));
    found.chain(passed).collect()
}

fn found<'a>(found: &'a CheckReport, timestamp: &'a str) -> Check<'a> {
    let status = match found.verdict {
        Verdict::Pass => "SUCCESS",
        Verdict::NotApplicable => "SKIPPED",
        Verdict::Info => "INFO",
        Verdict::Warn => "WARNING",
        Verdict::NotReached | Verdict::Fail => "FAILURE",
    };
    let finding = found.finding.as_ref();
    Check {
        details: finding.map(|finding| details(finding, found.message.as_deref())),
        error_message: finding.map(|finding| finding.what.as_str()),
        ..check(&found.id, status, timestamp)
    }
}

fn check<'a>(id: &'a str, status: &'static str, timestamp: &'a str) -> Check<'a> {
    let row = Catalogue::embedded().find(id.split('@').next().unwrap_or(id));
    let sources = row.map(|row| row.source.as_slice()).unwrap_or_default();
    let references =
        sources.iter().filter_map(|source| Some(Reference { id: source, url: address(source)? }));
    Check {
        id,
        name: camel_case(id),
        description: row.map_or("", |row| &row.summary),
        status,
        timestamp,
        spec_references: references.collect(),
        details: None,
        error_message: None,
    }
}

fn details(finding: &Finding, message: Option<&str>) -> Value {
    let mut details = json!({ "compared": finding.compared, "then": finding.then });
    if let Some(message) = message {
        details["message"] = message.into();
    }
    details
}

fn camel_case(id: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    id.split(['-', '@', '_']).map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelt_as_in_the_suite() {
        assert_eq!(camel_case("tx-audience-is-as-issuer"), "TxAudienceIsAsIssuer");
        assert_eq!(camel_case("cauth-present@as"), "CauthPresentAs");
    }
}
