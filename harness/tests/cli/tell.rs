//! What a run shows while it runs, how much it says, and where it stops.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crosscheck_wire::Transcript;

use crate::{Call, crosscheck, folder, text};

const SLASH: [&str; 5] = ["--", "crosscheck", "reference-client", "--fault", "audience-trailing-slash"];
/// Scenarios in which the fault counts, in order.
const ISSUERS: [&str; 3] =
    ["discovery/issuer-with-final-slash", "discovery/issuer-with-path", "discovery/issuer-without-path"];

fn run(options: &[&str], client: &[&str]) -> Call {
    crosscheck(&[["run"].as_slice(), options, client].concat())
}

/// The ends of the names of the `count` scenarios of `mine.toml`, in which every server conforms.
fn scenarios(folder: &Path, count: usize) -> Vec<String> {
    let ids: Vec<_> = (0..count).map(|number| format!("case-{number}")).collect();
    let head = "title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n".to_owned();
    let cases: Vec<_> = ids.iter().map(|id| format!("[[case]]\nid = \"{id}\"\n")).collect();
    fs::write(folder.join("mine.toml"), head + &cases.concat()).unwrap();
    ids
}

fn expected(path: &Path, scenario: &str) {
    let entry = format!(
        "[[expected]]\nscenario = \"{scenario}\"\nrequirement = \"tx-audience-is-as-issuer\"\nreason = \"known\"\n"
    );
    fs::write(path, entry).unwrap();
}

#[test]
fn fail_fast_starts_nothing_after_the_first_failure() {
    let stop = [["--exact"].as_slice(), &ISSUERS, &["--test-threads", "1", "--fail-fast"]].concat();
    let call = run(&stop, &SLASH).exits(1).says("\n0 passed · 1 failed ");
    let call = call.says("\nstopped at the first failure: 2 scenarios not played\n").says(ISSUERS[0]);
    call.without(ISSUERS[1]).says("\nlevel 2: outcome reports in 1 of 1 run\n");

    let json = [stop.as_slice(), &["--format", "json"]].concat();
    let call = run(&json, &SLASH).exits(1).says("stopped at the first failure: 2 scenarios not played\n");
    let report: serde_json::Value = serde_json::from_str(&call.stdout).unwrap();
    assert_eq!(report["clients"][0]["scenarios"].as_array().map(Vec::len), Some(1));
    run(&stop, &[]).exits(0).says("\n3 passed ").without("stopped");
}

#[test]
fn fail_fast_goes_on_after_what_does_not_fail_the_run() {
    let folder = folder();
    let path = folder.path().join("expected.toml");
    expected(&path, ISSUERS[0]);
    let stop = [["--exact"].as_slice(), &ISSUERS, &["--test-threads", "1", "--fail-fast"]].concat();
    let known = [stop.as_slice(), &["--expected", text(&path)]].concat();
    let call = run(&known, &SLASH).exits(1).says("\n0 passed · 1 failed · 1 with expected findings ");
    call.says("\nstopped at the first failure: 1 scenario not played\n");

    let warned =
        ["--exact", "discovery/idp-by-issuer", "flow/complete", "--test-threads", "1", "--fail-fast"];
    run(&warned, &SLASH).exits(0).says("\n0 passed · 2 with warnings ").without("stopped");
    let denied = [warned.as_slice(), &["--deny", "warnings"]].concat();
    let call = run(&denied, &SLASH).exits(1).says("\n0 passed · 1 with warnings ");
    call.says("\nstopped at the first failure: 1 scenario not played\n");
}

#[test]
fn quiet_prints_a_line_for_each_finding_and_the_counts() {
    let folder = folder();
    let path = folder.path().join("expected.toml");
    expected(&path, "flow/complete");
    let args = ["--exact", "discovery/idp-by-issuer", ISSUERS[0], ISSUERS[1], "--quiet"];
    let call = run(&args, &SLASH).exits(1);
    let what = "tx-audience-is-as-issuer  The ID-JAG is requested for something that is not the issuer of the resource authorization server.";
    let lines: Vec<_> = call.stdout.lines().collect();
    let [warned, first, second, counts] = lines[..] else { panic!("four lines\n{}", call.told()) };
    assert_eq!(warned, format!("WARN  discovery/idp-by-issuer · {what}"));
    assert_eq!([first, second], [0, 1].map(|place| format!("FAIL  {} · {what}", ISSUERS[place])));
    assert!(counts.starts_with("0 passed · 2 failed · 1 with warnings "), "{counts}");
    assert_eq!(call.stderr, "");

    let stale = ["--exact", "flow/complete", "-q", "--expected", text(&path)];
    let call = run(&stale, &[]).exits(1);
    let (counts, stale) = call.stdout.split_once('\n').expect("two lines");
    assert!(counts.starts_with("1 passed "), "{counts}");
    assert!(stale.starts_with("stale   tx-audience-is-as-issuer @ flow/complete "), "{stale}");
    assert_eq!(stale.lines().count(), 1, "{stale}");
    run(&["--quiet", "--verbose"], &[]).exits(2).says("cannot be used with");
}

