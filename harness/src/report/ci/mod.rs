//! What CI systems show of a run.

mod github;
pub(super) mod junit;
pub(super) mod summary;

pub use github::{annotations, step_summary};
