//! Names that the official MCP conformance suite has for scenarios and checks.
//!
//! From `@modelcontextprotocol/conformance` 0.1.16 and 0.2.0-alpha.12 (`list`, part "Client scenarios"), and from the
//! mock servers of its complete flow. Of all these scenarios one is played here; the others are left to the suite.

/// The suite's scenario that is one of ours.
pub(super) const COMPLETE_FLOW: &str = "auth/cross-app-access-complete-flow";

/// What newer releases of the suite call it.
pub(super) const COMPLETE_FLOW_RENAMED: &str = "auth/enterprise-managed-authorization";

/// Scenarios for clients that are played by the suite alone.
pub(super) const OTHERS: [&str; 48] = [
    "auth/2025-03-26-oauth-endpoint-fallback",
    "auth/2025-03-26-oauth-metadata-backcompat",
    "auth/authorization-server-migration",
    "auth/basic-cimd",
    "auth/client-credentials-basic",
    "auth/client-credentials-jwt",
    "auth/dpop",
    "auth/dpop-nonce",
    // Proposed in the suite's pull request 484.
    "auth/enterprise-managed-authorization-refresh-token",
    "auth/iss-normalized",
    "auth/iss-not-advertised",
    "auth/iss-supported",
    "auth/iss-supported-missing",
    "auth/iss-unexpected",
    "auth/iss-wrong-issuer",
    "auth/metadata-default",
    "auth/metadata-issuer-mismatch",
    "auth/metadata-var1",
    "auth/metadata-var2",
    "auth/metadata-var3",
    "auth/offline-access-not-supported",
    "auth/offline-access-scope",
    "auth/pre-registration",
    "auth/resource-mismatch",
    "auth/scope-from-scopes-supported",
    "auth/scope-from-www-authenticate",
    "auth/scope-omitted-when-undefined",
    "auth/scope-retry-limit",
    "auth/scope-step-up",
    "auth/token-endpoint-auth-basic",
    "auth/token-endpoint-auth-none",
    "auth/token-endpoint-auth-post",
    "auth/wif-jwt-bearer",
    "elicitation-sep1034-client-defaults",
    "http-custom-headers",
    "http-invalid-tool-headers",
    "http-standard-headers",
    "initialize",
    "json-schema-2020-12-preservation",
    "json-schema-ref-no-deref",
    "request-metadata",
    "sep-2322-client-request-state",
    "sep-2640-client-no-prefetch",
    "sep-2640-client-verify-digest",
    "sep-2640-client-verify-frontmatter",
    "sep-2640-client-verify-size",
    "sse-retry",
    "tools_call",
];

/// Every check that the complete flow can emit there.
pub(super) const CHECKS: [&str; 20] = [
    "authorization-request",
    "authorization-server-metadata",
    "client-registration",
    "complete-flow-jwt-bearer",
    "complete-flow-token-exchange",
    "incoming-auth-request",
    "incoming-request",
    "invalid-bearer-token",
    "outgoing-auth-response",
    "outgoing-response",
    "pkce-code-challenge-sent",
    "pkce-code-verifier-sent",
    "pkce-s256-method-used",
    "pkce-verifier-matches-challenge",
    "prm-pathbased-requested",
    "sep-837-application-type-present",
    "token-request",
    "valid-bearer-token",
    "wire-schema-harness-error",
    "wire-schema-valid",
];
