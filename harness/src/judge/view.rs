//! What the judge looks at: the client's exchanges by leg, the roles of minted values, the documents served.
//!
//! Nothing here is a verdict. Exchanges of another run and those of the servers among themselves are left out.

use std::fmt;

use crosscheck_scenarios::{Capability, EndpointName, Party, Scenario, Step};
use crosscheck_wire::ledger::{ValueFacts, ValueKind};
use crosscheck_wire::transcript::{Exchange, Mention, RegistrationFacts, Request};
use crosscheck_wire::{Alteration, Part, Text, Transcript};

use super::answer::{Nothing, Shape, shape};
use super::challenge;

/// One run, read once.
pub(super) struct View<'a> {
    /// The script.
    pub(super) scenario: &'a Scenario,
    /// The record.
    pub(super) transcript: &'a Transcript,
    /// What the client did, in order.
    pub(super) exchanges: Vec<&'a Exchange>,
    /// The token requests of the flow, in order.
    pub(super) token_requests: Vec<&'a Exchange>,
    /// Those of the first leg: token exchanges at the IdP.
    leg1: Vec<&'a Exchange>,
    /// Those of the second leg: grants at the resource authorization servers.
    leg2: Vec<&'a Exchange>,
}

/// What a minted value is in the flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// An access token for the MCP server.
    AccessToken,
    /// An ID-JAG.
    Grant,
    /// The access token that sign-on at the IdP returned.
    IdpAccessToken,
    /// A private key.
    Key,
    /// A refresh token of that server.
    RefreshToken(Party),
    /// The client's secret at that server.
    Secret(Party),
    /// An identity assertion of the IdP.
    SubjectToken,
}

/// What a metadata request asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WellKnown {
    /// RFC 8414.
    Oauth,
    /// OpenID Connect Discovery.
    Openid,
    /// RFC 9728.
    Resource,
}

impl<'a> View<'a> {
    pub(super) fn new(scenario: &'a Scenario, transcript: &'a Transcript) -> Self {
        let exchanges: Vec<_> = transcript.of_client().collect();
        let token_requests: Vec<_> =
            exchanges.iter().copied().filter(|exchange| is_of_flow(exchange)).collect();
        let (leg1, leg2) = token_requests.iter().partition(|exchange| exchange.party == Party::Idp);
        Self { scenario, transcript, exchanges, token_requests, leg1, leg2 }
    }

