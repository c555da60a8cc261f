//! What the client does about a refusal by the MCP server.
//!
//! RFC 6750 section 3.1 and the step-up flow of MCP 2026-07-28. A token that was good and is refused is
//! replaced once, the scope is widened once; everything else is reported.

use crate::Fault;
use crate::challenge::BearerChallenge;
use crate::client::Client;
use crate::outcome::Cause;

/// What makes the same requests worth another try.
pub(crate) enum Remedy {
    /// A whole new flow.
    NewFlow,
    /// A token for this scope.
    Scope(Option<String>),
}

/// How often a fault tries what an honest client tries once.
const LOOP: usize = 8;

impl Client {
    /// The remedy for `cause`, if there is one that was not tried yet.
    ///
    /// `taken` says whether the token has been good, `renewals` counts the new flows so far, `asked` is the
    /// scope that was asked for.
    pub(crate) fn remedy(
        &self,
        cause: &Cause,
        challenge: &BearerChallenge,
        taken: bool,
        renewals: usize,
        asked: Option<&str>,
    ) -> Option<Remedy> {
        match cause.status() {
            Some(401) if self.has(Fault::LoopsOn401) => (renewals < LOOP).then_some(Remedy::NewFlow),
            Some(401) if taken && renewals == 0 && !self.has(Fault::GivesUpOn401) => Some(Remedy::NewFlow),
            Some(403) => {
                let scope = self.scope_after(challenge, asked)?;
                let asked_for_more = &mut self.kept.borrow_mut().asked_for_more;
                *asked_for_more += 1;
                let limit = if self.has(Fault::LoopsOn403) { LOOP } else { 1 };
                (*asked_for_more <= limit).then_some(Remedy::Scope(scope))
            }
            _ => None,
        }
    }

    /// The scope to ask for after a 403, if asking is of any use: what was asked for and what is missing.
    fn scope_after(&self, challenge: &BearerChallenge, asked: Option<&str>) -> Option<Option<String>> {
        let insufficient = challenge.error.as_deref() == Some("insufficient_scope")
            && !self.has(Fault::ReportsInsufficientScope);
        let missing = challenge.scope.as_deref();
        let missing = missing.or(self.has(Fault::UndefinedScopeOnStepUp).then_some("undefined"));
        match missing.filter(|_| insufficient) {
            Some(missing) if self.has(Fault::StepUpDropsScopes) => Some(Some(missing.to_owned())),
            Some(missing) => Some(Some(union(asked.unwrap_or_default(), missing))),
            None => self.has(Fault::ExchangesOnAny403).then(|| asked.map(str::to_owned)),
        }
    }
}

/// The scopes of both, each once.
fn union(asked: &str, missing: &str) -> String {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in asked.split_whitespace().chain(missing.split_whitespace()) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_union_keeps_the_order_and_names_nothing_twice() {
        assert_eq!(union("a b", "c b"), "a b c");
        assert_eq!(union("", "c"), "c");
    }
}
