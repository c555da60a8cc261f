//! The facts of one run that all three servers share.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crosscheck_scenarios::{
    AuthMethod, Bend, Capability, EndpointName, Party, Profile, Rules, Scenario, SpecVersion, Step,
};

use crate::canary::Canary;
use crate::endpoint::{AUTHORIZATION_PATH, JWKS_PATH, REGISTRATION_PATH};
use crate::jose::SigningKey;
use crate::ledger::{Ledger, ValueKind};
use crate::record::Recorder;

/// The three servers of one run: who they are, whom they know, what they minted.
#[derive(Debug)]
pub struct Stage {
    /// The script.
    pub scenario: Arc<Scenario>,
    /// The profile that the run is judged by.
    pub profile: Profile,
    /// The MCP revision that the client is told to speak.
    pub spec_version: SpecVersion,
    /// What the client declared.
    pub declared: Declared,
    /// Identifiers and URLs.
    pub urls: Urls,
    /// The client at the IdP authorization server.
    pub at_idp: Registration,
    /// The client at the resource authorization server.
    pub at_as: Registration,
    /// Signs ID tokens and grants.
    pub idp_key: SigningKey,
    /// Signs access tokens.
    pub as_key: SigningKey,
    /// Every minted value.
    pub ledger: Ledger,
    /// Everything that crossed the wire.
    pub recorder: Recorder,
    /// Makes the run's unique texts.
    pub canary: Canary,
    /// The subject token that the client is given.
    pub id_token: String,
    access_tokens: Mutex<HashMap<String, AccessToken>>,
    used_jtis: Mutex<HashSet<(Party, String)>>,
    answered: Mutex<HashMap<(Party, EndpointName), usize>>,
}

/// Where the servers of a run listen.
#[derive(Clone, Debug)]
pub struct Origins {
    /// `http://host:port` of the IdP authorization server.
    pub idp: String,
    /// The same of the resource authorization server.
    pub resource_as: String,
    /// The same of the MCP server.
    pub mcp: String,
}

/// Identifiers and URLs of a run.
#[derive(Clone, Debug)]
pub struct Urls {
    /// Where the servers listen.
    pub origins: Origins,
    /// Issuer identifier of the IdP.
    pub idp_issuer: String,
    /// Token endpoint of the IdP.
    pub idp_token_endpoint: String,
    /// Where the IdP's keys are.
    pub idp_jwks_uri: String,
    /// Issuer identifier of the resource authorization server.
    pub as_issuer: String,
    /// Token endpoint of the resource authorization server.
    pub as_token_endpoint: String,
    /// The MCP endpoint, which is the resource identifier and the URL that the client is started with.
    pub mcp_resource: String,
    /// The protected resource metadata URL that the challenge names.
    pub mcp_metadata_url: String,
}

impl Urls {
    fn new(origins: Origins, scenario: &Scenario) -> Self {
        let Scenario { idp, resource_as, mcp, .. } = scenario;
        let metadata_path = mcp
            .metadata_path
            .clone()
            .unwrap_or_else(|| format!("{RESOURCE_METADATA_PATH}{}", mcp.path.trim_end_matches('/')));
        Self {
            idp_issuer: format!("{}{}", origins.idp, idp.path),
            idp_token_endpoint: format!("{}{}", origins.idp, idp.token_path),
            idp_jwks_uri: format!("{}{JWKS_PATH}", origins.idp),
            as_issuer: format!("{}{}", origins.resource_as, resource_as.path),
            as_token_endpoint: format!("{}{}", origins.resource_as, resource_as.token_path),
            mcp_resource: format!("{}{}", origins.mcp, mcp.path),
            mcp_metadata_url: format!("{}{metadata_path}", origins.mcp),
            origins,
        }
    }

    /// Every identifier and URL by the name that scripts and transcripts use.
    pub fn by_name(&self) -> BTreeMap<String, String> {
        [
            ("idp.origin", self.origins.idp.clone()),
            ("idp.issuer", self.idp_issuer.clone()),
            ("idp.token_endpoint", self.idp_token_endpoint.clone()),
            ("idp.jwks_uri", self.idp_jwks_uri.clone()),
            ("as.origin", self.origins.resource_as.clone()),
            ("as.issuer", self.as_issuer.clone()),
            ("as.token_endpoint", self.as_token_endpoint.clone()),
            ("as.authorization_endpoint", format!("{}{AUTHORIZATION_PATH}", self.origins.resource_as)),
            ("as.registration_endpoint", format!("{}{REGISTRATION_PATH}", self.origins.resource_as)),
            ("mcp.origin", self.origins.mcp.clone()),
            ("mcp.resource", self.mcp_resource.clone()),
            ("mcp.metadata_url", self.mcp_metadata_url.clone()),
        ]
        .map(|(name, url)| (name.to_owned(), url))
        .into()
    }
}

