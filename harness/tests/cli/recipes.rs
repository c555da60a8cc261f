//! The shell of the recipes in `docs/ci.md` is run as it stands there; `.ci/lint` sees to the other formats.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::{CROSSCHECK, Call, call, folder};

const RECIPES: &str = include_str!("../../../docs/ci.md");

/// Runs the block of shell that begins with `line`, and a few scenarios in it.
fn recipe(line: &str, folder: &Path) -> Call {
    let (_, block) = RECIPES.split_once(&format!("```sh\n{line}\n")).expect("the recipe is there");
    let block = format!("{line}\n{}", block.split("```").next().unwrap());
    let programs = folder.join("bin");
    fs::create_dir(&programs).unwrap();
    let program = |name: &str, script: &str| {
        let path = programs.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    };
    let few = "[ \"$1\" != run ] || { shift; set -- run discovery/ \"$@\"; }";
    program("crosscheck", &format!("{few}\nexec '{CROSSCHECK}' \"$@\""));
    program("my-client", &format!("exec '{CROSSCHECK}' reference-client \"$@\""));
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    call(Command::new("sh").args(["-euc", &block]).current_dir(folder).env("PATH", path))
}

#[test]
fn the_plain_shell_leaves_every_file_that_is_promised() {
    let folder = folder();
    recipe("crosscheck run --report crosscheck-report -- my-client", folder.path()).exits(0);
    for file in ["junit.xml", "summary.md", "report.json"] {
        assert!(folder.path().join("crosscheck-report").join(file).is_file(), "{file}");
    }
}

#[test]
fn shards_in_a_loop_become_one_report() {
    let folder = folder();
    recipe("for shard in 1 2 3; do", folder.path()).exits(0);
    assert!(folder.path().join("crosscheck-report/report.json").is_file());
}
