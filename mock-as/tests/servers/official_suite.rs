//! Both servers by the rules of the official suite.

use axum::body::Body;
use serde_json::json;

use crosscheck_scenarios::{AuthMethod, Party};
use crosscheck_wire::constants::FORM;
use crosscheck_wire::jose::SigningKey;

use crate::stage::{Grant, Servers, basic};

const SCRIPT: &str = "[client]\nclient_secret = \"a+b {canary}\"\n[as]\nrules = \"official-suite\"\n\
                      leeway = 30\n[mcp]\nrules = \"official-suite\"\n";

async fn servers() -> Servers {
    Servers::playing_for(SCRIPT, Some(AuthMethod::ClientSecretBasic)).await
}

#[tokio::test]
async fn a_form_and_json_are_taken_and_the_requested_scope_is_echoed() {
    let servers = servers().await;
    let basic = servers.basic();
    let form = servers.parameters().with("scope", "anything").with("resource", "https://x.example");
    let form = form.with("client_secret", "ignored").with("resource", "https://y.example");
    for (content_type, body) in [(FORM, form.body()), ("application/json", form.json())] {
        let reply = servers.post(&[("content-type", content_type), ("authorization", &basic)], body).await;
        assert_eq!(reply.status, 200, "{content_type}: {}", reply.body);
        assert_eq!(reply.member("scope"), "anything");
        let token = reply.member("access_token");
        assert_ne!(servers.call("POST", &token, &[], "{}").await.status, 401);
    }
}

#[tokio::test]
async fn the_grant_is_checked_as_far_as_the_suite_does() {
    let servers = servers().await;
    let (urls, now) = (&servers.stage.urls, servers.stage.now());
    let foreign = SigningKey::generate("foreign", servers.stage.key(Party::Idp).kid.clone());
    let grant = || servers.grant();
    let table: Vec<(u16, Grant<'_>)> = vec![
        (200, grant().with("iss", "https://idp.example")),
        (200, grant().without("jti").without("iat")),
        (200, grant().with("aud", format!("{}/", urls.issuer(Party::As)))),
        (200, grant().with("exp", now - 25)),
        (400, grant().with("exp", now - 31)),
        (400, grant().headed("typ", "JWT")),
        (400, grant().keyed(&foreign)),
        (400, grant().with("aud", "https://as.example")),
        (400, grant().with("client_id", "other")),
        (400, grant().without("resource")),
        (400, grant().with("resource", format!("{}/", urls.resource(Party::Mcp)))),
    ];
    for (expected, grant) in table {
        let reply = servers.redeem(&servers.presenting(&grant.signed())).await;
        assert_eq!(reply.status, expected, "{}", reply.body);
        assert!(expected == 200 || reply.member("error") == "invalid_grant", "{}", reply.body);
    }
}

#[tokio::test]
async fn the_order_is_grant_type_then_client_then_assertion() {
    let servers = servers().await;
    let other = servers.presenting("x").set("grant_type", "authorization_code");
    let table = [
        (Some("text/plain"), other.body(), "unsupported_grant_type"),
        (Some("application/json"), "[]".into(), "invalid_request"),
        (Some(FORM), other.body(), "unsupported_grant_type"),
        (Some(FORM), servers.parameters().without("assertion").body(), "invalid_client"),
        (None, servers.parameters().body(), "unsupported_grant_type"),
    ];
    for (content_type, body, error) in table {
        let headers: Vec<_> = content_type.map(|value| ("content-type", value)).into_iter().collect();
        assert_eq!(servers.post(&headers, body).await.member("error"), error, "{content_type:?}");
    }
    let unasserted = servers.parameters().without("assertion");
    assert_eq!(servers.redeem(&unasserted).await.refusal().1, "invalid_request");
    let twice = servers.parameters().with("assertion", "x");
    assert_eq!(servers.redeem(&twice).await.refusal().1, "invalid_request");
}

