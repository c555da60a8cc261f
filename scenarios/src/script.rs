//! What a script says of each party: how the client is registered, and what the servers do.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::party::Party;
use crate::profile::AuthMethod;
use crate::reply::{Bend, Page, Step};

/// How the client is registered and what its context holds.
///
/// Ids and secrets may hold `{canary}`, which stands for 20 characters unique to the run; one without it
/// gets them at its end.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct ClientScript {
    /// Client id at the IdP.
    pub idp_client_id: String,
    /// Client secret at the IdP, where a registration has one.
    pub idp_client_secret: String,
    /// Client id at the resource authorization server.
    pub client_id: String,
    /// Client secret at the resource authorization server.
    pub client_secret: String,
    /// Whether the context names the IdP's token endpoint; without it the client has the issuer alone.
    pub idp_token_endpoint: bool,
    /// Whether the context hands over the access token that sign-on at the IdP returned.
    pub idp_access_token: bool,
    /// Whether the context names the resource identifier.
    pub resource: bool,
    /// Scope that the context configures.
    pub scope: Option<String>,
    /// Whether the ID token has expired before the run begins.
    pub id_token_expired: bool,
    /// The calls that the client is to make in order, in one process; the context lists them.
    pub calls: Vec<Call>,
}

impl Default for ClientScript {
    fn default() -> Self {
        Self {
            idp_client_id: "idp-client-{canary}".into(),
            idp_client_secret: "idp-secret-{canary}".into(),
            client_id: "as-client-{canary}".into(),
            client_secret: "as-secret-{canary}".into(),
            idp_token_endpoint: true,
            idp_access_token: false,
            resource: false,
            scope: None,
            id_token_expired: false,
            calls: Vec::new(),
        }
    }
}

/// A tool call that the client is to make.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The MCP server to call: `mcp` or `mcp2`.
    pub to: Party,
    /// Name of the tool; of its own for each call, so that they can be told apart.
    pub tool: String,
    /// Whose ID token the client holds.
    #[serde(default)]
    pub user: User,
}

/// A user of a run.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum User {
    /// The user of every run.
    #[default]
    First,
    /// Another one.
    Second,
}

/// Whose rules a server keeps.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Rules {
    /// Those of the documents.
    #[default]
    Conforming,
    /// Exactly what the official MCP conformance suite accepts and refuses in its complete-flow scenario.
    OfficialSuite,
}

impl Rules {
    /// The part of a request's path by which endpoints are told apart: the official suite ignores a final slash.
    pub fn path(self, path: &str) -> &str {
        match (self, path.strip_suffix('/')) {
            (Self::OfficialSuite, Some(start)) if !start.is_empty() => start,
            _ => path,
        }
    }
}

/// Whether a parameter must be there.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Its absence is accepted.
    #[default]
    Optional,
    /// Its absence is `invalid_request`.
    Required,
}

/// How an identifier is compared.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Tolerance {
    /// Any value is accepted.
    Any,
    /// Character by character.
    Exact,
    /// An added or missing final slash is forgiven.
    #[default]
    FinalSlash,
}

impl Tolerance {
    /// Whether `sent` passes for the identifier `own`.
    pub fn accepts(self, sent: &str, own: &str) -> bool {
        fn bare(text: &str) -> &str {
            text.strip_suffix('/').unwrap_or(text)
        }
        match self {
            Self::Any => true,
            Self::Exact => sent == own,
            Self::FinalSlash => bare(sent) == bare(own),
        }
    }
}

/// What happens to a grant that is presented again.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// Accepted until it expires (ID-JAG draft -04, section 4.4.3).
    #[default]
    Allow,
    /// Refused with `invalid_grant` (RFC 7523 section 3 allows it).
    Refuse,
    /// Refused with `invalid_grant` as one that has expired meanwhile.
    Expired,
}

/// The IdP authorization server's part.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct IdpScript {
    /// Whose rules it keeps.
    pub rules: Rules,
    /// Path of the issuer identifier: empty, or starting with a slash.
    pub path: String,
    /// Path of the token endpoint.
    pub token_path: String,
    /// How `audience` and `resource` are compared with what is registered.
    pub targets: Tolerance,
    /// Whether `resource` must be sent.
    pub resource: Presence,
    /// Changes to both metadata documents.
    pub metadata: Bend,
    /// Answers at the OpenID Connect Discovery URL.
    pub openid_metadata: Vec<Step>,
    /// Answers at the RFC 8414 URL.
    pub oauth_metadata: Vec<Step>,
    /// Answers at the JWKS URL.
    pub jwks: Vec<Step>,
    /// Answers of the token endpoint.
    pub token: Vec<Step>,
}

