//! Saved transcripts: judged again, shown, and of no use.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{Call, crosscheck, folder, text};

const ISSUER: &str = "discovery/issuer-without-path";
const SLASH: [&str; 5] = ["--", "crosscheck", "reference-client", "--fault", "audience-trailing-slash"];

/// Plays one scenario and returns the call and its transcript in `folder`.
fn save(folder: &Path, id: &str, more: &[&str]) -> (Call, PathBuf) {
    let head = ["run", "--exact", id, "--report", text(folder)];
    let call = crosscheck(&head.iter().chain(more).copied().collect::<Vec<_>>());
    (call, folder.join(id).join("transcript.json"))
}

#[test]
fn a_saved_transcript_is_judged_as_it_was_live() {
    let folder = folder();
    let (live, path) = save(folder.path(), ISSUER, &SLASH);
    live.exits(1);
    let call = crosscheck(&["judge", text(&path)]).exits(1).without("set-up");
    let call = call.says(&format!("FAIL  {ISSUER} · tx-audience-is-as-issuer")).says("\n0 passed · 1 failed");
    call.says(&format!("again crosscheck judge {}", path.display()))
        .says("\nlevel 2: outcome reports in 1 of 1");

    let call = crosscheck(&["judge", text(&path), "--format", "json"]).exits(1);
    let again: Value = serde_json::from_str(&call.stdout).unwrap();
    let live = fs::read_to_string(folder.path().join("report.json")).unwrap();
    let live: Value = serde_json::from_str(&live).unwrap();
    for member in ["version", "crosscheck", "as_expected", "level", "counts"] {
        assert_eq!(again[member], live[member], "{member}");
    }
    let checks = |report: &Value| report["clients"][0]["scenarios"][0]["checks"].to_string();
    assert_eq!(checks(&again), checks(&live));
    assert_eq!(again.get("command"), None, "who was driven is not known");
}

#[test]
fn several_transcripts_are_judged_together() {
    let folder = folder();
    let (_, wrong) = save(&folder.path().join("one"), ISSUER, &SLASH);
    let (_, right) = save(&folder.path().join("other"), "flow/complete", &[]);
    let call = crosscheck(&["judge", text(&right), text(&wrong)]).exits(1).says("\n1 passed · 1 failed");
    call.says(&format!("again crosscheck judge {}", wrong.display()));

    let expected = folder.path().join("expected.toml");
    let entry = format!(
        "[[expected]]\nscenario = \"{ISSUER}\"\nrequirement = \"tx-audience-is-as-issuer\"\nreason = \"known\"\n"
    );
    fs::write(&expected, entry).unwrap();
    let call = crosscheck(&["judge", text(&wrong), text(&right), "--expected", text(&expected)]).exits(0);
    call.says("\n1 passed · 1 with expected findings");
}

#[test]
fn warnings_fail_only_where_they_are_denied() {
    let folder = folder();
    let client = ["--", "crosscheck", "reference-client", "--fault", "scope-ignores-challenge"];
    let (_, path) = save(folder.path(), "flow/complete", &client);
    crosscheck(&["judge", text(&path)]).exits(0).says("WARN  flow/complete · disc-scope-selection");
    crosscheck(&["judge", text(&path), "--deny", "warnings"]).exits(1).says("warnings fail this run");
}

#[test]
fn a_scenario_of_ones_own_is_judged_with_its_folder_only() {
    let folder = folder();
    let scenarios = folder.path().join("my scenarios");
    fs::create_dir(&scenarios).unwrap();
    let script = "title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n";
    fs::write(scenarios.join("mine.toml"), script).unwrap();
    let own = ["--scenarios", text(&scenarios)];
    let (_, path) = save(folder.path(), "mine", &own);
    let call = crosscheck(&["judge", text(&path)]).exits(2).says("a scenario that is not known here: `mine`");
    call.says("hint: ").says("--scenarios DIR");
    crosscheck(&[["judge", text(&path)], own].concat()).exits(0).says("\n1 passed");
    crosscheck(&["show", text(&path)]).exits(0).says("mine\n");
}

