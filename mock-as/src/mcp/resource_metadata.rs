//! Protected resource metadata and the places where it is found (RFC 9728 sections 2 and 3).

use serde_json::{Map, Value, json};

use crosscheck_scenarios::{McpScript, MetadataForm, Party, Rules};
use crosscheck_wire::Stage;
use crosscheck_wire::endpoint::RESOURCE_METADATA_PATH;

/// Whether the document is served at `path`; `None` where the path is no place for it: neither the well-known path
/// with the resource's own behind it, nor the bare one, nor a path of the script's.
pub(super) fn is_served(script: &McpScript, path: &str) -> Option<bool> {
    let inserted = path.strip_prefix(RESOURCE_METADATA_PATH) == Some(script.path.trim_end_matches('/'));
    let root = path == RESOURCE_METADATA_PATH && script.rules == Rules::Conforming;
    let own = script.metadata_path.as_deref() == Some(path);
    let serves = |form| script.metadata_at.contains(&form);
    let served = own || (inserted && serves(MetadataForm::Inserted)) || (root && serves(MetadataForm::Root));
    (inserted || root || own).then_some(served)
}

/// The document, changed as the script says. The official suite has the first two members alone.
pub(super) fn document(stage: &Stage, party: Party) -> Value {
    let script = stage.scenario.mcp_script(party);
    let protector = stage.scenario.protector(party);
    let mut members = vec![
        ("resource", json!(stage.urls.resource(party))),
        ("authorization_servers", json!([stage.urls.issuer(protector)])),
    ];
    if script.rules == Rules::Conforming {
        members.push(("scopes_supported", json!(script.scopes_supported)));
        members.push(("bearer_methods_supported", json!(["header"])));
        members.push(("resource_name", json!("A protected MCP server")));
    }
    let mut document: Map<_, _> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    stage.bend(&script.metadata, &mut document);
    document.into()
}
