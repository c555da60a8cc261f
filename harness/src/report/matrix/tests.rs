//! Rows from transcripts written in code.

use serde_json::{Value, json};

use crosscheck_scenarios::{EndpointName, Party, ScenarioId};
use crosscheck_wire::Transcript;
use crosscheck_wire::transcript::{Ended, Output, Report};
use crosscheck_wire::{Caller, Text};

use crate::check::Verdict;

use super::{Course, Matrix, Members, Row, Surfaced, row, stands_in};

/// A request of the client, and the answer as JSON.
fn exchange(number: usize, party: Party, path: &str, status: u16, answer: Option<Value>) -> Value {
    let endpoint = if path == "/token" { EndpointName::Token } else { EndpointName::Mcp };
    let body = |json: Option<Value>| {
        let bytes = json.as_ref().map_or(0, |json| json.to_string().len());
        json!({"bytes": bytes, "complete": true, "text": "", "json": json, "params": []})
    };
    let mut headers = vec![];
    let mut mentions = vec![];
    if party == Party::Mcp {
        headers.push(json!({"name": "authorization", "value": "Bearer x"}));
        mentions.push(json!({"name": "access_token#1", "place": "header", "at": "authorization"}));
    }
    let kind = answer.as_ref().map(|_| json!({"name": "content-type", "value": "application/json"}));
    json!({
        "number": number, "party": party, "caller": Caller::Client, "endpoint": endpoint, "stray": false,
        "at_us": 0, "took_us": 0, "refusal": "",
        "request": {
            "method": "POST", "path": path, "query": [], "raw_query": null, "headers": headers,
            "body": body(None), "authentication": [], "mentions": mentions,
        },
        "response": {"status": status, "headers": kind.as_slice(), "body": body(answer), "mentions": []},
    })
}

/// A run that ended by itself after these exchanges, with this outcome report.
fn run(exchanges: &[Value], report: Option<Value>) -> Transcript {
    let report = report.map_or(json!("absent"), |report| json!({ "read": report }));
    let output = json!({"text": "", "bytes": 0, "dropped": 0});
    let transcript = json!({
        "version": 1, "scenario": "errors/mine/r17/idp", "started_at_ms": 0, "profile": "mcp",
        "spec_version": "2025-11-25", "stage": {}, "values": [], "registrations": {}, "declared": [],
        "context": [], "exchanges": exchanges, "unrecorded": 0, "malformed": [],
        "client": {
            "ended": {"exited": 1}, "took_us": 12_345, "stdout": output, "stderr": output, "report": report,
        },
    });
    serde_json::from_value(transcript).unwrap()
}

fn refusal() -> Value {
    let members = json!({
        "error": "step_up", "error_description": "Sign on\r\nagain,\u{1b}[31m please", "error_uri": "https://a.example",
        "max_age": 5, "acr_values": "phr",
    });
    exchange(1, Party::Idp, "/token", 400, Some(members))
}

fn said(transcript: &Transcript) -> Row {
    row(&transcript.scenario, Party::Idp, transcript, Verdict::Pass)
}

#[test]
fn a_report_tells_what_reached_the_caller_member_by_member() {
    let report = json!({
        "outcome": "refused", "error": "step_up", "error_description": "Sign on again, [31m please", "status": 400,
        "error_uri": "https://a.example", "members": {"max_age": "5", "acr_values": "phr"},
    });
    let transcript = run(&[refusal()], Some(report));
    let row = said(&transcript);
    assert_eq!((row.row.as_str(), row.leg, row.once, row.level), ("errors/mine/r17", Party::Idp, false, 2));
    assert_eq!((row.client, row.retried, row.seconds), (Course::Stopped, 0, 0.012));
    let yes = Surfaced::Yes;
    assert_eq!((row.code, row.description, row.status), (yes, yes, yes));
    let members = Members {
        sent: ["error_uri", "max_age", "acr_values"].map(str::to_owned).into(),
        surfaced: Some(["error_uri", "acr_values"].map(str::to_owned).into()),
    };
    assert_eq!(row.members, members);
    let line = "| r17 | idp | 400 step_up | stopped | yes | yes | error_uri, acr_values (2 of 3) | yes | 0 | 0.01 | pass |";
    assert_eq!(row.to_string(), line);
}

#[test]
fn what_a_report_leaves_out_is_lost_unless_the_output_says_it() {
    let report = json!({"outcome": "refused", "error_description": "Sign on", "message": "HTTP 400"});
    let mut transcript = run(&[refusal()], Some(report));
    let row = said(&transcript);
    assert_eq!((row.code, row.status), (Surfaced::No, Surfaced::InOutput));
    assert_eq!(row.description, Surfaced::InPart);
    assert_eq!(row.members.surfaced, Some(vec![]));
    transcript.client.stderr = Output { text: Text::plain("error=step_up"), ..Output::default() };
    assert_eq!(said(&transcript).code, Surfaced::InOutput);
}

