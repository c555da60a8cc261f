//! What a run is judged by and what the client under test declares about itself.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The documents a run is judged by.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The ID-JAG draft -04 and the RFCs it stands on, without MCP.
    Base,
    /// `mcp`, with the extension's edition of October 2025, where `resource` is required.
    #[serde(rename = "ema-2025")]
    Ema2025,
    /// `mcp`, and the security section of the MCP extension as a rule.
    EmaSec,
    /// `base`, the stable MCP extension and MCP authorization of 2026-07-28.
    #[default]
    Mcp,
    /// `mcp` with MCP authorization of 2025-11-25.
    #[serde(rename = "mcp-2025-11-25")]
    Mcp2025,
    /// `mcp`, and the open proposals for the ID-JAG draft.
    Next,
    /// `mcp`, in which near misses that servers are known to forgive fail.
    Strict,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 7] =
        [Self::Base, Self::Ema2025, Self::EmaSec, Self::Mcp, Self::Mcp2025, Self::Next, Self::Strict];

    /// The name used on the command line and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Ema2025 => "ema-2025",
            Self::EmaSec => "ema-sec",
            Self::Mcp => "mcp",
            Self::Mcp2025 => "mcp-2025-11-25",
            Self::Next => "next",
            Self::Strict => "strict",
        }
    }

    /// The profile whose rules hold here as well, and whose severities where this one states none.
    pub fn parent(self) -> Option<Self> {
        match self {
            Self::Base => None,
            Self::Mcp => Some(Self::Base),
            // The MCP core text holds for both editions of the extension.
            Self::Ema2025 | Self::EmaSec | Self::Mcp2025 | Self::Next | Self::Strict => Some(Self::Mcp),
        }
    }

    /// The documents it adds to those of its parent, with their frozen revisions.
    fn own_documents(self) -> &'static [&'static str] {
        match self {
            Self::Base => &[
                "ID-JAG: draft-ietf-oauth-identity-assertion-authz-grant-04 (21 May 2026)",
                "RFC 6749, 6750, 7521, 7523, 8414, 8693, 8707, 9728",
            ],
            Self::Ema2025 => &["MCP Enterprise-Managed Authorization, edition of October 2025"],
            Self::EmaSec => &["MCP Enterprise-Managed Authorization, proposed sections 7.2.1 to 7.8"],
            Self::Mcp => &[
                "MCP Enterprise-Managed Authorization, stable (18 June 2026)",
                "MCP authorization, 2026-07-28",
            ],
            Self::Mcp2025 => &["MCP authorization, 2025-11-25"],
            Self::Next => &["the open proposals for the ID-JAG draft, as of 27 August 2026"],
            Self::Strict => &[],
        }
    }

    /// The documents by which it judges, with their frozen revisions, those that all others stand on first.
    pub fn documents(self) -> impl Iterator<Item = &'static str> {
        let line: Vec<_> = self.line().collect();
        line.into_iter().rev().flat_map(Self::own_documents).copied()
    }

    /// This profile and those it stands on, the nearest first.
    pub fn line(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |profile| profile.parent())
    }

    /// Whether a rule of `other` also holds in this profile.
    pub fn includes(self, other: Self) -> bool {
        self.line().any(|profile| profile == other)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            let near = crate::nearest(text, names).map(|near| format!("; did you mean `{near}`?"));
            let near = near.unwrap_or_default();
            format!("no profile is called `{text}`; there are {}{near}", names.join(", "))
        })
    }
}

/// The MCP revision a client is told to speak.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
pub enum SpecVersion {
    /// With `initialize`, sessions and streams.
    #[default]
    #[serde(rename = "2025-11-25")]
    V2025,
    /// Stateless.
    #[serde(rename = "2026-07-28")]
    V2026,
}

impl SpecVersion {
    /// The date that names the revision.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2025 => "2025-11-25",
            Self::V2026 => "2026-07-28",
        }
    }
}

impl FromStr for SpecVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::V2025, Self::V2026]
            .into_iter()
            .find(|version| version.as_str() == text)
            .ok_or_else(|| format!("no MCP revision `{text}` here; there are 2025-11-25 and 2026-07-28"))
    }
}

