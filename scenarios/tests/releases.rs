//! Ledgers of releases: all can be read, and tell what was run and how severe it was.
//!
//! That the ledger of this version is what it runs is proved with the command, which knows the built-in scenarios.

use crosscheck_scenarios::{Profile, Release, Scenarios, Severity};

#[test]
fn every_ledger_is_readable_and_called_by_its_version() {
    let versions = Release::versions();
    assert!(versions.iter().any(|version| version == Release::PRESENT), "{versions:?}");
    for version in versions {
        let release = Release::named(&version).unwrap();
        assert_eq!(release.version(), version);
        assert_eq!(Release::parse(&release.to_string()).unwrap(), release);
    }
}

#[test]
fn a_ledger_tells_scenarios_requirements_and_severities() {
    let release = Release::named("0.1.0").unwrap();
    assert!(release.has_scenario("flow/complete"));
    assert!(!release.has_scenario("flow/of-my-own"));
    assert!(release.has_requirement("run-outcome") && release.has_requirement("flow-order"));
    assert!(!release.has_requirement("flow-of-my-own"));
    assert_eq!(release.severity("flow-order", Profile::Base), Some(Severity::Fail));
    assert_eq!(release.severity("tx-resource-required-2025", Profile::Ema2025), Some(Severity::Fail));
    assert_eq!(release.severity("tx-resource-required-2025", Profile::Mcp), None);
}

#[test]
fn a_planned_requirement_is_in_no_ledger() {
    let release = Release::present(&Scenarios::default());
    assert!(release.has_requirement("flow-order") && !release.has_requirement("flow-capability-declared"));
}

#[test]
fn an_unknown_release_names_those_that_there_are() {
    let error = Release::named("0.0.9").unwrap_err();
    assert_eq!(error.to_string(), "there is no ledger of a release `0.0.9`");
    assert_eq!(error.known, Release::versions());
    assert!(Release::named("../requirements").is_err());
}
