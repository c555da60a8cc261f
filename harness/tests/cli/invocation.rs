//! Arguments, filters, lists and scenario files.

use std::fs;
use std::process::{Command, Stdio};

use crosscheck_scenarios::Catalogue;

use crate::{CROSSCHECK, crosscheck, folder, text};

#[test]
fn the_reference_client_passes_everything() {
    let call = crosscheck(&["run"]).exits(0).says("reports outcomes").says("passed");
    let call = call.without("FAIL").without("WARN").says("-- crosscheck reference-client --fault");
    // On a slow machine it says now and then how far it is.
    let is_progress =
        |line: &str| line.contains(" of ") && line.contains(" played, ") && line.ends_with(" s");
    assert!(call.stderr.lines().all(is_progress), "{}", call.told());
}

#[test]
fn help_shows_where_to_begin_and_the_exit_codes() {
    crosscheck(&["--help"]).exits(0).says("Three commands to begin with").says("Exit codes:");
}

#[test]
fn wrong_arguments_exit_with_2() {
    crosscheck(&["run", "--timeot", "3"]).exits(2).says("--timeout");
    crosscheck(&["run", "--timeout", "soon"]).exits(2).says("no unit is called `soon`");
    let profiles = "base, ema-2025, ema-sec, mcp, mcp-2025-11-25, next, strict";
    crosscheck(&["run", "--profile", "mcp-2025"])
        .exits(2)
        .says(profiles)
        .says("did you mean `mcp-2025-11-25`?");
    crosscheck(&["run", "--capabilities", "idp-discovry"]).exits(2).says("did you mean `idp-discovery`?");
    crosscheck(&["run", "--command", "node 'x"]).exits(2).says("`--command`: the quote is not closed");
    for option in ["--fault=grant-as-bearers", "--control=accept-anithing"] {
        let call = crosscheck(&["run", "--", "crosscheck", "reference-client", option]).exits(2);
        call.says("nearest: `").without("set-up");
    }
    crosscheck(&["run", "--command", " "]).exits(2).says("`--command`: the command is empty");
}

#[test]
fn a_filter_selects_by_part_of_the_id_and_exact_takes_the_whole() {
    let all = crosscheck(&["run", "--list", "discovery"]).exits(0);
    assert!(
        all.stdout.lines().count() > 1 && all.stdout.lines().all(|id| id.contains("discovery")),
        "{}",
        all.told()
    );
    let json = crosscheck(&["run", "--list", "discovery", "--format", "json"]).exits(0);
    let ids: Vec<String> = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(ids, all.stdout.lines().collect::<Vec<_>>(), "the same, as a list in JSON");
    let one = crosscheck(&["run", "--list", "--exact", "flow/complete"]).exits(0);
    assert_eq!(one.stdout, "flow/complete\n");
    let rest = crosscheck(&["run", "--list", "flow", "--skip", "flow/complete"]).exits(0);
    assert!(!rest.stdout.lines().any(|id| id == "flow/complete"), "{}", rest.told());
}

#[test]
fn what_is_listed_is_what_exact_accepts() {
    let listed = crosscheck(&["list"]).exits(0);
    let ids: Vec<_> = listed.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let args: Vec<_> = ["run", "--list", "--exact"].into_iter().chain(ids.iter().copied()).collect();
    let accepted = crosscheck(&args).exits(0);
    assert_eq!(accepted.stdout.lines().collect::<Vec<_>>(), ids);
}

#[test]
fn a_filter_that_selects_nothing_names_the_nearest_id() {
    crosscheck(&["run", "--exact", "flow/complet"]).exits(2).says("did you mean `flow/complete`?");
    crosscheck(&["run", "flow", "--skip", "flow"]).exits(2).says("everything they name is skipped");
}

#[test]
fn explain_tells_of_requirements_and_scenarios_and_helps_with_typing() {
    crosscheck(&["explain", "tx-audience-is-as-issuer"]).exits(0).says("source").says("mend").says("wrong");
    crosscheck(&["explain", "cauth-present@as"]).exits(0).says("cauth-present");
    crosscheck(&["explain", "flow/complete"]).exits(0).says("script");
    let case = crosscheck(&["explain", "errors/regular/r09-invalid-client/as"]).exits(0);
    case.says("id = \"r09-invalid-client\"").without("id = \"r08-invalid-client\"");
    crosscheck(&["explain", "tx-audiance-is-as-issuer"])
        .exits(2)
        .says("did you mean `tx-audience-is-as-issuer`?");
}

