//! Metadata that servers gave the client, and whose it says it is.

use serde_json::{Map, Value};

use crosscheck_scenarios::Party;
use crosscheck_wire::transcript::Exchange;

use super::identifier::{is_near, without_query};
use super::view::{View, WellKnown, well_known};

/// A JSON object that was served with 200 where metadata is looked for.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    /// The exchange that served it.
    pub(super) exchange: &'a Exchange,
    /// Its members.
    pub(super) members: &'a Map<String, Value>,
}

/// What a document says of whose it is, beside the identifier that it was asked for by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Claim {
    /// Nothing that can be read.
    Absent,
    /// The same but for what servers are known to forgive.
    Near,
    /// Another.
    Other,
    /// The same, character by character.
    Own,
}

impl<'a> Document<'a> {
    fn of(exchange: &'a Exchange) -> Option<Self> {
        let members = exchange.response.body.json.as_ref()?.as_object()?;
        (exchange.response.status == 200).then_some(Self { exchange, members })
    }

    /// A member that is a string.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.members.get(name)?.as_str()
    }

    /// The strings of a member that is a list.
    pub(super) fn texts(&self, name: &str) -> Vec<&'a str> {
        let list = self.members.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The authorization servers that protected resource metadata lists.
    pub(super) fn servers(&self) -> Vec<&'a str> {
        self.texts("authorization_servers")
    }

    /// Whether protected resource metadata is about that resource.
    pub(super) fn resource(&self, own: &str) -> Claim {
        claim(self.text("resource"), &[own])
    }

    /// Whether authorization server metadata is that of the issuer by which it was asked for.
    pub(super) fn issuer(&self, view: &View<'_>) -> Claim {
        let asked = self.asked_by(view);
        claim(self.text("issuer"), &asked.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The issuer by which authorization server metadata was asked for, in every spelling that leads to its URL.
    pub(super) fn asked_by(&self, view: &View<'_>) -> Vec<String> {
        let asked = issuer_of_url(&view.url_without_query(self.exchange));
        let names = [Party::Idp, Party::As, Party::As2, Party::Trap].map(|party| view.issuer(party));
        let lists: Vec<_> = view.resource_documents().flat_map(|document| document.servers()).collect();
        let same = names.into_iter().chain(lists).filter(|name| is_near(name, &asked)).map(str::to_owned);
        let same: Vec<_> = same.collect();
        if same.is_empty() { vec![asked] } else { same }
    }

    /// Whether a request goes to the token endpoint that the document names.
    pub(super) fn names_endpoint_of(&self, view: &View<'_>, exchange: &Exchange) -> bool {
        let endpoint = self.text("token_endpoint").map(without_query);
        endpoint.is_some_and(|endpoint| is_near(endpoint, &view.url_without_query(exchange)))
    }

    /// Whether a member is none of those `known`, or null.
    pub(super) fn has_extra_members(&self, known: &[&str]) -> bool {
        self.members.iter().any(|(name, value)| value.is_null() || !known.contains(&name.as_str()))
    }
}

impl<'a> View<'a> {
    /// Protected resource metadata that the client was given.
    pub(super) fn resource_documents(&self) -> impl Iterator<Item = Document<'a>> {
        let asked =
            self.to_mcp_servers().filter(|exchange| well_known(exchange) == Some(WellKnown::Resource));
        asked.filter_map(Document::of)
    }

    /// Authorization server metadata that the client was given, by whomever.
    pub(super) fn server_documents(&self) -> impl Iterator<Item = Document<'a>> {
        let kinds = [Some(WellKnown::Oauth), Some(WellKnown::Openid)];
        let asked =
            self.exchanges.iter().copied().filter(move |exchange| kinds.contains(&well_known(exchange)));
        asked.filter_map(Document::of)
    }

    /// Authorization server metadata that a party gave the client before request `number`, the newest first.
    pub(super) fn metadata(&self, party: Party, number: usize) -> impl Iterator<Item = Document<'a>> {
        let before = move |document: &Document<'_>| {
            document.exchange.party == party && document.exchange.number < number
        };
        let served: Vec<_> = self.server_documents().filter(before).collect();
        served.into_iter().rev()
    }

    /// The newest authorization server metadata before a request that names the endpoint it goes to.
    pub(super) fn source_of_endpoint(&self, exchange: &Exchange) -> Option<Document<'a>> {
        let names = |document: &Document<'_>| {
            document.exchange.number < exchange.number && document.names_endpoint_of(self, exchange)
        };
        self.server_documents().filter(names).last()
    }
}

/// The issuer for which a well-known URL is built (RFC 8414 section 3.1, OpenID Connect Discovery section 4.1).
fn issuer_of_url(url: &str) -> String {
    let Some((before, after)) = url.split_once("/.well-known/") else { return url.to_owned() };
    let path = after.find('/').map_or("", |at| &after[at..]);
    format!("{before}{path}")
}

fn claim(said: Option<&str>, expected: &[&str]) -> Claim {
    match said {
        None => Claim::Absent,
        Some(said) if expected.contains(&said) => Claim::Own,
        Some(said) if expected.iter().any(|expected| is_near(said, expected)) => Claim::Near,
        Some(_) => Claim::Other,
    }
}

/// Whether the server of `document` gave metadata of its own before a request as well.
pub(super) fn has_own(view: &View<'_>, document: &Document<'_>, exchange: &Exchange) -> bool {
    view.metadata(document.exchange.party, exchange.number).any(|other| other.issuer(view) == Claim::Own)
}

/// A JSON value for people.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Every string in a JSON value.
pub(super) fn strings(value: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) => found.push(text.as_str()),
            Value::Array(items) => left.extend(items),
            Value::Object(members) => left.extend(members.values()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_read_from_each_form_of_well_known_url() {
        for (url, issuer) in [
            ("http://as/.well-known/oauth-authorization-server", "http://as"),
            ("http://as/.well-known/oauth-authorization-server/t1", "http://as/t1"),
            ("http://as/.well-known/openid-configuration/t1", "http://as/t1"),
            ("http://as/t1/.well-known/openid-configuration", "http://as/t1"),
        ] {
            assert_eq!(issuer_of_url(url), issuer);
        }
    }
}
