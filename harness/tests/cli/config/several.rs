use std::fs;

use crate::config::{ISSUER, SLASH, call_in, configured};

/// The honest client and one with a fault.
fn two() -> String {
    format!("[[client]]\nname = \"honest\"\n\n[[client]]\nname = \"slash\"\n{SLASH}\n")
}

#[test]
fn clients_are_driven_one_after_the_other_and_the_worst_decides() {
    let folder = configured(&two());
    let call = call_in(folder.path(), &["run", "--exact", ISSUER]).exits(1);
    let place = |text: &str| call.stdout.find(text).unwrap_or_else(|| panic!("{text}\n{}", call.told()));
    assert!(place("client  honest\n") < place("1 passed"), "{}", call.told());
    assert!(place("1 passed") < place("client  slash\n"), "{}", call.told());
    assert!(place("client  slash\n") < place("0 passed · 1 failed"), "{}", call.told());
    call_in(folder.path(), &["run", "--exact", ISSUER, "--client", "honest"])
        .exits(0)
        .without("client  honest");
}

#[test]
fn a_failure_is_repeated_by_the_name_of_the_client() {
    let folder = configured(&two());
    let call = call_in(folder.path(), &["run", "--exact", ISSUER, "--timeout", "20"]).exits(1);
    let again = format!("again crosscheck run --client slash --timeout 20000ms --exact {ISSUER}\n");
    call.says(&again);
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let call = call_in(&elsewhere, &["run", "--exact", ISSUER, "--config", "../crosscheck.toml"]).exits(1);
    call.says(&format!("again crosscheck run --config ../crosscheck.toml --client slash --exact {ISSUER}\n"));
    let command =
        ["--client", "honest", "--command", "crosscheck reference-client --fault audience-trailing-slash"];
    let args: Vec<_> = ["run", "--exact", ISSUER].into_iter().chain(command).collect();
    call_in(folder.path(), &args).exits(1).says(&format!(
        "again crosscheck run --client honest --exact {ISSUER} -- crosscheck reference-client --fault"
    ));
}

#[test]
fn each_client_has_a_report_of_its_own_and_a_single_one_has_the_folder() {
    let folder = configured(&format!("report = \"reports\"\n{}", two()));
    let reports = folder.path().join("reports");
    let call = call_in(folder.path(), &["run", "--exact", ISSUER]).exits(1);
    call.says(&format!("report  {}\n", std::path::Path::new("reports").join("slash/index.html").display()));
    assert!(reports.join("honest/report.json").is_file() && reports.join("slash/report.json").is_file());
    let args = ["run", "--exact", ISSUER, "--client", "slash", "--report", "one"];
    call_in(folder.path(), &args).exits(1).says("report  one/index.html\n");
    assert!(folder.path().join("one/report.json").is_file());
}

#[test]
fn pinned_exchanges_of_several_clients_stand_in_folders_of_their_names() {
    let folder = configured(&two());
    call_in(folder.path(), &["run", "--exact", "flow/complete", "--pin", "pins", "--update"]);
    for name in ["honest", "slash"] {
        assert!(folder.path().join("pins").join(name).join("flow/complete.snap").is_file(), "{name}");
    }
}

#[test]
fn what_is_about_one_client_is_refused_for_several() {
    let folder = configured(&two());
    let call = call_in(folder.path(), &["run", "--expected", "x.toml"]).exits(2);
    call.says("`--expected` is about one client").says("[[client.expected]]");
    let call = call_in(folder.path(), &["run", "--all-clients", "--", "./client"]).exits(2);
    call.says("one command cannot be that of several clients");
    let args = ["run", "--exact", "flow/complete", "--client", "honest", "--format", "json"];
    let call = call_in(folder.path(), &args).exits(0);
    assert!(serde_json::from_str::<serde_json::Value>(&call.stdout).is_ok(), "{}", call.told());
}

#[test]
fn several_clients_are_one_report_for_programs() {
    let folder = configured(&two());
    let call = call_in(folder.path(), &["run", "--exact", ISSUER, "--format", "json"]).exits(1);
    let report: serde_json::Value = serde_json::from_str(&call.stdout).unwrap();
    let clients = report["clients"].as_array().unwrap().iter();
    let told: Vec<_> = clients.map(|one| (one["name"].as_str(), one["as_expected"].as_bool())).collect();
    assert_eq!(told, [(Some("honest"), Some(true)), (Some("slash"), Some(false))]);
}

#[test]
fn a_client_that_does_not_start_is_named_and_nobody_is_judged() {
    let folder = configured(&format!("{}\n[[client]]\nname = \"gone\"\ncommand = [\"nodd\"]\n", two()));
    let call = call_in(folder.path(), &["run", "--exact", ISSUER]).exits(2);
    assert_eq!(call.stdout, "", "{}", call.told());
    call.says("client `gone`: set-up: command not found: nodd");
    call_in(folder.path(), &["doctor"]).exits(2).says("client `gone`");
}

#[test]
fn doctor_checks_every_client() {
    let folder = configured(&two());
    let call = call_in(folder.path(), &["doctor"]).exits(0).says("client  honest").says("client  slash");
    assert_eq!(call.stdout.matches("starts, sends requests").count(), 2, "{}", call.told());
}

#[test]
fn the_clients_are_chosen_by_name_or_by_default() {
    let folder = configured(&format!("default-clients = [\"honest\"]\n{}", two()));
    let run = |options: &[&str]| {
        let args: Vec<_> = ["run", "--exact", ISSUER].iter().chain(options).copied().collect();
        call_in(folder.path(), &args)
    };
    run(&[]).exits(0).says("1 passed").says("yours   crosscheck run");
    run(&["--all-clients"]).exits(1).says("client  slash");
    run(&["--client", "slash"]).exits(1).without("1 passed");
    run(&["--client", "slash", "--client", "honest", "--client", "slash"]).exits(1).says("client  honest");
    run(&["--client", "slsh"])
        .exits(2)
        .says("no client of `crosscheck.toml` is called `slsh`")
        .says("did you mean `slash`?");
    run(&["--client", "x", "--all-clients"]).exits(2);
    run(&["--no-config", "--client", "slash"]).exits(2).says("there is none").says("crosscheck init");
    run(&["--no-config"]).exits(0).says("1 passed");
}
