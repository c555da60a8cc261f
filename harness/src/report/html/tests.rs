//! Pages of made-up reports, as text. What a browser makes of them is the business of `tests/browser`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crosscheck_wire::Transcript;

use super::*;
use crate::report::model::{ClientReport, Report};

/// What leaves its place wherever it is not escaped.
const HOSTILE: &str = "</script></style>\"'><img src=x onerror=alert(1)>\u{202e}\u{1b}[2J";
/// A value that a transcript holds where somebody asked for it.
const REVEALED: &str = "the-secret-itself";

#[test]
fn hostile_text_stays_text_wherever_it_stands() {
    let mut report = report(vec![client(HOSTILE, &[scenario("flow/complete", &[failure(HOSTILE)])])]);
    let client = &mut report.clients[0];
    client.stale = vec![HOSTILE.to_owned()];
    let scenario = &mut client.scenarios[0];
    for text in [&mut scenario.title, &mut scenario.why, &mut scenario.again] {
        HOSTILE.clone_into(text);
    }
    scenario.difference = vec![format!("+{HOSTILE}")];
    scenario.checks[0].reason = Some(HOSTILE.to_owned());
    let mut transcript = transcript(&[exchange(1, "idp", HOSTILE), exchange(2, "as", "plain")]);
    transcript["client"]["stderr"]["text"] = json!(HOSTILE);
    for text in [page(&report, &transcript), comparison(&report)] {
        assert!(!text.contains("<img"), "{text}");
        assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("\\u{202e}"), "{text}");
        assert_eq!(text.matches("</script>").count(), 1, "{text}");
        assert_eq!(text.matches("</style>").count(), 1, "{text}");
    }
}

#[test]
fn a_revealed_value_is_not_on_the_page() {
    let report = report(vec![client("one", &[scenario("flow/complete", &[])])]);
    let text = page(&report, &transcript(&[exchange(1, "idp", "plain")]));
    assert!(text.contains("«id_token»"), "{text}");
    assert!(!text.contains(REVEALED), "{text}");
}

#[test]
fn the_offending_arrow_is_marked_and_what_follows_is_grey() {
    let report = report(vec![client("one", &[scenario("flow/complete", &[failure("wrong")])])]);
    let exchanges: Vec<_> = (1..=3).map(|number| exchange(number, "idp", "plain")).collect();
    let text = page(&report, &transcript(&exchanges));
    let arrows: Vec<_> = text.split("<g").skip(1).filter(|arrow| arrow.contains("<path d=\"M")).collect();
    assert_eq!(arrows.len(), 3, "{text}");
    assert!(arrows[0].starts_with('>'), "{}", arrows[0]);
    assert!(arrows[1].starts_with(" class=failed>"), "{}", arrows[1]);
    assert!(arrows[1].contains("◂ tx-audience-is-as-issuer") && arrows[1].contains("#k-failed"));
    assert!(arrows[2].starts_with(" class=follows>"), "{}", arrows[2]);
    assert!(text.contains("Message 2: tx-audience-is-as-issuer, failed."), "{text}");
    assert!(text.contains("<a href=\"#flow/complete~2\">") && text.contains("id=\"flow/complete~2\""));
}

#[test]
fn a_server_that_was_not_asked_has_no_lane_unless_the_flow_has_it() {
    let report = report(vec![client("one", &[scenario("flow/complete", &[])])]);
    let plain = page(&report, &transcript(&[exchange(1, "idp", "plain")]));
    let astray = page(&report, &transcript(&[exchange(1, "trap", "plain")]));
    assert!(plain.contains(">MCP server</text>") && !plain.contains(">trap</text>"), "{plain}");
    assert!(astray.contains(">trap</text>"), "{astray}");
}

