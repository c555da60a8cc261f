//! What people and programs read of a run. None of it decides the exit code.
//!
//! A run is told at once by `terminal`, and collected as the [`Report`], from which everything else is made: the page
//! (`html`), what CI systems show (`ci`), the [`Comparison`] of several clients, and by [`merge()`] the report of several
//! runs. What is read from transcripts instead: the error-handling [`Matrix`], the official suite's `checks`, and the
//! exchange as it is [`Shown`]. [`Folder`] writes all of them.

mod again;
mod checks;
mod ci;
mod collect;
mod comparison;
mod earlier;
mod finding;
mod folder;
mod html;
mod markdown;
mod matrix;
mod merge;
pub mod model;
mod shown;
mod source;
mod terminal;

pub use again::Again;
pub(crate) use checks::official::{Check as OfficialCheck, checks as official_checks};
pub use ci::{annotations, step_summary};
pub use collect::JudgedClient;
pub use comparison::Comparison;
pub use folder::{Folder, FolderError, MATRIX, PAGE, REPORT};
pub use matrix::Matrix;
pub use merge::{MergeError, Merged, Origin, merge};
pub use model::{ClientReport, Report};
pub use shown::Shown;
pub(crate) use source::address;
pub(crate) use terminal::{SelfTest, exchange_line, stopped};
pub use terminal::{Terminal, counts, told, write_compared, write_difference};
