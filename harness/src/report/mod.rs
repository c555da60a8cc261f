//! What people and programs read of a run, one file a format. None of them decides the exit code.

mod difference;
mod finding;
mod folder;
pub mod html;
mod json;
mod matrix;
pub mod model;
mod official;
mod pinned;
mod self_test;
mod shown;
mod terminal;

pub use difference::write_difference;
pub(crate) use finding::printable;
pub use folder::{Folder, FolderError};
pub use json::Document;
pub use matrix::Matrix;
pub use pinned::write_compared;
pub(crate) use self_test::SelfTest;
pub use self_test::{counts, told};
pub use shown::Shown;
pub use terminal::Terminal;
