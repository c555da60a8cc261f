//! The configuration `crosscheck.toml`: which clients a run drives, and how.
//!
//! Reads and checks it, and decides nothing: what the command line says besides is the business of `cli`.

mod checked;
mod discover;
mod file;
mod problems;
mod values;

pub use checked::{Client, Config, ConfigError};
pub use discover::{FILE, discover};
pub use file::{Deny, schema};
pub(crate) use problems::is_name;
pub(crate) use values::{check_variable, duration, split};

/// The commented file that `crosscheck init` writes, with places for what it guesses in braces.
pub(crate) const TEMPLATE: &str = include_str!("init.toml");
