//! Grants that are redeemed.

use serde_json::json;

use crosscheck_scenarios::{EndpointName, Party, TokenForm};
use crosscheck_wire::constants::FORM;
use crosscheck_wire::jose::Jwt;
use crosscheck_wire::transcript::JwtFacts;
use crosscheck_wire::{Caller, SUBJECT};

use crate::stage::Servers;

#[tokio::test]
async fn a_grant_is_redeemed_for_a_token_that_is_bound_to_the_mcp_server() {
    let servers = Servers::playing("").await;
    let reply = servers.redeem(&servers.parameters()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("pragma"), Some("no-cache"));
    let members = reply.json();
    assert_eq!(members["token_type"], "Bearer");
    assert_eq!(members["expires_in"], 3600);
    assert_eq!(members["scope"], "files:list files:read");
    assert_eq!(members.as_object().unwrap().len(), 4);

    let urls = &servers.stage.urls;
    let token = Jwt::decode(&reply.member("access_token")).unwrap();
    assert!(token.verifies_with(servers.stage.key(Party::As).public_jwk()));
    assert_eq!(token.header["typ"], "at+jwt");
    assert_eq!(token.claim("iss"), Some(urls.issuer(Party::As)));
    assert_eq!(token.claim("sub"), Some(SUBJECT));
    assert_eq!(token.audiences(), [urls.resource(Party::Mcp)]);
    assert_eq!(token.claim("client_id"), Some(servers.stage.registration(Party::As).client_id.as_str()));
    assert_eq!(token.claim("scope"), Some("files:list files:read"));
    assert_eq!(token.seconds("exp"), token.seconds("iat").map(|iat| iat + 3600));
    assert_eq!(servers.stage.ledger.value("access_token#1"), Some(reply.member("access_token")));
}

#[tokio::test]
async fn the_key_is_fetched_by_the_server_itself_and_the_assertion_is_recognised() {
    let servers = Servers::playing("").await;
    let assertion = servers.grant().signed();
    servers.stage.ledger.mint_token("id_jag", &assertion, servers.stage.key(Party::Idp).name, &[Party::As]);
    servers.redeem(&servers.presenting(&assertion)).await;
    let transcript = servers.transcript();
    let [request, fetch] = transcript.exchanges.as_slice() else { panic!("{:?}", transcript.exchanges) };
    assert_eq!((fetch.party, fetch.endpoint, fetch.caller), (Party::Idp, EndpointName::Jwks, Caller::As));
    assert_eq!((request.party, request.endpoint), (Party::As, EndpointName::Token));
    assert_eq!(request.caller, Caller::Client);
    let JwtFacts { verifies_with, .. } = request.request.param("assertion").unwrap().jwt.clone().unwrap();
    assert_eq!(verifies_with.as_deref(), Some("idp.key"));
    assert!(request.response.mentions.iter().any(|mention| mention.name == "access_token#1"));
}

#[tokio::test]
async fn the_scope_is_what_policy_grant_and_request_have_in_common() {
    let servers = Servers::playing("").await;
    let table = [
        (Some("files:list files:read"), None, "files:list files:read"),
        (Some("files:list files:read"), Some("files:read files:write"), "files:read"),
        (Some("files:list  files:read"), Some("files:read  files:list"), "files:list files:read"),
        (Some("files:read admin"), None, "files:read"),
        (Some(""), None, "files:list files:read"),
        (None, None, "files:list files:read"),
        (None, Some("files:write admin"), "files:write"),
    ];
    for (granted, requested, expected) in table {
        let grant = match granted {
            Some(scope) => servers.grant().with("scope", scope),
            None => servers.grant().without("scope"),
        };
        let form = servers.presenting(&grant.signed());
        let form = requested.map_or(form.clone(), |scope| form.with("scope", scope));
        let reply = servers.redeem(&form).await;
        assert_eq!(reply.status, 200, "{granted:?} {requested:?} {}", reply.body);
        assert_eq!(reply.member("scope"), expected, "{granted:?} {requested:?}");
        let token = Jwt::decode(&reply.member("access_token")).unwrap();
        assert_eq!(token.claim("scope"), Some(expected), "{granted:?} {requested:?}");
    }
    let admin = servers.grant().with("scope", "admin").signed();
    assert_eq!(servers.redeem(&servers.presenting(&admin)).await.member("error"), "invalid_scope");

    let silent = Servers::playing("[mcp]\nchallenge_scope = \"x\"\nscopes_supported = []\n").await;
    let form = silent.presenting(&silent.grant().without("scope").signed());
    assert_eq!(silent.redeem(&form).await.member("scope"), "x");
}