#[test]
fn a_file_that_is_no_transcript_of_this_version_is_one_message_and_exit_2() {
    let folder = folder();
    let (_, path) = save(folder.path(), "flow/complete", &[]);
    let good = fs::read_to_string(&path).unwrap();
    let bad = [
        (good[..good.len() / 2].to_owned(), "is damaged: EOF while parsing"),
        (good.replacen("\"party\": \"mcp\"", "\"party\": \"bank\"", 1), "is damaged: unknown variant `bank`"),
        (good.replacen("\"version\": 1", "\"version\": 2", 1), "has version 2 of the form of transcripts"),
        (
            good.replacen("\"version\": 1", "\"version\": 99999999999", 1),
            "has version 99999999999 of the form",
        ),
        (good.replacen("\"scenario\":", "\"scenario\"", 1), "is damaged: expected `:` at line 3"),
        (String::new(), "is no transcript"),
        ("not json".into(), "is no transcript"),
        ("{\"version\": 1, \"scenarios\": []}".into(), "is no transcript"),
        ("[".repeat(100_000), "is no transcript"),
    ];
    for (content, message) in bad {
        fs::write(&path, content).unwrap();
        for command in ["judge", "show"] {
            let call = crosscheck(&[command, text(&path)]).exits(2).says(message);
            assert_eq!((call.stdout.as_str(), call.stderr.lines().count()), ("", 1), "{}", call.told());
        }
    }
    fs::remove_file(&path).unwrap();
    crosscheck(&["judge", text(&path)]).exits(2).says("could not read");
    for command in ["judge", "show"] {
        crosscheck(&[command, text(folder.path())]).exits(2).says("/SCENARIO/transcript.json");
    }
    crosscheck(&["judge"]).exits(2).says("<TRANSCRIPT>...");
}

/// Lines that hold `first` word by word and nothing else are there, in that order.
#[track_caller]
fn shows(call: &Call, lines: &[&str]) {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown = call.stdout.lines().map(words);
    for line in lines {
        assert!(shown.any(|shown| shown.starts_with(line)), "`{line}` is missing\n{}", call.told());
    }
}

#[test]
fn a_complete_exchange_is_shown_with_its_tokens_decoded() {
    let folder = folder();
    let (_, path) = save(folder.path(), "flow/complete", &[]);
    let call = crosscheck(&["show", text(&path)]).exits(0).without("eyJ").without("\x1b");
    let lines = [
        "flow/complete",
        "profile mcp · MCP 2025-11-25 · ",
        "registered at as client_secret_basic or client_secret_post",
        "#1 POST mcp http://127.0.0.1:",
        "answer 401 Unauthorized after ",
        "#4 POST idp http://127.0.0.1:",
        "auth none; the client calls itself «idp.client_id»",
        "form grant_type urn:ietf:params:oauth:grant-type:token-exchange",
        "audience http://127.0.0.1:",
        "subject_token «id_token», signed with idp.key",
        "header",
        "typ JWT",
        "claims",
        "aud «idp.client_id»",
        "answer 200 OK after ",
        "json issued_token_type urn:ietf:params:oauth:token-type:id-jag",
        "access_token «id_jag#1»",
        "expires_in 300",
        "authorization Basic «as.client_id»:«as.client_secret»",
        "assertion «id_jag#1», signed with idp.key",
        "exp ",
        "note asked by the authorization server, not by the client",
        "header authorization Bearer «access_token#1»",
        "client exited 0 after ",
        "stdout authorized at http://127.0.0.1:",
        "stderr nothing",
        "report outcome authorized",
    ];
    shows(&call, &lines);
    for note in ["= as.issuer", "= mcp.resource", "= idp.issuer", "= iat +300 s"] {
        assert!(call.stdout.contains(note), "{note}\n{}", call.told());
    }
    let long =
        call.stdout.lines().find(|line| line.chars().count() > 80 && !line.contains("_metadata=\"http"));
    assert_eq!(long, None, "{}", call.told());
    assert!(call.stdout.lines().all(|line| line.trim_end() == line), "{}", call.told());

    let all = crosscheck(&["show", "--all", text(&path)]).exits(0);
    shows(&all, &["declared ", "header content-type ", "accept ", "host 127.0.0.1:", "client exited 0 "]);
    crosscheck(&["show", "--color", "always", text(&path)]).exits(0).says("\x1b[1m#1  POST");
}

#[test]
fn a_refusal_is_shown_with_what_reached_the_caller_and_no_terminal_code() {
    let folder = folder();
    let (_, path) = save(folder.path(), "errors/hostile/h07-control-characters/as", &[]);
    let call = crosscheck(&["show", text(&path)]).exits(0).without("\x1b");
    let lines = [
        "answer 400 Bad Request after ",
        "json error invalid_grant",
        "error_description expired\\r\\n2026-01-01T00:00:00Z INFO",
        "client exited 1 after ",
        "stderr refused at jwt_bearer: HTTP 400, error invalid_grant",
        "report outcome refused",
        "step jwt_bearer",
        "status 400",
    ];
    shows(&call, &lines);

    let (_, path) = save(folder.path(), "errors/delivery/cut-within-headers/idp", &[]);
    let call = crosscheck(&["show", text(&path)]).exits(0);
    shows(&call, &["answer none: the connection ended before the headers did", "client exited 1 after "]);
}

