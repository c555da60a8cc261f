//! Pages and tables that are written from the program.

use std::collections::BTreeSet;
use std::fs;

use crosscheck_scenarios::PLACEHOLDERS;
use serde_json::Value;

use super::{Page, root, scenarios};
use crate::{crosscheck, folder, text};

#[test]
fn the_pages_of_the_catalogue_are_what_the_program_writes() {
    for what in ["requirements", "profiles"] {
        let written = crosscheck(&["list", &format!("--{what}"), "--format", "markdown"]).exits(0).stdout;
        let committed = Page::read(&format!("docs/{what}.md")).text;
        assert!(
            committed == written,
            "docs/{what}.md is out of date. Write it:\
             \n    cargo run -- list --{what} --format markdown > page && mv page docs/{what}.md"
        );
    }
}

#[test]
fn a_page_of_one_profile_has_its_requirements_alone() {
    let page = crosscheck(&["list", "--requirements", "--profile", "base", "--format", "markdown"]).exits(0);
    page.without("### jb-resource\n").says("### flow-order\n");
    crosscheck(&["list", "--format", "markdown"]).exits(2).says("hint: `--requirements --format markdown`");
}

#[test]
fn profiles_are_listed_with_their_documents() {
    let list = crosscheck(&["list", "--profiles"]).exits(0);
    list.says("\nmcp             ")
        .says("draft-ietf-oauth-identity-assertion-authz-grant-04")
        .says(" scenarios, ");
    crosscheck(&["list", "--profiles", "--requirements"]).exits(2);
}

/// The first column of the table below a heading, or with that head, without its backticks.
fn column(page: &Page, heading: &str) -> BTreeSet<String> {
    let place = page.text.find(&format!("\n{heading}\n"));
    let place = place.unwrap_or_else(|| panic!("{} has no `{heading}`", page.name));
    let rows = page.text[place..]
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    let cells = rows.skip(2).filter_map(|row| row.split('|').nth(1));
    // A cell may name several, as `a`, `b`.
    let names =
        cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
    names.collect()
}

/// The names of the properties at `pointer`.
fn properties(schema: &Value, pointer: &str) -> BTreeSet<String> {
    let object = schema.pointer(pointer).and_then(Value::as_object);
    object.unwrap_or_else(|| panic!("the schema has no {pointer}")).keys().cloned().collect()
}

fn schema(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

#[test]
fn every_key_of_the_configuration_is_documented_and_no_other() {
    let (page, schema) = (Page::read("docs/configuration.md"), schema("harness/crosscheck.schema.json"));
    for (heading, pointer) in [
        ("## The file", "/properties"),
        ("## A client", "/$defs/Client/properties"),
        ("## An expected finding", "/$defs/Row/properties"),
    ] {
        assert_eq!(column(&page, heading), properties(&schema, pointer), "{heading}");
    }
}

#[test]
fn every_input_and_output_of_the_action_is_documented_and_no_other() {
    let action = fs::read_to_string(root().join("action.yml")).unwrap();
    let (page, action) = (Page::read("docs/ci.md"), serde_saphyr::from_str::<Value>(&action).unwrap());
    assert_eq!(column(&page, "| Input | |"), properties(&action, "/inputs"));
    assert_eq!(column(&page, "| Output | |"), properties(&action, "/outputs"));
}

#[test]
fn every_key_of_a_scenario_is_documented_and_no_other() {
    let (page, schema) = (Page::read("docs/writing-a-scenario.md"), schema("scenarios/schema.json"));
    for (heading, pointer) in [
        ("### The file", "/properties"),
        ("### The client", "/$defs/ClientScript/properties"),
        ("### A call", "/$defs/Call/properties"),
        ("### The IdP", "/$defs/IdpScript/properties"),
        ("### The resource authorization server", "/$defs/AsScript/properties"),
        ("### The MCP server", "/$defs/McpScript/properties"),
        ("### The trap", "/$defs/TrapScript/properties"),
        ("### A page", "/$defs/Page/properties"),
        ("### A step", "/$defs/Step/properties"),
        ("### A reply", "/$defs/Reply/properties"),
        ("### A long body", "/$defs/Long/properties"),
        ("### Changes to JSON", "/$defs/Bend/properties"),
        ("### Changes to a token", "/$defs/TokenBend/properties"),
        ("### What is expected", "/$defs/Expect/properties"),
        ("### What is surfaced", "/$defs/Surfaced/properties"),
        ("### Once", "/$defs/Once/properties"),
    ] {
        assert_eq!(column(&page, heading), properties(&schema, pointer), "{heading}");
    }
}

#[test]
fn every_name_in_braces_is_documented_and_no_other() {
    let named = column(&Page::read("docs/writing-a-scenario.md"), "### Names in braces");
    assert_eq!(named, PLACEHOLDERS.iter().map(|name| format!("{{{name}}}")).collect());
}

#[test]
fn every_member_of_an_outcome_report_is_documented_and_no_other() {
    let (page, schema) = (Page::read("docs/client-contract.md"), schema("harness/outcome.schema.json"));
    assert_eq!(column(&page, "## Level 2: write the outcome report"), properties(&schema, "/properties"));
}

#[test]
fn every_member_of_the_context_is_documented_and_no_other() {
    let folder = folder();
    let (own, report) = (folder.path().join("own"), folder.path().join("report"));
    fs::create_dir(&own).unwrap();
    // No built-in scenario configures these two.
    let script = "title = \"Configured\"\nwhy = \"Some clients are.\"\nrequirements = [\"flow-order\"]\n\
                  [client]\nresource = true\nscope = \"files:list\"\n";
    fs::write(own.join("configured.toml"), script).unwrap();
    let select = ["run", "--no-config", "--skip", "errors/", "--skip", "responses/"];
    let options = ["--scenarios", text(&own), "--report", text(&report)];
    crosscheck(&[select.as_slice(), &options].concat()).exits(0);

    let mut told = BTreeSet::new();
    let ids = scenarios();
    for id in ids.iter().map(|scenario| scenario.id.as_str()).chain(["configured"]) {
        let Ok(saved) = fs::read_to_string(report.join(id).join("transcript.json")) else { continue };
        let transcript: Value = serde_json::from_str(&saved).unwrap();
        let names = transcript["context"].as_array().unwrap().iter();
        told.extend(names.map(|name| name.as_str().unwrap().to_owned()));
    }
    assert_eq!(column(&Page::read("docs/client-contract.md"), "### The context"), told);
}

#[test]
fn every_member_of_the_report_is_documented_and_no_other() {
    let (page, schema) = (Page::read("docs/reading-a-report.md"), schema("harness/report.schema.json"));
    for (heading, pointer) in [
        ("### The report", "/properties"),
        ("### A client", "/$defs/ClientReport/properties"),
        ("### How it was driven", "/$defs/RunFacts/properties"),
        ("### Counts", "/$defs/Counts/properties"),
        ("### A scenario", "/$defs/ScenarioReport/properties"),
        ("### A check", "/$defs/CheckReport/properties"),
        ("### A finding", "/$defs/Finding/properties"),
        ("### A rule", "/$defs/Rule/properties"),
    ] {
        assert_eq!(column(&page, heading), properties(&schema, pointer), "{heading}");
    }
}
