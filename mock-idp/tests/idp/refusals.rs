//! Requests that break one rule each.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crosscheck_scenarios::Party;
use crosscheck_wire::constants::{FORM, GRANT_TYPE_JWT_BEARER, TYP_ACCESS_TOKEN, TYP_ID_JAG};
use crosscheck_wire::jose::{Jwt, SigningKey};

use crate::stage::{Idp, Parameters};

type Change = fn(&Idp, Parameters) -> Parameters;
type Token = fn(&Idp) -> String;

#[tokio::test]
async fn each_broken_rule_has_its_code_and_its_parameter_named() {
    let cases: &[(&str, &str, Change)] = &[
        ("invalid_request", "grant_type", |_, form| form.without("grant_type")),
        ("invalid_request", "grant_type", |_, form| form.set("grant_type", "")),
        ("unsupported_grant_type", "grant_type", |_, form| form.set("grant_type", GRANT_TYPE_JWT_BEARER)),
        ("unsupported_grant_type", "grant_type", |_, form| form.set("grant_type", "client_credentials")),
        ("invalid_request", "requested_token_type", |_, form| form.without("requested_token_type")),
        ("invalid_request", "requested_token_type", |_, form| form.set("requested_token_type", "x")),
        ("invalid_request", "subject_token_type", |_, form| form.without("subject_token_type")),
        ("invalid_request", "subject_token_type", |_, form| {
            form.set("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")
        }),
        ("invalid_request", "subject_token", |_, form| form.without("subject_token")),
        ("invalid_request", "audience", |_, form| form.without("audience")),
        ("invalid_request", "audience", |_, form| form.with("audience", "http://127.0.0.1:2")),
        ("invalid_request", "scope", |_, form| form.with("scope", "files:list")),
        ("invalid_request", "subject_token", |idp, form| form.with("subject_token", &idp.stage.id_token)),
        ("invalid_request", "an unknown parameter", |_, form| form.with("\"q", "1").with("\"q", "1")),
        ("invalid_target", "audience", |_, form| form.set("audience", "http://127.0.0.1:2/token")),
        ("invalid_target", "audience", |_, form| form.set("audience", "http://127.0.0.1:2//")),
        ("invalid_target", "resource", |_, form| form.set("resource", "http://127.0.0.1:3/other")),
        ("invalid_target", "resource", |_, form| form.with("resource", "http://127.0.0.1:9/mcp")),
        ("invalid_target", "resource", |_, form| form.set("resource", "http://127.0.0.1:3/mcp#top")),
        ("invalid_target", "resource", |_, form| form.set("resource", "/mcp")),
        ("invalid_target", "resource", |_, form| form.set("resource", "1http://x")),
        ("invalid_scope", "scope", |_, form| form.set("scope", "admin")),
        ("invalid_scope", "scope", |_, form| form.set("scope", "files:list,files:read")),
        ("invalid_scope", "scope", |_, form| form.set("scope", " ")),
    ];
    for (number, (code, named, change)) in cases.iter().enumerate() {
        let idp = Idp::playing("");
        let reply = idp.exchange(&change(&idp, idp.parameters())).await;
        let (status, error, why) = reply.refusal();
        assert_eq!((status, error.as_str()), (400, *code), "case {number}: {why}");
        assert!(why.contains(named), "case {number}: {why}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(idp.grants(), 0);
    }
}

#[tokio::test]
async fn an_unfit_subject_token_is_an_invalid_grant_and_never_echoed() {
    let cases: &[(&str, Token)] = &[
        ("no JWT", |_| "opaque-access-token".into()),
        ("no JWT", |_| "a.b.c.d.e".into()),
        ("signed", |idp| idp.stage.id_token[..idp.stage.id_token.len() - 4].into()),
        ("signed", |idp| {
            let token = Jwt::decode(&idp.stage.id_token).unwrap();
            SigningKey::generate("other", "other".into()).sign(&token.header, &token.claims)
        }),
        ("another type", |idp| retyped(idp, TYP_ACCESS_TOKEN)),
        ("another type", |idp| retyped(idp, "application/OAuth-ID-JAG+jwt")),
        ("this issuer", |idp| idp.id_token(json!({ "iss": "http://127.0.0.1:1/" }))),
        ("another client", |idp| idp.id_token(json!({ "aud": "somebody" }))),
        ("another client", |idp| idp.id_token(json!({ "aud": idp.stage.registration(Party::As).client_id }))),
        ("another client", |idp| idp.id_token(json!({ "aud": [] }))),
        ("expired", |idp| idp.id_token(json!({ "exp": idp.stage.now() - 61 }))),
        ("expired", |idp| idp.id_token(json!({ "exp": "never" }))),
    ];
    for (why, token) in cases {
        let idp = Idp::playing("");
        let token = token(&idp);
        let reply = idp.exchange(&idp.parameters().set("subject_token", &token)).await;
        let (status, error, description) = reply.refusal();
        assert_eq!((status, error.as_str()), (400, "invalid_grant"), "{why}");
        assert!(description.contains(why) && !reply.body.contains(&token), "{why}: {description}");
    }
}

#[tokio::test]
async fn clocks_may_differ_and_an_id_token_may_have_several_audiences() {
    let idp = Idp::playing("");
    let client_id = idp.stage.registration(Party::Idp).client_id.as_str();
    for changes in [json!({ "exp": idp.stage.now() - 30 }), json!({ "aud": ["other", client_id] })] {
        let form = idp.parameters().set("subject_token", &idp.id_token(changes));
        assert_eq!(idp.exchange(&form).await.status, 200);
    }
}

#[tokio::test]
async fn a_grant_is_no_subject_token() {
    let idp = Idp::playing("[idp]\ntargets = \"any\"");
    let form = idp.parameters().set("audience", &idp.stage.registration(Party::Idp).client_id);
    let grant = idp.exchange(&form).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(Jwt::decode(&grant).unwrap().header["typ"], TYP_ID_JAG);
    let reply = idp.exchange(&idp.parameters().set("subject_token", &grant)).await;
    assert_eq!(reply.refusal().1, "invalid_grant");
}

#[tokio::test]
async fn targets_are_compared_as_the_script_says() {
    for name in ["audience", "resource"] {
        let exact = Idp::playing("[idp]\ntargets = \"exact\"");
        let own = [exact.stage.urls.issuer(Party::As), exact.stage.urls.resource(Party::Mcp)];
        let own = own[usize::from(name == "resource")];
        let form = exact.parameters().set(name, &format!("{own}/"));
        assert_eq!(exact.exchange(&form).await.refusal().1, "invalid_target", "{name}");
        assert_eq!(exact.exchange(&exact.parameters()).await.status, 200);
    }
    let required = Idp::playing("[idp]\nresource = \"required\"");
    let reply = required.exchange(&required.parameters().without("resource")).await;
    assert_eq!(reply.refusal().1, "invalid_request");
}

#[tokio::test]
async fn client_authentication_is_refused_as_the_registration_wants() {
    let public = Idp::playing("");
    let secret = Idp::playing("needs = [\"idp-auth=client_secret_post\"]");
    let wrong_header = [("content-type", FORM), ("authorization", "Basic eDp5")];
    let cases = [
        (401, public.exchange(&public.parameters().without("client_id")).await),
        (
            401,
            public
                .exchange(
                    &public.parameters().set("client_id", &public.stage.registration(Party::As).client_id),
                )
                .await,
        ),
        (401, public.post(&wrong_header, public.parameters().body()).await),
        (401, secret.exchange(&secret.parameters()).await),
        (401, secret.exchange(&secret.parameters().with("client_secret", "wrong")).await),
        (400, secret.post(&wrong_header, secret.parameters().with("client_secret", "x").body()).await),
    ];
    for (number, (expected, reply)) in cases.iter().enumerate() {
        let (status, error, why) = reply.refusal();
        assert_eq!(status, *expected, "case {number}: {why}");
        assert_eq!(error, if status == 401 { "invalid_client" } else { "invalid_request" });
    }
    assert!(cases[2].1.header("www-authenticate").is_some_and(|value| value.starts_with("Basic")));
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let idp = Idp::playing("");
    let form = idp.parameters();
    let cases = [
        (vec![("content-type", "application/json")], form.json().to_string()),
        (vec![("content-type", "multipart/form-data; boundary=x")], form.body()),
        (vec![], form.body()),
        (vec![("content-type", FORM)], String::new()),
        (vec![("content-type", FORM)], "&&=&%zz=%&\u{0}".into()),
    ];
    for (headers, body) in cases {
        let reply = idp.post(&headers, body).await;
        assert!([400, 401].contains(&reply.status), "{headers:?}: {}", reply.body);
        assert_eq!(idp.grants(), 0);
    }
    let bytes =
        Request::post("/token").header("content-type", FORM).body(Body::from(vec![0xff; 64])).unwrap();
    assert_eq!(idp.send(bytes).await.status, 401);
}

#[tokio::test]
async fn parameters_in_the_url_are_not_read() {
    let idp = Idp::playing("");
    let request = Request::post(format!("/token?{}", idp.parameters().body()));
    let request = request.header("content-type", FORM).body(Body::empty()).unwrap();
    assert_eq!(idp.send(request).await.refusal().1, "invalid_client");
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_too_large() {
    let idp = Idp::playing("");
    let body = idp.parameters().with("x", &"x".repeat(10 << 20)).body();
    assert_eq!(idp.post(&[("content-type", FORM)], body).await.status, 413);
}

/// The ID token with another `typ`, signed again.
fn retyped(idp: &Idp, typ: &str) -> String {
    let claims = Jwt::decode(&idp.stage.id_token).unwrap().claims;
    idp.stage.key(Party::Idp).sign(&idp.stage.key(Party::Idp).header(typ), &claims)
}
