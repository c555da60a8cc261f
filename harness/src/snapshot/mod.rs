//! The exchange of a run as text, on file and compared.
//!
//! Two projections of a transcript: the canonical exchange, which is the same for every conforming client, and the
//! pinned one, in which nothing is left out but what varies from run to run. Both stand in files of insta's format.

mod canonical;
mod courses;
pub mod diff;
pub mod file;

pub(crate) use canonical::accepted;
pub use canonical::{canonical, course};
pub use courses::{Difference, difference};
