//! Metadata, keys, and paths and methods that are none.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party};
use crosscheck_wire::constants::{GRANT_TYPE_TOKEN_EXCHANGE, TOKEN_TYPE_ID_JAG};
use crosscheck_wire::transcript::Ended;
use crosscheck_wire::{RawClient, RawOutput};

use crate::stage::Idp;

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

#[tokio::test]
async fn both_documents_hold_every_required_member() {
    let idp = Idp::playing("needs = [\"idp-auth=private_key_jwt\"]");
    for path in [OPENID, OAUTH] {
        let reply = idp.request("GET", path).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
        let document = reply.json();
        assert_eq!(document["issuer"], "http://127.0.0.1:1");
        assert_eq!(document["token_endpoint"], "http://127.0.0.1:1/token");
        assert_eq!(document["jwks_uri"], "http://127.0.0.1:1/jwks");
        assert_eq!(document["token_endpoint_auth_methods_supported"], json!(["private_key_jwt"]));
        assert_eq!(document["identity_chaining_requested_token_types_supported"], json!([TOKEN_TYPE_ID_JAG]));
        assert!(
            document["grant_types_supported"].as_array().unwrap().contains(&json!(GRANT_TYPE_TOKEN_EXCHANGE))
        );
        for member in [
            "authorization_endpoint",
            "response_types_supported",
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
            "scopes_supported",
            "code_challenge_methods_supported",
            "token_endpoint_auth_signing_alg_values_supported",
        ] {
            assert!(!document[member].is_null(), "{member}");
        }
    }
}

#[tokio::test]
async fn documents_stand_where_the_issuer_path_puts_them() {
    let cases = [
        ("", OPENID.to_owned(), 200),
        ("/", OPENID.to_owned(), 200),
        ("/", OAUTH.to_owned(), 200),
        ("/org1", format!("/org1{OPENID}"), 200),
        ("/org1", format!("{OPENID}/org1"), 200),
        ("/org1", format!("{OAUTH}/org1"), 200),
        ("/org1/", format!("/org1{OPENID}"), 200),
        ("/org1/", format!("{OAUTH}/org1"), 200),
        ("/org1", OPENID.to_owned(), 404),
        ("/org1", OAUTH.to_owned(), 404),
        ("/{odd}/*any", format!("{OPENID}/%7Bodd%7D"), 404),
    ];
    for (issuer, path, status) in cases {
        let idp = Idp::playing(&format!("[idp]\npath = \"{issuer}\""));
        let reply = idp.request("GET", &path).await;
        assert_eq!(reply.status, status, "{issuer} {path}");
        if status == 200 {
            assert_eq!(reply.json()["issuer"], format!("http://127.0.0.1:1{issuer}"));
        }
    }
}

#[tokio::test]
async fn the_script_changes_both_documents_or_one_answer() {
    let idp = Idp::playing(
        "[idp]\n\
         metadata = { set = { issuer = \"{as.issuer}\", x = [\"{mcp.resource}\"] }, remove = [\"jwks_uri\"] }\n\
         [[idp.openid_metadata]]\n\
         json = { set = { token_endpoint = \"{as.token_endpoint}\" } }\n\
         headers = { content-type = [\"text/html\"] }\n\
         [[idp.openid_metadata]]\n\
         reply = { status = 503, body = \"later\" }",
    );
    let first = idp.request("GET", OPENID).await;
    assert_eq!(first.header("content-type"), Some("text/html"));
    assert_eq!(first.json()["token_endpoint"], "http://127.0.0.1:2/token");
    for document in [first.json(), idp.request("GET", OAUTH).await.json()] {
        assert_eq!(document["issuer"], "http://127.0.0.1:2");
        assert_eq!(document["x"], json!(["http://127.0.0.1:3/mcp"]));
        assert!(document.get("jwks_uri").is_none());
    }
    for _ in 0..2 {
        let later = idp.request("GET", OPENID).await;
        assert_eq!((later.status, later.body.as_str()), (503, "later"));
    }
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_refused_and_recorded() {
    let idp = Idp::playing("[[idp.token]]\nreply = { status = 500 }");
    let cases = [
        ("GET", "/nothing", 404, EndpointName::Unknown),
        ("POST", "/register", 404, EndpointName::Unknown),
        ("GET", "/token", 405, EndpointName::Token),
        ("POST", "/jwks", 405, EndpointName::Jwks),
        ("DELETE", OPENID, 405, EndpointName::OpenidMetadata),
        ("GET", "/authorize?client_id=x", 400, EndpointName::Authorization),
        ("HEAD", "/jwks", 200, EndpointName::Jwks),
    ];
    for (method, path, status, _) in cases {
        let reply = idp.request(method, path).await;
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(reply.header("allow").is_some(), status == 405);
    }

    let client = RawClient {
        ended: Ended::Exited(0),
        took: Duration::ZERO,
        stdout: RawOutput::default(),
        stderr: RawOutput::default(),
        report: None,
    };
    let transcript = idp.stage.close(client, Vec::new(), &HashSet::new());
    let recorded = transcript.exchanges.iter().map(|exchange| {
        assert_eq!(exchange.party, Party::Idp);
        (exchange.endpoint, exchange.response.status)
    });
    assert_eq!(recorded.collect::<Vec<_>>(), cases.map(|(_, _, status, endpoint)| (endpoint, status)));
}
