//! The facts of one run that all its servers share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crosscheck_scenarios::{
    AuthMethod, Capability, EndpointName, Party, Profile, Rules, Scenario, SpecVersion, Step, TokenForm,
    Tolerance, User,
};

use crate::canary::Canary;
use crate::jose::{self, SigningKey};
use crate::ledger::{Ledger, ValueKind};
use crate::record::Recorder;
use crate::registration::{Declared, Registration};
use crate::urls::{Origins, Urls};

/// The servers of one run: who they are, whom they know, what they minted.
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
    /// Every minted value.
    pub ledger: Ledger,
    /// Everything that crossed the wire.
    pub recorder: Recorder,
    /// Makes the run's unique texts.
    pub canary: Canary,
    /// The subject token that the client is given.
    pub id_token: String,
    idp: AuthorizationServer,
    resource_as: AuthorizationServer,
    second_as: Option<AuthorizationServer>,
    access_tokens: Mutex<HashMap<String, AccessToken>>,
    /// Signed tokens by what clients carry in their place.
    signed: Mutex<HashMap<String, String>>,
    used_jtis: Mutex<HashSet<(Party, String)>>,
    answered: Mutex<HashMap<(Party, StepList), usize>>,
}

/// What is an authorization server's own.
#[derive(Debug)]
struct AuthorizationServer {
    /// Signs what it issues.
    key: SigningKey,
    /// The client there.
    registration: Registration,
}

/// A list of answers in a script.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StepList {
    /// That of an endpoint.
    At(EndpointName),
    /// That of requests without an acceptable access token.
    Challenge,
    /// That of requests whose access token lacks a scope.
    StepUp,
}

impl From<EndpointName> for StepList {
    fn from(endpoint: EndpointName) -> Self {
        Self::At(endpoint)
    }
}

