//! What people and programs read of a run, one file a format. None of them decides the exit code.

mod finding;
mod folder;
mod json;
mod official;
mod self_test;
mod terminal;

pub(crate) use finding::printable;
pub use folder::{Folder, FolderError};
pub use json::Document;
pub use self_test::{SelfTest, counts, told};
pub use terminal::Terminal;
