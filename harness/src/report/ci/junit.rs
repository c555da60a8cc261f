//! `junit.xml`, which CI systems read: a test suite a client, a test case a scenario.
//!
//! What fails the run is a failure with the text that the terminal has, what warns is output of a case that passed.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use crate::report::finding::whole;
use crate::report::model::{CheckReport, ClientReport, Report, ScenarioReport, ScenarioResult, Standing};

/// Writes `report`.
///
/// # Errors
/// When `out` does not take it.
pub(in crate::report) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut junit = Junit::new("crosscheck");
    junit.add_test_suites(report.clients.iter().map(|client| suite(client, &report.crosscheck)));
    junit.serialize(out).map_err(io::Error::other)
}

fn suite(client: &ClientReport, crosscheck: &str) -> TestSuite {
    let mut suite = TestSuite::new(&client.name);
    if let Some(run) = &client.run {
        suite.set_time(Duration::from_millis(run.took_ms));
        for (name, value) in
            [("crosscheck", crosscheck), ("profile", run.profile.as_str()), ("command", &run.command)]
        {
            suite.add_property((name, value));
        }
    }
    suite.add_test_cases(client.scenarios.iter().map(|scenario| case(client, scenario)));
    if !client.stale.is_empty() {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message("expected findings that no longer occur").set_type("stale");
        status.set_description(client.stale.join("\n"));
        let mut case = TestCase::new("expected findings occur", status);
        case.set_classname(format!("{}.baseline", client.name));
        suite.add_test_case(case);
    }
    suite
}

fn case(client: &ClientReport, scenario: &ScenarioReport) -> TestCase {
    let counted = |check: &&CheckReport| check.standing.is_counted();
    let fails = |check: &&CheckReport| client.denies_warnings() || check.standing == Standing::Failure;
    let (failures, warnings): (Vec<_>, Vec<_>) = scenario.checks.iter().filter(counted).partition(fails);
    let mut case = TestCase::new(scenario.id.as_str(), status(scenario, &failures));
    // Readers group by what stands before the last dot.
    case.set_classname(format!("{}.{}", client.name, scenario.subject()));
    case.set_time(Duration::from_micros(scenario.took_us));
    for check in &failures {
        case.add_property(("requirement", check.id.as_str()));
    }
    let warned = warnings.iter().map(|check| whole(scenario, check));
    let expected = scenario.checks.iter().filter(|check| check.standing == Standing::Expected);
    let expected = expected.map(|check| {
        format!("EXPECTED  {} · {}: {}", scenario.id, check.id, check.reason.as_deref().unwrap_or_default())
    });
    let told: Vec<_> = warned.chain(expected).collect();
    if !told.is_empty() {
        case.set_system_out(told.join("\n\n"));
    }
    case
}

fn status(scenario: &ScenarioReport, failures: &[&CheckReport]) -> TestCaseStatus {
    if scenario.result == ScenarioResult::NotApplicable {
        let mut status = TestCaseStatus::skipped();
        status.set_message(format!("not applicable: {} not declared", scenario.undeclared.join(", ")));
        return status;
    }
    let [first, ..] = failures else { return TestCaseStatus::success() };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let what = first.finding.as_ref().map_or("", |finding| finding.what.as_str());
    status.set_message(format!("{}: {what}", first.id)).set_type(first.id.as_str());
    status.set_description(
        failures.iter().map(|check| whole(scenario, check)).collect::<Vec<_>>().join("\n\n"),
    );
    status
}