#[tokio::test]
async fn basic_credentials_are_percent_decoded_and_a_broken_escape_is_no_credential() {
    let servers = servers().await;
    let (id, secret) = (
        &servers.stage.registration(Party::As).client_id,
        servers.stage.registration(Party::As).client_secret.as_deref().unwrap(),
    );
    let escaped = secret.replace('+', "%2B").replace(' ', "%20");
    let form_encoded = escaped.replace("%20", "+");
    let table = [
        (200, basic(id, secret)),
        (200, basic(id, &escaped)),
        (200, basic(id, &escaped).replace('+', "-").replace('/', "_").replace('=', "")),
        (401, basic(id, &escaped).replace("Basic", "basic")),
        (401, basic(id, &form_encoded)),
        (401, basic(id, &format!("{secret}%"))),
        (401, basic(id, "%zz")),
        (401, "Basic !".into()),
        (401, "Bearer x".into()),
    ];
    for (expected, authorization) in table {
        let headers = [("content-type", FORM), ("authorization", authorization.as_str())];
        let reply = servers.post(&headers, servers.parameters().body()).await;
        assert_eq!(reply.status, expected, "{}", reply.body);
    }
}

#[tokio::test]
async fn registration_and_authorization_answer_everybody() {
    let servers = servers().await;
    let metadata = json!({ "redirect_uris": ["http://localhost/cb"] }).to_string();
    let json = [("content-type", "application/json")];
    let registered = servers.send(Party::As, ("POST", "/register"), &json, metadata).await;
    assert_eq!(registered.status, 201);
    assert_eq!(registered.json()["redirect_uris"], json!(["http://localhost/cb"]));
    assert_eq!(
        servers.stage.ledger.value("as.registered_client_secret"),
        Some(registered.member("client_secret"))
    );
    assert_eq!(servers.send(Party::As, ("POST", "/register"), &json, "[").await.status, 400);

    let path = "/authorize?redirect_uri=http%3A%2F%2Flocalhost%2Fcb&state=a%26b";
    let sent_back = servers.get(Party::As, path).await;
    let code = servers.stage.ledger.value("authorization_code").unwrap();
    assert_eq!(sent_back.status, 302);
    let location = format!("http://localhost/cb?code={code}&state=a%26b");
    assert_eq!(sent_back.header("location"), Some(location.as_str()));
    assert_eq!(servers.get(Party::As, "/authorize").await.status, 400);
    assert_eq!(servers.get(Party::As, "/authorize?redirect_uri=%0a").await.header("location"), None);
}

#[tokio::test]
async fn the_mcp_server_takes_post_alone_and_tokens_by_their_beginning() {
    let servers = servers().await;
    for method in ["GET", "DELETE"] {
        for token in ["test-token-1", "x"] {
            assert_eq!(servers.call(method, token, &[], "").await.status, 404, "{method}");
        }
    }
    for (token, accepted) in [("test-token-1", true), ("cc-token", true), ("token", false)] {
        assert_eq!(servers.call("POST", token, &[], "{}").await.status != 401, accepted, "{token}");
    }
    let discover = json!({
        "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": { "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        } },
    });
    let version = [("mcp-protocol-version", "2026-07-28")];
    let discovered = servers.call("POST", "cc-token", &version, &discover.to_string()).await;
    assert_eq!(discovered.status, 200, "Mcp-Method is not looked at");
    let refused = servers.send(Party::Mcp, ("POST", "/mcp"), &[], Body::empty()).await;
    let url = "http://127.0.0.1:3/.well-known/oauth-protected-resource/mcp";
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer error=\"invalid_token\", error_description=\""), "{challenge}");
    assert!(challenge.ends_with(&format!("resource_metadata=\"{url}\"")), "{challenge}");
    let metadata = servers.get(Party::Mcp, url.strip_prefix("http://127.0.0.1:3").unwrap()).await;
    let expected =
        json!({ "resource": "http://127.0.0.1:3/mcp", "authorization_servers": ["http://127.0.0.1:2"] });
    assert_eq!(metadata.json(), expected);
    assert_eq!(servers.get(Party::Mcp, "/.well-known/oauth-protected-resource").await.status, 404);
}
