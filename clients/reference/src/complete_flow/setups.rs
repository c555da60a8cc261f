//! The set-ups of the stub that give every fault and every control the occasion it needs.

use serde_json::{Value, json};

use super::stub::{Reply, Setup, plain, refusal, reply};

pub(super) const INSUFFICIENT: &str = r#"Bearer error="insufficient_scope", scope="files:write""#;

/// Set-ups in which the honest client reaches the server; together with the others they give every fault the
/// occasion it needs.
pub(super) fn reached(key_pem: &str) -> Vec<Setup> {
    let secrets = json!({"client_secret": "s+1 %:", "idp_client_secret": "i&2 =+"});
    let keys = json!({"private_key_pem": key_pem, "idp_private_key_pem": key_pem});
    let post = json!({"client_secret": "s", "token_endpoint_auth_method": "client_secret_post"});
    let methods = |names: &[&str]| json!({"token_endpoint_auth_methods_supported": names});
    let mut second_user = call("/mcp", "/as");
    second_user["id_token"] = json!("id.token.2");
    let bound = json!({"client_secret": "s", "issuer": "{origin}/as"});
    let users = json!({"calls": [call("/mcp", "/as"), call("/mcp", "/as"), second_user]});
    let servers = json!({"calls": [call("/mcp", "/as"), call("/mcp2", "/other")]});
    vec![
        plain(),
        Setup { context: secrets, as_metadata: methods(&[]), ..plain() },
        Setup { context: keys, as_metadata: methods(&["private_key_jwt"]), ..plain() },
        Setup { context: post, protocol_version: "2026-07-28", ..plain() },
        Setup { issuer_path: "/as/", oauth_metadata: 404, discover_idp: true, ..plain() },
        Setup { issuer_path: "", ..plain() },
        Setup { oauth_metadata: 503, ..plain() },
        Setup { as_metadata: methods(&["none", "client_secret_post"]), ..plain() },
        Setup { challenge: &["Negotiate", r#"bearer SCOPE="a\-b""#], ..plain() },
        Setup {
            challenge: &[],
            resource_metadata_at: &["/.well-known/oauth-protected-resource/mcp"],
            resource_metadata: json!({"scopes_supported": null, "resource_documentation": "{origin}/docs"}),
            ..plain()
        },
        Setup {
            as_metadata: json!({
                "authorization_endpoint": null, "jwks_uri": null, "code_challenge_methods_supported": null,
                "token_endpoint": "{localhost}/redeem", "idp_token_endpoint": "{origin}/idp/token",
            }),
            ..plain()
        },
        Setup {
            context: bound,
            resource_metadata: json!({"authorization_servers": ["{origin}/other", "{origin}/as"]}),
            ..plain()
        },
        Setup { context: users, ..plain() },
        Setup { context: servers, ..plain() },
        Setup {
            refuse_tools: Some((401, r#"Bearer error="invalid_token""#, 1)),
            refuse_replay: true,
            ..plain()
        },
        Setup { refuse_tools: Some((403, INSUFFICIENT, 1)), ..plain() },
        Setup { grant_answer: json!({"expires_in": null}), ..plain() },
        Setup {
            exchange_answer: json!({"token_type": "n_a", "scope": "a", "refresh_token": "r", "vendor": 1}),
            grant_answer: json!({"access_token": "the-access-token-1.eyJleHAiOjF9.s"}),
            ..plain()
        },
        Setup { exchange_answer: json!({"access_token": "x".repeat(5000)}), ..plain() },
        Setup { grant_audience: json!(["{origin}/as"]), ..plain() },
        Setup { grant_audience: json!("{origin}/other"), ..plain() },
    ]
}

/// Set-ups in which the honest client is refused, or refuses.
pub(super) fn refused() -> Vec<Setup> {
    let secrets = json!({"client_secret": "s", "idp_client_secret": "i"});
    vec![
        Setup { reply: refusal("/idp/exchange", 400, "invalid_grant"), ..plain() },
        Setup { reply: refusal("/redeem/as", 400, "invalid_grant"), ..plain() },
        Setup { reply: refusal("/redeem/as", 401, "invalid_client"), context: secrets, ..plain() },
        Setup { redirect: "/redeem/as", ..plain() },
        Setup { redirect: "/mcp", ..plain() },
        Setup { resource_metadata_at: &[], ..plain() },
        Setup { resource_metadata: json!({"resource": "{origin}/other"}), ..plain() },
        Setup { resource_metadata: json!({"authorization_servers": null}), ..plain() },
        Setup { resource_metadata: json!({"resource": "{origin}/mcp-of-another"}), ..plain() },
        Setup { resource_metadata: json!({"resource": "{origin}/MCP"}), ..plain() },
        Setup { as_metadata: json!({"issuer": "{origin}/other"}), ..plain() },
        Setup { as_metadata: json!({"issuer": "{origin}/as0"}), ..plain() },
        Setup { as_metadata: json!({"issuer": "{origin}/AS"}), ..plain() },
        Setup {
            as_metadata: json!({"token_endpoint": null}),
            openid_metadata: json!({"issuer": "{origin}/other", "token_endpoint": "{origin}/redeem/other"}),
            ..plain()
        },
        Setup { idp_metadata: json!({"issuer": "{origin}/other"}), discover_idp: true, ..plain() },
        Setup {
            as_metadata: json!({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}),
            ..plain()
        },
        Setup { refuse_tools: Some((401, "Bearer", usize::MAX)), ..plain() },
        Setup { refuse_tools: Some((403, INSUFFICIENT, usize::MAX)), ..plain() },
        Setup { refuse_tools: Some((403, r#"Bearer error="insufficient_scope""#, 1)), ..plain() },
        Setup { exchange_answer: json!({"token_type": "Bearer"}), ..plain() },
        Setup { exchange_answer: json!({"issued_token_type": "urn:x"}), ..plain() },
        Setup { exchange_answer: json!({"access_token": null}), ..plain() },
        Setup { grant_answer: json!({"token_type": "DPoP"}), ..plain() },
        Setup { before_body: "\u{feff}", ..plain() },
        Setup { context: json!({"calls": [call("/mcp", "/as"), call("/mcp2", "/as")]}), ..plain() },
    ]
    .into_iter()
    .chain(replies().into_iter().map(|reply| Setup { reply: Some(reply), ..plain() }))
    .collect()
}

/// Answers of the token endpoints that are no success.
fn replies() -> Vec<Reply> {
    let (idp, server) = ("/idp/exchange", "/redeem/as");
    let wait = |times, value| Reply { headers: value, times, ..reply(idp, 503, "") };
    vec![
        reply(idp, 200, json!({"error": "invalid_request"}).to_string()),
        reply(idp, 400, json!({"error": "invalid_target", "error_uri": "{origin}/page"}).to_string()),
        reply(idp, 400, json!({"error": "insufficient_user_authentication", "max_age": "5"}).to_string()),
        reply(server, 400, json!({"error": "access_denied", "error_description": ["No"]}).to_string()),
        reply(
            server,
            400,
            json!({"error": "invalid_scope", "error_description": "x".repeat(3 << 20)}).to_string(),
        ),
        Reply { headers: &[("www-authenticate", "Basic")], ..reply(idp, 401, "") },
        reply(idp, 502, "<html>Bad Gateway</html>"),
        reply(server, 0, ""),
        wait(1, &[("retry-after", "0")]),
        wait(usize::MAX, &[("retry-after", "120")]),
    ]
}

fn call(path: &str, issuer: &str) -> Value {
    json!({
        "url": format!("{{origin}}{path}"), "tool": "a tool", "client_id": format!("client at {issuer}"),
        "client_secret": "s", "issuer": format!("{{origin}}{issuer}"),
    })
}
