//! What the client under test is told.

use serde_json::{Map, Value};

use crosscheck_scenarios::{Call, Capability, Party, User};

use crate::registration::Registration;
use crate::stage::Stage;

impl Stage {
    /// The value of `MCP_CONFORMANCE_CONTEXT`.
    pub fn context(&self, flow_name: &str) -> Map<String, Value> {
        let client = &self.scenario.client;
        let mut context = Map::new();
        put(&mut context, "name", flow_name);
        put_registration(&mut context, "", self.registration(Party::As));
        put_registration(&mut context, "idp_", self.registration(Party::Idp));
        put(&mut context, "idp_id_token", &self.id_token);
        put(&mut context, "idp_issuer", self.urls.issuer(Party::Idp));
        if client.idp_token_endpoint {
            put(&mut context, "idp_token_endpoint", self.urls.token_endpoint(Party::Idp));
        }
        if let Some(token) = self.ledger.value("idp_access_token") {
            put(&mut context, "idp_access_token", &token);
        }
        if client.resource {
            put(&mut context, "resource", self.urls.resource(Party::Mcp));
        }
        if let Some(scope) = &client.scope {
            put(&mut context, "scope", scope);
        }
        if self.pins_issuer() {
            put(&mut context, "issuer", self.urls.issuer(Party::As));
        }
        if !client.calls.is_empty() {
            let calls = client.calls.iter().map(|call| self.call(call)).collect();
            context.insert("calls".to_owned(), calls);
        }
        context
    }

    /// A call with the credentials of the authorization server that protects the MCP server.
    fn call(&self, call: &Call) -> Value {
        let protector = self.scenario.protector(call.to);
        let mut told = Map::new();
        put(&mut told, "url", self.urls.resource(call.to));
        put(&mut told, "tool", &call.tool);
        put_registration(&mut told, "", self.registration(protector));
        put(&mut told, "issuer", self.urls.issuer(protector));
        if let (User::Second, Some(token)) = (call.user, self.ledger.value("other_id_token")) {
            put(&mut told, "id_token", &token);
        }
        told.into()
    }

    /// The issuer is told to a client that binds its credentials to one, and where a scenario needs it; a
    /// client that declares everything is not told it elsewhere, so that it shows its discovery.
    fn pins_issuer(&self) -> bool {
        let needs = &self.scenario.needs;
        let declares_all = Capability::all().iter().all(|word| self.declared.0.contains(word));
        let pinned = Capability::PinnedIssuer;
        let needed = needs.contains(&pinned) || needs.contains(&Capability::Calls);
        needed || (self.declared.0.contains(&pinned) && !declares_all)
    }
}

/// What a client knows of its registration; the keys begin with `prefix`.
fn put_registration(context: &mut Map<String, Value>, prefix: &str, registration: &Registration) {
    let mut put = |key: &str, value: &str| put(context, &format!("{prefix}{key}"), value);
    put("client_id", &registration.client_id);
    if let Some(secret) = &registration.client_secret {
        put("client_secret", secret);
    }
    if let Some(key) = &registration.key {
        put("private_key_pem", key.private_pem());
        put("signing_algorithm", "ES256");
    }
    if let ([method], true) = (registration.methods.as_slice(), registration.declared) {
        put("token_endpoint_auth_method", method.as_str());
    }
}

fn put(context: &mut Map<String, Value>, key: &str, value: &str) {
    context.insert(key.to_owned(), value.into());
}
