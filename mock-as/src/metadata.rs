//! The metadata of a resource authorization server (RFC 8414 section 2, OpenID Connect Discovery section 3).

use serde_json::{Map, Value, json};

use crosscheck_scenarios::{AuthMethod, EndpointName, Party};
use crosscheck_wire::Stage;
use crosscheck_wire::constants::{GRANT_PROFILE_ID_JAG, GRANT_TYPE_JWT_BEARER};
use crosscheck_wire::endpoint::{AUTHORIZATION_PATH, JWKS_PATH, REGISTRATION_PATH};

/// The document of that kind, changed as the script says.
pub(crate) fn document(stage: &Stage, party: Party, kind: EndpointName) -> Value {
    let (urls, scenario) = (&stage.urls, &stage.scenario);
    let origin = urls.origin(party);
    let mut scopes: Vec<&String> = Vec::new();
    for server in stage.protected_by(party) {
        let supported = &scenario.mcp_script(server).scopes_supported;
        scopes.extend(supported.iter().filter(|scope| !scopes.contains(scope)).collect::<Vec<_>>());
    }
    let methods: Vec<_> = stage.registration(party).methods.iter().copied().map(AuthMethod::as_str).collect();
    let mut members = vec![
        ("issuer", json!(urls.issuer(party))),
        ("authorization_endpoint", json!(format!("{origin}{AUTHORIZATION_PATH}"))),
        ("token_endpoint", json!(urls.token_endpoint(party))),
        ("registration_endpoint", json!(format!("{origin}{REGISTRATION_PATH}"))),
        ("jwks_uri", json!(format!("{origin}{JWKS_PATH}"))),
        ("scopes_supported", json!(scopes)),
        ("response_types_supported", json!(["code"])),
        ("grant_types_supported", json!(["authorization_code", GRANT_TYPE_JWT_BEARER])),
        ("authorization_grant_profiles_supported", json!([GRANT_PROFILE_ID_JAG])),
        ("token_endpoint_auth_methods_supported", json!(methods)),
        ("token_endpoint_auth_signing_alg_values_supported", json!(["ES256"])),
        ("code_challenge_methods_supported", json!(["S256"])),
    ];
    if kind == EndpointName::OpenidMetadata {
        members.push(("subject_types_supported", json!(["public"])));
        // RS256 must be listed, whatever this server signs with.
        members.push(("id_token_signing_alg_values_supported", json!(["ES256", "RS256"])));
    }
    let mut document: Map<_, _> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    stage.bend(&scenario.as_script(party).metadata, &mut document);
    document.into()
}
