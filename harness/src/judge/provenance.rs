//! Where tokens come from and where they may go: from subject token through grant to access token.

use crosscheck_scenarios::Party;
use crosscheck_wire::transcript::Exchange;

use super::evidence::{Breach, Evidence};
use super::view::{Role, View};

impl<'a> View<'a> {
    /// The token request that was answered with the token called `name`.
    pub(super) fn issued_in(&self, name: &str) -> Option<&'a Exchange> {
        let legs = self.leg(Party::Idp).iter().chain(self.leg(Party::As)).copied();
        legs.into_iter().find(|exchange| issues(exchange, name))
    }

    /// The exchange at the IdP from which a grant or an access token descends.
    pub(super) fn origin_of(&self, name: &str) -> Option<&'a Exchange> {
        let issued = self.issued_in(name)?;
        match self.role(name)? {
            Role::AccessToken => self.origin_of(
                issued.request.param("assertion")?.value.as_value().filter(|grant| *grant != name)?,
            ),
            _ => Some(issued),
        }
    }

    /// The access token in the `Authorization` header of a request.
    pub(super) fn bearer(&self, exchange: &'a Exchange) -> Option<&'a str> {
        let carried =
            self.mentions(exchange, Role::AccessToken).find(|mention| mention.at == "authorization");
        carried.map(|mention| mention.name.as_str())
    }

    /// The last request before `number` that carried an access token to an MCP server.
    pub(super) fn last_authorized(&self, number: usize) -> Option<&'a Exchange> {
        self.mcp().filter(|exchange| exchange.number < number && self.bearer(exchange).is_some()).last()
    }

    /// The grant that a token request presents.
    pub(super) fn grant(&self, exchange: &'a Exchange) -> Option<&'a str> {
        let name = exchange.request.param("assertion")?.value.as_value()?;
        (self.role(name) == Some(Role::Grant)).then_some(name)
    }

    /// The MCP server for which an exchange is made: the only one there is, or the first that is shown what comes
    /// of it.
    pub(super) fn destination(&self, leg1: &Exchange) -> Option<Party> {
        let first = self.mcp().next()?.party;
        if self.mcp().all(|exchange| exchange.party == first) {
            return Some(first);
        }
        let descends = |exchange: &&'a Exchange| {
            let origin = self.bearer(exchange).and_then(|token| self.origin_of(token));
            origin.is_some_and(|origin| origin.number == leg1.number)
        };
        self.mcp().find(descends).map(|exchange| exchange.party)
    }

    /// Whether the value called `name` may be sent to `party`.
    pub(super) fn may_travel(&self, name: &str, party: Party) -> bool {
        let Some(facts) = self.facts(name) else { return true };
        // Without `resource` nobody said for which of several MCP servers the token is.
        let unnamed = || self.origin_of(name).is_some_and(|leg1| leg1.request.param("resource").is_none());
        facts.travels_to.contains(&party)
            || (party.is_mcp_server() && self.role(name) == Some(Role::AccessToken) && unnamed())
    }

    /// The first secret or token in a request to a party that it is not for.
    pub(super) fn astray(&self, exchange: &'a Exchange) -> Option<&'a str> {
        let names = exchange.request.mentions.iter().map(|mention| mention.name.as_str());
        let mut astray =
            names.filter(|name| self.role(name).is_some() && !self.may_travel(name, exchange.party));
        astray.next()
    }

    /// The evidence of a bait that was taken: its breaches, and every request after the first of them in which
    /// something goes astray, so that the leaks are told with it.
    pub(super) fn bait(&self, mut breaches: Vec<Breach>) -> Evidence {
        let Some(first) =
            breaches.iter().filter_map(|breach| Some((breach.exchange?, breach))).min_by_key(|(at, _)| *at)
        else {
            return Evidence::of(breaches);
        };
        let (from, pattern) = (first.0, first.1.clone());
        let told: Vec<_> = breaches.iter().filter_map(|breach| breach.exchange).collect();
        let later = self.exchanges.iter().filter(|exchange| exchange.number > from);
        let strays = later.filter(|exchange| !told.contains(&exchange.number)).filter_map(|exchange| {
            let astray = self.astray(exchange)?;
            let home = self.facts(astray)?.travels_to.first()?;
            let breach = Breach::new(exchange, &pattern.what).tolerated(pattern.tolerated);
            Some(breach.compare(&format!("«{astray}»"), format!("at {home} only"), self.url(exchange)))
        });
        let strays: Vec<_> = strays.collect();
        breaches.extend(strays);
        Evidence::of(breaches)
    }
}

fn issues(exchange: &Exchange, name: &str) -> bool {
    exchange.response.mentions.iter().any(|mention| mention.name == name)
}