    /// Requests made to `party`.
    pub(super) fn to(&self, party: Party) -> impl Iterator<Item = &'a Exchange> {
        self.exchanges.iter().copied().filter(move |exchange| exchange.party == party)
    }

    /// Requests made to the MCP servers.
    pub(super) fn to_mcp_servers(&self) -> impl Iterator<Item = &'a Exchange> {
        self.exchanges.iter().copied().filter(|exchange| exchange.party.is_mcp_server())
    }

    /// Requests to the MCP endpoints, challenged ones included.
    pub(super) fn mcp(&self) -> impl Iterator<Item = &'a Exchange> {
        let here = [EndpointName::Mcp, EndpointName::Authorization];
        self.to_mcp_servers().filter(move |exchange| here.contains(&exchange.endpoint))
    }

    /// The token requests of the flow: at the IdP, or at the resource authorization servers.
    pub(super) fn leg(&self, party: Party) -> &[&'a Exchange] {
        if party == Party::Idp { &self.leg1 } else { &self.leg2 }
    }

    /// Whether a request is one of these.
    pub(super) fn is_token_request(&self, exchange: &Exchange) -> bool {
        self.token_requests.iter().any(|other| other.number == exchange.number)
    }

    /// Whether the grant came from outside, so that the first leg is not the client's.
    pub(super) fn leg1_is_outside(&self) -> bool {
        self.leg1.is_empty() && self.transcript.declared.contains(&Capability::Leg1Outside)
    }

    /// How the client is registered at an authorization server.
    pub(super) fn registration(&self, party: Party) -> &'a RegistrationFacts {
        self.transcript.registrations.get(&party).unwrap_or(&UNREGISTERED)
    }

    /// An identifier or URL of the stage.
    pub(super) fn stage(&self, name: &str) -> &'a str {
        self.transcript.stage.get(name).map_or("", String::as_str)
    }

    /// The issuer identifier of an authorization server.
    pub(super) fn issuer(&self, party: Party) -> &'a str {
        self.stage(&format!("{party}.issuer"))
    }

    /// The resource identifier of an MCP server.
    pub(super) fn resource(&self, party: Party) -> &'a str {
        self.stage(&format!("{party}.resource"))
    }

    /// Whether the client knows from its configuration at which issuer its credentials are good.
    pub(super) fn is_bound(&self) -> bool {
        self.transcript.context.iter().any(|key| key == "issuer")
    }

    /// What is known of the minted value called `name`.
    pub(super) fn facts(&self, name: &str) -> Option<&'a ValueFacts> {
        self.transcript.values.iter().find(|facts| facts.name == name)
    }

    /// The role of the minted value called `name`; `None` for an identifier.
    pub(super) fn role(&self, name: &str) -> Option<Role> {
        let facts = self.facts(name)?;
        match (facts.kind, facts.travels_to.as_slice()) {
            (ValueKind::Identifier, _) => None,
            (ValueKind::Credential, []) => Some(Role::Key),
            (ValueKind::Credential, [party, ..]) => Some(Role::Secret(*party)),
            (ValueKind::Token, _) if name == "idp_access_token" => Some(Role::IdpAccessToken),
            (ValueKind::Token, [party, ..]) if name.contains("refresh_token") => {
                Some(Role::RefreshToken(*party))
            }
            (ValueKind::Token, [Party::As | Party::As2 | Party::Trap, ..]) => Some(Role::Grant),
            (ValueKind::Token, [Party::Mcp | Party::Mcp2, ..]) => Some(Role::AccessToken),
            (ValueKind::Token, _) => Some(Role::SubjectToken),
        }
    }

    /// The role of the value that `text` is, exactly or nearly.
    pub(super) fn role_of(&self, text: &Text) -> Option<Role> {
        meant(text).and_then(|(name, _)| self.role(name))
    }

    /// Whether `text` is, character by character, a value of that role.
    pub(super) fn is(&self, text: &Text, role: Role) -> bool {
        text.as_value().and_then(|name| self.role(name)) == Some(role)
    }

    /// Where values of a role stand in a request.
    pub(super) fn mentions(&self, exchange: &'a Exchange, role: Role) -> impl Iterator<Item = &'a Mention> {
        exchange.request.mentions.iter().filter(move |mention| self.role(&mention.name) == Some(role))
    }

    /// Whether a token request was answered with a token that is good for the next step.
    pub(super) fn granted(&self, exchange: &Exchange) -> bool {
        shape(exchange) == Shape::Token
    }

    /// What the script makes of the answer of a token endpoint; `None` where the server answers as it should.
    pub(super) fn script(&self, exchange: &Exchange) -> Option<&'a Step> {
        let is_same =
            |other: &&Exchange| (other.party, other.endpoint) == (exchange.party, EndpointName::Token);
        let is_answered = |other: &&Exchange| is_same(other) && other.request.method == "POST";
        let before = self.transcript.exchanges.iter().filter(|other| other.number < exchange.number);
        let steps = match exchange.party {
            Party::Idp => &self.scenario.idp.token,
            party => &self.scenario.as_script(party).token,
        };
        let step = steps.get(before.filter(is_answered).count()).or(steps.last());
        step.filter(|step| **step != Step::default() && exchange.endpoint == EndpointName::Token)
    }

    /// Whether the MCP server took the access token that a request carries in its header.
    pub(super) fn accepted(&self, exchange: &'a Exchange) -> bool {
        let carried = self.mentions(exchange, Role::AccessToken).any(|mention| mention.at == "authorization");
        carried && (200..300).contains(&exchange.response.status)
    }

    /// Whether the MCP server was reached.
    pub(super) fn is_authorized(&self) -> bool {
        self.mcp().any(|exchange| self.accepted(exchange))
    }

    /// Values of a challenge parameter in what the MCP servers refused, each with its exchange.
    pub(super) fn challenged(&self, parameter: &'a str) -> impl Iterator<Item = (&'a Exchange, String)> {
        self.to_mcp_servers().flat_map(move |exchange| {
            let lines = challenge::lines(exchange).into_iter();
            lines.filter_map(move |line| Some((exchange, challenge::parameter(&line, parameter)?)))
        })
    }

    /// The URL that a request was made to.
    pub(super) fn url(&self, exchange: &Exchange) -> String {
        let query = exchange.request.raw_query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", self.url_without_query(exchange))
    }

    /// The same without its query.
    pub(super) fn url_without_query(&self, exchange: &Exchange) -> String {
        // One server may answer at several origins; the client says at which it believes itself.
        let host = exchange.request.header("host").map(|host| format!("http://{host}").to_ascii_lowercase());
        let known = |host: &String| {
            self.transcript.stage.iter().any(|(name, url)| name.ends_with(".origin") && url == host)
        };
        let origin = host.filter(known).unwrap_or_else(|| self.origin(exchange.party).to_owned());
        format!("{origin}{}", exchange.request.path)
    }

    /// The origin of a party.
    pub(super) fn origin(&self, party: Party) -> &'a str {
        self.stage(&format!("{party}.origin"))
    }

    /// How the client ended, as the end of a sentence.
    pub(super) fn ending(&self) -> String {
        format!("the client {}", self.transcript.client.ended)
    }
}

