//! What is expected of a client: our form and the official suite's, how ours is updated, and older releases.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{CROSSCHECK, Call, call, crosscheck, folder, text};

const DOCUMENTATION: &str = include_str!("../../../docs/baselines.md");

const ISSUER: &str = "discovery/issuer-without-path";
const AUDIENCE: &str = "tx-audience-is-as-issuer";
const OFFICIAL: &str = "auth/cross-app-access-complete-flow";
const SLASH: &[&str] = &["--", "crosscheck", "reference-client", "--fault", "audience-trailing-slash"];
const HONEST: &[&str] = &[];

fn run(scenario: &str, options: &[&str], client: &[&str]) -> Call {
    let args: Vec<_> =
        ["run", "--no-config", "--exact", scenario].iter().chain(options).chain(client).copied().collect();
    crosscheck(&args)
}

/// A client that dies by a signal in the scenario, after the set-up check.
#[cfg(unix)]
fn with_crash(options: &[&str]) -> Call {
    let script = format!(
        "{CROSSCHECK} reference-client $1; [ $CROSSCHECK_SCENARIO = {ISSUER} ] && kill -9 $$; exit 0"
    );
    run(ISSUER, options, &["--", "sh", "-c", &script, "client"])
}

fn entry(scenario: &str, requirement: &str) -> String {
    format!("[[expected]]\nscenario = \"{scenario}\"\nrequirement = \"{requirement}\"\nreason = \"known\"\n")
}

#[test]
fn a_stale_entry_of_ours_is_named_with_its_line() {
    let folder = folder();
    let path = folder.path().join("expected.toml");
    fs::write(&path, format!("# Known.\n\n{}", entry(ISSUER, AUDIENCE))).unwrap();
    let call = run(ISSUER, &["--expected", text(&path)], HONEST).exits(1);
    call.says(&format!("stale   {AUDIENCE} @ {ISSUER} is expected and no longer found"))
        .says("expected.toml:4");
}

#[test]
fn failures_in_the_official_form_are_expected_until_they_pass() {
    let folder = folder();
    let path = folder.path().join("failures.yml");
    let options = ["--expected-failures", text(&path)];
    for (listed, stale) in [
        (ISSUER.to_owned(), ISSUER.to_owned()),
        (format!("{ISSUER}:{AUDIENCE}"), format!("{AUDIENCE} @ {ISSUER}")),
    ] {
        fs::write(&path, format!("server:\n  - tools-list\nclient:\n  - auth/basic-cimd\n  - {listed}\n"))
            .unwrap();
        run(ISSUER, &options, SLASH).exits(0).says("0 passed · 1 with expected findings");
        let call = run(ISSUER, &options, HONEST).exits(1);
        call.says(&format!("stale   {stale} is expected and no longer found")).says("failures.yml:5");
    }
    fs::write(&path, format!("client:\n  - {ISSUER}:tx-resource-required-2025\n")).unwrap();
    run(ISSUER, &options, HONEST).exits(0).without("stale");
    run(ISSUER, &options, SLASH).exits(1).says(&format!("FAIL  {ISSUER} · {AUDIENCE}"));
}

#[test]
fn the_official_scenario_goes_by_both_names_and_by_the_suites_checks() {
    let folder = folder();
    let path = folder.path().join("failures.yml");
    let options = ["--expected-failures", text(&path)];
    let stops = ["--", "crosscheck", "reference-client", "--fault", "stops-after-exchange"];
    for name in [OFFICIAL, "auth/enterprise-managed-authorization"] {
        fs::write(&path, format!("client:\n  - {name}:complete-flow-jwt-bearer\n")).unwrap();
        run(OFFICIAL, &options, &stops).exits(0).says("1 with expected findings");
        run(OFFICIAL, &options, HONEST).exits(1).says(&format!("stale   complete-flow-jwt-bearer @ {name}"));
    }
    fs::write(&path, format!("client:\n  - {OFFICIAL}:complete-flow-token-exchange\n")).unwrap();
    run(OFFICIAL, &options, &stops).exits(1).says("FAIL").says("stale   complete-flow-token-exchange");
}