#[test]
fn without_a_report_the_output_is_searched_and_silence_proves_nothing() {
    let mut transcript = run(&[refusal()], None);
    transcript.client.stdout = Output { text: Text::plain("failed: step_up"), ..Output::default() };
    let row = said(&transcript);
    assert_eq!((row.level, row.code), (1, Surfaced::InOutput));
    assert_eq!((row.description, row.status), (Surfaced::NotKnown, Surfaced::NotKnown));
    assert_eq!(row.members.surfaced, None);
    transcript.client.report = Report::Unreadable("it is no JSON object".into());
    assert_eq!(said(&transcript).level, 1);
}

#[test]
fn the_course_of_the_client_is_told_apart() {
    let regular = || Some(json!({"access_token": "«id_jag#1»"}));
    let next = |number, status| exchange(number, Party::As, "/token", status, Some(json!({"error": "no"})));
    let course = |exchanges: &[Value], ended| {
        let mut transcript = run(exchanges, None);
        transcript.client.ended = ended;
        said(&transcript).client
    };
    let exited = Ended::Exited(1);
    assert_eq!(course(&[refusal()], exited), Course::Stopped);
    assert_eq!(course(&[refusal()], Ended::TimedOut(6000)), Course::TimedOut);
    assert_eq!(course(&[refusal()], Ended::Signal(11)), Course::Died);
    assert_eq!(course(&[refusal(), next(2, 400)], exited), Course::WentOn);
    assert_eq!(course(&[refusal(), exchange(2, Party::Mcp, "/mcp", 401, None)], exited), Course::WentOn);

    let again = exchange(2, Party::Idp, "/token", 200, regular());
    let call = exchange(4, Party::Mcp, "/mcp", 200, None);
    let transcript = run(&[refusal(), again, next(3, 200), call], Some(json!({"outcome": "authorized"})));
    let row = said(&transcript);
    assert_eq!((row.client, row.retried), (Course::Reached, 1));
    let nothing = Surfaced::NothingToSurface;
    assert_eq!((row.code, row.description, row.status), (nothing, nothing, nothing));
    assert_eq!(row.members, Members::default());
}

#[test]
fn an_answer_in_brief_says_status_and_code_or_type() {
    let brief = |exchange: Value| {
        let transcript = run(&[exchange], None);
        let row = said(&transcript);
        (row.answer.as_ref().unwrap().to_string(), row.code, row.status)
    };
    let (none, unknown) = (Surfaced::NothingToSurface, Surfaced::NotKnown);
    let odd = json!({"error": {"code": 400}});
    let answer = |status, json| exchange(1, Party::Idp, "/token", status, json);
    assert_eq!(brief(answer(400, Some(odd))), ("400 application/json".into(), none, unknown));
    assert_eq!(brief(answer(502, None)), ("502, empty".into(), none, unknown));
    assert_eq!(brief(answer(200, Some(json!({"error": "a|b"})))), ("200 a|b".into(), unknown, none));
    let mut broken = answer(0, None);
    broken["response"]["body"]["complete"] = json!(false);
    assert_eq!(brief(broken), ("broken off".into(), none, none));
    assert_eq!(said(&run(&[], None)).answer, None);
}

#[test]
fn the_table_is_markdown_in_which_no_answer_is_markup() {
    let hostile = json!({"error": "<b>|`\n", "error_description": "x"});
    let transcript = run(&[exchange(1, Party::Idp, "/token", 400, Some(hostile))], None);
    let (once, other) =
        (ScenarioId::new("errors/mine/r17/idp/once"), ScenarioId::new("errors/other/p01/idp"));
    let rows = [&transcript.scenario, &once, &other];
    let matrix = Matrix {
        version: super::VERSION,
        crosscheck: "0.1.0".into(),
        profile: transcript.profile,
        command: "node `client`".into(),
        level: Some(1),
        level_in_words: Some("level 1: no outcome report in 3 runs".into()),
        rows: rows.map(|id| row(id, Party::Idp, &transcript, Verdict::Warn)).into(),
    };
    let text = matrix.to_string();
    assert!(
        text.starts_with("# Error handling of `node 'client'`\n\nCrosscheck 0.1.0, profile mcp, level 1: "),
        "{text}"
    );
    assert_eq!(text.matches("\n## errors/mine\n").count(), 1, "{text}");
    assert_eq!(text.matches("\n## errors/other\n").count(), 1, "{text}");
    assert!(text.contains("\n| r17 | idp | 400 \\<b\\>\\|\\`\\\\n | stopped |"), "{text}");
    assert!(text.contains("\n| r17 | idp, once | "), "{text}");
    let json = serde_json::to_value(&matrix).unwrap();
    assert_eq!(
        (&json["version"], &json["level"], &json["rows"][1]["once"]),
        (&json!(1), &json!(1), &json!(true))
    );
    assert_eq!(json["rows"][0]["members"], json!({"sent": [], "surfaced": null}));
    assert_eq!(json["rows"][0]["answer"]["error"], "<b>|`\n");
    assert_eq!(json["rows"][0]["client"], "stopped");
}

#[test]
fn a_word_stands_by_itself() {
    assert!(stands_in("HTTP 400.", "400") && stands_in("error=invalid_grant", "invalid_grant"));
    assert!(!stands_in("port 41400", "400") && !stands_in("invalid_grants", "invalid_grant"));
    assert!(stands_in("4000 400", "400"));
}
