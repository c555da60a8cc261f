//! The official suite's form.

use serde_json::{Value, json};

use crate::baseline::{Baseline, BaselineError, ExpectedFailures};
use crate::check::Verdict;
use crate::run::Played;

use super::{OFFICIAL, check, ended, found_in, played, scenarios};

fn read(text: &str) -> Result<Baseline, BaselineError> {
    let failures = ExpectedFailures::parse("mine.yml", text, scenarios())?;
    Ok(Baseline { failures, ..Baseline::default() })
}

fn listing(entry: &str) -> Baseline {
    read(&format!("client:\n  - {entry}\n")).unwrap()
}

/// Whether the first check is a finding that is covered, and which entries are stale.
fn judged(baseline: &Baseline, played: Played) -> (bool, Vec<String>) {
    let all = [played];
    let stale = baseline.stale(&all).iter().map(ToString::to_string).collect();
    (
        all[0]
            .checks()
            .first()
            .is_some_and(|check| check.verdict >= Verdict::Warn && baseline.covers(&all[0], check)),
        stale,
    )
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let told = read(text).unwrap_err().to_string();
    for part in expected {
        assert!(told.contains(part), "`{part}` is missing\n{told}");
    }
}

/// A POST to the token endpoint of a party, answered so.
fn token_request(number: usize, party: &str, grant_type: &str, status: u16) -> Value {
    let param = json!({"name": "grant_type", "value": grant_type});
    let body =
        |params: &[&Value]| json!({"bytes": 9, "complete": true, "text": "", "json": null, "params": params});
    json!({
        "number": number, "party": party, "caller": "client", "endpoint": "token", "stray": false,
        "at_us": 0, "took_us": 0, "refusal": "no",
        "request": {
            "method": "POST", "path": "/token", "query": [], "raw_query": null,
            "headers": [{"name": "content-type", "value": "application/x-www-form-urlencoded"}],
            "body": body(&[&param]), "authentication": [], "mentions": [],
        },
        "response": {"status": status, "headers": [], "body": body(&[]), "mentions": []},
    })
}

fn exchange(status: u16) -> Value {
    token_request(4, "idp", "urn:ietf:params:oauth:grant-type:token-exchange", status)
}

#[test]
fn a_scenario_that_is_listed_whole_may_fail_and_must_not_pass() {
    let baseline = listing("flow/complete");
    for verdict in [Verdict::Fail, Verdict::NotReached, Verdict::Warn] {
        let run = played("flow/complete", &[("flow-order", verdict)]);
        assert_eq!(judged(&baseline, run), (true, vec![]), "{verdict:?}");
    }
    let passing = played("flow/complete", &[("flow-order", Verdict::Pass)]);
    assert_eq!(judged(&baseline, passing), (false, vec!["flow/complete".to_owned()]));
}

#[test]
fn a_listed_check_covers_itself_and_no_other() {
    let baseline = listing("flow/complete:flow-order");
    let run = |name, verdict| played("flow/complete", &[(name, verdict)]);
    assert_eq!(judged(&baseline, run("flow-order", Verdict::Warn)), (true, vec![]));
    assert_eq!(judged(&baseline, run("tx-grant-type", Verdict::Fail)), (false, vec![]));
}

#[test]
fn a_listed_check_that_passes_is_stale_and_one_that_proves_nothing_is_tolerated() {
    let baseline = listing("flow/complete:flow-order");
    let run = |verdict| judged(&baseline, played("flow/complete", &[("flow-order", verdict)])).1;
    assert_eq!(run(Verdict::Pass), ["flow-order @ flow/complete"]);
    assert!(run(Verdict::Info).is_empty() && run(Verdict::NotApplicable).is_empty());
    assert!(judged(&baseline, played("flow/complete", &[])).1.is_empty(), "absent");
}

#[test]
fn a_requirement_at_several_parties_counts_as_the_worst_of_them() {
    let checks = [("cauth-present@as", Verdict::Fail), ("cauth-present@idp", Verdict::Pass)];
    let run = || played("flow/complete", &checks);
    assert_eq!(judged(&listing("flow/complete:cauth-present"), run()), (true, vec![]));
    let stale = vec!["cauth-present@idp @ flow/complete".to_owned()];
    assert_eq!(judged(&listing("flow/complete:cauth-present@idp"), run()), (false, stale));
}

#[test]
fn a_client_that_crashed_or_was_ended_is_never_expected() {
    let scenario = scenarios().find("flow/complete").unwrap().clone();
    for how in [json!({ "signal": 9 }), json!({ "timed_out": 300 })] {
        let run = ended(scenario.clone(), &how, &[], [check("run-outcome", Verdict::Fail)]);
        assert_eq!(judged(&listing("flow/complete"), run), (false, vec![]));
    }
}

