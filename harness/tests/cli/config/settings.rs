use std::fs;
use std::path::Path;

use crosscheck::config::Config;
use crosscheck_reference_client::Fault;
use crosscheck_scenarios::Scenarios;

use crate::config::{ISSUER, SLASH, call_in, configured};
use crate::{CROSSCHECK, text};

#[test]
fn a_command_of_the_command_line_has_the_keys_of_the_file_and_none_of_a_client() {
    let folder = configured("deny = \"warnings\"\n[[client]]\nname = \"one\"\nprofile = \"base\"\n");
    let warns = ["--", "crosscheck", "reference-client", "--fault", "scope-ignores-challenge"];
    let run = |options: &[&str]| {
        let args: Vec<_> =
            ["run", "--exact", "flow/complete"].iter().chain(options).chain(&warns).copied().collect();
        call_in(folder.path(), &args)
    };
    run(&[]).exits(1).says("profile mcp").says("warnings fail this run");
    run(&["--client", "one"]).says("profile base");
    run(&["--deny", "nothing"]).exits(0).says("with warnings");
}

#[test]
fn what_is_expected_of_a_client_stands_with_it() {
    let row = |requirement: &str| {
        format!(
            "\n[[client.expected]]\nscenario = \"{ISSUER}\"\nrequirement = \"{requirement}\"\nreason = \"known\"\n"
        )
    };
    let client = format!("[[client]]\nname = \"slash\"\n{SLASH}\n");
    let folder = configured(&format!("{client}{}", row("tx-audience-is-as-issuer")));
    call_in(folder.path(), &["run", "--exact", ISSUER]).exits(0).says("1 with expected findings");
    let honest = ["run", "--exact", ISSUER, "--client", "slash", "--", "crosscheck", "reference-client"];
    call_in(folder.path(), &honest).exits(1).says("is expected and no longer found");

    let rows = format!("{client}{}", row("tx-grant-type"));
    fs::write(folder.path().join("crosscheck.toml"), rows).unwrap();
    call_in(folder.path(), &["run", "--exact", ISSUER]).exits(1).says("FAIL");
    let file = row("tx-audience-is-as-issuer").replace("client.expected", "expected");
    fs::write(folder.path().join("rows.toml"), file).unwrap();
    call_in(folder.path(), &["run", "--exact", ISSUER, "--expected", "rows.toml"]).exits(0);

    let rows = format!("{client}{}", row("tx-grant-tpye"));
    fs::write(folder.path().join("crosscheck.toml"), rows).unwrap();
    let call = call_in(folder.path(), &["run", "--exact", ISSUER]).exits(2);
    call.says("crosscheck.toml:7:15: no requirement is called `tx-grant-tpye`")
        .says("did you mean `tx-grant-type`?");
}