/// Where RFC 9728 puts protected resource metadata.
const RESOURCE_METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// How a client is registered at one server.
#[derive(Debug)]
pub struct Registration {
    /// Its id there.
    pub client_id: String,
    /// Its secret, where a method needs one.
    pub client_secret: Option<String>,
    /// Its key, where a method needs one.
    pub key: Option<SigningKey>,
    /// Methods that the server accepts from it.
    pub methods: Vec<AuthMethod>,
    /// Whether the client declared the method, so that metadata does not decide.
    pub declared: bool,
}

/// What the client under test declares about itself.
#[derive(Clone, Debug, Default)]
pub struct Declared(pub Vec<Capability>);

impl Declared {
    /// Whether the client declares everything that `scenario` needs.
    pub fn covers(&self, scenario: &Scenario) -> bool {
        self.missing(scenario).next().is_none()
    }

    /// What `scenario` needs and the client does not declare.
    pub fn missing(&self, scenario: &Scenario) -> impl Iterator<Item = Capability> {
        scenario.needs.iter().copied().filter(|need| !self.0.contains(need))
    }

    /// The method that the scenario needs at a server, else the only one that the client declares there.
    fn method(
        &self,
        scenario: &Scenario,
        at: impl Fn(&Capability) -> Option<AuthMethod>,
    ) -> Option<AuthMethod> {
        let needed = scenario.needs.iter().find_map(&at);
        let mut declared = self.0.iter().filter_map(&at);
        let only = declared.next().filter(|_| declared.next().is_none());
        needed.or(only)
    }
}

/// An access token that the resource authorization server issued.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The resource it is good for.
    pub resource: String,
    /// Its scopes.
    pub scope: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: u64,
}

impl Stage {
    /// Sets a stage for `scenario` and mints what the client is given.
    pub fn new(
        scenario: Arc<Scenario>,
        profile: Profile,
        spec_version: SpecVersion,
        declared: Declared,
        origins: Origins,
    ) -> Self {
        let canary = Canary::new();
        let urls = Urls::new(origins, &scenario);
        // The official suite has one registration for everybody.
        let fixed = scenario.idp.rules == Rules::OfficialSuite;
        let idp_method = declared.method(&scenario, |word| match word {
            Capability::IdpAuth(method) if !fixed => Some(*method),
            _ => None,
        });
        let as_method = declared.method(&scenario, |word| match word {
            Capability::AsAuth(method) if !fixed => Some(*method),
            _ => None,
        });
        let fill = |template: &str| match template.contains("{canary}") {
            true => template.replace("{canary}", &canary.mint()),
            false => format!("{template}{}", canary.mint()),
        };
        let client = &scenario.client;
        let at_idp = registration(
            fill(&client.idp_client_id),
            fill(&client.idp_client_secret),
            ("idp.client_key", canary.mint()),
            vec![idp_method.unwrap_or(AuthMethod::None)],
            idp_method.is_some(),
        );
        let at_as = registration(
            fill(&client.client_id),
            fill(&client.client_secret),
            ("as.client_key", canary.mint()),
            as_method.map_or_else(|| scenario.resource_as.auth_methods.clone(), |method| vec![method]),
            as_method.is_some(),
        );
        let mut stage = Self {
            profile: scenario.profile(profile),
            spec_version: scenario.spec_version.unwrap_or(spec_version),
            declared,
            urls,
            at_idp,
            at_as,
            idp_key: SigningKey::generate("idp.key", format!("idp-{}", canary.mint())),
            as_key: SigningKey::generate("as.key", format!("as-{}", canary.mint())),
            ledger: Ledger::default(),
            recorder: Recorder::new(&canary),
            id_token: String::new(),
            access_tokens: Mutex::default(),
            used_jtis: Mutex::default(),
            answered: Mutex::default(),
            scenario,
            canary,
        };
        stage.register(Party::Idp);
        stage.register(Party::As);
        stage.id_token = stage.sign_on();
        stage
    }

