//! `crosscheck.toml`: how it is found, what it says, what is wrong with it, and several clients in one run.

mod init;
mod problems;
mod settings;
mod several;

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::{CROSSCHECK, Call, call, folder};

/// A scenario that the client with `SLASH` fails.
const ISSUER: &str = "discovery/issuer-without-path";
/// The command of a client with one fault, as the configuration has it.
const SLASH: &str = r#"command = "crosscheck reference-client --fault audience-trailing-slash""#;

/// A folder with this configuration.
fn configured(text: &str) -> TempDir {
    let folder = folder();
    fs::write(folder.path().join("crosscheck.toml"), text).unwrap();
    folder
}

/// Calls the command in `folder`, apart from the configuration of this repository.
fn call_in(folder: &Path, args: &[&str]) -> Call {
    call(Command::new(CROSSCHECK).args(args).current_dir(folder).env_remove("CI"))
}
