use std::fs;

use crate::config::{call_in, configured};

/// Two good lines in front of what is wrong.
const ONE: &str = "[[client]]\nname = \"one\"\n";

#[test]
fn each_mistake_is_told_with_its_place_and_the_nearest_name() {
    let of_client = [
        ("profle = \"mcp\"", "3:1: no key is called `profle` here", "did you mean `profile`?"),
        ("profile = \"mcpp\"", "3:11: no value is called `mcpp` here", "did you mean `mcp`?"),
        (
            "spec-version = \"2025-11-26\"",
            "3:16: no value is called `2025-11-26` here",
            "did you mean `2025-11-25`?",
        ),
        (
            "capabilities = [\"idp-discovry\"]",
            "3:17: no capability is called",
            "did you mean `idp-discovery`?",
        ),
        ("idp-auth = [\"client_secret_pots\"]", "3:13: no value", "did you mean `client_secret_post`?"),
        ("as-auth = [\"basic\"]", "3:12: no value is called `basic` here", "client_secret_basic"),
        ("timeout = \"soon\"", "3:11: no unit is called `soon`", "use s or ms"),
        ("timeout = -1", "3:11: a time limit is longer than nothing", ""),
        ("timeout = true", "3:11: invalid type: boolean", "a number of seconds, or a string"),
        ("command = []", "3:11: the command is empty", ""),
        ("command = 3", "3:11: invalid type: integer", "a list of words, or one string"),
        ("setup = \"npm 'ci\"", "3:9: the quote is not closed", ""),
        ("pinned-issuer = \"yes\"", "3:17: invalid type: string", "a boolean"),
        (
            "environment = { MCP_CONFORMANCE_CONTEXT = \"x\" }",
            "3:43: `MCP_CONFORMANCE_CONTEXT` belongs to",
            "contract",
        ),
        ("[[client]]\nname = \"One\"", "4:8: two clients are called `One`", "more than capitals"),
        ("[[client]]\nname = \"../x\"", "4:8: `../x` cannot be the name of a client", "use letters"),
        ("[[client]]\n", "3:1: this client has no name", "add `name"),
        ("expected = 3", "3:12: invalid type: integer", ""),
        ("timeout = 3\ntimeout = 4", "4:1: duplicate key", ""),
    ];
    let of_file = [
        ("denny = \"warnings\"", "1:1: no key is called `denny` here", "did you mean `deny`?"),
        ("deny = \"warning\"", "1:8: no value is called `warning` here", "did you mean `warnings`?"),
        ("test-threads = 0", "1:16: ", "nonzero"),
        ("default-clients = [\"oen\"]", "1:20: no client is called `oen`", "there are one"),
        ("[client]", "", "double brackets"),
        ("x", "1:2: ", ""),
    ];
    let clients = of_client.map(|(line, place, hint)| (format!("{ONE}{line}\n"), place, hint));
    let files = of_file.map(|(line, place, hint)| {
        (if line == "[client]" { line.to_owned() } else { format!("{line}\n{ONE}") }, place, hint)
    });
    for (text, place, hint) in clients.into_iter().chain(files) {
        let folder = configured(&text);
        let call = call_in(folder.path(), &["run", "--list"]).exits(2).says("the configuration is wrong");
        let call = call.says(&format!("crosscheck.toml:{place}")).says(hint);
        assert_eq!(call.stderr.matches("crosscheck.toml:").count(), 1, "{text}{}", call.told());
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_their_order() {
    let folder = configured(
        "denny = 1\ndefault-clients = [\"x\"]\n[[client]]\nname = \"one\"\ntimeout = \"5m\"\nprofle = \"mcp\"\n\
         [[client]]\nname = \"one\"\nidp-auth = [\"x\"]\n",
    );
    let call = call_in(folder.path(), &["run"]).exits(2);
    let places: Vec<_> =
        call.stderr.lines().filter_map(|line| line.strip_prefix("crosscheck.toml:")).collect();
    let lines: Vec<_> = places.iter().filter_map(|place| place.split(':').next()).collect();
    assert_eq!(lines, ["1", "5", "6", "8", "9"], "{}", call.told());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = configured("");
    let call = call_in(folder.path(), &["run", "--config", "absent.toml"]).exits(2);
    call.says("could not read `absent.toml`");
    fs::write(folder.path().join("crosscheck.toml"), [0xff, 0xfe]).unwrap();
    call_in(folder.path(), &["run"]).exits(2).says("could not read `crosscheck.toml`").says("UTF-8");
}

#[test]
fn a_file_without_clients_serves_a_command_and_drives_nobody() {
    let folder = configured("deny = \"warnings\"\n");
    call_in(folder.path(), &["run"]).exits(2).says("`crosscheck.toml` has no [[client]]").says("--no-config");
    call_in(folder.path(), &["run", "--all-clients"]).exits(2).says("has no [[client]]");
    let own = ["run", "--exact", "flow/complete", "--", "crosscheck", "reference-client"];
    call_in(folder.path(), &own).exits(0);
    fs::write(folder.path().join("crosscheck.toml"), format!("default-clients = []\n{ONE}")).unwrap();
    call_in(folder.path(), &["run"]).exits(2).says("drives none by default");
}

#[test]
fn filters_that_select_nothing_name_their_client_and_place() {
    let folder = configured(&format!("{ONE}filters = [\"flow/complet\", \"dicsovery/\"]\n"));
    let call = call_in(folder.path(), &["run"]).exits(2);
    call.says("crosscheck.toml:3:28: client `one`: no scenario matches `dicsovery/`").says("did you mean");
    let call = call_in(folder.path(), &["run", "folw"]).exits(2);
    call.says("client `one`: no scenario matches `folw`; did you mean `flow`?").without("crosscheck.toml:");
    fs::write(
        folder.path().join("crosscheck.toml"),
        format!("{ONE}filters = [\"flow\"]\nskip = [\"flow\"]\n"),
    )
    .unwrap();
    call_in(folder.path(), &["run"]).exits(2).says("client `one`: the filters leave no scenario");
}

#[test]
fn a_missing_directory_is_told_where_it_is_named() {
    let folder = configured(&format!("{ONE}directory = \"sdk\"\n"));
    let call = call_in(folder.path(), &["run"]).exits(2);
    call.says("crosscheck.toml:3:13: client `one`: there is no folder `").says("in the folder of the file");
    call_in(folder.path(), &["run", "--directory", "sdk"])
        .exits(2)
        .says("`--directory`: there is no folder `sdk`");
}

#[cfg(unix)]
#[test]
fn a_setup_that_fails_is_one_message_with_its_last_words() {
    let setup = "sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do echo line $i of $TOKEN; done; exit 3'";
    let folder = configured(&format!("{ONE}environment.TOKEN = \"abcdef123\"\nsetup = \"{setup}\"\n"));
    let call =
        call_in(folder.path(), &["run"]).exits(2).says("crosscheck.toml:4:9: client `one`: the setup `sh -c");
    let call = call.says("exited 3; its last lines:\n      line 3 of «TOKEN»\n").says("line 14 of «TOKEN»");
    let call = call.without("line 2 of").without("abcdef123").says("hint: try it by itself");
    assert_eq!(call.stdout, "", "{}", call.told());

    let call = call_in(folder.path(), &["run", "--setup", "nodd --x"]).exits(2);
    call.says("the setup `nodd --x` does not start: command not found: nodd").without("crosscheck.toml:");
    fs::write(folder.path().join("crosscheck.toml"), format!("{ONE}setup = [\"nodd\"]\n")).unwrap();
    let call = call_in(folder.path(), &["doctor"]).exits(2);
    call.says("crosscheck.toml:3:9: client `one`: the setup `nodd` does not start: command not found: nodd");
}

#[test]
fn options_that_are_wrong_say_so() {
    let folder = configured(ONE);
    let wrong = [
        (["--env", "X"], "KEY=VALUE"),
        (["--env", "X=…"], "stands for the value of `X`, which is never printed"),
        (["--env", "CROSSCHECK_OUTCOME=x"], "belongs to the client contract"),
        (["--setup", " "], "`--setup`: the command is empty"),
        (["--as-auth", "non"], "did you mean `none`?"),
        (["--pinned-issuer=x", "flow"], "--pinned-issuer"),
        (["--reveal", "flow"], "`--report DIR`"),
        (["--deny", "all"], "warnings"),
    ];
    for (options, told) in wrong {
        let args: Vec<_> = ["run"].into_iter().chain(options).collect();
        call_in(folder.path(), &args).exits(2).says(told);
    }
    call_in(folder.path(), &["run", "--config", "x", "--no-config"]).exits(2);
}
