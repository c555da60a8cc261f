//! What a client is told of its calls.

use std::sync::Arc;

use serde_json::json;

use crosscheck_scenarios::{Capability, Party, Profile, Scenarios, SpecVersion};
use crosscheck_wire::{Declared, Origins, Stage};

fn stage(script: &str, declared: Vec<Capability>) -> Stage {
    let text = format!("title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n{script}");
    let scenarios = Scenarios::parse("script", &text, &[]).unwrap();
    let scenario = Arc::new(scenarios.iter().next().unwrap().clone());
    let origins = Origins(Party::ALL.map(|party| format!("http://{party}")));
    Stage::new(scenario, Profile::Mcp, SpecVersion::default(), Declared(declared), origins)
}

#[test]
fn a_call_carries_the_credentials_of_the_server_that_protects_what_it_calls() {
    let script = "needs = [\"calls\"]\n\
                  [[client.calls]]\nto = \"mcp\"\ntool = \"one\"\n\
                  [[client.calls]]\nto = \"mcp2\"\ntool = \"two\"\nuser = \"second\"\n\
                  [as2]\npath = \"/t\"\n[mcp2]\n";
    let stage = stage(script, Capability::all());
    let (first, second) = (stage.registration(Party::As), stage.registration(Party::As2));
    assert!(second.client_id.starts_with("as2-client-"), "{}", second.client_id);
    let context = stage.context("flow");
    assert_eq!(context["issuer"], "http://as");
    assert_eq!(
        context["calls"],
        json!([
            {
                "url": "http://mcp/mcp", "tool": "one", "client_id": first.client_id,
                "client_secret": first.client_secret, "issuer": "http://as",
            },
            {
                "url": "http://mcp2/mcp", "tool": "two", "client_id": second.client_id,
                "client_secret": second.client_secret, "issuer": "http://as2/t",
                "id_token": stage.ledger.value("other_id_token"),
            },
        ])
    );
    let secret = stage.ledger.values().into_iter().find(|one| one.facts.name == "as2.client_secret").unwrap();
    assert_eq!(secret.facts.travels_to, [Party::As2]);
}

#[test]
fn nothing_is_minted_or_told_for_servers_and_users_that_there_are_not() {
    let stage = stage("", Vec::new());
    let context = stage.context("flow");
    assert!(!context.contains_key("calls") && !context.contains_key("issuer"));
    let values = stage.ledger.values();
    assert!(
        values.iter().all(|one| !one.facts.name.starts_with("as2.") && !one.facts.name.contains("other"))
    );
}