#[tokio::test]
async fn what_a_conforming_grant_may_look_like_is_accepted() {
    let servers = Servers::playing("").await;
    let urls = &servers.stage.urls;
    let now = servers.stage.now();
    let slash = |text: &str| format!("{text}/");
    let grants = [
        servers.grant().with("aud", json!([urls.issuer(Party::As)])),
        servers.grant().with("aud", slash(urls.issuer(Party::As))),
        servers.grant().with("resource", slash(urls.resource(Party::Mcp))),
        servers.grant().with("resource", json!(["https://elsewhere.example", urls.resource(Party::Mcp)])),
        servers.grant().without("resource"),
        servers.grant().with("exp", now - 30),
        servers.grant().with("iat", now + 30).with("nbf", now + 30),
        servers.grant().with("exp", now as f64 + 20.5),
        servers.grant().headed("typ", "application/OAuth-ID-JAG+jwt"),
        servers.grant().headed("jku", "https://attacker.example/keys"),
    ];
    for grant in grants {
        let reply = servers.redeem(&servers.presenting(&grant.signed())).await;
        assert_eq!(reply.status, 200, "{} {}", grant.signed(), reply.body);
    }
    for resource in [urls.resource(Party::Mcp).to_owned(), slash(urls.resource(Party::Mcp)), String::new()] {
        let form = servers.parameters().with("resource", &resource).with("unknown", "x").with("code", "");
        assert_eq!(servers.redeem(&form).await.status, 200, "{resource}");
    }
}

#[tokio::test]
async fn any_target_is_accepted_where_the_script_says_so_and_a_slash_is_not_where_it_says_exact() {
    let any = Servers::playing("[as]\ntargets = \"any\"\n").await;
    let foreign = any.grant().with("aud", "https://x.example").with("resource", "https://y.example");
    assert_eq!(any.redeem(&any.presenting(&foreign.signed())).await.status, 200);

    let exact = Servers::playing("[as]\ntargets = \"exact\"\n").await;
    let slashed = exact.grant().with("aud", format!("{}/", exact.stage.urls.issuer(Party::As)));
    let (status, error, why) = exact.redeem(&exact.presenting(&slashed.signed())).await.refusal();
    assert_eq!((status, error.as_str()), (400, "invalid_grant"));
    assert!(why.contains("aud"), "{why}");
}

#[tokio::test]
async fn a_grant_is_good_again_unless_the_script_refuses_replay() {
    let servers = Servers::playing("").await;
    let form = servers.parameters();
    for _ in 0..2 {
        assert_eq!(servers.redeem(&form).await.status, 200);
    }
    assert_eq!(servers.access_tokens(), 2);

    let servers = Servers::playing("[as]\nreplay = \"expired\"\n").await;
    let form = servers.parameters();
    assert_eq!(servers.redeem(&form).await.status, 200);
    let (_, error, why) = servers.redeem(&form).await.refusal();
    assert!(error == "invalid_grant" && why.contains("exp"), "{error}: {why}");

    let servers = Servers::playing("[as]\nreplay = \"refuse\"\n").await;
    let form = servers.parameters();
    let elsewhere = form.clone().with("resource", "https://elsewhere.example");
    assert_eq!(servers.redeem(&elsewhere).await.member("error"), "invalid_target");
    assert_eq!(servers.redeem(&form).await.status, 200, "a refused request does not use the grant up");
    let (status, error, why) = servers.redeem(&form).await.refusal();
    assert_eq!((status, error.as_str()), (400, "invalid_grant"));
    assert!(why.contains("jti"), "{why}");
}

