//! The parties of a run and the endpoints they offer.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A server of the stage, told apart from the others by its origin.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The IdP authorization server.
    Idp,
    /// The resource authorization server.
    As,
    /// The protected MCP server.
    Mcp,
}

impl Party {
    /// Every party, in the order in which a flow meets them for the first time with a token request.
    pub const ALL: [Self; 3] = [Self::Idp, Self::As, Self::Mcp];

    /// The name used in scripts, transcripts and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idp => "idp",
            Self::As => "as",
            Self::Mcp => "mcp",
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// What an URL of a party is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointName {
    /// The authorization endpoint, which no step of the flow needs.
    Authorization,
    /// The public keys of an authorization server.
    Jwks,
    /// The MCP endpoint, which is the protected resource.
    Mcp,
    /// Authorization server metadata by RFC 8414.
    OauthMetadata,
    /// OpenID Connect Discovery metadata.
    OpenidMetadata,
    /// Dynamic client registration.
    Registration,
    /// Protected resource metadata by RFC 9728.
    ResourceMetadata,
    /// The token endpoint.
    Token,
    /// A path that the party does not serve.
    Unknown,
}

impl EndpointName {
    /// The name used in scripts and transcripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Jwks => "jwks",
            Self::Mcp => "mcp",
            Self::OauthMetadata => "oauth_metadata",
            Self::OpenidMetadata => "openid_metadata",
            Self::Registration => "registration",
            Self::ResourceMetadata => "resource_metadata",
            Self::Token => "token",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the endpoint serves public metadata or keys, so that no credential belongs there.
    pub fn is_metadata(self) -> bool {
        matches!(self, Self::Jwks | Self::OauthMetadata | Self::OpenidMetadata | Self::ResourceMetadata)
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}
