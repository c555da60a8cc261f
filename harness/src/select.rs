//! Which scenarios a run is made of, by libtest's habits.

use std::sync::Arc;

use crosscheck_scenarios::{Profile, Scenario, Scenarios, nearest};

/// Filters as they stand on the command line.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Selection {
    /// Only scenarios whose id contains one of these
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,
    /// Take the filters as whole ids
    #[arg(long)]
    pub exact: bool,
    /// Leave out scenarios whose id contains this; may be given again
    #[arg(long, value_name = "FILTER")]
    pub skip: Vec<String>,
}

impl Selection {
    /// The selected scenarios of `profile`, in the order of their ids.
    ///
    /// # Errors
    /// When a filter selects nothing; the message names the nearest ids.
    pub fn select(&self, scenarios: &Scenarios, profile: Profile) -> Result<Vec<Arc<Scenario>>, SelectError> {
        let belongs: Vec<_> = scenarios.iter().filter(|scenario| scenario.belongs_to(profile)).collect();
        let matches = |id: &str, filter: &str| if self.exact { id == filter } else { id.contains(filter) };
        for filter in &self.filters {
            if !belongs.iter().any(|scenario| matches(scenario.id.as_str(), filter)) {
                let ids: Vec<_> = belongs.iter().map(|scenario| scenario.id.as_str()).collect();
                let parts = ids.iter().flat_map(|id| id.rsplit('/').next());
                let near = nearest(filter, ids.iter().copied().chain(parts)).map(str::to_owned);
                return Err(SelectError::NoMatch { filter: filter.clone(), near });
            }
        }
        let selected = |id: &str| {
            let wanted = self.filters.is_empty() || self.filters.iter().any(|filter| matches(id, filter));
            wanted
                && !self
                    .skip
                    .iter()
                    .any(|skip| if self.exact { id == skip } else { id.contains(skip.as_str()) })
        };
        let selected: Vec<_> = belongs
            .into_iter()
            .filter(|scenario| selected(scenario.id.as_str()))
            .map(|scenario| Arc::new(scenario.clone()))
            .collect();
        if selected.is_empty() { Err(SelectError::Empty) } else { Ok(selected) }
    }
}

/// Why nothing is selected.
#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    /// Everything that the filters name is skipped.
    #[error("the filters leave no scenario: everything they name is skipped")]
    Empty,
    /// A filter matches no scenario.
    #[error("no scenario matches `{filter}`{}", near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    NoMatch {
        /// The filter.
        filter: String,
        /// The nearest id.
        near: Option<String>,
    },
}
