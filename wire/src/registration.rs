//! How the client is registered at a server, and what it declares about itself.

use crosscheck_scenarios::{AuthMethod, Capability, Scenario};

use crate::jose::SigningKey;

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

impl Registration {
    /// One by `methods`, with the secret and the key that they need; the key is called `key`.
    pub(crate) fn new(
        client_id: String,
        client_secret: String,
        (key, kid): (&'static str, String),
        methods: Vec<AuthMethod>,
        declared: bool,
    ) -> Self {
        Self {
            client_id,
            client_secret: methods.iter().any(|method| method.uses_secret()).then_some(client_secret),
            key: methods.contains(&AuthMethod::PrivateKeyJwt).then(|| SigningKey::generate(key, kid)),
            methods,
            declared,
        }
    }
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
    pub(crate) fn method(
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
