//! Redirects to another origin: nothing secret follows them.
//!
//! RFC 6749 section 10.8, RFC 6750 section 5.3, RFC 9700 sections 4.9.1 and 4.12.

use crosscheck_scenarios::Party;
use crosscheck_wire::transcript::Exchange;

use super::evidence::{Breach, Evidence, Rule, rule, rule_at_each};
use super::identifier::{is_near, origin};
use super::view::{Role, View};

pub(super) const RULES: &[Rule] =
    &[rule_at_each("http-redirect-secret", secret), rule("res-redirect-token", access_token)];

fn secret(view: &View<'_>, party: Party) -> Evidence {
    let what = "A secret follows the redirect of a token endpoint to another origin.";
    followed(view, view.leg(party), what, |role| role != Role::AccessToken)
}

fn access_token(view: &View<'_>) -> Evidence {
    let what = "The access token follows a redirect of the MCP server to another origin.";
    followed(view, &view.mcp().collect::<Vec<_>>(), what, |role| role == Role::AccessToken)
}

/// Requests to where one of `exchanges` was redirected, on another origin, that carry a value of such a role.
fn followed(view: &View<'_>, exchanges: &[&Exchange], what: &str, is: impl Fn(Role) -> bool) -> Evidence {
    let redirected: Vec<_> =
        exchanges.iter().filter_map(|exchange| Some((*exchange, target(view, exchange)?))).collect();
    if redirected.is_empty() {
        return Evidence::NotApplicable("nothing was redirected to another origin");
    }
    let breaches = view.exchanges.iter().filter_map(|exchange| {
        let url = view.url(exchange);
        let (from, _) =
            redirected.iter().rev().find(|(from, to)| from.number < exchange.number && is_near(to, &url))?;
        let mut mentions = exchange.request.mentions.iter();
        let carried = mentions.find(|mention| view.role(&mention.name).is_some_and(&is))?;
        let expected = format!("at {} only", from.party);
        Some(Breach::new(exchange, what).compare(
            &format!("«{}»", carried.name),
            expected,
            format!("at {url}"),
        ))
    });
    view.bait(breaches.collect())
}

/// Whether the client went where an answer redirects to on another origin.
pub(super) fn is_followed(view: &View<'_>, from: &Exchange) -> bool {
    target(view, from).is_some_and(|to| {
        view.exchanges
            .iter()
            .any(|exchange| exchange.number > from.number && is_near(&to, &view.url(exchange)))
    })
}

/// Where an answer redirects to, if that is another origin.
fn target(view: &View<'_>, exchange: &Exchange) -> Option<String> {
    let redirects = matches!(exchange.response.status, 301 | 302 | 303 | 307 | 308);
    let location = exchange.response.headers.iter().find(|header| redirects && header.name == "location")?;
    let target = location.value.to_string();
    (!origin(&target).is_empty() && origin(&target) != origin(&view.url(exchange))).then_some(target)
}