#[test]
fn one_cause_is_told_once_and_failures_come_before_warnings() {
    let warning = json!({ "id": "jb-format", "requirement": "jb-format", "verdict": "warn",
        "standing": "warning", "finding": { "what": "a warning" } });
    let scenarios = vec![
        scenario("a/one", &[warning]),
        scenario("a/three", &[failure("wrong")]),
        scenario("a/two", &[failure("wrong")]),
    ];
    let text = page(&report(vec![client("one", &scenarios)]), &transcript(&[]));
    assert!(text.contains("2 scenarios, one cause"), "{text}");
    let (failed, warned) =
        (text.find("<article class=\"f failed\""), text.find("<article class=\"f warned\""));
    assert!(failed.is_some() && failed < warned, "{text}");
}

#[test]
fn expected_findings_are_folded_with_their_reason() {
    let mut expected = failure("wrong");
    expected["standing"] = json!("expected");
    expected["reason"] = json!("until the next release");
    let report = report(vec![client("one", &[scenario("a/one", &[expected])])]);
    let text = page(&report, &transcript(&[]));
    assert!(text.contains("<summary>1 expected</summary>"), "{text}");
    assert!(text.contains("Expected: until the next release"), "{text}");
    assert!(text.contains("Nothing was found that counts."), "{text}");
}

#[test]
fn what_makes_a_pass_meaningless_stands_in_front() {
    let mut report = report(vec![client("one", &[scenario("a/one", &[])])]);
    report.clients[0].level = Some(1);
    report.clients[0].counts.codes_not_shown = 3;
    let text = page(&report, &transcript(&[exchange(1, "idp", "plain")]));
    for caution in [
        "The client never asked the resource authorization server",
        "The client wrote no outcome report",
        "3 error codes could not be judged",
        "1 scenario more would have been played",
        "Shards are missing, and with them their scenarios: 2/3",
    ] {
        assert!(text.contains(caution), "`{caution}` is missing in {text}");
    }
    let reached = page(&report, &transcript(&[exchange(1, "as", "plain")]));
    assert!(!reached.contains("The client never asked"), "{reached}");
    report.clients[0].counts = serde_json::from_value(counts(0)).expect("the counts have their form");
    assert!(page(&report, &transcript(&[])).contains("No scenario applies"));
}

#[test]
fn a_page_asks_the_network_for_nothing() {
    let report = report(vec![client("one", &[scenario("a/one", &[failure("wrong")])])]);
    for text in [page(&report, &transcript(&[exchange(1, "idp", "plain")])), comparison(&report)] {
        assert!(text.contains("content=\"default-src 'none';"), "{text}");
        // Links to the documents are followed by people only.
        let mut stretches = text.split("<a ");
        let first = stretches.next().unwrap_or_default().to_owned();
        let text =
            stretches.fold(first, |text, link| text + link.split_once('>').map_or("", |(_, rest)| rest));
        for reference in [" src=", "@import", "url(", "href=\"http", "href=\"//", " style=", " onclick="] {
            assert!(!text.contains(reference), "`{reference}` is in {text}");
        }
    }
}

#[test]
fn a_comparison_links_every_cell_to_its_scenario() {
    let one = client("one", &[scenario("a/one", &[]), scenario("b/two", &[])]);
    let two = client("number two", &[scenario("a/one", &[failure("wrong")])]);
    let text = comparison(&report(vec![one, two]));
    assert!(text.contains("<a href=\"number%20two/index.html\">number two</a>"), "{text}");
    assert!(text.contains("<td class=failed><a href=\"number%20two/index.html#a/one\">"), "{text}");
    assert!(text.contains("<td class=passed><a href=\"one/index.html#b/two\">"), "{text}");
    assert!(text.contains("<td class=none>not played"), "{text}");
    assert!(text.contains("2 of 2 scenarios"), "{text}");
}

fn page(report: &Report, transcript: &Value) -> String {
    let transcript: Transcript = serde_json::from_value(transcript.clone()).expect("it has the form of one");
    let mut out = Vec::new();
    let with_transcript = |_: &ScenarioReport| Some(Cow::Borrowed(&transcript));
    write_page(&mut out, report, &report.clients[0], &with_transcript).expect("memory takes it");
    String::from_utf8(out).expect("a page is text")
}

fn comparison(report: &Report) -> String {
    let mut out = Vec::new();
    write_comparison(&mut out, report).expect("memory takes it");
    String::from_utf8(out).expect("a page is text")
}

