//! What counts as of a release.

use crosscheck_scenarios::{Release, Scenarios};

use crate::baseline::Baseline;
use crate::baseline::tests::{played, played_through};
use crate::check::Verdict;
use crate::run::Played;

use super::{Newer, Summary};

/// A release that had one scenario, and these severities under the profile `mcp`.
fn release(requirements: &str) -> Release {
    let text =
        format!("version = \"0.0.1\"\nscenarios = [\"flow/complete\"]\n[requirements]\n{requirements}\n");
    Release::parse(&text).unwrap()
}

/// What is announced; failures and warnings; whether the run is as expected.
fn summed_up(all: &[Played], release: &Release) -> (Vec<(String, Newer)>, [usize; 2], bool) {
    let baseline = Baseline::default();
    let summary = Summary::new(all, &baseline, Some(release), false);
    let announced = summary.announced.iter();
    let announced = announced.map(|announced| (announced.found.check.id(), announced.newer)).collect();
    (announced, [summary.failures.len(), summary.warnings.len()], summary.as_expected())
}

fn fails(scenario: &str) -> [Played; 1] {
    [played(scenario, &[("flow-order", Verdict::Fail)])]
}

#[test]
fn a_finding_that_the_release_had_counts() {
    let release = release("flow-order = { mcp = \"fail\" }");
    assert_eq!(summed_up(&fails("flow/complete"), &release), (vec![], [1, 0], false));
}

#[test]
fn a_finding_in_a_newer_scenario_is_announced_and_not_counted() {
    let release = release("flow-order = { mcp = \"fail\" }");
    let announced = vec![("flow-order".to_owned(), Newer::Scenario)];
    assert_eq!(summed_up(&fails("flow/mcp-2026-07-28"), &release), (announced, [0, 0], true));
}

#[test]
fn a_finding_of_a_newer_requirement_is_announced_and_not_counted() {
    let announced = vec![("flow-order".to_owned(), Newer::Requirement)];
    assert_eq!(summed_up(&fails("flow/complete"), &release("")), (announced, [0, 0], true));
}

#[test]
fn a_failure_that_was_a_warning_counts_as_one() {
    let release = release("flow-order = { mcp = \"warn\" }");
    let all =
        [played("flow/complete", &[("flow-order", Verdict::NotReached), ("flow-order@as", Verdict::Warn)])];
    let (announced, counts, as_expected) = summed_up(&all, &release);
    assert_eq!((announced.len(), counts, as_expected), (1, [0, 2], true));
    let baseline = Baseline::default();
    let summary = Summary::new(&all, &baseline, Some(&release), true);
    assert!(summary.announced[0].is_counted() && !summary.as_expected(), "--deny warnings");
}

#[test]
fn a_finding_that_was_told_only_or_not_judged_in_the_profile_is_announced() {
    for requirements in ["flow-order = { mcp = \"info\" }", "flow-order = { base = \"fail\" }"] {
        let (announced, counts, as_expected) = summed_up(&fails("flow/complete"), &release(requirements));
        assert_eq!((announced.len(), counts, as_expected), (1, [0, 0], true), "{requirements}");
    }
}

#[test]
fn a_warning_that_was_a_failure_stays_a_warning() {
    let all = [played("flow/complete", &[("flow-order", Verdict::Warn)])];
    let release = release("flow-order = { mcp = \"fail\" }");
    assert_eq!(summed_up(&all, &release), (vec![], [0, 1], true));
}

#[test]
fn a_scenario_of_the_users_own_is_never_newer() {
    let text =
        "title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n[expect]\noutcome = \"authorized\"\n";
    let mine = Scenarios::parse("mine/own", text, &[]).unwrap().find("mine/own").unwrap().clone();
    let all = [played_through(mine, &[("flow-order", Verdict::Fail), ("tx-grant-type", Verdict::Fail)])];
    let (announced, counts, _) = summed_up(&all, &release("flow-order = { mcp = \"fail\" }"));
    assert_eq!(announced, [("tx-grant-type".to_owned(), Newer::Requirement)]);
    assert_eq!(counts, [1, 0]);
}

#[test]
fn nothing_is_newer_than_this_version() {
    let present = Release::named(Release::PRESENT).unwrap();
    let all =
        [played("flow/complete", &[("flow-order", Verdict::Fail), ("run-reached", Verdict::NotReached)])];
    assert_eq!(summed_up(&all, &present), (vec![], [2, 0], false));
}
