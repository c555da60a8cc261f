//! Baselines and runs that are written in code.

mod expected;
mod official;
mod update;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::{Value, json};

use crosscheck_reference_client::Fault;
use crosscheck_scenarios::{Party, RequirementId, Scenario, Scenarios};

use crate::check::{Check, Finding, Verdict};
use crate::run::{Played, PlayedResult};

/// The scenario that the official suite has as well.
const OFFICIAL: &str = "auth/cross-app-access-complete-flow";

/// The built-in scenarios.
pub(crate) fn scenarios() -> &'static Scenarios {
    static SCENARIOS: LazyLock<Scenarios> = LazyLock::new(|| {
        let faults: Vec<_> = Fault::ALL.iter().map(|fault| fault.slug()).collect();
        Scenarios::embedded(&faults).expect("the built-in scripts are right")
    });
    &SCENARIOS
}

/// A run of the built-in scenario `id`, by a client that ended by itself, with these checks.
pub(crate) fn played(id: &str, checks: &[(&str, Verdict)]) -> Played {
    let scenario = scenarios().find(id).unwrap_or_else(|| panic!("{id}")).clone();
    played_through(scenario, checks)
}

/// A run of `scenario`, by a client that ended by itself, with these checks.
pub(crate) fn played_through(scenario: Scenario, checks: &[(&str, Verdict)]) -> Played {
    ended(scenario, &json!({ "exited": 0 }), &[], checks.iter().map(|(name, verdict)| check(name, *verdict)))
}

/// A run that ended so after these exchanges.
fn ended(
    scenario: Scenario,
    how: &Value,
    exchanges: &[Value],
    checks: impl IntoIterator<Item = Check>,
) -> Played {
    let output = json!({"text": "", "bytes": 0, "dropped": 0});
    let transcript = json!({
        "version": 1, "scenario": scenario.id, "started_at_ms": 0, "profile": "mcp",
        "spec_version": "2025-11-25", "stage": {}, "values": [], "registrations": {}, "declared": [],
        "context": [], "exchanges": exchanges, "unrecorded": 0, "malformed": [],
        "client": {"ended": how, "took_us": 0, "stdout": output, "stderr": output, "report": "absent"},
    });
    let transcript = serde_json::from_value(transcript).expect("the transcript has the form");
    let checks = checks.into_iter().collect();
    let result = PlayedResult::Judged { transcript: Box::new(transcript), checks, difference: Vec::new() };
    Played { scenario: Arc::new(scenario), result, took: Duration::ZERO }
}

/// A check by the id that it is reported by.
fn check(name: &str, verdict: Verdict) -> Check {
    let (requirement, at) = name.split_once('@').map_or((name, None), |(id, at)| (id, Some(at)));
    let at = at.map(|at| serde_json::from_value::<Party>(at.into()).expect("it is a party"));
    let what = "The first sentence. The second.".to_owned();
    let finding = (verdict >= Verdict::Info).then(|| Finding { what, ..Finding::default() });
    Check { requirement: RequirementId::new(requirement), at, verdict, finding }
}

/// A finding in an exchange; `ends` tells that the run did not go on.
fn found_in(exchange: usize, name: &str, ends: bool) -> Check {
    let then = ends.then(|| crate::check::Consequence { exchange: None, what: "it ends".into() });
    let finding =
        Finding { exchange: Some(exchange), then: then.into_iter().collect(), ..Finding::default() };
    Check { finding: Some(finding), ..check(name, Verdict::Fail) }
}
