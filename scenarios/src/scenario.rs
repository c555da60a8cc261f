//! One scenario: what it provokes, who plays what part, and what a conforming client does.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::id::{FaultSlug, RequirementId, ScenarioId};
use crate::party::{EndpointName, Party};
use crate::profile::{Capability, Profile, SpecVersion};
use crate::script::{AsScript, ClientScript, IdpScript, McpScript, TrapScript};

/// A script, ready to be played.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its path, such as `discovery/issuer-with-path`.
    pub id: ScenarioId,
    /// Whether the binary carries it; a user's own is not built in.
    pub built_in: bool,
    /// One line: what is bent.
    pub title: String,
    /// Why a client meets this in life.
    pub why: String,
    /// What the scenario exists to provoke.
    pub requirements: Vec<RequirementId>,
    /// Faults of the reference client that it must catch.
    pub faults: Vec<FaultSlug>,
    /// Whether it is judged or only reported.
    pub kind: Kind,
    /// The token endpoint whose answers it is about, where it is about one leg of the flow.
    pub at: Option<Party>,
    /// Whether a conforming client needs its time for it: servers are slow, or say a lot.
    pub slow: bool,
    /// What a client must declare for the scenario to apply.
    pub needs: Vec<Capability>,
    /// The profile it fixes, over that of the run.
    pub profile: Option<Profile>,
    /// The profiles it belongs to; empty means all.
    pub profiles: Vec<Profile>,
    /// The MCP revision it fixes, over that of the run.
    pub spec_version: Option<SpecVersion>,
    /// How the client is registered and what it is told.
    pub client: ClientScript,
    /// What the IdP authorization server does.
    pub idp: IdpScript,
    /// What the resource authorization server does.
    pub resource_as: AsScript,
    /// What the MCP server does.
    pub mcp: McpScript,
    /// What the second resource authorization server does, where there is one.
    pub second_as: Option<AsScript>,
    /// What the second MCP server does, where there is one.
    pub second_mcp: Option<McpScript>,
    /// What the trap does.
    pub trap: TrapScript,
    /// What a conforming client does.
    pub expect: Expect,
    /// The script as it was written, for reports.
    pub text: String,
}

impl Scenario {
    /// The profile the scenario is judged by when the run's is `profile`.
    pub fn profile(&self, profile: Profile) -> Profile {
        self.profile.unwrap_or(profile)
    }

    /// The script of a resource authorization server; there is a second one only where the script has it.
    pub fn as_script(&self, party: Party) -> &AsScript {
        match (party, &self.second_as) {
            (Party::As2, Some(second)) => second,
            _ => &self.resource_as,
        }
    }

    /// The script of an MCP server; there is a second one only where the script has it.
    pub fn mcp_script(&self, party: Party) -> &McpScript {
        match (party, &self.second_mcp) {
            (Party::Mcp2, Some(second)) => second,
            _ => &self.mcp,
        }
    }

    /// The resource authorization server that protects an MCP server.
    pub fn protector(&self, mcp_server: Party) -> Party {
        match (mcp_server, &self.second_as) {
            (Party::Mcp2, Some(_)) => Party::As2,
            _ => Party::As,
        }
    }

    /// What an administrator lets the client have of `scope` at an MCP server: what the server names, and what the
    /// client is configured with. Without a scope it is the one that the server asks for.
    pub fn permitted_scope(&self, mcp_server: Party, scope: Option<&str>) -> String {
        let McpScript { challenge_scope, scopes_supported, required_scopes, .. } =
            self.mcp_script(mcp_server);
        let Some(scope) = scope else {
            return challenge_scope.clone().unwrap_or_else(|| scopes_supported.join(" "));
        };
        let texts = scopes_supported.iter().chain(challenge_scope).chain(&self.client.scope);
        let texts = texts.chain(required_scopes.values());
        let permitted: HashSet<_> = texts.flat_map(|text| text.split(' ')).collect();
        let scopes = scope.split(' ').filter(|scope| !scope.is_empty() && permitted.contains(scope));
        scopes.collect::<Vec<_>>().join(" ")
    }

    /// Whether the scenario belongs to a run of `profile`.
    pub fn belongs_to(&self, profile: Profile) -> bool {
        self.profiles.is_empty() || self.profiles.contains(&self.profile(profile))
    }
}

/// Whether a scenario is judged.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Findings count.
    #[default]
    Check,
    /// Behaviour is reported as `info`.
    Probe,
}

/// What a conforming client does.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// How the run ends.
    pub outcome: Outcome,
    /// Exchanges without which a refusal proves nothing, such as `idp.token`.
    pub reached: Vec<Reached>,
    /// What must reach the client's caller.
    pub surfaced: Surfaced,
}

/// A party and one of its endpoints, written `idp.token`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Reached {
    /// The party.
    pub party: Party,
    /// Its endpoint.
    pub endpoint: EndpointName,
}

impl TryFrom<String> for Reached {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = [
            (Party::As2, EndpointName::Token),
            (Party::Mcp2, EndpointName::Mcp),
            (Party::Idp, EndpointName::Token),
            (Party::Idp, EndpointName::OpenidMetadata),
            (Party::Idp, EndpointName::OauthMetadata),
            (Party::As, EndpointName::Token),
            (Party::As, EndpointName::OauthMetadata),
            (Party::As, EndpointName::OpenidMetadata),
            (Party::Mcp, EndpointName::ResourceMetadata),
            (Party::Mcp, EndpointName::Mcp),
        ];
        let name = |&(party, endpoint): &(Party, EndpointName)| format!("{party}.{endpoint}");
        known
            .iter()
            .find(|pair| name(pair) == text)
            .map(|&(party, endpoint)| Self { party, endpoint })
            .ok_or_else(|| {
                let names: Vec<_> = known.iter().map(name).collect();
                format!("no exchange is called `{text}`; there are {}", names.join(", "))
            })
    }
}

/// How a run ends.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The MCP server accepted a request with the access token issued in this run.
    #[default]
    Authorized,
    /// It did not, and the client ended by itself.
    Refused,
    /// The documents leave it open.
    Either,
}

/// What must reach the caller of a client whose flow was refused. Where it names both a code and a status, either will
/// do: not every client can be expected to read the code.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Surfaced {
    /// The `error` code.
    pub error: Option<String>,
    /// The `error_description`.
    pub error_description: Option<String>,
    /// The `error_uri`.
    pub error_uri: Option<String>,
    /// The HTTP status, where there is no usable code or it is not sure to be read.
    pub status: Option<u16>,
}
