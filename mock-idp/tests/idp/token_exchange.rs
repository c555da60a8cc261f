//! Exchanges that succeed, and how scripts bend them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crosscheck_scenarios::Party;
use crosscheck_wire::constants::{CLIENT_ASSERTION_TYPE, FORM, TOKEN_TYPE_ID_JAG, TYP_ID_JAG};
use crosscheck_wire::form::encode;
use crosscheck_wire::jose::Jwt;
use crosscheck_wire::{SUBJECT, SUBJECT_2};

use crate::stage::Idp;

#[tokio::test]
async fn an_id_token_is_exchanged_for_a_grant_that_the_served_keys_verify() {
    let idp = Idp::playing("");
    let reply = idp.exchange(&idp.parameters()).await;
    let members = reply.json();
    assert_eq!(members["issued_token_type"], TOKEN_TYPE_ID_JAG);
    assert_eq!(members["token_type"], "N_A");
    assert_eq!(members["expires_in"], 300);
    assert_eq!(members["scope"], "files:read");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("pragma"), Some("no-cache"));

    let grant = reply.grant();
    let keys = idp.request("GET", "/jwks").await.json();
    assert_eq!(grant.header["typ"], TYP_ID_JAG);
    assert_eq!(grant.header["kid"], keys["keys"][0]["kid"]);
    assert!(grant.verifies_with(&keys["keys"][0]));
    let urls = &idp.stage.urls;
    assert_eq!(grant.claim("iss"), Some(urls.issuer(Party::Idp)));
    assert_eq!(grant.claim("sub"), Some(SUBJECT));
    assert_eq!(grant.claim("aud"), Some(urls.issuer(Party::As)));
    assert_eq!(grant.claim("client_id"), Some(idp.stage.registration(Party::As).client_id.as_str()));
    assert_eq!(grant.claim("resource"), Some(urls.resource(Party::Mcp)));
    assert_eq!(grant.claim("scope"), Some("files:read"));
    assert_eq!(grant.seconds("exp"), grant.seconds("iat").map(|iat| iat + 300));
    assert!(grant.seconds("auth_time").is_some());

    let minted = idp.stage.ledger.values().pop().unwrap().facts;
    assert_eq!((minted.name.as_str(), minted.signed_with.as_deref()), ("id_jag#1", Some("idp.key")));
    assert_eq!(minted.travels_to, [Party::As]);
    let again = idp.exchange(&idp.parameters()).await.grant();
    assert_ne!(grant.claim("jti"), again.claim("jti"));
}

#[tokio::test]
async fn every_client_authentication_method_is_accepted_from_a_client_registered_for_it() {
    let basic = Idp::playing(
        "needs = [\"idp-auth=client_secret_basic\"]\n[client]\nidp_client_id = \"a b:%{canary}\"",
    );
    let secret = basic.stage.registration(Party::Idp).client_secret.as_deref().unwrap();
    let pair = format!("{}:{}", encode(&basic.stage.registration(Party::Idp).client_id), encode(secret));
    let authorization = format!("Basic {}", STANDARD.encode(pair));
    let headers = [("content-type", FORM), ("authorization", authorization.as_str())];
    let body = basic.parameters().without("client_id").body();
    assert_eq!(basic.post(&headers, body).await.status, 200);

    let post = Idp::playing("needs = [\"idp-auth=client_secret_post\"]");
    let secret = post.stage.registration(Party::Idp).client_secret.as_deref().unwrap();
    assert_eq!(post.exchange(&post.parameters().with("client_secret", secret)).await.status, 200);

    let signed = Idp::playing("needs = [\"idp-auth=private_key_jwt\"]");
    let form = signed
        .parameters()
        .with("client_assertion_type", CLIENT_ASSERTION_TYPE)
        .with("client_assertion", &signed.client_assertion());
    assert_eq!(signed.exchange(&form).await.status, 200);
    assert_eq!(signed.exchange(&form).await.refusal().1, "invalid_client", "the assertion was used before");
}

#[tokio::test]
async fn media_type_parameters_empty_values_and_unknown_parameters_are_ignored() {
    let idp = Idp::playing("");
    let form = idp.parameters().with("code", "").with("scope", "").with("foo", "1");
    let headers = [("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")];
    assert_eq!(idp.post(&headers, form.body()).await.status, 200);
}