fn report(clients: Vec<ClientReport>) -> Report {
    let (version, crosscheck) = (crate::report::model::VERSION, "0.0.0".to_owned());
    Report { version, crosscheck, as_expected: false, rules: BTreeMap::new(), clients }
}

fn client(name: &str, scenarios: &[Value]) -> ClientReport {
    let client = json!({
        "name": name, "as_expected": false, "level": 2, "level_in_words": "level 2", "counts": counts(1),
        "stale": [], "scenarios": scenarios,
        "run": {
            "command": name, "profile": "mcp", "documents": ["RFC 6749"], "spec_version": "2025-11-25",
            "flow_name": "flow", "declared": [], "deny_warnings": false, "started_at": "2026-01-01T00:00:00Z",
            "took_ms": 1234, "missing_shards": ["2/3"], "not_played": 1,
        },
    });
    serde_json::from_value(client).expect("it has the form of a client's report")
}

fn counts(passed: usize) -> Value {
    json!({ "passed": passed, "failed": 0, "warned": 0, "expected": 0, "not_applicable": 0,
        "outcome_reports": 0, "codes_not_shown": 0 })
}

fn scenario(id: &str, checks: &[Value]) -> Value {
    let failed = !checks.is_empty();
    json!({
        "id": id, "title": "A title", "why": "A reason.", "result": if failed { "failed" } else { "passed" },
        "verdict": if failed { "fail" } else { "pass" }, "level": 2, "took_us": 1000, "checks": checks,
        "passed": ["tx-post"], "not_applicable": {}, "again": "crosscheck run",
    })
}

/// A failure in the second message, from which the third follows.
fn failure(what: &str) -> Value {
    json!({
        "id": "tx-audience-is-as-issuer", "requirement": "tx-audience-is-as-issuer", "verdict": "fail",
        "standing": "failure", "message": what,
        "finding": {
            "what": what, "exchange": 2, "as_expected": [what], "excerpt": what, "repeated": 1,
            "compared": [{ "name": what, "expected": what, "seen": format!("{what}/") }],
            "then": [{ "exchange": 3, "what": what }],
        },
    })
}

fn transcript(exchanges: &[Value]) -> Value {
    let output = json!({ "text": "", "bytes": 0, "dropped": 0 });
    json!({
        "version": 1, "scenario": "flow/complete", "started_at_ms": 0, "profile": "mcp",
        "spec_version": "2025-11-25", "stage": {}, "values": [], "registrations": {}, "declared": [],
        "context": [], "exchanges": exchanges, "unrecorded": 0, "malformed": [],
        "client": { "ended": { "exited": 0 }, "took_us": 1, "stdout": output, "stderr": output,
            "report": "absent" },
        "revealed": { "id_token": REVEALED },
    })
}

/// A token request in which `text` stands wherever a client or a server can put text.
fn exchange(number: usize, party: &str, text: &str) -> Value {
    let named = json!([{ "value": { "name": "id_token", "encoding": "raw" } }]);
    let jwt = json!({ "header": { "alg": text }, "claims": { text: text }, "verifies_with": null });
    let header = json!([{ "name": "content-type", "value": text }]);
    let params = json!([
        { "name": "grant_type", "value": text, "jwt": null },
        { "name": text, "value": text, "jwt": null },
        { "name": "subject_token", "value": named, "jwt": jwt },
    ]);
    let body = json!({ "bytes": 1, "complete": true, "text": text, "json": null, "params": params });
    let answer = json!({ "bytes": 1, "complete": true, "text": "", "json": { "error": text }, "params": [] });
    json!({
        "number": number, "party": party, "caller": "client", "endpoint": "token", "stray": false,
        "at_us": number * 1000, "took_us": 10, "refusal": text,
        "request": { "method": text, "path": text, "query": params, "raw_query": text, "headers": header,
            "body": body, "authentication": [], "mentions": [] },
        "response": { "status": 400, "headers": header, "body": answer, "mentions": [] },
    })
}
