//! The metadata document, the same at its OpenID Connect Discovery and its RFC 8414 URLs.

use serde_json::{Map, Value, json};

use crosscheck_scenarios::{AuthMethod, Party};
use crosscheck_wire::Stage;
use crosscheck_wire::constants::{GRANT_TYPE_TOKEN_EXCHANGE, TOKEN_TYPE_ID_JAG};
use crosscheck_wire::endpoint::AUTHORIZATION_PATH;

/// Every member that OpenID Connect Discovery section 3 requires, and those of ID-JAG draft -04 section 7.1,
/// changed as the script says.
pub(crate) fn document(stage: &Stage) -> Value {
    let urls = &stage.urls;
    let methods: Vec<_> =
        stage.registration(Party::Idp).methods.iter().copied().map(AuthMethod::as_str).collect();
    let members = [
        ("issuer", json!(urls.issuer(Party::Idp))),
        ("authorization_endpoint", json!(format!("{}{AUTHORIZATION_PATH}", urls.origin(Party::Idp)))),
        ("token_endpoint", json!(urls.token_endpoint(Party::Idp))),
        ("jwks_uri", json!(urls.jwks_uri(Party::Idp))),
        ("response_types_supported", json!(["code"])),
        ("subject_types_supported", json!(["public"])),
        // RS256 must be listed, whatever this IdP signs with.
        ("id_token_signing_alg_values_supported", json!(["ES256", "RS256"])),
        ("scopes_supported", json!(["openid", "email", "offline_access"])),
        ("grant_types_supported", json!(["authorization_code", "refresh_token", GRANT_TYPE_TOKEN_EXCHANGE])),
        ("token_endpoint_auth_methods_supported", json!(methods)),
        ("token_endpoint_auth_signing_alg_values_supported", json!(["ES256"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("identity_chaining_requested_token_types_supported", json!([TOKEN_TYPE_ID_JAG])),
    ];
    let mut document: Map<_, _> = members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    stage.bend(&stage.scenario.idp.metadata, &mut document);
    document.into()
}