/// The minted value that `text` is as a whole, and how it was altered if it was.
pub(super) fn meant(text: &Text) -> Option<(&str, Option<Alteration>)> {
    let exact = text.as_value().map(|name| (name, None));
    exact.or_else(|| text.as_altered().map(|(name, how)| (name, Some(how))))
}

/// What the `Authorization` header carries behind its scheme.
pub(crate) struct Authorization {
    /// The scheme as sent.
    pub(crate) scheme: String,
    /// The credentials.
    pub(crate) credentials: Text,
}

/// The `Authorization` header of a request.
pub(crate) fn authorization(request: &Request) -> Option<Authorization> {
    let parts = request.header("authorization")?.parts();
    let Some((Part::Plain(first), rest)) = parts.split_first() else {
        return Some(Authorization { scheme: String::new(), credentials: Text::from_parts(parts.to_vec()) });
    };
    let (scheme, start) = first.split_once(' ').unwrap_or((first, ""));
    let start = Part::Plain(start.to_owned());
    let credentials = Text::from_parts(std::iter::once(start).chain(rest.iter().cloned()).collect());
    Some(Authorization { scheme: scheme.to_owned(), credentials })
}

/// What a metadata request asks for, whether or not it is served there.
pub(super) fn well_known(exchange: &Exchange) -> Option<WellKnown> {
    let path = exchange.request.path.to_string();
    let kinds = [
        ("/.well-known/oauth-authorization-server", WellKnown::Oauth),
        ("/.well-known/openid-configuration", WellKnown::Openid),
        ("/.well-known/oauth-protected-resource", WellKnown::Resource),
    ];
    let by_path = kinds.into_iter().find(|(known, _)| path.contains(known)).map(|(_, kind)| kind);
    by_path.or(match exchange.endpoint {
        EndpointName::OauthMetadata => Some(WellKnown::Oauth),
        EndpointName::OpenidMetadata => Some(WellKnown::Openid),
        EndpointName::ResourceMetadata => Some(WellKnown::Resource),
        _ => None,
    })
}

/// Whether a server refused, or broke the connection off.
pub(super) fn refused(exchange: &Exchange) -> bool {
    exchange.response.status == 0 || exchange.response.status >= 400
}

/// Whether an answer of a token endpoint is a refusal: no success, or an error in place of the token.
pub(super) fn token_refused(exchange: &Exchange) -> bool {
    matches!(shape(exchange), Shape::Broken | Shape::Refusal | Shape::Nothing(Nothing::Error))
}

/// A value of a parameter, from the body or, wrongly, from the URL.
pub(super) fn says(request: &Request, name: &str) -> bool {
    request.param(name).is_some() || request.query.iter().any(|param| param.name == name && !param.is_empty())
}

/// A request and its answer in one line: `POST as /token, 400 invalid_grant (aud is another server)`.
pub(super) struct Line<'a>(pub(super) &'a Exchange);

impl fmt::Display for Line<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exchange { party, request, response, refusal, .. } = self.0;
        write!(out, "{} {party} {}", request.method, request.path)?;
        match (response.status, response.member("error")) {
            (0, _) => out.write_str(", connection closed")?,
            (status, Some(code)) => write!(out, ", {status} {code:.40}")?,
            (status, None) => write!(out, ", {status}")?,
        }
        if refusal.is_empty() { Ok(()) } else { write!(out, " ({refusal})") }
    }
}

/// Whether an exchange is a token request of the flow, right or wrong.
fn is_of_flow(exchange: &Exchange) -> bool {
    let request = &exchange.request;
    let marked = MARKS.iter().any(|name| says(request, name));
    let posted = request.method == "POST";
    let asks = match exchange.endpoint {
        EndpointName::Token => posted || marked,
        _ => posted && marked,
    };
    let grant_type = request.param("grant_type").map(|param| param.value.to_string());
    let other = grant_type.is_some_and(|grant_type| OTHER_GRANTS.contains(&grant_type.as_str()));
    // A grant that is sent back to the IdP is no exchange; an ID token there is one, however it is called.
    let returned = exchange.party == Party::Idp
        && !says(request, "subject_token")
        && request
            .mentions
            .iter()
            .any(|mention| mention.at == "assertion" && mention.name.starts_with("id_jag#"));
    (exchange.party == Party::Idp || exchange.party.is_authorization_server()) && asks && !other && !returned
}

/// What is known of a client where it is not registered.
static UNREGISTERED: RegistrationFacts =
    RegistrationFacts { methods: Vec::new(), declared: false, needs_encoding: false };

/// Parameters by which a token request of the flow is known.
const MARKS: [&str; 4] = ["grant_type", "subject_token", "requested_token_type", "assertion"];

/// Grants that are no step of the flow: sign-on, renewal, other flows.
pub(crate) const OTHER_GRANTS: [&str; 5] = [
    "authorization_code",
    "client_credentials",
    "password",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
];
