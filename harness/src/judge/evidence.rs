//! What a check finds in a transcript, before blame is laid: the raw form of a verdict.

use crosscheck_scenarios::{Party, Profile, Severity};
use crosscheck_wire::transcript::Exchange;

use crate::check::Comparison;

use super::view::View;

/// A check of one row of the catalogue.
pub(super) struct Rule {
    /// The row.
    pub(super) id: &'static str,
    /// How it is checked.
    pub(super) look: Look,
}

/// Where a check looks.
#[derive(Clone, Copy)]
pub(super) enum Look {
    /// At each of the parties that the row names.
    Each(fn(&View<'_>, Party) -> Evidence),
    /// At the whole run.
    Run(fn(&View<'_>) -> Evidence),
}

/// A rule that is checked once a run.
pub(super) const fn rule(id: &'static str, check: fn(&View<'_>) -> Evidence) -> Rule {
    Rule { id, look: Look::Run(check) }
}

/// A rule that is checked at each party.
pub(super) const fn rule_at_each(id: &'static str, check: fn(&View<'_>, Party) -> Evidence) -> Rule {
    Rule { id, look: Look::Each(check) }
}

/// What the run shows about a rule.
pub(super) enum Evidence {
    /// It is broken, at least once.
    Broken(Vec<Breach>),
    /// It is kept.
    Kept,
    /// The client does not do what the rule is about, and need not; why.
    NotApplicable(&'static str),
    /// The run did not get to where the rule is about; what is missing.
    Unreached(&'static str),
}

impl Evidence {
    /// Broken when there is any breach, else kept.
    pub(super) fn of(breaches: impl IntoIterator<Item = Breach>) -> Self {
        let breaches: Vec<_> = breaches.into_iter().collect();
        if breaches.is_empty() { Self::Kept } else { Self::Broken(breaches) }
    }

    /// What two looks at one rule show together.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Broken(one), Self::Broken(other)) => Self::Broken([one, other].concat()),
            (broken @ Self::Broken(_), _) | (_, broken @ Self::Broken(_)) => broken,
            (Self::Kept, _) | (_, Self::Kept) => Self::Kept,
            (unreached @ Self::Unreached(_), _) => unreached,
            (Self::NotApplicable(_), other) => other,
        }
    }

    /// Judges each of `exchanges`; without any the run did not get there.
    pub(super) fn of_each<'a>(
        exchanges: &[&'a Exchange],
        missing: &'static str,
        check: impl Fn(&'a Exchange) -> Option<Breach>,
    ) -> Self {
        if exchanges.is_empty() {
            return Self::Unreached(missing);
        }
        Self::of(exchanges.iter().filter_map(|exchange| check(exchange)))
    }
}

/// One breach of a rule.
#[derive(Clone)]
pub(super) struct Breach {
    /// One sentence.
    pub(super) what: String,
    /// The exchange that shows it.
    pub(super) exchange: Option<usize>,
    /// The most that this breach counts as, where that is less than the row says.
    pub(super) at_most: Severity,
    /// Expected beside seen.
    pub(super) compared: Vec<Comparison>,
    /// A stretch of the client's output.
    pub(super) excerpt: Option<String>,
    /// Whether an earlier finding explains it, so that it is told there and not counted.
    pub(super) explicable: bool,
    /// Whether servers are known to forgive it, so that it fails under the strictest profile alone.
    pub(super) tolerated: bool,
    /// Whether the client gives up here, so that it explains how the run ended.
    pub(super) ends_run: bool,
}

impl Breach {
    /// A breach that no exchange shows.
    pub(super) fn of_run(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            exchange: None,
            at_most: Severity::Fail,
            compared: Vec::new(),
            excerpt: None,
            explicable: false,
            tolerated: false,
            ends_run: false,
        }
    }

    /// A breach in `exchange`.
    pub(super) fn new(exchange: &Exchange, what: impl Into<String>) -> Self {
        Self { exchange: Some(exchange.number), ..Self::of_run(what) }
    }

    /// Sets what was expected beside what was seen.
    pub(super) fn compare(
        mut self,
        name: &str,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Self {
        let (expected, seen) = (expected.into(), seen.into());
        self.compared.push(Comparison { name: name.to_owned(), expected, seen });
        self
    }

    /// Limits what it counts as.
    pub(super) fn at_most(self, at_most: Severity) -> Self {
        Self { at_most, ..self }
    }

    /// Quotes the client.
    pub(super) fn quote(self, excerpt: impl Into<String>) -> Self {
        Self { excerpt: Some(excerpt.into()).filter(|text| !text.is_empty()), ..self }
    }

    /// Lets an earlier finding explain it.
    pub(super) fn explicable(self) -> Self {
        Self { explicable: true, ..self }
    }

    /// Counts it as a warning at most where servers are known to forgive it.
    pub(super) fn tolerated(self, tolerated: bool) -> Self {
        Self { tolerated, ..self }
    }

    /// Lets it explain how the run ended.
    pub(super) fn ends_run(self) -> Self {
        Self { ends_run: true, ..self }
    }

    /// What it counts as under `profile` where the row says `row`.
    pub(super) fn severity(&self, row: Severity, profile: Profile) -> Severity {
        let tolerated = self.tolerated && profile != Profile::Strict;
        row.min(self.at_most).min(if tolerated { Severity::Warn } else { Severity::Fail })
    }
}
