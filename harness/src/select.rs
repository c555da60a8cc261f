//! Which scenarios or trials a run is made of, by libtest's habits, and which part of them is one shard.

mod shard;

use std::sync::Arc;

use crosscheck_scenarios::{Profile, Scenario, Scenarios, nearest};

pub use shard::{Shard, ShardError};

/// Filters as they stand on the command line.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Selection {
    /// Only what has one of these in its id
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Take the filters as whole ids
    #[arg(long)]
    pub exact: bool,
    /// Leave out what has this in its id; may be given again
    #[arg(long, value_name = "FILTER")]
    pub skip: Vec<String>,
    /// Of what is selected, only part I of N, such as 2/3; each id is in one part, whatever else there is
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
}

impl Selection {
    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.filters.is_empty() && self.skip.is_empty() && self.shard.is_none_or(|shard| shard.count() == 1)
    }

    /// The selected scenarios of `profile`, in the order of their ids; none where the shard holds none of them.
    ///
    /// # Errors
    /// When a filter selects nothing; the message names the nearest ids.
    pub fn select(&self, scenarios: &Scenarios, profile: Profile) -> Result<Vec<Arc<Scenario>>, SelectError> {
        let belongs = scenarios.iter().filter(|scenario| scenario.belongs_to(profile));
        let belongs = belongs.map(|scenario| Arc::new(scenario.clone())).collect();
        self.pick("scenario", belongs, |scenario| scenario.id.as_str())
    }

    /// The selected ones of `all`, in their order; none where the shard holds none of them. `kind` is the word for
    /// one of them.
    ///
    /// # Errors
    /// When a filter selects nothing; the message names the nearest ids.
    pub fn pick<T>(
        &self,
        kind: &'static str,
        all: Vec<T>,
        id: impl Fn(&T) -> &str,
    ) -> Result<Vec<T>, SelectError> {
        let matches =
            |filter: &String, id: &str| if self.exact { id == filter } else { id.contains(filter.as_str()) };
        for filter in &self.filters {
            if !all.iter().any(|one| matches(filter, id(one))) {
                let words = all.iter().flat_map(|one| id(one).split([' ', '/']));
                let near = nearest(filter, all.iter().map(&id).chain(words)).map(str::to_owned);
                return Err(SelectError::NoMatch { kind, filter: filter.clone(), near });
            }
        }
        let is_selected = |one: &T| {
            let by = |filters: &[String]| filters.iter().any(|filter| matches(filter, id(one)));
            (self.filters.is_empty() || by(&self.filters)) && !by(&self.skip)
        };
        let mut selected: Vec<_> = all.into_iter().filter(is_selected).collect();
        if selected.is_empty() {
            return Err(SelectError::Empty(kind));
        }
        if let Some(shard) = self.shard {
            selected.retain(|one| shard.holds_id(id(one)));
        }
        Ok(selected)
    }
}

/// Why nothing is selected.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// Everything that the filters name is skipped.
    #[error("the filters leave no {0}: everything they name is skipped")]
    Empty(&'static str),
    /// A filter matches nothing.
    #[error("no {kind} matches `{filter}`{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    NoMatch {
        /// The word for what is selected.
        kind: &'static str,
        /// The filter.
        filter: String,
        /// The nearest id.
        near: Option<String>,
    },
}
