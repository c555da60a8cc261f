//! What people and programs read of a run, one file a format. None of them decides the exit code.

mod again;
mod collect;
mod comparison;
mod difference;
mod finding;
mod folder;
mod github;
pub mod html;
mod junit;
mod matrix;
pub mod model;
mod official;
mod pinned;
mod self_test;
mod shown;
mod summary;
mod terminal;

pub use again::{Again, typed};
pub use collect::Driven;
pub use comparison::Comparison;
pub use difference::write_difference;
pub(crate) use finding::printable;
pub use folder::{Folder, FolderError};
pub use github::{annotations, step_summary};
pub use matrix::Matrix;
pub use model::{ClientReport, Report};
pub use pinned::write_compared;
pub(crate) use self_test::SelfTest;
pub use self_test::{counts, told};
pub use shown::Shown;
pub use terminal::Terminal;