#[test]
fn both_forms_may_be_given_together() {
    let folder = folder();
    let [ours, official] = ["expected.toml", "failures.yml"].map(|name| folder.path().join(name));
    fs::write(&ours, entry(ISSUER, AUDIENCE)).unwrap();
    fs::write(&official, "client:\n  - discovery/issuer-with-path\n").unwrap();
    let options =
        ["--expected", text(&ours), "--expected-failures", text(&official), "discovery/issuer-with-path"];
    run(ISSUER, &options, SLASH).exits(0).says("0 passed · 2 with expected findings");
    let call = run(ISSUER, &options, HONEST).exits(1);
    call.says(&format!("stale   {AUDIENCE} @ {ISSUER}"))
        .says("stale   discovery/issuer-with-path is expected");
}

#[test]
fn a_bad_official_file_is_told_with_its_place() {
    let folder = folder();
    let path = folder.path().join("failures.yml");
    let options = ["--expected-failures", text(&path)];
    for (written, expected) in [
        ("client:\n  - flow/complet\n", "did you mean `flow/complete`?"),
        ("client:\n  - flow/complete:flow-ordr\n", "did you mean `flow-order`?"),
        ("client:\n  - flow/complete: flow-order\n", "without a space after the colon"),
        ("client:\n  - flow/complete\n  - flow/complete:flow-order\n", "line 2 lists the scenario whole"),
        ("clients:\n  - flow/complete\n", "did you mean `client`?"),
    ] {
        fs::write(&path, written).unwrap();
        run("flow/complete", &options, HONEST).exits(2).says("failures.yml:").says(expected);
    }
    fs::remove_file(&path).unwrap();
    run("flow/complete", &options, HONEST).exits(2).says("could not read");
}

#[cfg(unix)]
#[test]
fn a_crash_is_never_expected_nor_written() {
    let folder = folder();
    let [ours, official] = ["expected.toml", "failures.yml"].map(|name| folder.path().join(name));
    fs::write(&ours, entry(ISSUER, "run-outcome")).unwrap();
    fs::write(&official, format!("client:\n  - {ISSUER}\n")).unwrap();
    let options = ["--expected", text(&ours), "--expected-failures", text(&official)];
    with_crash(&options).exits(1).says("FAIL").says("signal 9").without("stale");
    let before = fs::read_to_string(&ours).unwrap();
    let call = with_crash(&[&options[..], &["--update-baseline"]].concat()).exits(1);
    call.says("signal 9").says("expected.toml is as the run is");
    assert_eq!(fs::read_to_string(&ours).unwrap(), before);
}

#[test]
fn an_update_writes_what_was_found_and_passes() {
    let folder = folder();
    let path = folder.path().join("expected.toml");
    let options = ["--expected", text(&path), "--update-baseline"];
    let call = run(ISSUER, &options, SLASH).exits(0).says("1 with expected findings");
    call.says(&format!("\n+ {AUDIENCE} @ {ISSUER}\n"));
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.contains("reason = \"Recorded by crosscheck "), "{written}");
    assert!(written.contains("The ID-JAG is requested for something"), "{written}");
    run(ISSUER, &["--expected", text(&path)], SLASH).exits(0);

    run(ISSUER, &options, SLASH).exits(0).says("is as the run is").without("+ ");
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
    run(ISSUER, &options, HONEST).exits(0).says(&format!("\n- {AUDIENCE} @ {ISSUER}\n"));
    run(ISSUER, &["--expected", text(&path)], HONEST).exits(0);
}

#[test]
fn an_update_leaves_comments_and_what_was_not_played() {
    let folder = folder();
    let path = folder.path().join("expected.toml");
    let elsewhere = format!("# Told to its makers.\n{}", entry("flow/complete", "flow-order"));
    fs::write(&path, format!("# What we know.\n\n{}\n{elsewhere}", entry(ISSUER, AUDIENCE))).unwrap();
    let options = ["--expected", text(&path), "--update-baseline"];
    run(ISSUER, &options, HONEST).exits(0);
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("# What we know.\n\n{elsewhere}"));
}

