//! Names that the documents fix.

/// `grant_type` of the first leg (RFC 8693 section 2.1).
pub const GRANT_TYPE_TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// `grant_type` of the second leg (RFC 7523 section 2.1).
pub const GRANT_TYPE_JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Token type of the grant (ID-JAG draft -04, sections 4.3 and 10.2).
pub const TOKEN_TYPE_ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
/// Token type of an ID token (RFC 8693 section 3).
pub const TOKEN_TYPE_ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// `client_assertion_type` of a JWT (RFC 7523 section 2.2).
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Grant profile in authorization server metadata (ID-JAG draft -04, section 7.2).
pub const GRANT_PROFILE_ID_JAG: &str = "urn:ietf:params:oauth:grant-profile:id-jag";
/// JOSE `typ` of the grant (ID-JAG draft -04, section 3.1).
pub const TYP_ID_JAG: &str = "oauth-id-jag+jwt";
/// JOSE `typ` of an access token (RFC 9068 section 2.1).
pub const TYP_ACCESS_TOKEN: &str = "at+jwt";
/// Media type of a form body.
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Content type of JSON as the official MCP conformance suite sends it.
pub const JSON_OF_OFFICIAL_SUITE: &str = "application/json; charset=utf-8";
