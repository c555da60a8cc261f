//! The trap, and documents of the script's at it and at an MCP server.

use axum::body::Body;
use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party};

use crate::stage::Servers;

const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn the_trap_is_consistent_and_knows_nobody() {
    let servers =
        Servers::playing("[trap]\npath = \"/t\"\nmetadata = { set = { x = \"{as.issuer}\" } }\n").await;
    for path in [format!("{OAUTH}/t"), format!("{OPENID}/t"), format!("/t{OPENID}")] {
        let document = servers.get(Party::Trap, &path).await.json();
        assert_eq!(document["issuer"], "http://127.0.0.1:6/t", "{path}");
        assert_eq!(document["token_endpoint"], "http://127.0.0.1:6/token");
        assert_eq!(document["token_endpoint_auth_methods_supported"].as_array().map(Vec::len), Some(4));
        assert_eq!(document["x"], "http://127.0.0.1:2");
    }
    let reply = servers.send(Party::Trap, ("POST", "/token"), &[], Body::empty()).await;
    let why = "no such client is registered here";
    assert_eq!(reply.refusal(), (401, "invalid_client".into(), why.into()));
    let paths = ["/register", "/jwks", OAUTH, "/.well-known/oauth-protected-resource", "/else"];
    for path in paths {
        assert_eq!(servers.get(Party::Trap, path).await.status, 404, "{path}");
    }
    let exchanges = servers.transcript().exchanges;
    assert!(exchanges.iter().all(|exchange| exchange.party == Party::Trap));
    use EndpointName as E;
    let expected = [
        E::OauthMetadata,
        E::OpenidMetadata,
        E::OpenidMetadata,
        E::Token,
        E::Registration,
        E::Jwks,
        E::OauthMetadata,
        E::ResourceMetadata,
        E::Unknown,
    ];
    assert_eq!(exchanges.iter().map(|exchange| exchange.endpoint).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_page_stands_before_anything_else_and_is_recorded_by_its_form() {
    let script = format!(
        "[[mcp.page]]\npath = \"{OAUTH}\"\nreply = {{ status = 200, json = {{ issuer = \"{{trap.issuer}}\" }} }}\n\
         [[mcp.page]]\npath = \"/mcp\"\nreply = {{ status = 410, body = \"gone\" }}\n\
         [[trap.page]]\npath = \"/token\"\nreply = {{ status = 200, json = {{}} }}\n"
    );
    let servers = Servers::playing(&script).await;
    let table = [
        (Party::Mcp, ("GET", OAUTH), 200, EndpointName::OauthMetadata),
        (Party::Mcp, ("POST", "/mcp"), 410, EndpointName::Unknown),
        (Party::Trap, ("POST", "/token"), 200, EndpointName::Token),
    ];
    for (party, request, status, _) in table {
        let reply = servers.send(party, request, &[], Body::empty()).await;
        assert_eq!(reply.status, status, "{request:?}");
        if request.1 == OAUTH {
            assert_eq!(reply.json(), json!({ "issuer": "http://127.0.0.1:6" }));
        }
    }
    let exchanges = servers.transcript().exchanges;
    let endpoints = exchanges.iter().map(|exchange| exchange.endpoint);
    assert_eq!(endpoints.collect::<Vec<_>>(), table.map(|(.., endpoint)| endpoint));
}