#[test]
fn the_command_line_wins_over_the_file() {
    let folder = configured(
        "[[client]]\nname = \"one\"\nprofile = \"base\"\nspec-version = \"2026-07-28\"\ncapabilities = [\"calls\"]\n\
         idp-auth = [\"none\"]\nas-auth = [\"client_secret_basic\"]\nfilters = [\"flow/\"]\nskip = [\"mcp-2026\"]\n",
    );
    let report = |options: &[&str]| {
        let args = ["run", "--format", "json"].iter().chain(options).copied().collect::<Vec<_>>();
        let call = call_in(folder.path(), &args).exits(0);
        serde_json::from_str::<serde_json::Value>(&call.stdout).unwrap()["clients"][0].clone()
    };
    let declared = |report: &serde_json::Value| {
        let words = report["run"]["declared"].as_array().unwrap().iter();
        words.map(|word| word.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(",")
    };
    let own = report(&[]);
    assert_eq!(
        (own["run"]["profile"].as_str(), own["run"]["spec_version"].as_str()),
        (Some("base"), Some("2026-07-28"))
    );
    assert_eq!(declared(&own), "calls,idp-auth=none,as-auth=client_secret_basic");
    let ids = |report: &serde_json::Value| {
        report["scenarios"].as_array().unwrap().iter().map(|one| one["id"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&own), ["\"flow/complete\""]);

    let given = report(&[
        "--profile",
        "mcp",
        "--idp-auth",
        "client_secret_post,private_key_jwt",
        "--pinned-issuer",
        "--exact",
        ISSUER,
    ]);
    assert_eq!(given["run"]["profile"].as_str(), Some("mcp"));
    assert_eq!(
        declared(&given),
        "calls,idp-auth=client_secret_post,idp-auth=private_key_jwt,as-auth=client_secret_basic,pinned-issuer"
    );
    assert_eq!(ids(&given), [format!("\"{ISSUER}\"")]);
    assert_eq!(
        declared(&report(&["--capabilities", "pinned-issuer", "--pinned-issuer=false", "flow/complete"])),
        "idp-auth=none,as-auth=client_secret_basic"
    );
    call_in(folder.path(), &["run", "--idp-auth", "client_secret_pots"])
        .exits(2)
        .says("did you mean `client_secret_post`?");
}

#[test]
fn the_file_is_found_above_and_its_paths_begin_in_its_folder() {
    let folder = configured("scenarios = \"mine\"\nreport = \"reports\"\n[[client]]\nname = \"one\"\n");
    fs::create_dir_all(folder.path().join("mine")).unwrap();
    let script = "title = \"Mine\"\nwhy = \"To see it run.\"\nrequirements = [\"flow-order\"]\n";
    fs::write(folder.path().join("mine/own.toml"), script).unwrap();
    let deep = folder.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    call_in(&deep, &["run", "--exact", "own"]).exits(0).says("1 passed");
    assert!(folder.path().join("reports/own/transcript.json").is_file());
    call_in(&deep, &["list"]).exits(0).says("Mine");
    call_in(&deep, &["explain", "own"]).exits(0).says("To see it run.");
    let transcript = folder.path().join("reports/own/transcript.json");
    call_in(&deep, &["judge", text(&transcript)]).exits(0).says("1 passed");
    call_in(&deep, &["list", "--no-config"]).exits(0).without("Mine");
    call_in(Path::new("/"), &["list", "--config", text(&folder.path().join("crosscheck.toml"))]).says("Mine");
}

#[cfg(unix)]
#[test]
fn a_client_is_started_in_its_directory_with_its_variables() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = configured(
        "[[client]]\nname = \"one\"\ndirectory = \"sdk\"\ncommand = [\"./client\"]\nsetup = \"sh -c 'echo x >> runs'\"\n\
         environment = { WORD = \"s3cret-of-mine\", OTHER = \"file\" }\nskip = [\"/slow/\"]\n",
    );
    let sdk = folder.path().join("sdk");
    fs::create_dir(&sdk).unwrap();
    let client = format!(
        "#!/bin/sh\nset -e\n[ -f runs ]\n[ \"$WORD\" = s3cret-of-mine ]\n[ \"$OTHER\" = \"${{WANTED-file}}\" ]\n\
         exec '{CROSSCHECK}' reference-client \"$@\"\n"
    );
    fs::write(sdk.join("client"), client).unwrap();
    fs::set_permissions(sdk.join("client"), fs::Permissions::from_mode(0o755)).unwrap();

    let args = ["run", "flow/", "--report", "report"];
    let call = call_in(folder.path(), &args).exits(0).says("setup   client `one`: sh -c 'echo x >> runs'\n");
    assert!(!call.stdout.contains("setup   "), "{}", call.told());
    assert_eq!(fs::read_to_string(sdk.join("runs")).unwrap(), "x\n", "the setup runs once");
    for entry in ["report.json", "errors.md", "flow/complete/transcript.json"] {
        let text = fs::read_to_string(folder.path().join("report").join(entry)).unwrap();
        assert!(!text.contains("s3cret-of-mine"), "{entry}");
    }

    let options = ["--env", "OTHER=given", "--env", "WANTED=given", "--setup", "touch other"];
    let args: Vec<_> = ["run", "--exact", "flow/complete"].into_iter().chain(options).collect();
    call_in(folder.path(), &args).exits(0);
    assert!(sdk.join("other").is_file());
    let args = ["run", "--exact", "flow/complete", "--no-config", "--directory", "sdk", "--", "./client"];
    call_in(folder.path(), &args).exits(2).says("exited 1 and no request of it arrived");
    let variable = ["--env", "WORD=s3cret-of-mine", "--env", "OTHER=file"];
    let args: Vec<_> = args[..4].iter().chain(&variable).chain(&args[4..]).copied().collect();
    call_in(folder.path(), &args).exits(0).without("s3cret-of-mine");
}

#[test]
fn the_configuration_of_this_repository_drives_the_reference_client_by_default() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let call = call_in(&root, &["run", "flow/"]).exits(0).says("the reference client starts");
    call.without("client  ");
    let listed = call_in(&root, &["run", "--list", "--all-clients"]).exits(0);
    assert_eq!(listed.stdout, call_in(&root, &["run", "--list"]).exits(0).stdout);
}

/// Reads a configuration and all that is expected of its clients.
fn check(text: &str, name: &str) -> Config {
    let faults: Vec<_> = Fault::ALL.iter().map(|fault| fault.slug()).collect();
    let scenarios = Scenarios::embedded(&faults).unwrap();
    let config = Config::parse(text, name.to_owned(), "/project/crosscheck.toml".into())
        .unwrap_or_else(|error| panic!("{error}"));
    for client in &config.clients {
        config.expected(client, &scenarios).unwrap_or_else(|error| panic!("{error}"));
    }
    config
}

#[test]
fn what_this_repository_expects_of_its_clients_names_what_there_is() {
    let config = check(include_str!("../../../../crosscheck.toml"), "crosscheck.toml");
    let names: Vec<_> = config.clients.iter().map(|client| client.name.as_str()).collect();
    assert_eq!(names, ["reference", "typescript", "python", "rust", "go"]);
    assert_eq!(config.defaults().len(), 1);
}

#[test]
fn the_configuration_in_the_documentation_is_one() {
    let page = include_str!("../../../../docs/configuration.md");
    let text = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let config = check(text, "docs/configuration.md");
    assert_eq!(config.clients.iter().map(|client| client.expected.len()).collect::<Vec<_>>(), [0, 1]);
}
