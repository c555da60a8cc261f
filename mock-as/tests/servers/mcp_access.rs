//! Who gets into the MCP server, what the others are told, and which methods there are.

use axum::body::Body;
use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party};

use crate::stage::{Headers, Servers};

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

#[tokio::test]
async fn a_request_without_a_token_is_told_where_to_get_one_whatever_its_method() {
    let servers = Servers::playing("").await;
    for method in ["GET", "POST", "DELETE", "PUT"] {
        for path in ["/mcp", "/mcp?access_token=x"] {
            let reply = servers.send(Party::Mcp, (method, path), &[], "[").await;
            assert_eq!(reply.status, 401, "{method}");
            let expected = format!(
                "Bearer resource_metadata=\"http://127.0.0.1:3{WELL_KNOWN}/mcp\", scope=\"files:list files:read\""
            );
            assert_eq!(reply.header("www-authenticate"), Some(expected.as_str()), "{method}");
        }
    }
    assert!(servers.transcript().exchanges.iter().all(|one| one.endpoint == EndpointName::Mcp));
}

#[tokio::test]
async fn a_token_that_is_not_one_for_this_server_is_an_invalid_token() {
    let servers = Servers::playing("[mcp]\nmetadata_path = \"/about\"\n").await;
    let token = servers.access_token().await;
    for wrong in
        [format!("{token}A"), servers.stage.id_token.clone(), servers.grant().signed(), String::new()]
    {
        let reply = servers.call("POST", &wrong, &[], "{}").await;
        assert_eq!(reply.status, 401);
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"invalid_token\", error_description="), "{challenge}");
        assert!(challenge.contains("resource_metadata=\"http://127.0.0.1:3/about\""), "{challenge}");
    }
    for header in [format!("Basic {token}"), token.clone(), "\u{fc} x".into()] {
        let reply = servers.send(Party::Mcp, ("POST", "/mcp"), &[("authorization", &header)], "{}").await;
        assert_eq!(reply.status, 401);
        assert!(!reply.header("www-authenticate").unwrap().contains("error"), "no bearer token was sent");
    }
    let lower_case = format!("bearer {token}");
    let reply =
        servers.send(Party::Mcp, ("GET", "/mcp"), &[("authorization", &lower_case)], Body::empty()).await;
    assert_eq!(reply.status, 200);
    let in_query = format!("/mcp?access_token={token}");
    assert_eq!(servers.get(Party::Mcp, &in_query).await.status, 401);
}

