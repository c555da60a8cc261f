//! Script files, right and wrong, as an author meets them.

use std::fs;

use crosscheck_scenarios::{Capability, Catalogue, LoadError, Party, Scenarios};
use tempfile::TempDir;

const FAULTS: &[&str] = &["audience-trailing-slash"];

/// Loads one script from a folder of its own.
fn load(text: &str) -> Result<Scenarios, LoadError> {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/script.toml"), text).unwrap();
    Scenarios::folder(folder.path(), FAULTS)
}

/// What is said about a wrong script, without the folder.
fn complaint(text: &str) -> String {
    let text = load(text).expect_err("the script is wrong").to_string();
    let marker = "mine/script.toml";
    text.lines()
        .map(|line| line.find(marker).map_or(line.to_owned(), |at| line[at..].to_owned()))
        .collect::<Vec<_>>()
        .join("\n")
}

const HEAD: &str = "title = \"A\"\nwhy = \"B\"\nrequirements = [\"flow-order\"]\n";

#[test]
fn a_script_states_only_what_deviates() {
    let scenarios = load(HEAD).unwrap();
    let script = scenarios.find("mine/script").unwrap();
    assert_eq!(script.idp.token_path, "/token");
    assert!(script.idp.token.is_empty());
}

#[test]
fn cases_take_what_they_do_not_state_from_the_file() {
    let text = format!(
        "{HEAD}needs = [\"calls\"]\n[mcp]\npath = \"/x\"\n[[case]]\nid = \"one\"\n[[case]]\nid = \"two\"\nneeds = []\n"
    );
    let scenarios = load(&text).unwrap();
    let one = scenarios.find("mine/script/one").unwrap();
    assert_eq!((one.needs.as_slice(), one.mcp.path.as_str()), ([Capability::Calls].as_slice(), "/x"));
    assert!(scenarios.find("mine/script/two").unwrap().needs.is_empty());
}

#[test]
fn an_answer_at_both_token_endpoints_is_a_scenario_for_each() {
    let script = "at = [\"idp\", \"as\"]\n[[token]]\nreply = { status = 400 }\n[once]\nrequirements = [\"flow-order\"]\n";
    let scenarios = load(&format!("{HEAD}{script}")).unwrap();
    let ids: Vec<_> = scenarios.iter().map(|script| script.id.as_str()).collect();
    let legs = ["as", "as/once", "idp", "idp/once"].map(|leg| format!("mine/script/{leg}"));
    assert_eq!(ids, legs);
    let once = scenarios.find("mine/script/as/once").unwrap();
    assert_eq!((once.resource_as.token.len(), once.idp.token.len(), once.at), (2, 0, Some(Party::As)));
}

#[test]
fn an_unknown_field_is_named_with_its_place_and_its_neighbour() {
    let text = complaint(&format!("{HEAD}[idp]\ntoken_pth = \"/t\"\n"));
    assert!(text.contains("mine/script.toml:5:1: unknown field `token_pth`"), "{text}");
    assert!(text.contains("hint: did you mean `token_path`?"), "{text}");
    assert!(text.contains("token_pth = \"/t\"\n    ^^^^^^^^^"), "{text}");
}

#[test]
fn a_step_in_single_brackets_gets_a_hint() {
    let text = complaint(&format!("{HEAD}[idp.token]\ndelay_ms = 1\n"));
    assert!(text.contains("hint: a list of steps has double brackets"), "{text}");
}

#[test]
fn unknown_words_are_all_reported_at_once() {
    let text = complaint(
        "title = \"A\"\nwhy = \"B\"\nrequirements = [\"flow-ordr\"]\nfaults = [\"audience-trailing-slsh\"]\nneeds = [\"cals\"]\n",
    );
    assert!(text.starts_with("3 problems in scenario files"), "{text}");
    for near in ["`flow-order`", "`audience-trailing-slash`", "`calls`"] {
        assert!(text.contains(&format!("did you mean {near}?")), "{text}");
    }
}

#[test]
fn a_planned_requirement_cannot_be_provoked() {
    let row = Catalogue::embedded().iter().find(|row| row.planned.is_some()).unwrap();
    let text = complaint(&HEAD.replace("flow-order", row.id.as_str()));
    assert!(text.contains(&format!("`{}` is planned, nothing judges it yet", row.id)), "{text}");
}

