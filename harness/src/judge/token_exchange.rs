//! The first leg: the token exchange at the IdP.
//!
//! RFC 8693 section 2.1, ID-JAG draft -04 section 4.3, MCP Enterprise-Managed Authorization section 4. Who the
//! client is and how it proves it is judged in `client_authentication`.

use std::collections::BTreeSet;

use crosscheck_scenarios::{Party, Tolerance};
use crosscheck_wire::constants::{GRANT_TYPE_TOKEN_EXCHANGE, TOKEN_TYPE_ID_JAG, TOKEN_TYPE_ID_TOKEN};
use crosscheck_wire::transcript::Exchange;

use super::evidence::{Breach, Evidence, Rule, rule};
use super::identifier::is_near;
use super::token_request::{
    self, each, encoding_roundtrip, every, fixed, is_readable, no_duplicates, nothing_in_url, seen,
    wrongly_encoded,
};
use super::view::{Role, View, refused};

pub(super) const RULES: &[Rule] = &[
    rule("tx-post-form", |view| token_request::post_form(view, Party::Idp)),
    rule("tx-nothing-in-url", |view| nothing_in_url(view, Party::Idp)),
    rule("tx-grant-type", grant_type),
    rule("tx-requested-token-type", requested_token_type),
    rule("tx-audience-is-as-issuer", audience),
    rule("tx-resource-is-prm-resource", resource),
    rule("tx-resource-required-2025", resource_required),
    rule("tx-resource-recommended", resource_required),
    rule("tx-resource-syntax", resource_syntax),
    rule("tx-subject-token-verbatim", subject_token),
    rule("tx-subject-token-type", subject_token_type),
    rule("tx-subject-not-access-token", subject_is_no_access_token),
    rule("tx-scope-format", scope_format),
    rule("tx-no-duplicates", |view| no_duplicates(view, Party::Idp, &["audience", "resource"])),
    rule("tx-encoding-roundtrip", |view| encoding_roundtrip(view, Party::Idp)),
];

fn grant_type(view: &View<'_>) -> Evidence {
    let what = "`grant_type` is not that of a token exchange.";
    every(view, Party::Idp, |exchange| {
        let breach = fixed(exchange, "grant_type", GRANT_TYPE_TOKEN_EXCHANGE, what);
        breach.filter(|_| is_readable(exchange))
    })
}

fn requested_token_type(view: &View<'_>) -> Evidence {
    let what = "The exchange does not ask for an ID-JAG.";
    each(view, Party::Idp, |exchange| fixed(exchange, "requested_token_type", TOKEN_TYPE_ID_JAG, what))
}

fn audience(view: &View<'_>) -> Evidence {
    let mut known: Vec<_> = Party::AUTHORIZATION_SERVERS.map(|party| view.issuer(party)).into();
    known.extend(view.resource_documents().flat_map(|document| document.servers()));
    known.retain(|issuer| !issuer.is_empty());
    each(view, Party::Idp, |exchange| {
        let sent: Vec<_> = exchange.request.all("audience").map(|param| param.value.to_string()).collect();
        if sent.is_empty() {
            let what = "The exchange does not say which authorization server the ID-JAG is for.";
            return Some(Breach::new(exchange, what).compare(
                "audience",
                known.first().copied().unwrap_or_default(),
                seen(exchange, "audience"),
            ));
        }
        let wrong = sent.iter().find(|sent| !known.contains(&sent.as_str()))?;
        let what = "The ID-JAG is requested for something that is not the issuer of the resource authorization server.";
        Some(identifier(view, exchange, ("audience", what), &known, wrong))
    })
}

fn resource(view: &View<'_>) -> Evidence {
    let known = resources(view);
    let leg = view.leg(Party::Idp);
    if !leg.is_empty() && leg.iter().all(|exchange| exchange.request.param("resource").is_none()) {
        return Evidence::NotApplicable("the exchange names no resource, which it need not");
    }
    each(view, Party::Idp, |exchange| {
        let sent = exchange.request.all("resource").map(|param| param.value.to_string());
        let wrong = sent.into_iter().find(|sent| !known.contains(&sent.as_str()))?;
        let what = "The ID-JAG is requested for something that is not the MCP server's resource identifier.";
        Some(identifier(view, exchange, ("resource", what), &known, &wrong))
    })
}

/// The identifiers that pass for those of the MCP servers.
pub(super) fn resources<'a>(view: &View<'a>) -> Vec<&'a str> {
    let own = Party::MCP_SERVERS.map(|party| view.resource(party)).into_iter();
    let published = view.resource_documents().filter_map(|document| document.text("resource"));
    own.chain(published).filter(|resource| !resource.is_empty()).collect()
}

fn resource_required(view: &View<'_>) -> Evidence {
    each(view, Party::Idp, |exchange| {
        exchange.request.param("resource").is_none().then(|| {
            let breach = Breach::new(exchange, "The exchange names no resource.");
            breach.compare("resource", view.stage("mcp.resource"), seen(exchange, "resource"))
        })
    })
}

fn resource_syntax(view: &View<'_>) -> Evidence {
    each(view, Party::Idp, |exchange| {
        let sent = exchange.request.all("resource").map(|param| param.value.to_string());
        let wrong = sent.into_iter().find(|sent| !is_absolute_uri(sent))?;
        let breach = Breach::new(exchange, "`resource` is no absolute URI without a fragment.");
        Some(breach.compare("resource", view.stage("mcp.resource"), wrong))
    })
}