#[tokio::test]
async fn streams_and_sessions_are_not_offered_and_plain_oauth_clients_get_a_document() {
    let servers = Servers::playing("").await;
    let token = servers.access_token().await;
    let table: [(&str, Headers<'_>, u16); 10] = [
        ("GET", &[], 200),
        ("GET", &[("accept", "application/json")], 200),
        ("HEAD", &[], 200),
        ("GET", &[("accept", "text/event-stream")], 405),
        ("GET", &[("accept", "application/json, text/event-stream")], 405),
        ("GET", &[("mcp-protocol-version", "2025-11-25"), ("accept", "*/*")], 405),
        ("GET", &[("mcp-session-id", "x")], 405),
        ("GET", &[("mcp-name", "x")], 405),
        ("DELETE", &[], 405),
        ("PUT", &[], 405),
    ];
    for (method, headers, status) in table {
        let reply = servers.call(method, &token, headers, "").await;
        assert_eq!(reply.status, status, "{method} {headers:?}");
        assert_eq!(reply.header("allow"), (status == 405).then_some("POST"), "{method} {headers:?}");
    }
    let document = servers.call("GET", &token, &[], "").await.json();
    assert_eq!(document["resource"], "http://127.0.0.1:3/mcp");
}

#[tokio::test]
async fn resource_metadata_is_at_both_well_known_places_and_where_the_script_puts_it() {
    let script = "[mcp]\nmetadata_path = \"/about\"\n[mcp.metadata]\nset = { tos = \"{as.issuer}/tos\" }\n";
    let servers = Servers::playing(script).await;
    for path in [WELL_KNOWN, &format!("{WELL_KNOWN}/mcp"), "/about"] {
        let reply = servers.get(Party::Mcp, path).await;
        let expected = json!({
            "resource": "http://127.0.0.1:3/mcp",
            "authorization_servers": ["http://127.0.0.1:2"],
            "scopes_supported": ["files:list", "files:read", "files:write"],
            "bearer_methods_supported": ["header"],
            "resource_name": "A protected MCP server",
            "tos": "http://127.0.0.1:2/tos",
        });
        assert_eq!(reply.json(), expected, "{path}");
        let refused = servers.send(Party::Mcp, ("POST", path), &[], Body::empty()).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")));
    }
    for path in ["/", "/nowhere", "/.well-known/oauth-protected-resource/", "/mcp/"] {
        assert_eq!(servers.get(Party::Mcp, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_resource_without_path_is_at_the_root() {
    for path in ["", "/"] {
        let servers = Servers::playing(&format!("[mcp]\npath = \"{path}\"\n")).await;
        assert_eq!(servers.get(Party::Mcp, "/").await.status, 401);
        let metadata = servers.get(Party::Mcp, WELL_KNOWN).await;
        assert_eq!(metadata.member("resource"), format!("http://127.0.0.1:3{path}"));
    }
}

#[tokio::test]
async fn scripts_of_the_challenge_and_of_the_endpoint_are_apart() {
    let script = "[mcp]\n[[mcp.challenge]]\nheaders = { \"www-authenticate\" = [\"Bearer\"] }\n[[mcp.challenge]]\n\
                  [[mcp.mcp]]\nreply = { status = 403, body = \"no\" }\n[[mcp.mcp]]\n";
    let servers = Servers::playing(script).await;
    let token = servers.access_token().await;
    let bare = servers.get(Party::Mcp, "/mcp").await;
    assert_eq!(bare.header("www-authenticate"), Some("Bearer"));
    assert_eq!(servers.call("GET", &token, &[], "").await.status, 403);
    assert!(servers.get(Party::Mcp, "/mcp").await.header("www-authenticate").unwrap().contains("scope"));
    assert_eq!(servers.call("GET", &token, &[], "").await.status, 200);
}

#[tokio::test]
async fn resource_metadata_is_at_the_forms_that_the_script_names() {
    for (form, inserted, root, named) in [("inserted", 200, 404, "/mcp"), ("root", 404, 200, "")] {
        let script = format!("[mcp]\nmetadata_at = [\"{form}\"]\n[[mcp.resource_metadata]]\n");
        let servers = Servers::playing(&script).await;
        assert_eq!(servers.get(Party::Mcp, &format!("{WELL_KNOWN}/mcp")).await.status, inserted, "{form}");
        assert_eq!(servers.get(Party::Mcp, WELL_KNOWN).await.status, root, "{form}");
        let exchanges = servers.transcript().exchanges;
        assert!(exchanges.iter().all(|one| one.endpoint == EndpointName::ResourceMetadata), "{form}");
        let challenge = servers.get(Party::Mcp, "/mcp").await;
        let url = format!("resource_metadata=\"http://127.0.0.1:3{WELL_KNOWN}{named}\"");
        assert!(challenge.header("www-authenticate").unwrap().contains(&url), "{form}");
    }
}

#[tokio::test]
async fn a_method_may_ask_for_a_scope_of_its_own() {
    let script = "[mcp]\nrequired_scopes = { \"tools/list\" = \"files:write\" }\n\
                  [[mcp.step_up]]\n[[mcp.step_up]]\nheaders = { www-authenticate = [\"Bearer\"] }\n";
    let servers = Servers::playing(script).await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let token = servers.access_token().await;
    let refused = servers.call("POST", &token, &[], &list).await;
    let expected = format!(
        "Bearer error=\"insufficient_scope\", scope=\"files:write\", \
         resource_metadata=\"http://127.0.0.1:3{WELL_KNOWN}/mcp\""
    );
    assert_eq!((refused.status, refused.header("www-authenticate")), (403, Some(expected.as_str())));
    assert_eq!(servers.call("POST", &token, &[], &list).await.header("www-authenticate"), Some("Bearer"));
    assert_eq!(servers.call("POST", &token, &[], &list.replace("tools/list", "ping")).await.status, 200);

    let wider = servers.grant().with("scope", "files:read files:write").signed();
    let wider = servers.redeem(&servers.presenting(&wider)).await.member("access_token");
    assert_eq!(servers.call("POST", &wider, &[], &list).await.status, 200);
}

#[tokio::test]
async fn the_first_token_is_good_for_as_many_requests_as_the_script_says() {
    let servers = Servers::playing("[mcp]\nfirst_token_good_for = 2\n").await;
    let (first, second) = (servers.access_token().await, servers.access_token().await);
    for status in [200, 200, 401, 401] {
        assert_eq!(servers.call("GET", &first, &[], "").await.status, status);
        assert_eq!(servers.call("GET", &second, &[], "").await.status, 200);
    }
    let refused = servers.call("GET", &first, &[], "").await;
    assert!(refused.header("www-authenticate").unwrap().contains("invalid_token"));
}