#[test]
fn contradictions_are_refused() {
    let cases = [
        (
            "[[idp.token]]\nreply = { status = 400 }\njson = { remove = [\"scope\"] }\n",
            "replaces the answer and alters it",
        ),
        ("[[idp.token]]\nreply = { status = 400, json = {}, body = \"\" }\n", "a reply has two bodies"),
        ("[[idp.token]]\nreply = { status = 99 }\n", "`99` is no final HTTP status"),
        ("[[idp.token]]\nreply = { status = 400, base64 = \"a-b_\" }\n", "a body is no base64"),
        ("[[idp.token]]\nreply = { status = 400, long = { times = 3 } }\n", "repeats nothing"),
        (
            "[[idp.token]]\nreply = { status = 400, long = { repeat = \"A\", tail = \"B\" } }\n",
            "something stands behind a body without end",
        ),
        ("[[idp.token]]\ntoken = { padding = 1000000000000 }\n", "padded with 1000000000000 bytes"),
        ("at = [\"idp\", \"idp\"]\ntoken = [{}]\n", "`at` names `idp` twice"),
        (
            "[[idp.token]]\nreply = { status = 400, gzip = true, long = { repeat = \"A\" } }\n",
            "a body without end is compressed",
        ),
        (
            "[[idp.token]]\nreply = { status = 400, long = { repeat = \"{n}\" } }\n",
            "may not be held in memory",
        ),
        (
            "[[idp.token]]\nreply = { status = 400, long = { repeat = \"{n},\", times = 1000000 } }\n",
            "may not be held in memory",
        ),
        (
            "[[idp.token]]\nreply = { status = 400, long = { repeat = \"{as.isuer}\", times = 2 } }\n",
            "did you mean `{as.issuer}`?",
        ),
        ("[[as.token]]\nact = { pieces = { of_bytes = 0 } }\n", "the pieces of a body are empty"),
        ("[[as.token]]\nact = { drip_head = { every_ms = 0 } }\n", "bytes drip without a pause"),
        ("[[as.token]]\nact = { informational = { statuses = [103, 101] } }\n", "`101` is no status"),
        ("[[as.token]]\nheaders = { x = [\"a\\nb\"] }\n", "a value of `x` has control characters"),
        ("[[idp.jwks]]\ntoken = { form = \"opaque\" }\n", "a token is changed where none is minted"),
        ("[[token]]\nreply = { status = 400 }\n", "`token` stands without `at`"),
        ("[once]\nrequirements = [\"flow-order\"]\n", "`once` stands without `at`"),
        ("[[case]]\nid = \"a\"\nat = [\"idp\"]\n", "`at` stands without `token`"),
        (
            "at = [\"idp\"]\n[[token]]\nreply = { status = 400 }\n[[idp.token]]\ndelay_ms = 1\n",
            "`at` and `[[idp.token]]` both say",
        ),
        (
            "[[idp.token]]\nreply = { status = 200, json = { at = 2026-01-01 } }\n",
            "a JSON value is a bare date",
        ),
        ("[[idp.token]]\nreply = { status = 200, body = \"{as.isuer}\" }\n", "did you mean `{as.issuer}`?"),
        ("[[as.token]]\njson = { set = { x = \"{as.isuer}\" } }\n", "did you mean `{as.issuer}`?"),
        ("[mcp]\nmetadata = { set = { resource = \"{mcp.resorce}\" } }\n", "did you mean `{mcp.resource}`?"),
        ("[[mcp.challenge]]\nheaders = { \"no name\" = [\"x\"] }\n", "`no name` is no header name"),
        ("[mcp]\nmetadata_path = \"meta\"\n", "does not start with `/`"),
        ("[as]\npath = \"tenant\"\n", "does not start with `/`"),
        ("[as]\ntoken_path = \"/token#a\"\n", "a client sends no fragment"),
        (
            "[as]\nmetadata = { set = { x = \"{as3.origin}\" } }\n",
            "no part of the stage is called `{as3.origin}`",
        ),
        (
            "[as]\nmetadata = { set = { x = \"{as2.issuer}\" } }\n",
            "`{as2.issuer}` names a server that is not there",
        ),
        ("[mcp]\nfirst_token_good_for = 0\n", "good for no request"),
        ("[as]\nauth_methods = []\n", "no authentication method"),
        ("[[mcp.page]]\npath = \"docs\"\nreply = { status = 200 }\n", "does not start with `/`"),
        ("[client]\ncalls = [{ to = \"mcp2\", tool = \"a\" }]\n", "no MCP server of this scenario"),
        ("[client]\ncalls = [{ to = \"mcp\", tool = \"a\" }]\n", "add `needs = [\"calls\"]`"),
        (
            "[client]\ncalls = [{ to = \"mcp\", tool = \"a\" }, { to = \"mcp\", tool = \"a\" }]\n",
            "two calls use the tool `a`",
        ),
        ("[expect]\nsurfaced = { error = \"x\" }\n", "has nothing to surface"),
        ("[expect]\nreached = [\"idp.tokn\"]\n", "no exchange is called `idp.tokn`"),
        ("[[case]]\nid = \"Not A Slug\"\n", "is no case id"),
        ("[[case]]\nid = \"a\"\n[[case]]\nid = \"a\"\n", "two cases are called `a`"),
    ];
    for (script, expected) in cases {
        let text = complaint(&format!("{HEAD}{script}"));
        assert!(text.contains(expected), "{script}\n{text}");
    }
}