    /// The script's next answer at an endpoint; the last one repeats, and without any the server conforms.
    pub fn next_step(&self, party: Party, endpoint: EndpointName) -> Step {
        let steps = self.steps(party, endpoint);
        let mut answered = lock(&self.answered);
        let count = answered.entry((party, endpoint)).or_default();
        let step = steps.get(*count).or(steps.last()).cloned().unwrap_or_default();
        *count += 1;
        step
    }

    fn steps(&self, party: Party, endpoint: EndpointName) -> &[Step] {
        let Scenario { idp, resource_as, mcp, .. } = &*self.scenario;
        match (party, endpoint) {
            (Party::Idp, EndpointName::Jwks) => &idp.jwks,
            (Party::Idp, EndpointName::OauthMetadata) => &idp.oauth_metadata,
            (Party::Idp, EndpointName::OpenidMetadata) => &idp.openid_metadata,
            (Party::Idp, EndpointName::Token) => &idp.token,
            (Party::As, EndpointName::OauthMetadata) => &resource_as.oauth_metadata,
            (Party::As, EndpointName::OpenidMetadata) => &resource_as.openid_metadata,
            (Party::As, EndpointName::Token) => &resource_as.token,
            (Party::Mcp, EndpointName::Authorization) => &mcp.challenge,
            (Party::Mcp, EndpointName::Mcp) => &mcp.mcp,
            (Party::Mcp, EndpointName::ResourceMetadata) => &mcp.resource_metadata,
            _ => &[],
        }
    }

    /// Seconds since 1970.
    pub fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// The registration of the client at an authorization server.
    pub fn registration(&self, party: Party) -> &Registration {
        if party == Party::Idp { &self.at_idp } else { &self.at_as }
    }

    /// Remembers an issued access token, so that the MCP server knows it.
    pub fn issue(&self, token: String, facts: AccessToken) {
        lock(&self.access_tokens).insert(token, facts);
    }

    /// What is known of an access token.
    pub fn access_token(&self, token: &str) -> Option<AccessToken> {
        lock(&self.access_tokens).get(token).cloned()
    }

    /// Marks a `jti` as used at `party`; false when it already was.
    pub fn use_jti(&self, party: Party, jti: &str) -> bool {
        lock(&self.used_jtis).insert((party, jti.to_owned()))
    }

