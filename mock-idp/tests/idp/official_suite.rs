//! The rules of the official suite's complete-flow scenario.

use serde_json::json;

use crosscheck_scenarios::Party;
use crosscheck_wire::constants::{FORM, TOKEN_TYPE_ID_JAG, TYP_ID_JAG};

use crate::stage::{Idp, Parameters, object};

fn suite() -> Idp {
    Idp::playing("[idp]\nrules = \"official-suite\"")
}

#[tokio::test]
async fn forms_and_json_are_accepted_with_any_targets_and_no_client() {
    let idp = suite();
    let form = idp.parameters().without("client_id").set("audience", "a").set("resource", "r#f");
    let json = "application/json; charset=utf-8";
    let body = form.json().to_string();
    for (media_type, body) in [(FORM, form.body()), (json, body)] {
        let headers = [("content-type", media_type), ("authorization", "Basic whatever")];
        let reply = idp.post(&headers, body).await;
        let grant = reply.grant();
        assert_eq!((grant.claim("aud"), grant.claim("resource")), (Some("a"), Some("r#f")));
        assert_eq!(grant.claim("client_id"), Some(idp.stage.registration(Party::As).client_id.as_str()));
        assert_eq!(grant.header["typ"], TYP_ID_JAG);
        let members = object(reply.json());
        assert_eq!(members.keys().collect::<Vec<_>>(), ["issued_token_type", "access_token", "token_type"]);
        assert_eq!(members["issued_token_type"], TOKEN_TYPE_ID_JAG);
        assert_eq!(members["token_type"], "N_A");
    }
}

#[tokio::test]
async fn unknown_and_repeated_parameters_and_scopes_are_not_looked_at() {
    let idp = suite();
    let form = idp.parameters().with("foo", "1").with("foo", "2").set("scope", "anything");
    assert_eq!(idp.exchange(&form).await.grant().claim("scope"), Some("anything"));
}

#[tokio::test]
async fn of_the_parameters_that_count_only_audience_and_resource_may_stand_twice() {
    let idp = suite();
    let form = idp.parameters().with("audience", "x").with("resource", "x");
    assert!(idp.exchange(&form).await.grant().claims["resource"].is_array());
    for (name, code) in [
        ("grant_type", "unsupported_grant_type"),
        ("subject_token", "invalid_request"),
        ("subject_token_type", "invalid_request"),
        ("requested_token_type", "invalid_request"),
    ] {
        assert_eq!(idp.exchange(&idp.parameters().with(name, "x")).await.refusal().1, code, "{name}");
    }
}

#[tokio::test]
async fn a_final_slash_of_a_path_is_ignored() {
    let path = "/.well-known/openid-configuration/";
    assert_eq!(suite().request("GET", path).await.status, 200);
}

#[tokio::test]
async fn refusals_come_in_the_order_of_the_suite() {
    type Change = fn(&Idp, Parameters) -> Parameters;
    let steps: &[(&str, Change)] = &[
        ("invalid_grant", |idp, form| form.set("subject_token", &idp.id_token(json!({ "exp": 1 })))),
        ("invalid_request", |_, form| form.without("resource")),
        ("invalid_request", |_, form| form.set("audience", "")),
        ("invalid_request", |_, form| form.set("requested_token_type", "x")),
        ("invalid_request", |_, form| form.set("subject_token_type", "x")),
        ("invalid_request", |_, form| form.without("subject_token")),
        ("unsupported_grant_type", |_, form| form.without("grant_type")),
    ];
    let idp = suite();
    let mut all = idp.parameters();
    for (code, change) in steps {
        assert_eq!(idp.exchange(&change(&idp, idp.parameters())).await.refusal().1, *code);
        all = change(&idp, all);
        assert_eq!(idp.exchange(&all).await.refusal().1, *code);
    }
}

#[tokio::test]
async fn an_id_token_of_another_issuer_or_client_is_an_invalid_grant() {
    let idp = suite();
    for changes in [json!({ "iss": "x" }), json!({ "aud": "x" })] {
        let form = idp.parameters().set("subject_token", &idp.id_token(changes));
        assert_eq!(idp.exchange(&form).await.refusal().1, "invalid_grant");
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let idp = suite();
    let cases = [
        ("application/json", "[1", "invalid_request"),
        ("application/json", "null", "invalid_request"),
        ("application/json", "{\"grant_type\": null}", "unsupported_grant_type"),
        ("text/plain", "grant_type=x", "unsupported_grant_type"),
    ];
    for (media_type, body, code) in cases {
        let reply = idp.post(&[("content-type", media_type)], body.into()).await;
        assert_eq!(reply.refusal().1, code, "{media_type} {body}");
    }
}
