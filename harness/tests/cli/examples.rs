//! The examples of outcome reports in `docs/client-contract.md`; those in further languages are run by `clients/examples`.
#![cfg(unix)]

use std::fs;
use std::process::Command;

use crosscheck_wire::Transcript;
use crosscheck_wire::transcript::{Report, ReportedOutcome};

use crate::{CROSSCHECK, crosscheck, folder, text};

const CONTRACT: &str = include_str!("../../../docs/client-contract.md");

#[test]
fn the_outcome_reports_of_the_examples_are_read() {
    for (language, interpreter) in [("sh", "sh"), ("python", "python3")] {
        let begins = format!("\n```{language}\n");
        let section = CONTRACT.split("### In five lines").nth(1).unwrap();
        let example = section.split(&begins).nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        if Command::new(interpreter).arg("--version").output().is_err() {
            continue;
        }
        let folder = folder();
        let (path, report) = (folder.path().join("example"), folder.path().join("report"));
        fs::write(&path, example).unwrap();
        let client = "\"$0\" reference-client $3; rm \"$CROSSCHECK_OUTCOME\"; exec \"$1\" \"$2\"";
        let head = ["run", "--exact", "flow/complete", "--report", text(&report), "--", "sh", "-c", client];
        let args: Vec<_> = head.into_iter().chain([CROSSCHECK, interpreter, text(&path)]).collect();
        crosscheck(&args).exits(0).says("\nlevel 2: outcome reports in 1 of 1 run\n");
        let saved = fs::read_to_string(report.join("flow/complete/transcript.json")).unwrap();
        let transcript: Transcript = serde_json::from_str(&saved).unwrap();
        let Report::Read(report) = transcript.client.report else { panic!("{language}: not read") };
        let said = (report.outcome, report.step.as_deref(), report.error.as_deref(), report.status);
        let refused = ReportedOutcome::Refused;
        assert_eq!(said, (refused, Some("jwt_bearer"), Some("invalid_grant"), Some(400)), "{language}");
    }
}