#[tokio::test]
async fn a_scripted_reply_mints_nothing_and_the_next_answer_conforms() {
    let script =
        "[[as.token]]\nreply = { status = 400, json = { error = \"invalid_grant\" } }\n[[as.token]]\n";
    let servers = Servers::playing(script).await;
    let form = servers.parameters();
    assert_eq!(servers.redeem(&form).await.status, 400);
    assert_eq!(servers.access_tokens(), 0);
    assert_eq!(servers.redeem(&form).await.status, 200);
}

#[tokio::test]
async fn what_the_script_makes_of_the_token_counts_at_the_mcp_server() {
    let taken = "{ exp = 1, iss = \"https://elsewhere.example\", sub = 7, scope = [\"a\"] }";
    for (claims, status) in [("{ aud = \"https://elsewhere.example\" }", 401), (taken, 200)] {
        let servers = Servers::playing(&format!("[[as.token]]\ntoken.claims.set = {claims}\n")).await;
        let token = servers.access_token().await;
        assert_eq!(servers.call("GET", &token, &[], "").await.status, status, "{claims}");
    }
    let header =
        "[[as.token]]\ntoken.header.set = { typ = \"JWT\" }\njson.set = { token_type = \"bearer\" }\n";
    let servers = Servers::playing(header).await;
    let reply = servers.redeem(&servers.parameters()).await;
    assert_eq!(reply.member("token_type"), "bearer");
    assert_eq!(Jwt::decode(&reply.member("access_token")).unwrap().header["typ"], "JWT");
}

#[tokio::test]
async fn tokens_are_good_in_every_form_and_known_by_their_names() {
    for (form, parts) in [("encrypted", 5), ("opaque", 2)] {
        let script = format!("[[as.token]]\ntoken = {{ form = \"{form}\", padding = 16384 }}\n");
        let servers = Servers::playing(&script).await;
        let (stage, signed) = (&servers.stage, servers.grant().with("padding", "x".repeat(16384)).signed());
        let given = TokenForm::Encrypted;
        let grant = stage.hand_out("id_jag", signed, (stage.key(Party::Idp).name, given), &[Party::As]);
        let token = servers.redeem(&servers.presenting(&grant)).await.member("access_token");
        assert_eq!(token.split('.').count(), parts, "{form}");
        assert!(token.len() > 16384 && grant.len() > 16384);
        assert_eq!(servers.call("GET", &token, &[], "").await.status, 200, "{form}");
        let transcript = servers.transcript();
        let mut mentions = transcript.exchanges.iter().flat_map(|exchange| &exchange.request.mentions);
        for (name, at) in [("id_jag#1", "assertion"), ("access_token#1", "authorization")] {
            assert!(
                mentions.any(|mention| (mention.name.as_str(), mention.at.as_str()) == (name, at)),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn the_query_of_the_token_endpoint_must_be_there_as_metadata_has_it() {
    let servers = Servers::playing("[as]\ntoken_path = \"/token?tenant=a%2Fb\"\n").await;
    let metadata = servers.get(Party::As, "/.well-known/oauth-authorization-server").await;
    assert_eq!(metadata.member("token_endpoint"), "http://127.0.0.1:2/token?tenant=a%2Fb");
    let form = servers.parameters();
    let basic = servers.basic();
    let headers = [("content-type", FORM), ("authorization", basic.as_str())];
    for (path, status) in [("/token", 400), ("/token?tenant=a/b", 400), ("/token?tenant=a%2Fb", 200)] {
        let reply = servers.send(Party::As, ("POST", path), &headers, form.body()).await;
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(reply.member("error"), if status == 400 { "invalid_request" } else { "" });
    }
    let exchanges = servers.transcript().exchanges;
    assert_eq!(exchanges.iter().filter(|one| one.endpoint == EndpointName::Token).count(), 3);
}
