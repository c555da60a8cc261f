//! Clients that do not start, hang, flood, die or leave something behind.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::{CROSSCHECK, Call, crosscheck, folder, text};

/// Runs one scenario with a shell script as the client; `$client` in it is the honest client's command, and
/// `$1` the URL.
fn with_script(script: &str, options: &[&str]) -> Call {
    let script = format!("client='{CROSSCHECK} reference-client'; {script}");
    let head = ["run", "--exact", "flow/complete"];
    let tail = ["--", "sh", "-c", &script, "client"];
    let args: Vec<_> = head.iter().chain(options).chain(&tail).copied().collect();
    crosscheck(&args)
}

#[test]
fn a_command_that_is_not_there_is_one_sentence_and_exit_2() {
    let call = crosscheck(&["run", "--", "nodd", "client.js"]).exits(2);
    let call = call.says("error: set-up: command not found: nodd").says("hint: check the spelling");
    assert_eq!(call.stdout, "", "{}", call.told());
    assert_eq!(call.stderr.lines().count(), 2, "{}", call.told());
}

#[test]
fn a_file_that_may_not_be_run_says_so() {
    let folder = folder();
    let path = folder.path().join("client");
    fs::write(&path, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    crosscheck(&["run", "--", text(&path)]).exits(2).says("is not executable").says("chmod +x");
    fs::write(&path, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    crosscheck(&["run", "--", text(&path)]).exits(2).says("the interpreter that the first line");
}

#[test]
fn a_client_of_which_no_request_arrives_is_quoted_and_exits_2() {
    let call = with_script("echo unknown flow $MCP_CONFORMANCE_SCENARIO >&2; exit 3", &[]).exits(2);
    let call = call.says("the client exited 3 and no request of it arrived");
    call.says("unknown flow auth/cross-app-access-complete-flow").says("--flow-name");
    with_script("nosuchprogram", &[]).exits(2).says("command not found");
    with_script("exit 0", &[]).exits(2).says("and printed nothing");
}

#[test]
fn the_cause_is_quoted_where_a_runtime_ends_its_trace_with_something_else() {
    let trace = r#"printf 'Error: no such module\n  at load (a.js:1)\n\n::error::no command\nNode.js v20\n' >&2; exit 1"#;
    let call = with_script(trace, &[]).exits(2).says("its last lines:").says("      Error: no such module");
    call.says(r"      \::error::no command").says("      Node.js v20");
}

#[test]
fn a_quoted_line_commands_no_ci_system() {
    let script = "echo '::error file=a.js::no command'; echo '##''vso[task.complete]no'; $client $1 >&-; kill -SEGV $$";
    let call = with_script(script, &[]).exits(1).says("run-outcome");
    let all = format!("{}{}", call.stdout, call.stderr);
    let commands = |line: &str| line.trim_start().starts_with("::") || line.contains("##vso[");
    assert!(!all.lines().any(commands), "{}", call.told());
    call.says(r"\::error file=a.js::no command").says(r"##\vso[task.complete]no");
}

#[test]
fn a_client_that_hangs_is_ended_at_its_time_limit() {
    with_script("sleep 1000", &["--timeout", "300ms"]).exits(2).says("was ended at its time limit of 300 ms");
    let call = with_script("$client $1; sleep 1000", &["--timeout", "5s"]).exits(1);
    call.says("run-outcome").says("time limit");
}

#[test]
fn nothing_that_a_client_started_outlives_the_run() {
    let folder = folder();
    let pids = folder.path().join("pids");
    let script = format!("sleep 1000 & echo $! >> {}; $client $1", pids.display());
    with_script(&script, &[]).exits(0);
    let pids = fs::read_to_string(&pids).unwrap();
    assert_eq!(pids.lines().count(), 2, "the set-up check and the scenario");
    for pid in pids.lines() {
        assert!(is_gone(pid), "process {pid} is still there");
    }
}

/// Whether a process is gone, or waits for nothing but to be reaped.
fn is_gone(pid: &str) -> bool {
    let ps = std::process::Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8_lossy(&ps.stdout).trim().to_owned();
    state.is_empty() || state.starts_with('Z')
}

#[test]
fn a_client_that_floods_its_output_is_bounded_and_judged() {
    let folder = folder();
    let script = "[ $CROSSCHECK_SCENARIO ] && head -c 1000000000 /dev/zero; $client $1";
    let call = with_script(script, &["--report", text(folder.path())]).exits(0);
    let transcript = fs::read_to_string(folder.path().join("flow/complete/transcript.json")).unwrap();
    assert!(transcript.len() < 4 << 20, "{} bytes", transcript.len());
    let transcript: serde_json::Value = serde_json::from_str(&transcript).unwrap();
    let stdout = &transcript["client"]["stdout"];
    assert!(stdout["bytes"].as_u64().unwrap() > 1_000_000_000, "{}", call.told());
    assert!(stdout["bytes"].as_u64().unwrap() - stdout["dropped"].as_u64().unwrap() <= 128 << 10);
}

#[test]
fn output_that_is_no_utf8_and_a_closed_output_are_no_trouble() {
    with_script("printf 'caf\\351\\n'; $client $1", &[]).exits(0);
    with_script("exec >&- 2>&-; $client $1", &[]).exits(0);
}

#[test]
fn a_client_that_dies_by_a_signal_is_told_so() {
    with_script("$client $1 --fault stops-after-exchange; kill -9 $$", &[])
        .exits(1)
        .says("run-outcome")
        .says("signal 9")
        .without("txr-accept");
}

#[test]
fn an_outcome_report_that_cannot_be_read_is_a_finding_on_the_adapter_only() {
    let scribbles = [
        ("echo nonsense > $CROSSCHECK_OUTCOME", "expected ident"),
        ("echo '[]' > $CROSSCHECK_OUTCOME", "it is no JSON object"),
        ("echo '{\"status\": 400}' > $CROSSCHECK_OUTCOME", "missing field `outcome`"),
        (
            "echo '{\"outcome\": \"refused\", \"status\": \"400\"}' > $CROSSCHECK_OUTCOME",
            "`status`: invalid type",
        ),
        ("echo '{\"outcome\": \"lost\"}' > $CROSSCHECK_OUTCOME", "`outcome`: unknown variant `lost`"),
        ("printf '{\"outcome\": \"refused\"' > $CROSSCHECK_OUTCOME", "EOF while parsing"),
        ("printf '\\377' > $CROSSCHECK_OUTCOME", "valid UTF-8"),
        (": > $CROSSCHECK_OUTCOME", "EOF while parsing"),
        ("mkdir $CROSSCHECK_OUTCOME; touch $CROSSCHECK_OUTCOME/file", "it is a directory"),
        ("head -c 3000000 /dev/zero > $CROSSCHECK_OUTCOME", "it has 3000000 bytes"),
        ("head -c 100000 /dev/zero | tr '\\0' '[' > $CROSSCHECK_OUTCOME", "recursion limit"),
        ("ln -s /etc/passwd $CROSSCHECK_OUTCOME", "it is a symbolic link"),
        ("mkfifo $CROSSCHECK_OUTCOME", "it is no regular file"),
    ];
    for (scribble, why) in scribbles {
        let script = format!("$client $1; rm -f $CROSSCHECK_OUTCOME; {scribble}");
        let call = with_script(&script, &["--format", "json"]).exits(0);
        let report: serde_json::Value = serde_json::from_str(&call.stdout).unwrap();
        let scenario = &report["clients"][0]["scenarios"][0];
        let checks = scenario["checks"].as_array().unwrap().iter();
        let counts = |check: &&serde_json::Value| {
            ["warn", "fail", "not_reached"].into_iter().any(|verdict| check["verdict"] == verdict)
        };
        let found: Vec<_> = checks.filter(counts).collect();
        let [check] = found[..] else { panic!("{scribble}: not one finding\n{}", call.told()) };
        assert_eq!((&check["id"], &check["verdict"]), (&"run-report".into(), &"warn".into()), "{scribble}");
        let what = check["finding"]["what"].as_str().unwrap();
        assert!(what.starts_with("outcome report unreadable: ") && what.contains(why), "{scribble}: {what}");
        assert_eq!(
            (&report["clients"][0]["level"], &scenario["level"]),
            (&1.into(), &1.into()),
            "{scribble}"
        );
    }
}

/// A file of four scenarios, `mine/a` to `mine/d`, in which every server conforms.
fn four_scenarios(folder: &Path, more: &str) {
    let head = format!("title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n{more}\n");
    let cases = ["a", "b", "c", "d"].map(|id| format!("[[case]]\nid = \"{id}\"\n"));
    fs::write(folder.join("mine.toml"), head + &cases.concat()).unwrap();
}

#[test]
fn a_client_that_hangs_in_one_scenario_costs_that_one_its_time_limit_and_no_other_anything() {
    let folder = folder();
    four_scenarios(folder.path(), "");
    let client = "case $CROSSCHECK_SCENARIO in mine/b) sleep 1000;; esac; exec \"$0\" reference-client $1";
    let options = ["--scenarios", text(folder.path()), "--timeout", "3s", "--format", "json"];
    let args: Vec<_> =
        ["run", "mine/"].into_iter().chain(options).chain(["--", "sh", "-c", client, CROSSCHECK]).collect();
    let call = crosscheck(&args).exits(1);
    let report: serde_json::Value = serde_json::from_str(&call.stdout).unwrap();
    let scenarios = report["clients"][0]["scenarios"].as_array().unwrap();
    let took: Vec<_> =
        scenarios.iter().map(|scenario| scenario["took_us"].as_u64().unwrap() / 3_000_000).collect();
    let verdicts: Vec<_> = scenarios.iter().map(|scenario| scenario["verdict"].as_str().unwrap()).collect();
    assert_eq!((took, verdicts), (vec![0, 1, 0, 0], vec!["pass", "fail", "pass", "pass"]), "{}", call.told());
}

#[test]
fn slow_scenarios_have_a_time_limit_of_their_own_and_run_beside_the_others() {
    let folder = folder();
    four_scenarios(folder.path(), "slow = true");
    let client = "case $CROSSCHECK_SCENARIO in mine/*) sleep 1000;; esac; exec \"$0\" reference-client $1";
    let options = ["--timeout", "20s", "--slow-timeout", "1500ms", "--test-threads", "1"];
    let head = ["run", "mine/", "flow/complete", "--scenarios", text(folder.path())];
    let args: Vec<_> =
        head.into_iter().chain(options).chain(["--", "sh", "-c", client, CROSSCHECK]).collect();
    let began = Instant::now();
    let call = crosscheck(&args).exits(1).says("· 1 at a time, 4 slow ones beside\n");
    let call = call
        .says("its time limit of 1500 ms")
        .says("again crosscheck run --timeout 20000ms --slow-timeout 1500ms");
    assert!(began.elapsed() < Duration::from_secs(5), "one after the other they take six\n{}", call.told());
    call.says("\n1 passed · 4 failed");
}

#[test]
fn an_interrupted_run_leaves_no_client_behind() {
    let folder = folder();
    let mark = folder.path().join("pid");
    let script = format!("echo $$ > {}; kill -INT $PPID; sleep 1000", mark.display());
    with_script(&script, &[]).exits(2).says("interrupted");
    assert!(is_gone(fs::read_to_string(&mark).unwrap().trim()));
    assert!(Path::new(CROSSCHECK).is_file());
}