#[test]
fn an_official_check_that_fails_covers_what_was_found_in_its_exchange() {
    let scenario = || scenarios().find(OFFICIAL).unwrap().clone();
    let baseline = listing("auth/enterprise-managed-authorization:complete-flow-token-exchange");
    let run = |exchange, found| ended(scenario(), &json!({ "exited": 1 }), &[exchange], [found]);
    let refused = run(exchange(400), found_in(4, "tx-audience-is-as-issuer", true));
    assert_eq!(judged(&baseline, refused), (true, vec![]));
    let elsewhere = run(exchange(400), found_in(2, "disc-prm-resource-match", false));
    assert_eq!(judged(&baseline, elsewhere), (false, vec![]));
    let stale = "complete-flow-token-exchange @ auth/enterprise-managed-authorization".to_owned();
    let accepted = run(exchange(200), found_in(4, "tx-audience-is-as-issuer", false));
    assert_eq!(judged(&baseline, accepted), (false, vec![stale]));
}

#[test]
fn an_official_step_that_the_run_lacks_covers_what_ended_the_run() {
    let scenario = || scenarios().find(OFFICIAL).unwrap().clone();
    let baseline = listing(&format!("{OFFICIAL}:complete-flow-jwt-bearer"));
    let run = |status, ends| {
        let found = found_in(4, "txr-accept", ends);
        judged(&baseline, ended(scenario(), &json!({ "exited": 1 }), &[exchange(status)], [found])).0
    };
    assert!(run(200, true));
    assert!(!run(200, false), "the run went on");
    assert!(!run(400, true), "another step of the suite failed there");
}

#[test]
fn official_checks_that_only_inform_or_are_absent_are_tolerated() {
    let scenario = scenarios().find(OFFICIAL).unwrap().clone();
    for id in ["outgoing-auth-response", "client-registration", "wire-schema-valid"] {
        let run = ended(scenario.clone(), &json!({ "exited": 0 }), &[exchange(200)], []);
        assert_eq!(judged(&listing(&format!("{OFFICIAL}:{id}")), run), (false, vec![]), "{id}");
    }
}

#[test]
fn what_only_the_suite_plays_and_servers_are_left_to_it() {
    let text = "client:\n  - initialize\n  - auth/basic-cimd:any-check\n  - auth/dpop\nserver:\n  - anything:at-all\n";
    assert_eq!(judged(&read(text).unwrap(), played("flow/complete", &[])), (false, vec![]));
}

#[test]
fn a_file_that_lists_nothing_is_fine() {
    for text in ["", "# nothing yet\n", "client:\nserver:\n", "client: []\n", "{}\n"] {
        read(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    }
}

#[test]
fn unknown_names_are_told_with_the_nearest_and_all_at_once() {
    let text = "client:\n  - flow/complet\n  - auth/basic-cimdd\n  - flow/complete:flow-ordr\n  - 'flow/complete:'\n";
    let expected = [
        "mine.yml:2:5: no scenario is called `flow/complet`",
        "did you mean `flow/complete`?",
        "mine.yml:3:5: no scenario is called `auth/basic-cimdd`",
        "did you mean `auth/basic-cimd`?",
        "mine.yml:4:5: no check of `flow/complete` is called `flow-ordr`",
        "did you mean `flow-order`?",
        "mine.yml:5:5: no check of `flow/complete` is called ``",
    ];
    refused(text, &expected);
    refused(
        &format!("client:\n  - {OFFICIAL}:complete-flow-jwt-barer\n"),
        &["did you mean `complete-flow-jwt-bearer`?"],
    );
    refused("client: [flow/complete:complete-flow-jwt-bearer]\n", &["no check of `flow/complete`"]);
}

#[test]
fn a_scenario_that_is_listed_both_ways_or_twice_is_refused() {
    refused(
        "client:\n  - flow/complete\n  - flow/complete:flow-order\n",
        &["mine.yml:3:5: line 2 lists the scenario whole"],
    );
    refused(
        "client:\n  - flow/complete:flow-order\n  - flow/complete\n",
        &["mine.yml:3:5: line 2 lists a check of the scenario"],
    );
    let renamed = format!("client:\n  - {OFFICIAL}\n  - auth/enterprise-managed-authorization\n");
    refused(&renamed, &["mine.yml:3:5: this stands in line 2 already"]);
}

#[test]
fn a_file_of_another_form_is_refused_with_its_place() {
    refused(
        "clients:\n  - flow/complete\n",
        &["mine.yml:1:1: unknown key `clients`", "did you mean `client`?"],
    );
    refused(
        "client:\n  - flow/complete: flow-order\n",
        &["mine.yml:2:5: ", "SCENARIO:CHECK without a space"],
    );
    refused("server:\n  - a: yes\n", &["mine.yml:2:5: ", "without a space after the colon"]);
    refused("client:\n  - 12\n", &["mine.yml:2:5: an entry is the name of a scenario"]);
    refused("client: flow/complete\n", &["mine.yml:1:9: ", "the form is two lists"]);
    refused("- flow/complete\n", &["mine.yml:1:1: ", "the form is two lists"]);
    refused("client: []\nclient: []\n", &["mine.yml:2:1: the key `client` stands twice"]);
    refused("client: []\n---\nclient: []\n", &["a second YAML document begins"]);
    refused("client: [\n", &["mine.yml:1:", "unclosed bracket"]);
}
