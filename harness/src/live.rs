//! What is told of a scenario while it is played, besides what is found in the end.

use std::fmt;
use std::sync::Arc;

use crosscheck_scenarios::ScenarioId;
use crosscheck_wire::{Seen, Watcher};

/// What is told while scenarios are played; nothing by default.
#[derive(Clone, Default)]
pub struct Live {
    exchanges: Option<Arc<Told>>,
    passes_output: bool,
}

type Told = dyn Fn(&ScenarioId, &Seen) + Send + Sync;

impl Live {
    /// Tells nothing but the client's output, and that only if it `passes_output` on to standard error.
    pub fn new(passes_output: bool) -> Self {
        Self { exchanges: None, passes_output }
    }

    /// Has each exchange handed to `tell` once it is answered, on the thread that plays the scenario.
    #[must_use]
    pub fn with_exchanges(mut self, tell: impl Fn(&ScenarioId, &Seen) + Send + Sync + 'static) -> Self {
        self.exchanges = Some(Arc::new(tell));
        self
    }

    /// Whether the client's output goes on to standard error as it comes.
    pub(crate) fn passes_output(&self) -> bool {
        self.passes_output
    }

    /// What the recorder of a scenario tells; `None` where nobody asked.
    pub(crate) fn watcher(&self, scenario: &ScenarioId) -> Option<Watcher> {
        let (tell, scenario) = (Arc::clone(self.exchanges.as_ref()?), scenario.clone());
        Some(Watcher::new(move |seen| tell(&scenario, seen)))
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exchanges, passes_output } = self;
        out.debug_struct("Live")
            .field("exchanges", &exchanges.is_some())
            .field("passes_output", passes_output)
            .finish()
    }
}