#[test]
fn what_is_long_is_cut_unless_everything_is_asked_for() {
    let folder = folder();
    let (_, path) = save(folder.path(), "errors/hostile/h05-many-members/as", &[]);
    let call = crosscheck(&["show", text(&path)]).exits(0).says(" more lines\n");
    assert!(call.stdout.lines().count() < 220, "{}", call.stdout.lines().count());
    let all = crosscheck(&["show", "--all", text(&path)]).exits(0);
    assert!(all.stdout.lines().count() > 10_000);
}

#[test]
fn values_are_revealed_where_somebody_asks_for_them_and_nothing_else_changes() {
    let folder = folder();
    let (call, path) = save(folder.path(), "flow/complete", &["--reveal"]);
    call.exits(0);
    let saved: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let token = saved["revealed"]["id_jag#1"].as_str().unwrap();
    assert!(token.starts_with("eyJ") && token.split('.').count() == 3, "{token}");
    let members: Vec<_> = saved.as_object().unwrap().keys().collect();
    let (_, hidden) = save(folder.path(), "flow/complete", &[]);
    let hidden: Value = serde_json::from_str(&fs::read_to_string(&hidden).unwrap()).unwrap();
    let without: Vec<_> =
        hidden.as_object().unwrap().keys().chain([&"revealed".to_owned()]).cloned().collect();
    assert_eq!(members, without.iter().collect::<Vec<_>>());

    fs::write(&path, saved.to_string()).unwrap();
    let call = crosscheck(&["show", text(&path)]).exits(0);
    let call = call.says("saved with --reveal: the tokens and secrets themselves stand at the end\n");
    call.says(&format!("   «id_jag#1»\n   {token}\n")).says("   «as.client_secret»\n   as-secret-cc");
    crosscheck(&["judge", text(&path)]).exits(0);
    crosscheck(&["run", "--reveal"]).exits(2).says("add `--report DIR`");
}

#[test]
fn a_difference_that_no_check_explains_is_a_warning_with_a_diff() {
    let folder = folder();
    let (_, path) = save(folder.path(), "flow/complete", &[]);
    let saved = fs::read_to_string(&path).unwrap();
    // No check complains of a type of another case, and no server of the stage answers so.
    fs::write(&path, saved.replace("\"token_type\": \"Bearer\"", "\"token_type\": \"bearer\"")).unwrap();
    let call = crosscheck(&["judge", text(&path)]).exits(0).says("WARN  flow/complete · run-exchange");
    call.says("\n      -     200 Bearer\n      +     200 bearer\n").says("\n0 passed · 1 with warnings");
    let call = crosscheck(&["judge", "--format", "json", text(&path)]).exits(0);
    let report: Value = serde_json::from_str(&call.stdout).unwrap();
    let difference = report["clients"][0]["scenarios"][0]["difference"].as_array().unwrap();
    assert!(difference.contains(&"+     200 bearer".into()), "{difference:?}");
}

#[test]
fn a_difference_stands_beside_the_check_that_explains_it() {
    let folder = folder();
    let (call, _) = save(folder.path(), ISSUER, &SLASH);
    let call =
        call.exits(1).says("\n      -     audience              {as.issuer}\n").without("run-exchange");
    call.says("\n      +     audience              http://127.0.0.1:{as.port}/");
    let exchange = fs::read_to_string(folder.path().join(ISSUER).join("exchange.snap")).unwrap();
    assert!(
        exchange.starts_with("---\nsource: crosscheck\n")
            && exchange.contains("\nidp  POST token endpoint\n")
    );
}

#[test]
fn what_a_client_prints_of_its_tokens_is_saved_by_name() {
    let folder = folder();
    let client = ["--", "crosscheck", "reference-client", "--fault", "prints-tokens"];
    let (call, path) = save(folder.path(), "flow/complete", &client);
    call.exits(1).without("eyJ").without("as-secret-cc");
    let mut printed = 0;
    for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
        let saved = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!saved.contains("eyJ") && !saved.contains("as-secret-cc"), "{saved}");
        printed += usize::from(saved.contains("«access_token#1»"));
    }
    assert!(printed >= 2, "the transcript and the output name it");
    crosscheck(&["show", "--all", text(&path)]).exits(0).without("eyJ").without("as-secret-cc");
}