#[tokio::test]
async fn targets_are_copied_as_they_were_sent() {
    let idp = Idp::playing("");
    let form = idp.parameters().set("audience", "http://127.0.0.1:2/");
    let form = form.with("resource", "http://127.0.0.1:3/mcp/");
    let grant = idp.exchange(&form).await.grant();
    assert_eq!(grant.claims["aud"], "http://127.0.0.1:2/");
    assert_eq!(grant.claims["resource"], json!(["http://127.0.0.1:3/mcp", "http://127.0.0.1:3/mcp/"]));

    let any = Idp::playing("[idp]\ntargets = \"any\"");
    let form = any.parameters().set("audience", "{mcp.origin}").set("resource", "urn:x");
    let grant = any.exchange(&form).await.grant();
    assert_eq!((grant.claim("aud"), grant.claim("resource")), (Some("{mcp.origin}"), Some("urn:x")));
}

#[tokio::test]
async fn without_a_resource_the_grant_has_none() {
    let idp = Idp::playing("");
    let grant = idp.exchange(&idp.parameters().without("resource")).await.grant();
    assert!(!grant.claims.contains_key("resource"));
}

#[tokio::test]
async fn scope_is_narrowed_to_policy_which_has_a_default() {
    let silent = "[mcp]\nchallenge_scope = \"files:list\"\nscopes_supported = []";
    let configured = "[client]\nscope = \"deep\"\n[mcp]\nscopes_supported = []";
    let cases = [
        ("", "scope=files:write%20admin", Some("files:write")),
        ("", "", Some("files:list files:read")),
        (silent, "", Some("files:list")),
        (silent, "scope=files:list", Some("files:list")),
        (configured, "scope=deep", Some("deep")),
    ];
    for (script, scope, granted) in cases {
        let idp = Idp::playing(script);
        let body = format!("{}&{scope}", idp.parameters().without("scope").body());
        let reply = idp.post(&[("content-type", FORM)], body).await;
        assert_eq!(reply.grant().claim("scope"), granted, "{script} {scope}");
        assert_eq!(reply.json()["scope"].as_str(), granted);
    }
}

#[tokio::test]
async fn a_scripted_reply_mints_nothing_and_the_next_request_may_succeed() {
    let idp = Idp::playing(
        "[[idp.token]]\nreply = { status = 400, json = { error = \"invalid_grant\" } }\n[[idp.token]]",
    );
    let reply = idp.exchange(&idp.parameters()).await;
    assert_eq!((reply.status, reply.json()), (400, json!({ "error": "invalid_grant" })));
    assert_eq!(idp.grants(), 0);
    assert_eq!(idp.exchange(&idp.parameters()).await.status, 200);
    assert_eq!(idp.grants(), 1);
}

#[tokio::test]
async fn the_grant_is_bent_before_and_the_answer_after_it_is_signed() {
    let idp = Idp::playing(
        "[[idp.token]]\n\
         token.header = { set = { typ = \"JWT\" } }\n\
         token.claims = { set = { aud = [\"{as.token_endpoint}\"] }, remove = [\"jti\"] }\n\
         json = { set = { token_type = \"Bearer\" }, null = [\"scope\"], remove = [\"expires_in\"] }",
    );
    let reply = idp.exchange(&idp.parameters()).await;
    let grant = reply.grant();
    assert_eq!(grant.header["typ"], "JWT");
    assert_eq!(grant.audiences(), ["http://127.0.0.1:2/token"]);
    assert!(!grant.claims.contains_key("jti"));
    assert!(grant.verifies_with(idp.stage.key(Party::Idp).public_jwk()));
    let members = reply.json();
    assert_eq!(members["token_type"], "Bearer");
    assert!(members["scope"].is_null() && members.get("expires_in").is_none());
}

