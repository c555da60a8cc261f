//! Grants and requests that are refused, one defect at a time.

use serde_json::json;

use crosscheck_scenarios::Party;
use crosscheck_wire::constants::FORM;
use crosscheck_wire::jose::SigningKey;

use crate::stage::{Grant, Servers};

#[tokio::test]
async fn every_wrong_grant_is_an_invalid_grant_that_names_what_is_wrong() {
    let servers = Servers::playing("").await;
    let (urls, now) = (&servers.stage.urls, servers.stage.now());
    let token_endpoint = urls.token_endpoint(Party::As);
    let kid = servers.stage.key(Party::Idp).kid.as_str();
    let foreign = SigningKey::generate("foreign", kid.into());
    let unpublished = SigningKey::generate("unpublished", "unpublished".into());
    let grant = || servers.grant();
    let table: Vec<(&str, Grant<'_>)> = vec![
        ("typ", grant().headed("typ", "JWT")),
        ("typ", grant().headed("typ", json!(7))),
        ("typ", grant().headed("typ", "at+jwt")),
        ("crit", grant().headed("crit", json!(["exp"]))),
        ("signature", grant().headed("alg", "none")),
        ("signature", grant().headed("alg", "HS256")),
        ("signature", grant().headed("alg", "RS256")),
        ("signature", grant().keyed(&foreign)),
        ("kid", grant().headed("kid", "unpublished").keyed(&unpublished)),
        (
            "kid",
            grant().headed("kid", "x").headed("jwk", unpublished.public_jwk().clone()).keyed(&unpublished),
        ),
        ("iss", grant().without("iss")),
        ("iss", grant().with("iss", "https://idp.example")),
        ("iss", grant().with("iss", format!("{}/", urls.issuer(Party::Idp)))),
        ("aud", grant().without("aud")),
        ("aud", grant().with("aud", "https://as.example")),
        ("aud", grant().with("aud", token_endpoint)),
        ("aud", grant().with("aud", json!([]))),
        ("aud", grant().with("aud", json!([urls.issuer(Party::As), "https://as.example"]))),
        ("aud", grant().with("aud", json!([urls.issuer(Party::As), 7]))),
        ("client_id", grant().without("client_id")),
        ("client_id", grant().with("client_id", servers.stage.registration(Party::Idp).client_id.as_str())),
        ("sub", grant().without("sub")),
        ("sub", grant().with("sub", "user-unknown")),
        ("jti", grant().without("jti")),
        ("jti", grant().with("jti", "")),
        ("jti", grant().with("jti", json!(7))),
        ("exp", grant().without("exp")),
        ("exp", grant().with("exp", now - 61)),
        ("exp", grant().with("exp", json!(-1))),
        ("exp", grant().with("exp", "tomorrow")),
        ("iat", grant().without("iat")),
        ("iat", grant().with("iat", now + 90)),
        ("nbf", grant().with("nbf", now + 90)),
        ("nbf", grant().with("nbf", "today")),
        ("resource", grant().with("resource", "https://mcp.example")),
        ("resource", grant().with("resource", json!(["https://mcp.example"]))),
        ("resource", grant().with("resource", json!({}))),
        ("scope", grant().with("scope", json!(["files:read"]))),
    ];
    for (claim, grant) in table {
        let assertion = grant.signed();
        let reply = servers.redeem(&servers.presenting(&assertion)).await;
        let (status, error, why) = reply.refusal();
        assert_eq!((status, error.as_str()), (400, "invalid_grant"), "{claim}: {why}");
        assert!(why.contains(claim), "{claim}: {why}");
        assert!(assertion.split('.').all(|part| part.is_empty() || !reply.body.contains(part)), "{why}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    assert_eq!(servers.access_tokens(), 0);
}

#[tokio::test]
async fn what_is_no_grant_at_all_is_an_invalid_grant() {
    let servers = Servers::playing("").await;
    let altered = format!("{}A", servers.grant().signed());
    let (id_token, access_token) = (servers.stage.id_token.clone(), servers.access_token().await);
    for assertion in ["x", "a.b.c", "e30.e30.", "\u{0}.é.x", &altered, &id_token, &access_token] {
        let (status, error, _) = servers.redeem(&servers.presenting(assertion)).await.refusal();
        assert_eq!((status, error.as_str()), (400, "invalid_grant"), "{assertion}");
    }
}

#[tokio::test]
async fn a_grant_is_refused_when_the_idp_serves_no_usable_keys() {
    let replies = [
        "{ status = 500, json = { keys = [] } }",
        "{ status = 200, json = { keys = [] } }",
        "{ status = 200, json = { keys = 7 } }",
        "{ status = 200, json = [] }",
        "{ status = 200, body = \"<html>\" }",
        "{ status = 302, headers = { location = [\"{idp.jwks_uri}\"] } }",
    ];
    for reply in replies {
        let servers = Servers::playing(&format!("[[idp.jwks]]\nreply = {reply}\n")).await;
        let (status, error, why) = servers.redeem(&servers.parameters()).await.refusal();
        assert_eq!((status, error.as_str()), (400, "invalid_grant"), "{reply}");
        assert!(why.contains("kid"), "{why}");
    }
    let mut servers = Servers::playing("").await;
    let form = servers.parameters();
    servers.close_idp().await;
    assert_eq!(servers.redeem(&form).await.member("error"), "invalid_grant");
}

#[tokio::test]
async fn a_wrong_request_is_refused_with_the_code_of_its_defect() {
    let servers = Servers::playing("").await;
    let good = || servers.parameters();
    let assertion = servers.grant().signed();
    let table = [
        (good().without("grant_type"), "invalid_request", "grant_type"),
        (good().set("grant_type", ""), "invalid_request", "grant_type"),
        (good().set("grant_type", "authorization_code"), "unsupported_grant_type", "grant_type"),
        (good().set("grant_type", "client_credentials"), "unsupported_grant_type", "grant_type"),
        (good().without("assertion"), "invalid_request", "assertion"),
        (good().with("assertion", &assertion), "invalid_request", "assertion"),
        (good().with("scope", "a").with("scope", "a"), "invalid_request", "scope"),
        (good().with("<i>", "a").with("<i>", "b"), "invalid_request", "an unknown parameter"),
        (good().with("scope", "files:delete"), "invalid_scope", "scope"),
        (good().with("scope", " "), "invalid_scope", "scope"),
        (good().with("resource", "https://mcp.example"), "invalid_target", "resource"),
    ];
    for (form, expected, name) in table {
        let (status, error, why) = servers.redeem(&form).await.refusal();
        assert_eq!((status, error.as_str()), (400, expected), "{why}");
        assert!(why.contains(name), "{why}");
    }
    let own = servers.stage.urls.resource(Party::Mcp).to_owned();
    let two = good().with("resource", &own).with("resource", "https://mcp.example");
    assert_eq!(servers.redeem(&two).await.member("error"), "invalid_target");
    assert_eq!(servers.access_tokens(), 0);
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused_whatever_it_holds() {
    let servers = Servers::playing("").await;
    let (basic, form) = (servers.basic(), servers.parameters());
    for content_type in ["application/json", "text/plain", "multipart/form-data; boundary=x", "", "\u{fc}"] {
        for body in [form.json(), form.body(), String::new()] {
            let headers = [("content-type", content_type), ("authorization", &basic)];
            let (status, error, _) = servers.post(&headers, body).await.refusal();
            assert_eq!((status, error.as_str()), (400, "invalid_request"), "{content_type}");
        }
    }
    let headers = [("content-type", FORM), ("authorization", &basic)];
    for body in [&b"%ff%fe=%zz&&&==&\x00\xff"[..], b"", b"&", b"grant_type"] {
        assert_eq!(servers.post(&headers, body).await.status, 400);
    }
    let with_charset = [("content-type", "Application/X-WWW-Form-Urlencoded; charset=utf-8"), headers[1]];
    assert_eq!(servers.post(&with_charset, form.body()).await.status, 200);
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_413_at_both_servers() {
    let servers = Servers::playing("").await;
    for (party, path) in [(Party::As, "/token"), (Party::As, "/nowhere"), (Party::Mcp, "/mcp")] {
        let reply =
            servers.send(party, ("POST", path), &[("content-type", FORM)], vec![b'x'; 10 << 20]).await;
        assert_eq!(reply.status, 413, "{path}");
    }
    let sizes: Vec<_> = servers.transcript().exchanges.iter().map(|one| one.request.body.bytes).collect();
    assert_eq!(sizes, [10 << 20; 3]);
}

#[tokio::test]
async fn the_largest_leeway_does_not_overflow() {
    let servers = Servers::playing(&format!("[as]\nleeway = {}\n", i64::MAX)).await;
    let grant = servers.grant().with("exp", u64::MAX).with("iat", u64::MAX / 4);
    assert_eq!(servers.redeem(&servers.presenting(&grant.signed())).await.status, 200);
}
