//! Metadata documents and the endpoints that are there to be found and not used.

use axum::body::Body;
use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party};
use crosscheck_wire::constants::{GRANT_PROFILE_ID_JAG, GRANT_TYPE_JWT_BEARER};

use crate::stage::Servers;

const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn both_kinds_of_metadata_are_served_where_the_issuer_puts_them() {
    let table = [
        ("", vec![OAUTH.to_owned(), OPENID.to_owned()]),
        ("/", vec![OAUTH.to_owned(), OPENID.to_owned()]),
        ("/t/one", vec![format!("{OAUTH}/t/one"), format!("{OPENID}/t/one"), format!("/t/one{OPENID}")]),
        ("/t/", vec![format!("{OAUTH}/t"), format!("{OPENID}/t"), format!("/t{OPENID}")]),
    ];
    for (path, urls) in table {
        let servers = Servers::playing(&format!("[as]\npath = \"{path}\"\n")).await;
        for url in urls {
            let reply = servers.get(Party::As, &url).await;
            assert_eq!(reply.status, 200, "{path} {url}");
            assert_eq!(reply.header("content-type"), Some("application/json"));
            assert_eq!(reply.member("issuer"), format!("http://127.0.0.1:2{path}"));
        }
        let elsewhere = if path.len() > 1 { OAUTH } else { "/.well-known/oauth-authorization-server/t" };
        assert_eq!(servers.get(Party::As, elsewhere).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_members_say_what_the_server_does() {
    let servers = Servers::playing("[as]\ntoken_path = \"/oauth2/token\"\n").await;
    let document = servers.get(Party::As, OAUTH).await.json();
    assert_eq!(document["token_endpoint"], "http://127.0.0.1:2/oauth2/token");
    assert_eq!(document["grant_types_supported"], json!(["authorization_code", GRANT_TYPE_JWT_BEARER]));
    assert_eq!(document["authorization_grant_profiles_supported"], json!([GRANT_PROFILE_ID_JAG]));
    assert_eq!(
        document["token_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post"])
    );
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(document["scopes_supported"], json!(["files:list", "files:read", "files:write"]));
    assert!(document.get("subject_types_supported").is_none());
    for endpoint in ["authorization_endpoint", "registration_endpoint", "jwks_uri"] {
        let url = document[endpoint].as_str().unwrap();
        let path = url.strip_prefix("http://127.0.0.1:2").unwrap();
        assert_ne!(servers.get(Party::As, path).await.status, 404, "{endpoint}");
    }
    let keys = servers.get(Party::As, "/jwks").await.json();
    assert_eq!(keys, json!({ "keys": [servers.stage.key(Party::As).public_jwk()] }));

    let openid = servers.get(Party::As, OPENID).await.json();
    assert_eq!(openid["subject_types_supported"], json!(["public"]));
    assert!(openid["id_token_signing_alg_values_supported"].as_array().unwrap().contains(&json!("RS256")));
}

#[tokio::test]
async fn a_script_bends_both_documents_and_then_single_answers() {
    let script = "[as.metadata]\nremove = [\"jwks_uri\"]\nset = { issuer = \"{as.origin}/bent\" }\n\
                  [[as.oauth_metadata]]\njson.set = { issuer = \"{mcp.resource}\" }\n[[as.oauth_metadata]]\n";
    let servers = Servers::playing(script).await;
    let issuer = async |path| {
        let document = servers.get(Party::As, path).await;
        assert!(document.json().get("jwks_uri").is_none());
        document.member("issuer")
    };
    assert_eq!(issuer(OAUTH).await, "http://127.0.0.1:3/mcp");
    assert_eq!(issuer(OPENID).await, "http://127.0.0.1:2/bent");
    assert_eq!(issuer(OAUTH).await, "http://127.0.0.1:2/bent");
}

#[tokio::test]
async fn doors_that_are_closed_say_so_and_are_recorded() {
    let servers = Servers::playing("").await;
    let table = [
        (("GET", "/authorize?client_id=x"), 400, EndpointName::Authorization),
        (("POST", "/register"), 403, EndpointName::Registration),
        (("GET", "/register"), 405, EndpointName::Registration),
        (("GET", "/token"), 405, EndpointName::Token),
        (("POST", OAUTH), 405, EndpointName::OauthMetadata),
        (("DELETE", "/jwks"), 405, EndpointName::Jwks),
        (("GET", "/"), 404, EndpointName::Unknown),
        (("PATCH", "/%00/..//"), 404, EndpointName::Unknown),
    ];
    for (request, status, _) in table {
        let reply = servers.send(Party::As, request, &[], Body::empty()).await;
        assert_eq!(reply.status, status, "{request:?}");
        assert_eq!(reply.header("allow").is_some(), status == 405, "{request:?}");
    }
    let exchanges = servers.transcript().exchanges;
    assert_eq!(exchanges.len(), table.len());
    for (exchange, (request, _, endpoint)) in exchanges.iter().zip(table) {
        assert_eq!(exchange.endpoint, endpoint, "{request:?}");
        assert!(!exchange.refusal.is_empty(), "{request:?}");
    }
}

#[tokio::test]
async fn openid_metadata_is_at_the_forms_that_the_script_names() {
    for (form, inserted, appended) in [("inserted", 200, 404), ("appended", 404, 200)] {
        let servers = Servers::playing(&format!("[as]\npath = \"/t\"\nopenid_at = [\"{form}\"]\n")).await;
        assert_eq!(servers.get(Party::As, &format!("{OPENID}/t")).await.status, inserted, "{form}");
        assert_eq!(servers.get(Party::As, &format!("/t{OPENID}")).await.status, appended, "{form}");
        let exchanges = servers.transcript().exchanges;
        assert!(exchanges.iter().all(|one| one.endpoint == EndpointName::OpenidMetadata), "{form}");
    }
}
