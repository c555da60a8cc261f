//! The exchanges of one client as text, pinned in the client's own repository.
//!
#![doc = include_str!("../../../docs/pinning.md")]

mod folder;
mod normal;
mod order;
mod text;

pub use folder::{Compared, Differing, Pending, PinError, Pins, Update, pending};
#[cfg(test)]
pub(crate) use folder::{FORM, MARK};
pub use text::{Without, pinned};