#[tokio::test]
async fn the_client_may_be_given_the_grant_in_a_form_of_its_own() {
    for (form, dots) in [("encrypted", 4), ("opaque", 1), ("signed", 2)] {
        let idp = Idp::playing(&format!(
            "[[idp.token]]\n\
             token = {{ form = \"{form}\", padding = 16384, claims = {{ set = {{ aud = [\"x\"] }} }} }}"
        ));
        let reply = idp.exchange(&idp.parameters()).await;
        let grant = reply.json()["access_token"].as_str().unwrap().to_owned();
        assert!(grant.len() > 16384 && grant.matches('.').count() == dots, "{form}");
        assert_eq!(idp.stage.ledger.value("id_jag#1"), Some(grant.clone()));
        let signed = Jwt::decode(&idp.stage.signed(&grant)).unwrap();
        assert_eq!(signed.audiences(), ["x"]);
        assert!(signed.verifies_with(idp.stage.key(Party::Idp).public_jwk()));
    }
}

#[tokio::test]
async fn a_grant_is_for_the_server_that_the_audience_names() {
    let script = "[as2]\n[mcp2]\nchallenge_scope = \"mail:read\"\n[trap]\npath = \"/t\"\n";
    let idp = Idp::playing(script);
    let urls = &idp.stage.urls;
    let form = idp.parameters().without("scope").set("audience", urls.issuer(Party::As2));
    let grant = idp.exchange(&form.set("resource", urls.resource(Party::Mcp2))).await.grant();
    assert_eq!(grant.claim("client_id"), Some(idp.stage.registration(Party::As2).client_id.as_str()));
    assert_eq!(grant.claim("scope"), Some("mail:read"));
    assert_ne!(idp.stage.registration(Party::As2).client_id, idp.stage.registration(Party::As).client_id);
    assert_eq!(idp.stage.ledger.values().pop().unwrap().facts.travels_to, [Party::As2]);

    let trap = idp.parameters().set("audience", urls.issuer(Party::Trap));
    assert_eq!(idp.exchange(&trap).await.refusal().1, "invalid_target");
    let any = Idp::playing(&format!("[idp]\ntargets = \"any\"\n{script}"));
    for (audience, party) in [("http://127.0.0.1:6/t", Party::Trap), ("http://127.0.0.1:3", Party::As)] {
        let grant = any.exchange(&any.parameters().set("audience", audience)).await.grant();
        assert_eq!(grant.claim("client_id"), Some(any.stage.registration(Party::As).client_id.as_str()));
        assert_eq!(any.stage.ledger.values().pop().unwrap().facts.travels_to, [party]);
    }
    let unscripted = Idp::playing("");
    for (name, value) in [("audience", urls.issuer(Party::As2)), ("resource", urls.resource(Party::Mcp2))] {
        let reply = unscripted.exchange(&unscripted.parameters().set(name, value)).await;
        assert_eq!(reply.refusal().1, "invalid_target", "{name}");
    }
}

#[tokio::test]
async fn a_grant_stands_for_the_user_of_the_id_token() {
    let idp = Idp::playing(
        "needs = [\"calls\"]\n[[client.calls]]\nto = \"mcp\"\ntool = \"one\"\nuser = \"second\"\n",
    );
    let token = idp.stage.ledger.value("other_id_token").unwrap();
    let grant = idp.exchange(&idp.parameters().set("subject_token", &token)).await.grant();
    assert_eq!((grant.claim("sub"), grant.claim("aud_sub")), (Some(SUBJECT_2), Some(SUBJECT_2)));
    assert_eq!(idp.exchange(&idp.parameters()).await.grant().claim("sub"), Some(SUBJECT));
}

#[tokio::test]
async fn an_id_token_that_has_expired_by_the_script_is_refused() {
    let idp = Idp::playing("[client]\nid_token_expired = true");
    let (_, error, why) = idp.exchange(&idp.parameters()).await.refusal();
    assert!(error == "invalid_grant" && why.contains("expired"), "{error}: {why}");
}

#[tokio::test]
async fn the_query_of_the_token_endpoint_must_be_there_as_metadata_has_it() {
    let idp = Idp::playing("[idp]\ntoken_path = \"/token?tenant=a%2Fb\"");
    assert_eq!(idp.exchange(&idp.parameters()).await.status, 200);
    let reply = idp.request("POST", "/token").await;
    assert_eq!(reply.refusal().1, "invalid_request");
}
