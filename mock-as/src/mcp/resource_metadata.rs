//! Protected resource metadata and the places where it is found (RFC 9728 sections 2 and 3).

use serde_json::{Map, Value, json};

use crosscheck_scenarios::{McpScript, Rules};
use crosscheck_wire::Stage;

/// Whether `path` is one that serves the document: the well-known path with the resource's own behind it, the
/// bare one, or a path of the script's.
pub(super) fn is_at(script: &McpScript, path: &str) -> bool {
    let inserted = path.strip_prefix(WELL_KNOWN) == Some(script.path.trim_end_matches('/'));
    let root = path == WELL_KNOWN && script.rules == Rules::Conforming;
    inserted || root || script.metadata_path.as_deref() == Some(path)
}

/// The document, changed as the script says. The official suite has the first two members alone.
pub(super) fn document(stage: &Stage) -> Value {
    let script = &stage.scenario.mcp;
    let mut members = vec![
        ("resource", json!(stage.urls.mcp_resource)),
        ("authorization_servers", json!([stage.urls.as_issuer])),
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

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