#[test]
fn a_planned_requirement_says_why_and_shows_no_messages() {
    let row = Catalogue::embedded().iter().find(|row| row.planned.is_some()).unwrap();
    let call = crosscheck(&["explain", row.id.as_str()]).exits(0).without("  right ").without("  wrong ");
    call.says("  state     planned: ");
    crosscheck(&["explain", "flow-order"]).exits(0).says("  state     checked").says("fail in every profile");
}

#[test]
fn the_list_of_requirements_tells_the_state_of_each_and_counts_them() {
    let list = crosscheck(&["list", "--requirements"]).exits(0).without("run-");
    let (checked, planned) = (Catalogue::embedded().checked(), Catalogue::embedded().planned());
    let counts = format!("{} requirements: {checked} checked, {planned} planned", checked + planned);
    assert_eq!(list.stdout.lines().last(), Some(counts.as_str()), "{}", list.told());
    assert_eq!(list.stdout.lines().count(), checked + planned + 1);
    assert_eq!(list.stdout.matches(" planned ").count(), planned, "{}", list.told());
}

#[test]
fn the_schemas_are_the_committed_ones() {
    let scenario = include_str!("../../../scenarios/schema.json");
    let outcome = include_str!("../../outcome.schema.json");
    let config = include_str!("../../crosscheck.schema.json");
    for (args, path, committed) in [
        (&["schema"] as &[_], "scenarios/schema.json", scenario),
        (&["schema", "scenario"], "scenarios/schema.json", scenario),
        (&["schema", "outcome"], "harness/outcome.schema.json", outcome),
        (&["schema", "config"], "harness/crosscheck.schema.json", config),
    ] {
        let printed = crosscheck(args).exits(0).stdout;
        assert!(printed == committed, "`crosscheck {} > {path}` renews it", args.join(" "));
    }
}

#[test]
fn doctor_judges_nothing() {
    crosscheck(&["doctor"]).exits(0).says("starts, sends requests").without("passed");
}

/// The exit code and the complaints of a call whose reader leaves at once.
fn without_reader<'a>(args: impl IntoIterator<Item = &'a str>) -> (Option<i32>, String) {
    let mut command = Command::new(CROSSCHECK);
    let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_reader_that_leaves_early_ends_the_command_quietly() {
    let (_, complaints) = without_reader(["list", "--requirements"]);
    assert_eq!(complaints, "");
}

#[test]
fn a_reader_that_leaves_early_changes_nothing_about_the_exit_code() {
    let client = ["--", "crosscheck", "reference-client", "--fault", "prints-tokens"];
    for format in ["human", "json"] {
        let options = ["run", "--exact", "flow/complete", "--format", format];
        assert_eq!(without_reader(options.into_iter().chain(client)), (Some(1), String::new()));
    }
}

#[test]
fn scenarios_of_ones_own_run_beside_the_built_in_ones() {
    let mine = folder();
    let script = "title = \"Mine\"\nwhy = \"To see it run.\"\nrequirements = [\"flow-order\"]\n";
    fs::write(mine.path().join("own.toml"), script).unwrap();
    crosscheck(&["run", "--scenarios", text(mine.path()), "--exact", "own"]).exits(0).says("1 passed");
    crosscheck(&["list", "--scenarios", text(mine.path())]).exits(0).says("Mine").says("flow/complete");
}

#[test]
fn a_wrong_script_is_named_by_file_line_and_column() {
    let mine = folder();
    let path = mine.path().join("own.toml");
    fs::write(&path, "title = \"Mine\"\nwhy = \"x\"\nrequirements = [\"flow-ordr\"]\n").unwrap();
    let call =
        crosscheck(&["run", "--scenarios", text(mine.path())]).exits(2).says("did you mean `flow-order`?");
    assert!(call.stderr.contains(&format!("{}:3:17: ", path.display())), "{}", call.told());
    crosscheck(&["run", "--scenarios", text(&mine.path().join("absent"))]).exits(2).says("could not read");
}