fn subject_token(view: &View<'_>) -> Evidence {
    each(view, Party::Idp, |exchange| {
        let sent = exchange.request.param("subject_token");
        let right = sent.is_some_and(|param| {
            view.is(&param.value, Role::SubjectToken) || wrongly_encoded(param).is_some()
        });
        (!right).then(|| {
            let breach =
                Breach::new(exchange, "`subject_token` is not the identity assertion as it was issued.");
            breach.compare("subject_token", "«id_token»", seen(exchange, "subject_token"))
        })
    })
}

fn subject_token_type(view: &View<'_>) -> Evidence {
    let what = "`subject_token_type` does not say what the subject token is.";
    each(view, Party::Idp, |exchange| fixed(exchange, "subject_token_type", TOKEN_TYPE_ID_TOKEN, what))
}

fn subject_is_no_access_token(view: &View<'_>) -> Evidence {
    if !view.transcript.values.iter().any(|value| view.role(&value.name) == Some(Role::IdpAccessToken)) {
        return Evidence::NotApplicable("the client was given no access token of the IdP");
    }
    each(view, Party::Idp, |exchange| {
        let sent = &exchange.request.param("subject_token")?.value;
        (view.role_of(sent) == Some(Role::IdpAccessToken)).then(|| {
            let breach = Breach::new(exchange, "The access token from sign-on is used as the subject token.");
            breach.compare("subject_token", "«id_token»", sent.to_string())
        })
    })
}

fn scope_format(view: &View<'_>) -> Evidence {
    let leg = view.leg(Party::Idp);
    if !leg.is_empty() && leg.iter().all(|exchange| exchange.request.param("scope").is_none()) {
        return Evidence::NotApplicable("the exchange names no scope, which it need not");
    }
    let known = known_scopes(view);
    each(view, Party::Idp, |exchange| {
        let sent = exchange.request.param("scope")?.value.to_string();
        (!is_scope(&sent, &known)).then(|| {
            let breach =
                Breach::new(exchange, "`scope` is no list of scopes with single spaces between them.");
            breach.compare("scope", "scope tokens, one space between two", format!("`{sent}`"))
        })
    })
}

/// Every scope that the stage talks about.
pub(super) fn known_scopes(view: &View<'_>) -> BTreeSet<String> {
    let scenario = view.scenario;
    let servers = || scenario.second_mcp.iter().chain([&scenario.mcp]);
    let configured = scenario.client.scope.iter().chain(servers().flat_map(|mcp| &mcp.challenge_scope));
    let listed = servers().flat_map(|mcp| mcp.scopes_supported.iter().chain(mcp.required_scopes.values()));
    let challenged = view.challenged("scope").map(|(_, scope)| scope);
    let published = view.resource_documents().chain(view.server_documents());
    let published = published.flat_map(|document| document.texts("scopes_supported")).map(str::to_owned);
    let texts: Vec<_> = configured.chain(listed).cloned().chain(challenged).chain(published).collect();
    texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect()
}

/// Scope tokens of RFC 6749 section 3.3, one space between two. A comma or plus is a legal character, unless it
/// stands between scopes that the stage knows.
fn is_scope(text: &str, known: &BTreeSet<String>) -> bool {
    let legal = |token: &str| {
        !token.is_empty() && token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    };
    let joined = |token: &str| {
        let pieces: Vec<_> = token.split([',', '+', ';']).collect();
        !known.contains(token) && pieces.len() > 1 && pieces.iter().all(|piece| known.contains(*piece))
    };
    text.split(' ').all(|token| legal(token) && !joined(token))
}

/// A scheme, something behind it, and neither fragment nor white space (RFC 3986 section 4.3).
fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let named = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    named && !rest.is_empty() && !rest.contains(|c: char| c == '#' || c.is_whitespace())
}

/// A wrong identifier. A near miss is tolerated, unless an exact server refused because of it.
pub(super) fn identifier(
    view: &View<'_>,
    exchange: &Exchange,
    (name, what): (&str, &str),
    known: &[&str],
    wrong: &str,
) -> Breach {
    let near = known.iter().find(|known| is_near(known, wrong));
    let breach =
        Breach::new(exchange, what).compare(name, near.or(known.first()).copied().unwrap_or_default(), wrong);
    breach.tolerated(near.is_some() && !refused_by_exact_server(view, exchange))
}

fn refused_by_exact_server(view: &View<'_>, exchange: &Exchange) -> bool {
    let here = view.scenario.idp.targets == Tolerance::Exact && refused(exchange);
    let mut later = view.leg(Party::As).iter().filter(|other| other.number > exchange.number);
    here || (view.scenario.resource_as.targets == Tolerance::Exact && later.any(|other| refused(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_is_wrong_only_between_scopes_that_are_known() {
        let known = ["files:read", "files:write", "a,b"].map(str::to_owned).into();
        for right in ["files:read", "files:write files:read", "x,y", "a,b", "https://rs.example/x.y"] {
            assert!(is_scope(right, &known), "{right}");
        }
        for wrong in ["files:read,files:write", "files:read+files:write", "a  b", " a", r#"["a"]"#] {
            assert!(!is_scope(wrong, &known), "{wrong}");
        }
    }

    #[test]
    fn a_resource_is_an_absolute_uri_without_a_fragment() {
        for right in ["http://127.0.0.1:1/mcp", "https://rs.example", "urn:x:y"] {
            assert!(is_absolute_uri(right), "{right}");
        }
        for wrong in ["/mcp", "mcp", "http://rs/mcp#x", "http://rs/a b", "http:"] {
            assert!(!is_absolute_uri(wrong), "{wrong}");
        }
    }
}
