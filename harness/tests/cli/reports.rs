//! What `--report` and `--format json` give to programs.

use std::fs;

use serde_json::Value;

use crosscheck::report::Report;
use crosscheck::report::model::Standing;
use crosscheck_scenarios::ScenarioId;
use crosscheck_wire::Transcript;

use crate::{CROSSCHECK, call, crosscheck, folder, text};

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
    let call =
        call.says(&format!("report  {}", path.join("index.html").display())).without("a file  crosscheck");
    assert_eq!(json(&path.join("report.json"))["as_expected"], true, "{}", call.told());
    let saved = fs::read_to_string(path.join("flow/complete/transcript.json")).unwrap();
    let transcript: Transcript = serde_json::from_str(&saved).unwrap();
    assert_eq!(transcript.scenario, ScenarioId::new("flow/complete"));
    assert!(transcript.exchanges.len() >= 6);
    assert!(!saved.contains("eyJ"), "a token stands in the transcript");
    assert!(path.join("flow/complete/stdout.txt").is_file());
}

const FAULTY: [&str; 5] = ["--", "crosscheck", "reference-client", "--fault", "audience-trailing-slash"];
const ISSUER: &str = "discovery/issuer-without-path";

#[test]
fn a_report_is_read_back_as_it_was_written() {
    let folder = folder();
    let args = ["run", "discovery", "--no-config", "--report", text(folder.path())];
    crosscheck(&[&args[..], &FAULTY].concat()).exits(1);
    let written = json(&folder.path().join("report.json"));
    let report = Report::parse(&fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(serde_json::to_value(&report).unwrap(), written);
    let client = &report.clients[0];
    let scenario = client.scenarios.iter().find(|scenario| scenario.id.as_str() == ISSUER).unwrap();
    let finding = scenario.checks.iter().find(|check| check.standing == Standing::Failure).unwrap();
    assert_eq!(finding.id, "tx-audience-is-as-issuer");
    assert!(report.rules[&finding.requirement].source.iter().any(|source| source.starts_with("ID-JAG")));
    assert!(finding.message.as_deref().unwrap().contains("POST idp /token"));
    assert!(scenario.passed.contains(&"tx-grant-type".to_owned()), "{:?}", scenario.passed);
    let ids = scenario.not_applicable.values().flatten().chain(&scenario.passed);
    assert!(ids.collect::<Vec<_>>().len() > 50, "every check is told");
}

#[test]
fn the_schema_of_reports_is_the_committed_one() {
    let schema = crosscheck(&["schema", "report"]).exits(0).stdout;
    assert_eq!(schema, include_str!("../../report.schema.json"));
}

#[test]
fn junit_has_a_case_a_scenario_with_failures_warnings_and_what_does_not_apply() {
    let folder = folder();
    let expected = folder.path().join("expected.toml");
    let entries =
        [("discovery/issuer-with-path", "tx-audience-is-as-issuer"), ("flow/complete", "flow-order")];
    let entries = entries.map(|(scenario, requirement)| {
        format!(
            "[[expected]]\nscenario = \"{scenario}\"\nrequirement = \"{requirement}\"\nreason = \"why\"\n"
        )
    });
    fs::write(&expected, entries.concat()).unwrap();
    let args = [
        "run",
        "discovery",
        "flow",
        "--no-config",
        "--capabilities",
        "calls",
        "--report",
        text(folder.path()),
    ];
    let args = [&args[..], &["--expected", text(&expected)], &FAULTY].concat();
    crosscheck(&args).exits(1);
    let text = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    let junit = quick_junit::Report::deserialize_from_str(&text).unwrap();
    let report = Report::parse(&fs::read(folder.path().join("report.json")).unwrap()).unwrap();
    let (suite, client) = (&junit.test_suites[0], &report.clients[0]);
    // One more for the entry of flow/complete, which is stale.
    assert_eq!(suite.test_cases.len(), client.scenarios.len() + 1);
    assert_eq!((suite.failures, suite.skipped), (client.counts.failed + 1, client.counts.not_applicable));
    let case = |name: &str| suite.test_cases.iter().find(|case| case.name.as_str() == name).unwrap();
    let told = |name: &str| format!("{:?}", case(name));
    assert!(told(ISSUER).contains("FAIL  discovery/issuer-without-path · tx-audience-is-as-issuer"));
    assert!(told(ISSUER).contains("again crosscheck run --no-config --capabilities calls --exact"));
    assert!(told("discovery/issuer-with-path").contains("EXPECTED  discovery/issuer-with-path"));
    assert!(told("discovery/idp-by-issuer").contains("not applicable: idp-discovery not declared"));
    assert!(told("expected findings occur").contains("flow-order @ flow/complete"));
    assert_eq!(case(ISSUER).classname.as_ref().unwrap().as_str(), "reference.discovery");

    let denied = [&args[..2], &["--deny", "warnings"], &args[2..]].concat();
    crosscheck(&denied).exits(1);
    let text = fs::read_to_string(folder.path().join("junit.xml")).unwrap();
    let junit = quick_junit::Report::deserialize_from_str(&text).unwrap();
    assert_eq!(junit.test_suites[0].failures, client.counts.failed + client.counts.warned + 1);
}

#[test]
fn github_gets_a_summary_and_annotations() {
    let folder = folder();
    let summary = folder.path().join("step.md");
    fs::write(&summary, "before\n").unwrap();
    let mut command = std::process::Command::new(CROSSCHECK);
    command.args(["run", "discovery", "--no-config", "--format", "json"]).args(FAULTY);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
    let told = call(&mut command).exits(1);
    assert!(serde_json::from_str::<Value>(&told.stdout).is_ok(), "standard output is data");
    let annotations: Vec<_> = told.stderr.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(annotations.len(), 11, "{annotations:?}");
    assert!(annotations[0].starts_with("::error title=discovery/"), "{}", annotations[0]);
    assert!(
        annotations[0].contains("tx-audience-is-as-issuer::The ID-JAG is requested for"),
        "{}",
        annotations[0]
    );
    assert!(annotations[10].starts_with("::notice title=crosscheck::… and "), "{}", annotations[10]);
    let summary = fs::read_to_string(&summary).unwrap();
    assert!(summary.starts_with("before\n## ❌ "), "{summary}");
    assert!(
        summary.contains("\n| fail | `discovery/issuer-without-path` | `tx-audience-is-as-issuer` | "),
        "{summary}"
    );
    assert!(summary.contains("again crosscheck run --no-config --exact discovery/"), "{summary}");
    assert!(summary.len() < 1_000_000);

    let mut command = std::process::Command::new(CROSSCHECK);
    command
        .args(["run", "--exact", "flow/complete", "--no-config"])
        .env("GITHUB_STEP_SUMMARY", folder.path());
    call(&mut command).exits(2).says("GITHUB_STEP_SUMMARY names");
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
fn any_other_scenario_writes_its_checks_in_the_official_form() {
    let folder = folder();
    let args = ["run", "--exact", ISSUER, "--no-config", "--report", text(folder.path())];
    crosscheck(&[&args[..], &FAULTY].concat()).exits(1);
    let checks = json(&folder.path().join(ISSUER).join("checks.json"));
    let find = |id: &str| checks.as_array().unwrap().iter().find(|check| check["id"] == id).unwrap();
    let failed = find("tx-audience-is-as-issuer");
    assert_eq!((&failed["status"], &failed["name"]), (&"FAILURE".into(), &"TxAudienceIsAsIssuer".into()));
    assert!(failed["errorMessage"].as_str().unwrap().starts_with("The ID-JAG is requested for"), "{failed}");
    assert_eq!(failed["details"]["compared"][0]["name"], "audience");
    let urls: Vec<_> =
        failed["specReferences"].as_array().unwrap().iter().map(|source| &source["url"]).collect();
    assert!(urls.contains(&&"https://www.rfc-editor.org/rfc/rfc8414.html#section-3.3".into()), "{urls:?}");
    assert_eq!(find("tx-grant-type")["status"], "SUCCESS");
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

#[test]
fn a_folder_that_is_used_again_holds_the_last_run_alone() {
    let folder = folder();
    let path = folder.path().join("report");
    let run = |args: &[&str]| {
        let to = ["run", "--no-config", "--report", text(&path), "--exact"];
        crosscheck(&[&to[..], args].concat()).exits(0);
    };
    run(&["flow/complete", ISSUER]);
    fs::write(path.join("discovery/notes.txt"), "kept").unwrap();
    fs::write(path.join("flow/complete/notes.txt"), "kept").unwrap();
    run(&[ISSUER]);
    assert!(path.join(ISSUER).join("transcript.json").is_file());
    let left: Vec<_> =
        fs::read_dir(path.join("flow/complete")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["notes.txt"], "files that are not of the report stay, and no others");
    run(&["flow/complete"]);
    assert!(!path.join(ISSUER).exists(), "a folder that is empty goes");
    assert!(path.join("discovery/notes.txt").is_file());
}

#[test]
fn a_folder_of_several_clients_that_is_used_for_one_holds_that_one_alone() {
    let folder = folder();
    let config = folder.path().join("crosscheck.toml");
    fs::write(&config, "[[client]]\nname = \"one\"\n[[client]]\nname = \"two\"\n").unwrap();
    let path = folder.path().join("report");
    let run = |args: &[&str]| {
        let to = ["run", "--config", text(&config), "--report", text(&path), "--exact", "flow/complete"];
        crosscheck(&[&to[..], args].concat()).exits(0);
    };
    run(&[]);
    assert!(path.join("two/flow/complete/transcript.json").is_file() && path.join("comparison.md").is_file());
    run(&["--client", "one"]);
    for gone in ["one", "two", "comparison.md"] {
        assert!(!path.join(gone).exists(), "{gone} is of the earlier run");
    }
    run(&[]);
    assert!(!path.join("flow").exists() && !path.join("errors.md").exists());
    assert!(path.join("one/index.html").is_file());
}