#[test]
fn an_update_leaves_stale_entries_of_the_official_file_to_fail() {
    let folder = folder();
    let [ours, official] = ["expected.toml", "failures.yml"].map(|name| folder.path().join(name));
    fs::write(&official, format!("client:\n  - {ISSUER}\n")).unwrap();
    let options = ["--expected", text(&ours), "--expected-failures", text(&official), "--update-baseline"];
    run(ISSUER, &options, HONEST).exits(1).says("stale").says("failures.yml:2");
    run(ISSUER, &options, SLASH).exits(0).without("+ ");
    assert!(!ours.exists(), "what stands in the official file is not written to ours");
}

#[test]
fn an_update_without_a_baseline_of_ours_says_which_one_is_written() {
    let folder = folder();
    let path = folder.path().join("failures.yml");
    fs::write(&path, "").unwrap();
    let call = run(ISSUER, &["--update-baseline"], HONEST).exits(2);
    call.says("has no baseline to write").says("hint: name its file with --expected FILE");
    let call = run(ISSUER, &["--update-baseline", "--expected-failures", text(&path)], HONEST).exits(2);
    call.says("leaves the official suite's file alone").says("hint: add --expected FILE");
}

#[test]
fn an_update_leaves_standard_output_to_the_report_for_programs() {
    let folder = folder();
    let path = folder.path().join("expected.toml");
    let options = ["--expected", text(&path), "--update-baseline", "--format", "json"];
    let call = run(ISSUER, &options, SLASH).exits(0);
    let report: serde_json::Value = serde_json::from_str(&call.stdout).unwrap();
    assert_eq!(report["as_expected"], true);
    assert!(call.stderr.contains(&format!("+ {AUDIENCE} @ {ISSUER}")), "{}", call.told());
}

#[test]
fn saved_transcripts_are_held_against_the_same_files() {
    let folder = folder();
    let [report, ours] = ["report", "expected.toml"].map(|name| folder.path().join(name));
    run(ISSUER, &["--report", text(&report)], SLASH).exits(1);
    let transcript = report.join(ISSUER).join("transcript.json");
    let judge = |options: &[&str]| crosscheck(&[&["judge", text(&transcript)], options].concat());
    judge(&["--expected", text(&ours), "--update-baseline"])
        .exits(0)
        .says(&format!("+ {AUDIENCE} @ {ISSUER}"));
    judge(&["--expected", text(&ours), "--as-of", "0.1.0"]).exits(0).says("1 with expected findings");
}

#[test]
fn this_release_announces_nothing_and_an_unknown_one_is_refused() {
    run(ISSUER, &["--as-of", "0.1.0"], HONEST).exits(0).without("new  ");
    let call = run(ISSUER, &["--as-of", "0.1.0"], SLASH).exits(1);
    call.says(&format!("FAIL  {ISSUER} · {AUDIENCE}")).without("new  ");
    let call = run(ISSUER, &["--as-of", "0.0.9"], HONEST).exits(2);
    call.says("there is no ledger of a release `0.0.9`").says("hint: the releases are 0.1.0");
}

#[test]
fn the_ledger_of_this_version_is_what_it_runs() {
    let version = env!("CARGO_PKG_VERSION");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../scenarios/releases/{version}.toml"));
    let committed = fs::read_to_string(path).unwrap_or_default();
    let present = crosscheck(&["list", "--release"]).exits(0).stdout;
    assert!(
        committed.replace("\r\n", "\n") == present,
        "scenarios/releases/{version}.toml is not what this version runs. Where {version} is not released yet, write it:\
         \n    cargo run -- list --release > ledger && mv ledger scenarios/releases/{version}.toml\
         \nOtherwise raise the version first, since the ledger of a release never changes."
    );
}

#[cfg(unix)]
#[test]
fn the_expected_findings_in_the_documentation_are_read() {
    let block = DOCUMENTATION.split("\n```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let folder = folder();
    fs::write(folder.path().join("expected.toml"), block).unwrap();
    let options = ["run", "--exact", ISSUER, "--expected", "expected.toml"];
    call(Command::new(CROSSCHECK).args(options).args(SLASH).current_dir(folder.path())).exits(0);
}
