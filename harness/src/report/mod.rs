//! What people and programs read of a run, one file a format. None of them decides the exit code.

mod again;
mod ci;
mod collect;
mod comparison;
mod finding;
mod folder;
mod html;
mod matrix;
mod merge;
pub mod model;
mod official;
mod repeat;
mod shown;
mod terminal;

pub use again::{Again, typed};
pub use ci::{annotations, headline, step_summary};
pub use collect::JudgedClient;
pub use comparison::Comparison;
pub(crate) use finding::printable;
pub use folder::{Folder, FolderError, PAGE};
pub use matrix::Matrix;
pub use merge::{MergeError, Merged, Part, merge, report as merged_report};
pub use model::{ClientReport, Report};
pub(crate) use official::{Check as OfficialCheck, checks as official_checks};
pub use shown::Shown;
pub(crate) use terminal::{SelfTest, exchange_line, seconds, stopped};
pub use terminal::{Terminal, counts, told, write_compared, write_difference};
