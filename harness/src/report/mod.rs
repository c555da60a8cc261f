//! What people and programs read of a run, one file a format. None of them decides the exit code.

mod again;
mod ci;
mod collect;
mod comparison;
mod finding;
mod folder;
mod html;
mod markdown;
mod matrix;
mod merge;
pub mod model;
mod official;
mod own_checks;
mod shown;
pub(crate) mod source;
mod terminal;
mod text;

pub use again::Again;
pub use ci::{annotations, step_summary};
pub use collect::JudgedClient;
pub use comparison::Comparison;
pub use folder::{Folder, FolderError, MATRIX, PAGE, REPORT};
pub use matrix::Matrix;
pub use merge::{MergeError, Merged, Origin, merge};
pub use model::{ClientReport, Report};
pub(crate) use official::{Check as OfficialCheck, checks as official_checks};
pub use shown::Shown;
pub(crate) use terminal::{SelfTest, exchange_line, stopped};
pub use terminal::{Terminal, counts, told, write_compared, write_difference};
pub(crate) use text::{count, printable, seconds};
