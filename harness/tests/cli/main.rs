//! The command as its users meet it: what it prints, how it exits, what it leaves behind.

mod bad_clients;
mod baseline;
mod config;
mod docs;
mod examples;
mod findings;
mod generated;
mod invocation;
mod merge;
mod pin;
mod reports;
mod saved;
mod self_test;
mod shard;
mod tell;

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The binary under test.
const CROSSCHECK: &str = env!("CARGO_BIN_EXE_crosscheck");

/// What a call of the command came to.
struct Call {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Call {
    /// Both streams, for the text of a failed assertion.
    fn told(&self) -> String {
        format!("exit {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }

    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.told());
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text) || self.stderr.contains(text),
            "`{text}` is missing\n{}",
            self.told()
        );
        self
    }

    #[track_caller]
    fn without(self, text: &str) -> Self {
        assert!(
            !self.stdout.contains(text) && !self.stderr.contains(text),
            "`{text}` is there\n{}",
            self.told()
        );
        self
    }
}

/// Calls the command in the current folder.
fn crosscheck(args: &[&str]) -> Call {
    call(Command::new(CROSSCHECK).args(args))
}

fn call(command: &mut Command) -> Call {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    Call {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// A folder that is gone after the test.
fn folder() -> TempDir {
    TempDir::new().expect("temporary folders can be made")
}

/// A path as the command line takes it.
fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have UTF-8 names")
}
