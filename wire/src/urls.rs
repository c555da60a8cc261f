//! Where the servers of a run are, and by which identifiers they are known.

use std::collections::BTreeMap;

use crosscheck_scenarios::{AsScript, IdpScript, McpScript, MetadataForm, Party, Scenario};

use crate::endpoint::{AUTHORIZATION_PATH, JWKS_PATH, REGISTRATION_PATH, RESOURCE_METADATA_PATH};

/// `http://host:port` of every party, in the order of [`Party::ALL`].
#[derive(Clone, Debug)]
pub struct Origins(pub [String; Party::ALL.len()]);

impl Origins {
    /// That of one party.
    pub fn of(&self, party: Party) -> &str {
        &self.0[party as usize]
    }
}

/// Identifiers and URLs of a run, by party.
#[derive(Clone, Debug)]
pub struct Urls {
    origins: Origins,
    servers: [Server; Party::ALL.len()],
}

#[derive(Clone, Debug)]
struct Server {
    /// The issuer identifier; of an MCP server the resource identifier.
    identifier: String,
    /// The token endpoint; of an MCP server the metadata URL that its challenge names.
    url: String,
}

impl Urls {
    /// Those of `scenario` at `origins`. A second server that it does not have is named as the first one would be
    /// at that origin.
    pub(crate) fn new(origins: Origins, scenario: &Scenario) -> Self {
        let servers = Party::ALL.map(|party| {
            let (path, url) = match party {
                Party::Idp => {
                    let IdpScript { path, token_path, .. } = &scenario.idp;
                    (path, token_path.clone())
                }
                Party::As | Party::As2 => {
                    let AsScript { path, token_path, .. } = scenario.as_script(party);
                    (path, token_path.clone())
                }
                Party::Mcp | Party::Mcp2 => {
                    let script = scenario.mcp_script(party);
                    (&script.path, metadata_path(script))
                }
                Party::Trap => (&scenario.trap.path, "/token".to_owned()),
            };
            let at = |path: &str| format!("{}{path}", origins.of(party));
            Server { identifier: at(path), url: at(&url) }
        });
        Self { origins, servers }
    }

    /// The origin of a party.
    pub fn origin(&self, party: Party) -> &str {
        self.origins.of(party)
    }

    /// The issuer identifier of an authorization server.
    pub fn issuer(&self, party: Party) -> &str {
        &self.servers[party as usize].identifier
    }

    /// The token endpoint of an authorization server.
    pub fn token_endpoint(&self, party: Party) -> &str {
        &self.servers[party as usize].url
    }

    /// Where the public keys of an authorization server are.
    pub fn jwks_uri(&self, party: Party) -> String {
        format!("{}{JWKS_PATH}", self.origin(party))
    }

    /// The MCP endpoint, which is the resource identifier and the URL that a client is told.
    pub fn resource(&self, party: Party) -> &str {
        &self.servers[party as usize].identifier
    }

    /// The protected resource metadata URL that an MCP server's challenge names.
    pub fn metadata_url(&self, party: Party) -> &str {
        &self.servers[party as usize].url
    }

    /// Every identifier and URL, and one port, by the name that scripts and transcripts use.
    pub fn by_name(&self) -> BTreeMap<String, String> {
        let mut names = BTreeMap::new();
        for party in Party::ALL {
            let [identifier, url] = match party.is_mcp_server() {
                true => ["resource", "metadata_url"],
                false => ["issuer", "token_endpoint"],
            };
            let server = &self.servers[party as usize];
            let named =
                [("origin", self.origin(party)), (identifier, &server.identifier), (url, &server.url)];
            names.extend(named.map(|(name, url)| (format!("{party}.{name}"), url.to_owned())));
        }
        let at_as = |path| format!("{}{path}", self.origin(Party::As));
        names.insert("idp.jwks_uri".into(), self.jwks_uri(Party::Idp));
        let port = self.origin(Party::As).rsplit(':').next().unwrap_or_default();
        names.insert("as.port".into(), port.to_owned());
        names.insert("as.authorization_endpoint".into(), at_as(AUTHORIZATION_PATH));
        names.insert("as.registration_endpoint".into(), at_as(REGISTRATION_PATH));
        names
    }
}

/// Where the challenge says that the metadata is: at the path of the script's, else at the first well-known place
/// that serves it.
fn metadata_path(script: &McpScript) -> String {
    let root_alone = script.metadata_at == [MetadataForm::Root];
    match &script.metadata_path {
        Some(path) => path.clone(),
        None if root_alone => RESOURCE_METADATA_PATH.to_owned(),
        None => format!("{RESOURCE_METADATA_PATH}{}", script.path.trim_end_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use crosscheck_scenarios::{PLACEHOLDERS, Scenarios};

    use super::*;

    #[test]
    fn scripts_may_name_every_url_of_the_stage() {
        let script = "title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n";
        let scenarios = Scenarios::parse("script", script, &[]).unwrap();
        let origins = Origins(Party::ALL.map(|party| format!("http://{party}")));
        let urls = Urls::new(origins, scenarios.find("script").unwrap());
        let of_urls =
            PLACEHOLDERS.iter().filter(|name| !name.starts_with("date.") && !name.starts_with("secret."));
        assert!(urls.by_name().keys().eq(of_urls), "{:?}", urls.by_name());
        assert!(Party::ALL.iter().all(|party| urls.origin(*party) == format!("http://{party}")));
    }
}
