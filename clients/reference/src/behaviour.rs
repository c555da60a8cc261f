//! What one run of the client does otherwise than the honest client, and how such deviations are named.

use std::fmt;

use crate::{Control, Fault};

/// The faults and controls of one run; empty means honest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behaviour {
    pub(crate) faults: Vec<Fault>,
    pub(crate) controls: Vec<Control>,
}

impl Behaviour {
    /// Whether the run commits `fault`.
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Whether the run uses the freedom that `control` stands for.
    pub(crate) fn varies(&self, control: Control) -> bool {
        self.controls.contains(&control)
    }
}

/// A slug that names no fault or control, with the nearest ones that do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSlug {
    kind: &'static str,
    nearest: Vec<&'static str>,
}

impl UnknownSlug {
    /// `kind` is `fault` or `control`; `known` are the slugs of that kind.
    pub(crate) fn new(kind: &'static str, slug: &str, known: impl Iterator<Item = &'static str>) -> Self {
        let mut ranked: Vec<_> = known.map(|known| (strsim::jaro_winkler(slug, known), known)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let nearest = ranked.into_iter().take(3).map(|(_, known)| known).collect();
        Self { kind, nearest }
    }
}

impl fmt::Display for UnknownSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nearest: Vec<_> = self.nearest.iter().map(|slug| format!("`{slug}`")).collect();
        let (kind, nearest) = (self.kind, nearest.join(", "));
        write!(f, "no such {kind}; nearest: {nearest} (`--list-{kind}s` shows all)")
    }
}

impl std::error::Error for UnknownSlug {}
