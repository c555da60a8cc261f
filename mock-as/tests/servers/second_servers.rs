//! A second authorization server and a second MCP server.

use axum::body::Body;
use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party};
use crosscheck_wire::SUBJECT_2;
use crosscheck_wire::jose::Jwt;

use crate::stage::Servers;

#[tokio::test]
async fn each_authorization_server_issues_tokens_for_its_own_mcp_server() {
    let script = "[as2]\npath = \"/two\"\n[mcp2]\nchallenge_scope = \"mail:read\"\nscopes_supported = [\"mail:read\"]\n";
    let servers = Servers::playing(script).await;
    let document = servers.get(Party::As2, "/.well-known/oauth-authorization-server/two").await.json();
    assert_eq!(document["issuer"], "http://127.0.0.1:4/two");
    assert_eq!(document["scopes_supported"], json!(["mail:read"]));
    let metadata = servers.get(Party::Mcp2, "/.well-known/oauth-protected-resource/mcp").await.json();
    assert_eq!(metadata["resource"], "http://127.0.0.1:5/mcp");
    assert_eq!(metadata["authorization_servers"], json!(["http://127.0.0.1:4/two"]));

    let grant = servers.grant_for(Party::As2, Party::Mcp2).with("sub", SUBJECT_2).without("scope").signed();
    let reply = servers.redeem_at_second(&grant).await;
    assert_eq!((reply.status, reply.member("scope").as_str()), (200, "mail:read"), "{}", reply.body);
    let token = reply.member("access_token");
    let jwt = Jwt::decode(&token).unwrap();
    assert!(jwt.verifies_with(servers.stage.key(Party::As2).public_jwk()));
    assert_eq!(jwt.claim("iss"), Some("http://127.0.0.1:4/two"));
    assert_eq!((jwt.claim("sub"), jwt.audiences()), (Some(SUBJECT_2), vec!["http://127.0.0.1:5/mcp"]));
    assert_eq!(servers.stage.ledger.values().pop().unwrap().facts.travels_to, [Party::Mcp2]);
    let reached = servers.call_at(Party::Mcp2, ("GET", &token), &[], "").await;
    assert_eq!((reached.status, reached.member("user").as_str()), (200, SUBJECT_2));
    assert_eq!(servers.call("GET", &token, &[], "").await.status, 401);

    for (party, server) in [(Party::As, Party::Mcp), (Party::As2, Party::Mcp)] {
        let reply = servers.redeem_at_second(&servers.grant_for(party, server).signed()).await;
        assert_eq!(reply.member("error"), "invalid_grant", "{party} {server}");
    }
    assert_eq!(servers.redeem(&servers.presenting(&grant)).await.member("error"), "invalid_grant");
    let transcript = servers.transcript();
    assert!(transcript.registrations.keys().eq(&[Party::Idp, Party::As, Party::As2]));
}

#[tokio::test]
async fn one_authorization_server_issues_for_both_mcp_servers_a_token_each() {
    let servers = Servers::playing("[mcp2]\n").await;
    let grant = servers.grant_for(Party::As, Party::Mcp2).signed();
    let token = servers.redeem(&servers.presenting(&grant)).await.member("access_token");
    assert_eq!(servers.call_at(Party::Mcp2, ("GET", &token), &[], "").await.status, 200);
    assert_eq!(servers.call("GET", &token, &[], "").await.status, 401);

    let first = servers.stage.urls.resource(Party::Mcp);
    let elsewhere = servers.presenting(&grant).with("resource", first);
    assert_eq!(servers.redeem(&elsewhere).await.member("error"), "invalid_target");
    let open = servers.presenting(&servers.grant().without("resource").signed());
    let second = open.with("resource", servers.stage.urls.resource(Party::Mcp2));
    let token = servers.redeem(&second).await.member("access_token");
    assert_eq!(servers.call_at(Party::Mcp2, ("GET", &token), &[], "").await.status, 200);
}

#[tokio::test]
async fn origins_without_a_script_belong_to_the_first_authorization_server_and_to_nobody() {
    let servers = Servers::playing("").await;
    assert_eq!(servers.stage.party_at(Party::As2), Party::As);
    let metadata = ("GET", "/.well-known/oauth-protected-resource/mcp");
    for request in [("POST", "/mcp"), metadata] {
        let reply = servers.send(Party::Mcp2, request, &[], Body::empty()).await;
        assert_eq!(reply.status, 404);
    }
    let exchanges = servers.transcript().exchanges;
    let told = exchanges.iter().map(|one| (one.party, one.endpoint));
    assert_eq!(told.collect::<Vec<_>>(), [(Party::Mcp2, EndpointName::Unknown); 2]);
}
