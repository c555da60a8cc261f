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
    /// A second resource authorization server.
    As2,
    /// A second protected MCP server.
    Mcp2,
    /// A server that no conforming client has a reason to give a secret to.
    Trap,
}

impl Party {
    /// Every party: those of the plain flow in the order in which it meets them with a token request, then the
    /// others.
    pub const ALL: [Self; 6] = [Self::Idp, Self::As, Self::Mcp, Self::As2, Self::Mcp2, Self::Trap];
    /// The resource authorization servers.
    pub const AUTHORIZATION_SERVERS: [Self; 2] = [Self::As, Self::As2];
    /// The MCP servers.
    pub const MCP_SERVERS: [Self; 2] = [Self::Mcp, Self::Mcp2];

    /// The name used in scripts, transcripts and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idp => "idp",
            Self::As => "as",
            Self::Mcp => "mcp",
            Self::As2 => "as2",
            Self::Mcp2 => "mcp2",
            Self::Trap => "trap",
        }
    }

    /// Whether it is a resource authorization server.
    pub fn is_authorization_server(self) -> bool {
        Self::AUTHORIZATION_SERVERS.contains(&self)
    }

    /// Whether it is an MCP server.
    pub fn is_mcp_server(self) -> bool {
        Self::MCP_SERVERS.contains(&self)
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
