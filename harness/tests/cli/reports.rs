//! What `--report` and `--format json` give to programs.

use std::fs;

use serde_json::Value;

use crosscheck_scenarios::ScenarioId;
use crosscheck_wire::Transcript;

use crate::{CROSSCHECK, crosscheck, folder, text};

const OFFICIAL: &str = "auth/cross-app-access-complete-flow";

fn json(path: &std::path::Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn format_json_prints_nothing_but_json() {
    let call = crosscheck(&["run", "--format", "json", "--exact", "flow/complete"]).exits(0);
    let report: Value = serde_json::from_str(&call.stdout).unwrap();
    let client = &report["clients"][0];
    assert_eq!((&report["version"], &client["counts"]["passed"]), (&1.into(), &1.into()));
    assert_eq!(client["scenarios"][0]["verdict"], "pass");
}

#[test]
fn a_report_holds_the_run_and_every_transcript_and_no_secret() {
    let folder = folder();
    let path = folder.path().join("new/report");
    let call = crosscheck(&["run", "flow", "--report", text(&path)]).exits(0);
    let call = call.says(&format!("report  {}", path.join("index.html").display()));
    assert_eq!(json(&path.join("report.json"))["as_expected"], true, "{}", call.told());
    let saved = fs::read_to_string(path.join("flow/complete/transcript.json")).unwrap();
    let transcript: Transcript = serde_json::from_str(&saved).unwrap();
    assert_eq!(transcript.scenario, ScenarioId::new("flow/complete"));
    assert!(transcript.exchanges.len() >= 6);
    assert!(!saved.contains("eyJ"), "a token stands in the transcript");
    assert!(path.join("flow/complete/stdout.txt").is_file());
}

#[test]
fn a_report_holds_the_error_handling_matrix_and_the_level() {
    let folder = folder();
    let script = r#"
        title = "Refused"
        why = "w"
        at = ["idp", "as"]
        requirements = ["txe-reported", "jbe-reported"]
        token = [{ reply = { status = 400, json = { error = "vendor.code", error_description = "Not now", hint = 3 } } }]
        expect = { outcome = "refused", surfaced = { error = "vendor.code" } }
        once = { requirements = ["flow-order"] }
    "#;
    fs::write(folder.path().join("mine.toml"), script).unwrap();
    let report = folder.path().join("report");
    let args =
        ["run", "mine/", "flow/complete", "--scenarios", text(folder.path()), "--report", text(&report)];
    crosscheck(&args).exits(0).says("\nlevel 2: outcome reports in 5 of 5 runs\n");
    let run = &json(&report.join("report.json"))["clients"][0];
    assert_eq!((&run["level"], &run["counts"]["outcome_reports"]), (&2.into(), &5.into()));
    let matrix = fs::read_to_string(report.join("errors.md")).unwrap();
    let line = "\n| mine | idp | 400 vendor.code | stopped | yes | yes | hint | yes | 0 | ";
    assert!(matrix.contains(line), "{matrix}");
    let rows = json(&report.join("errors.json"))["rows"].as_array().unwrap().clone();
    let legs: Vec<_> = rows.iter().map(|row| (row["leg"].as_str().unwrap(), row["once"] == true)).collect();
    assert_eq!(legs, [("as", false), ("as", true), ("idp", false), ("idp", true)]);

    let silent = ["--", "sh", "-c", "unset CROSSCHECK_OUTCOME; exec \"$0\" reference-client $1", CROSSCHECK];
    let args: Vec<_> = args.into_iter().chain(silent).collect();
    crosscheck(&args).exits(0).says("\nlevel 1: no outcome report in 5 runs\n");
    let run = &json(&report.join("report.json"))["clients"][0];
    let levels: Vec<_> =
        run["scenarios"].as_array().unwrap().iter().map(|scenario| &scenario["level"]).collect();
    assert_eq!((&run["level"], levels), (&1.into(), vec![&1.into(); 5]));
    let matrix = fs::read_to_string(report.join("errors.md")).unwrap();
    let line = "\n| mine | idp | 400 vendor.code | stopped | in the output | not known | not known | in the output | 0 | ";
    assert!(matrix.contains(line), "{matrix}");
}

#[test]
fn the_official_scenario_writes_the_official_checks() {
    let folder = folder();
    crosscheck(&["run", "--exact", OFFICIAL, "--report", text(folder.path())]).exits(0);
    let checks = json(&folder.path().join(OFFICIAL).join("checks.json"));
    let status = |id: &str| -> Vec<_> {
        let all = checks.as_array().unwrap().iter();
        all.filter(|check| check["id"] == id)
            .map(|check| check["status"].as_str().unwrap().to_owned())
            .collect()
    };
    for id in [
        "complete-flow-token-exchange",
        "complete-flow-jwt-bearer",
        "prm-pathbased-requested",
        "authorization-server-metadata",
        "token-request",
    ] {
        assert_eq!(status(id), ["SUCCESS"], "{id}");
    }
    assert!(!status("valid-bearer-token").is_empty());
    assert!(status("invalid-bearer-token").is_empty());
    for check in checks.as_array().unwrap() {
        assert!(
            check["name"].is_string() && check["description"].is_string() && check["timestamp"].is_string()
        );
    }
}

#[test]
fn the_official_checks_fail_request_by_request_and_when_nothing_came() {
    let folder = folder();
    let run = |fault: &str| {
        crosscheck(&[
            "run",
            "--exact",
            OFFICIAL,
            "--report",
            text(folder.path()),
            "--",
            "crosscheck",
            "reference-client",
            "--fault",
            fault,
        ])
        .exits(1);
        let checks = json(&folder.path().join(OFFICIAL).join("checks.json"));
        let find = |id: &str| checks.as_array().unwrap().iter().find(|check| check["id"] == id).cloned();
        (
            find("complete-flow-token-exchange").unwrap()["status"].clone(),
            find("complete-flow-jwt-bearer").unwrap()["status"].clone(),
        )
    };
    assert_eq!(run("resource-omitted"), ("FAILURE".into(), "FAILURE".into()));
    assert_eq!(run("assertion-altered"), ("SUCCESS".into(), "FAILURE".into()));
    assert_eq!(run("stops-after-exchange"), ("SUCCESS".into(), "FAILURE".into()));
}

#[test]
fn a_report_folder_that_cannot_be_written_is_refused_before_any_client_starts() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let path = file.join("report");
    let call = crosscheck(&["run", "--exact", "flow/complete", "--report", text(&path)]).exits(2);
    let call = call.says("could not write the report");
    assert_eq!(call.stdout, "", "{}", call.told());
}