#[test]
fn verbose_tells_each_exchange_in_its_scenario() {
    let scenario = ["--exact", ISSUERS[2], "--verbose"];
    let call = run(&scenario, &SLASH).exits(1).says("set-up  #1  POST mcp MCP endpoint → 401\n");
    let told: Vec<_> = call.stderr.lines().filter(|line| !line.starts_with("set-up")).collect();
    let [starts, exchanges @ .., ends] = told.as_slice() else { panic!("{}", call.told()) };
    assert_eq!(*starts, format!("{}  starts", ISSUERS[2]));
    assert!(ends.starts_with(&format!("{}  fail, ", ISSUERS[2])), "{ends}");
    let exchanges: Vec<_> =
        exchanges.iter().filter_map(|line| line.strip_prefix(&format!("{}  ", ISSUERS[2]))).collect();
    let expected = [
        "#1  POST mcp MCP endpoint → 401",
        "#2  GET mcp resource metadata → 200",
        "#3  GET as OAuth metadata → 200",
        "#4  POST idp token endpoint → 400 invalid_target",
    ];
    assert_eq!(exchanges, expected);
    assert!(!call.stdout.contains("starts\n"), "{}", call.told());
}

#[test]
fn verbose_lists_every_exchange_and_no_secret() {
    let folder = folder();
    let options = ["flow/", "errors/hostile", "--verbose", "--reveal", "--report"];
    let client = ["--", "crosscheck", "reference-client", "--fault", "prints-tokens"];
    let call = run(&[options.as_slice(), &[text(folder.path())]].concat(), &client).exits(1);
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for line in call.stderr.lines() {
        let (scenario, what) = line.split_once("  ").expect("every line has a scenario");
        *told.entry(scenario).or_default() += usize::from(what.starts_with('#'));
    }
    told.remove("set-up");
    assert!(told.len() > 20, "{}", told.len());
    for (scenario, count) in told {
        let saved = fs::read_to_string(folder.path().join(scenario).join("transcript.json"));
        let Ok(saved) = saved else { continue };
        let transcript: Transcript = serde_json::from_str(&saved).unwrap();
        assert_eq!(count, transcript.exchanges.len(), "{scenario}");
        assert!(!transcript.revealed.is_empty());
        let found = transcript.revealed.iter().find(|(_, value)| call.stderr.contains(*value));
        assert_eq!(found, None, "{scenario}");
    }
    assert!(!call.stderr.contains("eyJ") && !call.stderr.contains("127.0.0.1"));
}

#[cfg(unix)]
#[test]
fn nocapture_passes_the_output_on_and_keeps_it() {
    let folder = folder();
    let script = "echo on stdout; printf 'on stderr\\377' >&2; exec \"$0\" reference-client $1";
    let client = ["--", "sh", "-c", script, crate::CROSSCHECK];
    let options = ["--exact", "flow/complete", "--report", text(folder.path())];
    run(&options, &client).exits(0).without("on stdout").without("on stderr");
    let call = run(&[options.as_slice(), &["--nocapture"]].concat(), &client).exits(0);
    for words in ["on stdout\n", "on stderr", "authorized at http://127.0.0.1:"] {
        // Once in the set-up check, and once in the scenario.
        assert_eq!(call.stderr.matches(words).count(), 2, "{words}\n{}", call.told());
        assert!(!call.stdout.contains(words), "{}", call.told());
    }
    let kept = |name: &str| fs::read_to_string(folder.path().join("flow/complete").join(name)).unwrap();
    assert!(kept("stdout.txt").starts_with("on stdout\n"), "{}", kept("stdout.txt"));
    assert!(kept("stderr.txt").starts_with("on stderr"), "{}", kept("stderr.txt"));
}

#[test]
fn a_failing_run_ends_with_the_command_that_repeats_what_failed() {
    let last = |call: &Call| call.stdout.lines().last().unwrap_or_default().to_owned();
    let all = [["--exact", "flow/complete"].as_slice(), &ISSUERS].concat();
    let call = run(&all, &SLASH).exits(1);
    let again = format!(
        "again   crosscheck run --exact {} -- crosscheck reference-client --fault audience-trailing-slash",
        ISSUERS.join(" ")
    );
    assert_eq!(last(&call), again, "the warning in flow/complete fails nothing\n{}", call.told());
    let denied = run(&["--exact", "flow/complete", "--deny", "warnings"], &SLASH).exits(1);
    assert!(
        last(&denied).starts_with("again   crosscheck run --exact flow/complete -- "),
        "{}",
        denied.told()
    );
    run(&["--exact", "flow/complete"], &SLASH).exits(0).without("again   ");
}

#[test]
fn many_failures_are_repeated_by_their_folder() {
    let folder = folder();
    let ids = scenarios(folder.path(), 9);
    let options = ["mine/", "--scenarios", text(folder.path())];
    let client = ["--", "crosscheck", "reference-client", "--fault", "prints-tokens"];
    let call = run(&options, &client).exits(1).says(&format!("\n0 passed · {} failed ", ids.len()));
    let again = format!("\nagain   crosscheck run --scenarios {} mine/ -- ", text(folder.path()));
    call.says(&again);
}