/// A client authentication method, by its registered name (RFC 7591 section 2, RFC 8414 section 2).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// The client identifies itself and proves nothing.
    None,
    /// Id and secret in the `Authorization` header.
    ClientSecretBasic,
    /// Id and secret in the body.
    ClientSecretPost,
    /// A JWT signed with the client's key.
    PrivateKeyJwt,
}

impl AuthMethod {
    /// Every method the mocks know.
    pub const ALL: [Self; 4] =
        [Self::None, Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt];

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }

    /// Whether the method needs a shared secret.
    pub fn uses_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

impl fmt::Display for AuthMethod {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl FromStr for AuthMethod {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            match crate::nearest(text, names) {
                Some(near) => format!("no authentication method is called `{text}`; did you mean `{near}`?"),
                None => {
                    format!("no authentication method is called `{text}`; there are {}", names.join(", "))
                }
            }
        })
    }
}

/// A capability or property that a client declares, and that a scenario may need.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Capability {
    /// Registered at the resource authorization server for that method only.
    AsAuth(AuthMethod),
    /// Makes the listed calls in order, in one process.
    Calls,
    /// Has a client identifier that is the URL of its metadata document.
    Cimd,
    /// Binds its tokens to a key by DPoP.
    Dpop,
    /// Holds what sign-on returned besides the ID token.
    IdpAccessToken,
    /// Registered at the IdP for that method only.
    IdpAuth(AuthMethod),
    /// Finds the IdP from its issuer.
    IdpDiscovery,
    /// Can send the user to sign on.
    Interactive,
    /// The ID-JAG is handed to it ready.
    Leg1Outside,
    /// Authenticates with a certificate.
    Mtls,
    /// Its credentials at the resource authorization server are bound to an issuer.
    PinnedIssuer,
    /// Has no credential at the resource authorization server.
    Public,
    /// Asks with `authorization_details`.
    Rar,
    /// Uses refresh tokens of the IdP.
    Refresh,
    /// Signs on with SAML.
    Saml,
}

impl Capability {
    /// Every capability, each method of authentication counted.
    pub fn all() -> Vec<Self> {
        use Capability as C;
        let methods = AuthMethod::ALL;
        [C::Calls, C::Cimd, C::Dpop, C::IdpAccessToken, C::IdpDiscovery, C::Interactive, C::Leg1Outside]
            .into_iter()
            .chain([C::Mtls, C::PinnedIssuer, C::Public, C::Rar, C::Refresh, C::Saml])
            .chain(methods.map(C::IdpAuth))
            .chain(methods.map(C::AsAuth))
            .collect()
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::AsAuth(method) => return write!(out, "as-auth={method}"),
            Self::IdpAuth(method) => return write!(out, "idp-auth={method}"),
            Self::Calls => "calls",
            Self::Cimd => "cimd",
            Self::Dpop => "dpop",
            Self::IdpAccessToken => "idp-access-token",
            Self::IdpDiscovery => "idp-discovery",
            Self::Interactive => "interactive",
            Self::Leg1Outside => "leg1=outside",
            Self::Mtls => "mtls",
            Self::PinnedIssuer => "pinned-issuer",
            Self::Public => "public",
            Self::Rar => "rar",
            Self::Refresh => "refresh",
            Self::Saml => "saml",
        };
        out.pad(word)
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> Self {
        capability.to_string()
    }
}

impl TryFrom<String> for Capability {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Capability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Self::all();
        all.iter().copied().find(|word| word.to_string() == text).ok_or_else(|| {
            let words: Vec<_> = all.iter().map(ToString::to_string).collect();
            match crate::nearest(text, words.iter().map(String::as_str)) {
                Some(near) => format!("no capability is called `{text}`; did you mean `{near}`?"),
                None => format!("no capability is called `{text}`; there are {}", words.join(", ")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_reads_back_as_written() {
        for capability in Capability::all() {
            assert_eq!(capability.to_string().parse(), Ok(capability));
        }
    }

    #[test]
    fn a_misspelt_capability_names_its_neighbour() {
        let error = "idp-auth=client_secret_pots".parse::<Capability>().unwrap_err();
        assert!(error.contains("did you mean `idp-auth=client_secret_post`"), "{error}");
    }
}
