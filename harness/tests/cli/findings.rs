//! A run with findings: what is said, what is expected, how it exits.

use std::fs;

use crate::{crosscheck, folder, text};

const ISSUER: &str = "discovery/issuer-without-path";
const SLASH: [&str; 5] = ["--", "crosscheck", "reference-client", "--fault", "audience-trailing-slash"];

fn run<'a>(options: &[&'a str], client: &[&'a str]) -> crate::Call {
    let args: Vec<_> = ["run"].iter().chain(options).chain(client).copied().collect();
    crosscheck(&args)
}

#[test]
fn a_finding_says_what_where_by_which_rule_and_how_to_run_it_again() {
    let call = run(&["--exact", ISSUER], &SLASH).exits(1);
    let call = call.says(&format!("FAIL  {ISSUER} · tx-audience-is-as-issuer"));
    let call = call.says("audience   expected  http://127.0.0.1:").says("^ added").says("as expected:");
    let call = call.says("rule  MUST").says("mend  ").says("400 invalid_target").says("0 passed · 1 failed");
    let again = format!(
        "again crosscheck run --exact {ISSUER} -- crosscheck reference-client --fault audience-trailing-slash"
    );
    call.says(&again).says("more  crosscheck explain tx-audience-is-as-issuer");
}

#[test]
fn a_finding_takes_at_most_20_lines_of_at_most_80_columns() {
    let call = run(&["--exact", ISSUER], &SLASH).exits(1);
    let finding: Vec<_> = call
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("FAIL"))
        .take_while(|line| !line.starts_with("  discovery"))
        .collect();
    let diff = finding.iter().position(|line| line.starts_with("      diff ")).expect("the exchange differs");
    assert!(diff <= 20, "{}", call.told());
    assert!(finding.len() - diff <= 23, "20 lines, one above and two below\n{}", call.told());
    let long = finding[..diff].iter().find(|line| line.chars().count() > 80 && !line.contains("again"));
    assert_eq!(long, None, "{}", call.told());
}

#[test]
fn warnings_fail_only_a_run_that_denies_them() {
    let warns = ["--", "crosscheck", "reference-client", "--fault", "scope-ignores-challenge"];
    run(&["--exact", "flow/complete"], &warns).exits(0).says("WARN  flow/complete · disc-scope-selection");
    run(&["--exact", "flow/complete", "--deny", "warnings"], &warns).exits(1).says("warnings fail this run");
}

#[test]
fn an_expected_finding_passes_and_a_stale_entry_fails() {
    let folder = folder();
    let path = folder.path().join("expected.toml");
    let entry = |requirement: &str| {
        format!(
            "[[expected]]\nscenario = \"{ISSUER}\"\nrequirement = \"{requirement}\"\nreason = \"known\"\n"
        )
    };
    let options = ["--exact", ISSUER, "--expected", text(&path)];

    fs::write(&path, entry("tx-audience-is-as-issuer")).unwrap();
    run(&options, &SLASH).exits(0).says("0 passed · 1 with expected findings");
    run(&options, &[]).exits(1).says("is expected and no longer found: remove the entry");

    fs::write(&path, entry("tx-grant-type")).unwrap();
    run(&options, &SLASH).exits(1).says("FAIL");
}

#[test]
fn expected_findings_that_name_nothing_are_refused() {
    let folder = folder();
    let path = folder.path().join("expected.toml");
    let options = ["--expected", text(&path)];
    let wrong = [
        (
            "[[expected]]\nscenario = \"flow/complet\"\nrequirement = \"flow-order\"\nreason = \"x\"\n",
            "`flow/complete`",
        ),
        (
            "[[expected]]\nscenario = \"flow/complete\"\nrequirement = \"flow-ordr\"\nreason = \"x\"\n",
            "`flow-order`",
        ),
        (
            "[[expected]]\nscenario = \"flow/complete\"\nrequirement = \"flow-order\"\nreason = \"\"\n",
            "the reason is empty",
        ),
        ("[[expected]]\nscenari = \"flow/complete\"\n", "unknown field `scenari`"),
    ];
    for (text, expected) in wrong {
        fs::write(&path, text).unwrap();
        run(&options, &[]).exits(2).says(expected).says("expected.toml:");
    }
    fs::remove_file(&path).unwrap();
    run(&options, &[]).exits(2).says("could not read");
}

#[test]
fn an_undeclared_need_is_not_applicable_and_counted_apart() {
    let options = ["--exact", "discovery/idp-by-issuer", "--capabilities", "idp-access-token"];
    run(&options, &[]).exits(0).says("0 passed · 1 not applicable");
}

#[test]
fn no_secret_of_a_run_is_ever_printed() {
    let leak = ["--", "crosscheck", "reference-client", "--fault", "prints-tokens"];
    let call =
        run(&["--exact", "flow/complete"], &leak).exits(1).says("conf-log-default").says("«access_token#1»");
    call.without("eyJ");
}

#[test]
fn a_client_of_any_registration_has_the_exchange_on_file() {
    let declared = [
        "as-auth=client_secret_post",
        "as-auth=private_key_jwt,idp-auth=client_secret_basic",
        "leg1=outside",
    ];
    for capabilities in declared {
        let selected =
            ["flow/", "client-authentication/", "--deny", "warnings", "--capabilities", capabilities];
        run(&selected, &[]).exits(0).without("run-exchange");
    }
}