#[test]
fn a_url_that_leads_off_the_machine_is_refused_however_it_is_written() {
    let script = |url| format!("{HEAD}[[mcp.mcp]]\nheaders = {{ location = ['{url}'] }}\n");
    for url in [
        "https://a.com/x",
        "HTTP://A.com",
        "//a.com",
        "http:///a.com",
        "http:a.com",
        r"http:\\a.com",
        "http://127.0.0.1:80@a.com/",
        "http://127.0.0.1:{as.port}@a.com",
        "{as.origin}@a.com",
        "http://[2001:db8::1]/",
        "http://2130706433/",
    ] {
        let text = complaint(&script(url));
        assert!(text.contains("is a host outside the stage"), "{url}\n{text}");
    }
    for url in [
        "{trap.origin}/x",
        "/a//b.c",
        "http://LOCALHOST:{as.port}",
        "http://[::1]:1/",
        "http://127.0.0.2",
        "https://a.example./x",
        "urn:x",
        "-//W3C//DTD HTML 4.01//EN",
        "file:///etc/hosts",
    ] {
        assert!(load(&script(url)).is_ok(), "{url}");
    }
}

#[test]
fn a_profile_that_the_scenario_does_not_belong_to_is_refused() {
    let text = complaint(&format!("{HEAD}profile = \"base\"\nprofiles = [\"mcp\"]\n"));
    assert!(text.contains("does not belong to it"), "{text}");
}

#[test]
fn folders_without_scripts_and_unreadable_ones_say_so() {
    let folder = TempDir::new().unwrap();
    let empty = Scenarios::folder(folder.path(), FAULTS).unwrap_err().to_string();
    assert!(empty.contains("holds no scenario"), "{empty}");
    let absent = Scenarios::folder(&folder.path().join("absent"), FAULTS).unwrap_err().to_string();
    assert!(absent.contains("could not read"), "{absent}");
    fs::write(folder.path().join("binary.toml"), [0xff, 0xfe]).unwrap();
    let binary = Scenarios::folder(folder.path(), FAULTS).unwrap_err().to_string();
    assert!(binary.contains("binary.toml"), "{binary}");
}

#[test]
fn an_id_of_a_built_in_scenario_is_taken() {
    let one = load(HEAD).unwrap();
    let error = one.clone().and(one).unwrap_err().to_string();
    assert!(error.contains("two scenarios are called `mine/script`"), "{error}");
}

#[test]
fn a_case_and_a_file_of_one_id_are_refused() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("a")).unwrap();
    fs::write(folder.path().join("a.toml"), format!("{HEAD}[[case]]\nid = \"b\"\n")).unwrap();
    fs::write(folder.path().join("a/b.toml"), HEAD).unwrap();
    let error = Scenarios::folder(folder.path(), FAULTS).unwrap_err().to_string();
    assert!(error.contains("two scenarios are called `a/b`"), "{error}");
}