/// An access token that a resource authorization server issued.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// The resource it is good for.
    pub resource: String,
    /// The user it stands for.
    pub subject: String,
    /// Its scopes.
    pub scope: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: u64,
    /// Requests that it is still good for; `None` where time alone ends it.
    pub uses_left: Option<u32>,
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
        let server = |[key, client_key]: [&'static str; 2],
                      [client_id, client_secret]: [&str; 2],
                      method: Option<AuthMethod>,
                      methods: &[AuthMethod]| {
            let registration = Registration::new(
                fill(client_id),
                fill(client_secret),
                (client_key, canary.mint()),
                method.map_or_else(|| methods.to_vec(), |method| vec![method]),
                method.is_some(),
            );
            AuthorizationServer { key: SigningKey::generate(key, canary.mint()), registration }
        };
        let idp = server(
            ["idp.key", "idp.client_key"],
            [&client.idp_client_id, &client.idp_client_secret],
            idp_method,
            &[AuthMethod::None],
        );
        let resource_as = server(
            ["as.key", "as.client_key"],
            [&client.client_id, &client.client_secret],
            as_method,
            &scenario.resource_as.auth_methods,
        );
        let second_as = scenario.second_as.as_ref().map(|script| {
            let templates = ["as2-client-{canary}", "as2-secret-{canary}"];
            server(["as2.key", "as2.client_key"], templates, as_method, &script.auth_methods)
        });
        let mut stage = Self {
            profile: scenario.profile(profile),
            spec_version: scenario.spec_version.unwrap_or(spec_version),
            declared,
            urls,
            idp,
            resource_as,
            second_as,
            ledger: Ledger::default(),
            recorder: Recorder::new(&canary),
            id_token: String::new(),
            access_tokens: Mutex::default(),
            signed: Mutex::default(),
            used_jtis: Mutex::default(),
            answered: Mutex::default(),
            scenario,
            canary,
        };
        for party in stage.registered_at() {
            stage.register(party);
        }
        stage.id_token = stage.sign_on();
        stage
    }

    /// The party that answers at an origin: without a script of its own, that of the second authorization server
    /// belongs to the first.
    pub fn party_at(&self, origin: Party) -> Party {
        match (origin, &self.second_as) {
            (Party::As2, None) => Party::As,
            _ => origin,
        }
    }

    /// The resource authorization servers that there are.
    pub fn authorization_servers(&self) -> impl Iterator<Item = Party> {
        Party::AUTHORIZATION_SERVERS.into_iter().filter(|party| self.party_at(*party) == *party)
    }

    /// The authorization servers at which the client is registered, the IdP first.
    pub fn registered_at(&self) -> impl Iterator<Item = Party> {
        std::iter::once(Party::Idp).chain(self.authorization_servers())
    }

    /// The MCP servers that there are.
    pub fn mcp_servers(&self) -> impl Iterator<Item = Party> {
        let has_second = self.scenario.second_mcp.is_some();
        Party::MCP_SERVERS.into_iter().filter(move |party| *party == Party::Mcp || has_second)
    }

    /// The MCP servers that a resource authorization server issues tokens for. One that protects none of its own
    /// may still be listed by the first.
    pub fn protected_by(&self, authorization_server: Party) -> Vec<Party> {
        let own = |server: &Party| self.scenario.protector(*server) == authorization_server;
        let protected: Vec<_> = self.mcp_servers().filter(own).collect();
        if protected.is_empty() { vec![Party::Mcp] } else { protected }
    }

    /// The first of `servers` that one of `resources` names, a final slash aside; without any the first of all.
    pub fn named_server<'a>(&self, servers: &[Party], mut resources: impl Iterator<Item = &'a str>) -> Party {
        let named = |resource: &str| {
            let is = |server: &&Party| Tolerance::FinalSlash.accepts(resource, self.urls.resource(**server));
            servers.iter().find(is)
        };
        resources.find_map(named).or(servers.first()).copied().unwrap_or(Party::Mcp)
    }

    /// The party whose issuer identifier an audience is, a final slash aside; the first resource authorization
    /// server where it is nobody's.
    pub fn addressee(&self, audience: &str) -> Party {
        let is = |party: &Party| Tolerance::FinalSlash.accepts(audience, self.urls.issuer(*party));
        self.authorization_servers().chain([Party::Trap]).find(is).unwrap_or(Party::As)
    }

    /// The next answer of a list of the script's; the last one repeats, and without any the server conforms.
    pub fn next_step(&self, party: Party, list: impl Into<StepList>) -> Step {
        let list = list.into();
        let steps = self.steps(party, list);
        let mut answered = lock(&self.answered);
        let count = answered.entry((party, list)).or_default();
        let step = steps.get(*count).or(steps.last()).cloned().unwrap_or_default();
        *count += 1;
        step
    }

    fn steps(&self, party: Party, list: StepList) -> &[Step] {
        use EndpointName::{Jwks, Mcp, OauthMetadata, OpenidMetadata, ResourceMetadata, Token};
        let Scenario { idp, .. } = &*self.scenario;
        let (at_as, at_mcp) = (self.scenario.as_script(party), self.scenario.mcp_script(party));
        match (party, list) {
            (Party::Idp, StepList::At(Jwks)) => &idp.jwks,
            (Party::Idp, StepList::At(OauthMetadata)) => &idp.oauth_metadata,
            (Party::Idp, StepList::At(OpenidMetadata)) => &idp.openid_metadata,
            (Party::Idp, StepList::At(Token)) => &idp.token,
            (Party::As | Party::As2, StepList::At(OauthMetadata)) => &at_as.oauth_metadata,
            (Party::As | Party::As2, StepList::At(OpenidMetadata)) => &at_as.openid_metadata,
            (Party::As | Party::As2, StepList::At(Token)) => &at_as.token,
            (Party::Mcp | Party::Mcp2, StepList::Challenge) => &at_mcp.challenge,
            (Party::Mcp | Party::Mcp2, StepList::StepUp) => &at_mcp.step_up,
            (Party::Mcp | Party::Mcp2, StepList::At(Mcp)) => &at_mcp.mcp,
            (Party::Mcp | Party::Mcp2, StepList::At(ResourceMetadata)) => &at_mcp.resource_metadata,
            _ => &[],
        }
    }

    /// Seconds since 1970.
    pub fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// The registration of the client at an authorization server; the first resource authorization server's where
    /// the party is none.
    pub fn registration(&self, party: Party) -> &Registration {
        &self.server(party).registration
    }

    /// The key that an authorization server signs with; likewise.
    pub fn key(&self, party: Party) -> &SigningKey {
        &self.server(party).key
    }

    fn server(&self, party: Party) -> &AuthorizationServer {
        match (party, &self.second_as) {
            (Party::Idp, _) => &self.idp,
            (Party::As2, Some(second)) => second,
            _ => &self.resource_as,
        }
    }

    /// Registers a token under `name#1`, `name#2` …, signed with a key of that name, and returns what the client is
    /// given to carry.
    pub fn hand_out(
        &self,
        name: &str,
        signed: String,
        (key, form): (&str, TokenForm),
        travels_to: &[Party],
    ) -> String {
        let carried = jose::carried(&signed, form, &self.canary);
        self.ledger.mint_token(name, &carried, key, travels_to);
        lock(&self.signed).insert(carried.clone(), signed);
        carried
    }

    /// The signed token that a client carries as `carried`; that itself where it is none of this run.
    pub fn signed(&self, carried: &str) -> String {
        lock(&self.signed).get(carried).map_or(carried, String::as_str).to_owned()
    }

    /// Remembers an issued access token, so that the MCP server knows it. Only the first one for its resource is
    /// used up.
    pub fn issue(&self, token: String, facts: AccessToken) {
        let mut issued = lock(&self.access_tokens);
        let is_first = issued.values().all(|other| other.resource != facts.resource);
        issued.insert(token, AccessToken { uses_left: facts.uses_left.filter(|_| is_first), ..facts });
    }

    /// What is known of an access token for `resource` that a request there carries, before the request counts as a
    /// use of it.
    pub fn use_access_token(&self, token: &str, resource: &str) -> Option<AccessToken> {
        let mut issued = lock(&self.access_tokens);
        let known = issued.get_mut(token).filter(|known| known.resource == resource)?;
        let before = known.clone();
        known.uses_left = known.uses_left.map(|left| left.saturating_sub(1));
        Some(before)
    }

    /// Marks a `jti` as used at `party`; false when it already was.
    pub fn use_jti(&self, party: Party, jti: &str) -> bool {
        lock(&self.used_jtis).insert((party, jti.to_owned()))
    }

    fn register(&self, party: Party) {
        let registration = self.registration(party);
        let name = |what: &str| format!("{party}.{what}");
        self.ledger.mint(
            &name("client_id"),
            &registration.client_id,
            ValueKind::Identifier,
            &[Party::Idp, Party::As, Party::As2],
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

    /// Signs the users on at the IdP: mints their ID tokens, and the access token that comes with the first.
    fn sign_on(&self) -> String {
        let token = self.mint_id_token("id_token", SUBJECT);
        if self.scenario.client.calls.iter().any(|call| call.user == User::Second) {
            self.mint_id_token("other_id_token", SUBJECT_2);
        }
        if self.scenario.client.idp_access_token {
            let token = format!("idp-access-token-{}", self.canary.mint());
            self.ledger.mint("idp_access_token", &token, ValueKind::Token, &[Party::Idp]);
        }
        token
    }

    fn mint_id_token(&self, name: &str, subject: &str) -> String {
        const LIFETIME: u64 = 3600;
        let age = if self.scenario.client.id_token_expired { LIFETIME + 600 } else { 0 };
        let issued_at = self.now() - age;
        let claims = json!({
            "iss": self.urls.issuer(Party::Idp),
            "sub": subject,
            "aud": self.idp.registration.client_id,
            "iat": issued_at,
            "exp": issued_at + LIFETIME,
            "auth_time": issued_at,
            "nonce": self.canary.mint(),
            "jti": self.canary.mint(),
            "email": format!("{subject}@example.com"),
        });
        let claims = claims.as_object().expect("it is written as an object");
        let key = &self.idp.key;
        let token = key.sign(&key.header("JWT"), claims);
        self.ledger.mint_signed(name, &token, key.name, &[Party::Idp]);
        token
    }
}

/// The user of every run, in the IdP's namespace.
pub const SUBJECT: &str = "user-5f2c9a";
/// The other user of a run with two, likewise.
pub const SUBJECT_2: &str = "user-b81e07";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