    /// `text` with the names of the stage in braces replaced.
    pub fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let names = self.urls.by_name();
        names.iter().fold(text.to_owned(), |text, (name, url)| text.replace(&format!("{{{name}}}"), url))
    }

    /// Changes `object` as a script says, with the names of the stage in braces replaced.
    pub fn bend(&self, bend: &Bend, object: &mut Map<String, Value>) {
        let mut bend = bend.clone();
        self.fill_strings(bend.set.values_mut());
        bend.apply(object);
    }

    /// Replaces the names of the stage in all strings below `values`.
    pub(crate) fn fill_strings<'a>(&self, values: impl IntoIterator<Item = &'a mut Value>) {
        let mut left: Vec<_> = values.into_iter().collect();
        while let Some(value) = left.pop() {
            match value {
                Value::String(text) => *text = self.fill(text),
                Value::Array(items) => left.extend(items),
                Value::Object(members) => left.extend(members.values_mut()),
                _ => {}
            }
        }
    }

    /// What the client is told: the value of `MCP_CONFORMANCE_CONTEXT`.
    pub fn context(&self, flow_name: &str) -> Map<String, Value> {
        let client = &self.scenario.client;
        let mut context = Map::new();
        let mut put = |key: &str, value: &str| context.insert(key.to_owned(), Value::from(value));
        put("name", flow_name);
        put("client_id", &self.at_as.client_id);
        if let Some(secret) = &self.at_as.client_secret {
            put("client_secret", secret);
        }
        if let Some(key) = &self.at_as.key {
            put("private_key_pem", key.private_pem());
            put("signing_algorithm", "ES256");
        }
        put("idp_client_id", &self.at_idp.client_id);
        if let Some(secret) = &self.at_idp.client_secret {
            put("idp_client_secret", secret);
        }
        if let Some(key) = &self.at_idp.key {
            put("idp_private_key_pem", key.private_pem());
            put("idp_signing_algorithm", "ES256");
        }
        put("idp_id_token", &self.id_token);
        put("idp_issuer", &self.urls.idp_issuer);
        if client.idp_token_endpoint {
            put("idp_token_endpoint", &self.urls.idp_token_endpoint);
        }
        if let Some(token) = self.ledger.value("idp_access_token") {
            put("idp_access_token", &token);
        }
        if client.resource {
            put("resource", &self.urls.mcp_resource);
        }
        if let Some(scope) = &client.scope {
            put("scope", scope);
        }
        if self.pins_issuer() {
            put("issuer", &self.urls.as_issuer);
        }
        for (key, registration) in
            [("idp_token_endpoint_auth_method", &self.at_idp), ("token_endpoint_auth_method", &self.at_as)]
        {
            if let ([method], true) = (registration.methods.as_slice(), registration.declared) {
                put(key, method.as_str());
            }
        }
        context
    }

    /// The issuer is told to a client that binds its credentials to one, and where a scenario needs it; a
    /// client that declares everything is not told it elsewhere, so that it shows its discovery.
    fn pins_issuer(&self) -> bool {
        let needs = &self.scenario.needs;
        let declares_all = Capability::all().iter().all(|word| self.declared.0.contains(word));
        let pinned = Capability::PinnedIssuer;
        needs.contains(&pinned) || (self.declared.0.contains(&pinned) && !declares_all)
    }

    fn register(&self, party: Party) {
        let registration = self.registration(party);
        let name = |what: &str| format!("{party}.{what}");
        self.ledger.mint(
            &name("client_id"),
            &registration.client_id,
            ValueKind::Identifier,
            &[Party::Idp, Party::As],
        );
        if let Some(secret) = &registration.client_secret {
            self.ledger.mint(&name("client_secret"), secret, ValueKind::Credential, &[party]);
        }
        if let Some(key) = &registration.key {
            // A key leaks as a JWK member or as any stretch of its PEM.
            for text in std::iter::once(key.private_scalar()).chain(key.private_pem_body()) {
                self.ledger.mint(key.name, text, ValueKind::Credential, &[]);
            }
        }
    }

    /// Signs the user on at the IdP: mints the ID token, and the access token that comes with it.
    fn sign_on(&self) -> String {
        let now = self.now();
        let claims = json!({
            "iss": self.urls.idp_issuer,
            "sub": SUBJECT,
            "aud": self.at_idp.client_id,
            "iat": now,
            "exp": now + 3600,
            "auth_time": now,
            "nonce": self.canary.mint(),
            "jti": self.canary.mint(),
            "email": "user@example.com",
        });
        let claims = claims.as_object().expect("it is written as an object");
        let token = self.idp_key.sign(&self.idp_key.header("JWT"), claims);
        self.ledger.mint_signed("id_token", &token, self.idp_key.name, &[Party::Idp]);
        if self.scenario.client.idp_access_token {
            let token = format!("idp-access-token-{}", self.canary.mint());
            self.ledger.mint("idp_access_token", &token, ValueKind::Token, &[Party::Idp]);
        }
        token
    }
}

/// The user of every run, in the IdP's namespace.
pub const SUBJECT: &str = "user-5f2c9a";

fn registration(
    client_id: String,
    client_secret: String,
    (key, kid): (&'static str, String),
    methods: Vec<AuthMethod>,
    declared: bool,
) -> Registration {
    Registration {
        client_id,
        client_secret: methods.iter().any(|method| method.uses_secret()).then_some(client_secret),
        key: methods.contains(&AuthMethod::PrivateKeyJwt).then(|| SigningKey::generate(key, kid)),
        methods,
        declared,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use crosscheck_scenarios::{PLACEHOLDERS, Scenarios};

    use super::*;

    #[test]
    fn scripts_may_name_every_url_of_the_stage() {
        let script = "title = \"t\"\nwhy = \"w\"\nrequirements = [\"flow-order\"]\n";
        let scenarios = Scenarios::parse("script", script, &[]).unwrap();
        let [idp, resource_as, mcp] = ["http://i", "http://a", "http://m"].map(str::to_owned);
        let urls = Urls::new(Origins { idp, resource_as, mcp }, scenarios.find("script").unwrap());
        assert!(urls.by_name().keys().eq(PLACEHOLDERS), "{:?}", urls.by_name());
    }
}