impl Default for IdpScript {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            path: String::new(),
            token_path: "/token".into(),
            targets: Tolerance::default(),
            resource: Presence::default(),
            metadata: Bend::default(),
            openid_metadata: Vec::new(),
            oauth_metadata: Vec::new(),
            jwks: Vec::new(),
            token: Vec::new(),
        }
    }
}

/// The resource authorization server's part.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct AsScript {
    /// Whose rules it keeps.
    pub rules: Rules,
    /// Path of the issuer identifier: empty, or starting with a slash.
    pub path: String,
    /// Path of the token endpoint.
    pub token_path: String,
    /// Methods that an undeclared client may use here; a declared `as-auth` replaces them.
    pub auth_methods: Vec<AuthMethod>,
    /// How the grant's `aud` and `resource` are compared with its own identifiers.
    pub targets: Tolerance,
    /// What happens to a grant that is presented again.
    pub replay: Replay,
    /// Forms of the OpenID well-known URL that are served, where the issuer has a path.
    pub openid_at: Vec<OpenidForm>,
    /// Seconds that clocks may differ.
    pub leeway: u64,
    /// Changes to both metadata documents.
    pub metadata: Bend,
    /// Answers at the RFC 8414 URL.
    pub oauth_metadata: Vec<Step>,
    /// Answers at the OpenID Connect Discovery URLs.
    pub openid_metadata: Vec<Step>,
    /// Answers of the token endpoint.
    pub token: Vec<Step>,
}

impl Default for AsScript {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            path: String::new(),
            token_path: "/token".into(),
            auth_methods: vec![AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost],
            targets: Tolerance::default(),
            replay: Replay::default(),
            openid_at: vec![OpenidForm::Inserted, OpenidForm::Appended],
            leeway: 60,
            metadata: Bend::default(),
            oauth_metadata: Vec::new(),
            openid_metadata: Vec::new(),
            token: Vec::new(),
        }
    }
}

/// How the OpenID well-known URL of an issuer with a path is built.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum OpenidForm {
    /// The path behind the well-known part (MCP authorization, as RFC 8414 section 3.1 does).
    Inserted,
    /// The path before it (OpenID Connect Discovery section 4.1).
    Appended,
}

/// A well-known place of protected resource metadata (RFC 9728 section 3.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum MetadataForm {
    /// With the path of the MCP endpoint behind the well-known part.
    Inserted,
    /// The well-known part alone.
    Root,
}

/// The protected MCP server's part.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct McpScript {
    /// Whose rules it keeps.
    pub rules: Rules,
    /// Path of the MCP endpoint; empty makes the resource identifier a bare origin.
    pub path: String,
    /// Path at which protected resource metadata is served besides the well-known ones, and that the
    /// challenge then names.
    pub metadata_path: Option<String>,
    /// Well-known forms at which protected resource metadata is served.
    pub metadata_at: Vec<MetadataForm>,
    /// Scope that the challenge names.
    pub challenge_scope: Option<String>,
    /// Scopes that the metadata lists.
    pub scopes_supported: Vec<String>,
    /// JSON-RPC methods that need a scope of their own; a token without it is answered with 403.
    pub required_scopes: BTreeMap<String, String>,
    /// Requests that the first access token is good for; then it is refused as revoked or expired.
    pub first_token_good_for: Option<u32>,
    /// Documents of the script's, before anything else that is served.
    #[serde(rename = "page")]
    pub pages: Vec<Page>,
    /// Changes to the protected resource metadata.
    pub metadata: Bend,
    /// Answers at every protected resource metadata URL.
    pub resource_metadata: Vec<Step>,
    /// Answers to requests without an acceptable access token.
    pub challenge: Vec<Step>,
    /// Answers to requests whose access token lacks a required scope.
    pub step_up: Vec<Step>,
    /// Answers to requests with one.
    pub mcp: Vec<Step>,
}

impl Default for McpScript {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            path: "/mcp".into(),
            metadata_path: None,
            metadata_at: vec![MetadataForm::Inserted, MetadataForm::Root],
            challenge_scope: Some("files:list files:read".into()),
            scopes_supported: ["files:list", "files:read", "files:write"].map(Into::into).into(),
            required_scopes: BTreeMap::new(),
            first_token_good_for: None,
            pages: Vec::new(),
            metadata: Bend::default(),
            resource_metadata: Vec::new(),
            challenge: Vec::new(),
            step_up: Vec::new(),
            mcp: Vec::new(),
        }
    }
}

/// The trap's part: a consistent authorization server at which nobody is registered.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct TrapScript {
    /// Path of its issuer identifier: empty, or starting with a slash.
    pub path: String,
    /// Changes to both metadata documents.
    pub metadata: Bend,
    /// Documents of the script's, before anything else that is served.
    #[serde(rename = "page")]
    pub pages: Vec<Page>,
}
