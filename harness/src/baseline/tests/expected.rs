//! Our own form.

use serde_json::json;

use crate::baseline::{Baseline, BaselineError, Expected, Row};
use crate::check::Verdict;

use super::{check, ended, played, scenarios};

#[derive(serde::Deserialize)]
struct File {
    expected: Vec<Row>,
}

fn read(text: &str) -> Result<Expected, BaselineError> {
    Expected::of(toml::from_str::<File>(text).unwrap().expected, "mine.toml", text, scenarios())
}

fn baseline(scenario: &str, requirement: &str) -> Baseline {
    let row = format!("scenario = \"{scenario}\"\nrequirement = \"{requirement}\"\nreason = \"known\"\n");
    read(&format!("[[expected]]\n{row}")).unwrap().into()
}

#[test]
fn a_finding_is_covered_by_its_own_id_and_by_the_requirement_at_any_party() {
    let all = [played("flow/complete", &[("cauth-present@as", Verdict::Fail)])];
    for (name, covers) in [("cauth-present@as", true), ("cauth-present", true), ("cauth-present@idp", false)]
    {
        let baseline = baseline("flow/complete", name);
        assert_eq!(baseline.covers(&all[0], &all[0].checks()[0]), covers, "{name}");
        assert_eq!(baseline.stale(&all).is_empty(), covers, "{name}");
    }
}

#[test]
fn a_stale_entry_names_its_line() {
    let baseline = baseline("flow/complete", "flow-order");
    let all = [played("flow/complete", &[("flow-order", Verdict::Pass)])];
    let stale = baseline.stale(&all);
    assert_eq!(stale[0].to_string(), "flow-order @ flow/complete");
    assert_eq!(stale[0].place.to_string(), "mine.toml:2");
}

#[test]
fn an_entry_about_a_scenario_that_was_not_played_is_not_stale() {
    let all = [played("flow/complete", &[])];
    assert_eq!(baseline("flow/mcp-2026-07-28", "flow-order").stale(&all), []);
}

#[test]
fn a_client_that_crashed_or_was_ended_is_never_expected_and_makes_nothing_stale() {
    let scenario = scenarios().find("flow/complete").unwrap().clone();
    let [found, other] = [baseline("flow/complete", "run-outcome"), baseline("flow/complete", "flow-order")];
    for how in [json!({ "signal": 11 }), json!({ "timed_out": 300 })] {
        let all = [ended(scenario.clone(), &how, &[], [check("run-outcome", Verdict::Fail)])];
        assert!(!found.covers(&all[0], &all[0].checks()[0]));
        assert_eq!(other.stale(&all), []);
    }
}

#[test]
fn names_that_do_not_exist_are_told_with_the_nearest_and_all_at_once() {
    let text =
        "[[expected]]\nscenario = \"flow/complet\"\nrequirement = \"cauth-present@mcp\"\nreason = \" \"\n";
    let told = read(text).unwrap_err().to_string();
    for part in [
        "mine.toml:2:12: no scenario is called `flow/complet`",
        "did you mean `flow/complete`?",
        "mine.toml:3:15: no requirement is called `cauth-present@mcp`",
        "did you mean `cauth-present@idp`?",
        "mine.toml:4:10: the reason is empty",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}
