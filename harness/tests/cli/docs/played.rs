//! The blocks of shell: each is run, or says that it cannot be.
//!
//! The blocks of a page are taken in their order, in one folder. `sh` is a script that must succeed. `console` is a session:
//! commands behind `$ `, each with what it prints, in which a line `…` stands for any lines. A command that cannot run
//! (exit 2) shows its standard error, any other its standard output. `no-run` behind the language says that a block needs
//! what a test does not have, such as a cluster. Another block whose first line is a comment with a path is written there.
//!
//! trycmd would have ports and times written as placeholders, and takes no shell; readers are to see what they will see.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::page::Block;
use super::{Page, pages_in_docs};
use crate::{CROSSCHECK, call, folder};

/// A test a page, so that they are played at once; with the files that the page promises to leave behind.
macro_rules! pages {
    ($($test:ident: $page:literal $([$($left:literal),*])?),* $(,)?) => {
        $(#[test]
        fn $test() {
            play(&Page::read($page), &[$($($left),*)?]);
        })*

        #[test]
        fn every_page_is_played() {
            let mut played = vec![$($page.to_owned()),*];
            played.sort();
            let mut pages = vec!["CONTRIBUTING.md".to_owned(), "README.md".to_owned(), "clients/README.md".to_owned()];
            pages.extend(pages_in_docs());
            assert_eq!(played, pages);
        }
    };
}

pages! {
    baselines: "docs/baselines.md",
    ci: "docs/ci.md" ["crosscheck-report/junit.xml", "crosscheck-report/summary.md", "shards/3/report.json"],
    client_contract: "docs/client-contract.md",
    clients: "clients/README.md",
    comparison: "docs/comparison.md",
    configuration: "docs/configuration.md",
    contributing: "CONTRIBUTING.md",
    error_parsing: "docs/error-parsing.md" ["target/errors/errors.json", "target/errors/errors.md"],
    pinning: "docs/pinning.md",
    profiles: "docs/profiles.md",
    reading_a_report: "docs/reading-a-report.md" ["joined/report.json", "target/crosscheck/index.html"],
    readme: "README.md" ["crosscheck.toml", "target/crosscheck/index.html"],
    requirements: "docs/requirements.md",
    trust: "docs/trust.md",
    writing_a_scenario: "docs/writing-a-scenario.md",
}

/// Plays the blocks of a page, which leave `files`.
fn play(page: &Page, files: &[&str]) {
    let folder = folder();
    programs(folder.path());
    for block in page.blocks() {
        let place = format!("{}:{}", page.name, block.line);
        match block.info.as_str() {
            "sh" => script(&block, folder.path(), &place),
            "console" => session(&block, folder.path(), &place),
            "sh no-run" | "console no-run" => {}
            info => {
                let shell = info.starts_with("sh") || info.starts_with("console") || info.starts_with("bash");
                assert!(!shell, "{place}: `{info}` is neither run nor marked `no-run`");
                assert!(!block.text.contains("$ crosscheck"), "{place}: a session is a block of `console`");
                write(&block, folder.path());
            }
        }
    }
    for file in files {
        assert!(folder.path().join(file).is_file(), "{}: nothing wrote {file}", page.name);
    }
}

/// The programs that the pages start: crosscheck, and a client that conforms.
fn programs(folder: &Path) {
    let programs = folder.join("bin");
    fs::create_dir(&programs).unwrap();
    let program = |path: &Path, script: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    };
    // A script shows no output; a few scenarios are enough to see that its commands work together.
    let few = "case \"${FEW-}/$1/ $* \" in yes/run/*' --exact '*) ;; \
               yes/run/*' --shard '*) shift; set -- run discovery/challenges \"$@\" ;; \
               yes/run/*) shift; set -- run --shard 13/30 \"$@\" ;; esac";
    program(&programs.join("crosscheck"), &format!("{few}\nexec '{CROSSCHECK}' \"$@\""));
    let client = format!("exec '{CROSSCHECK}' reference-client \"$@\"");
    program(&programs.join("my-client"), &client);
    program(&folder.join("my-client"), &client);
}

/// The command `sh -euc SCRIPT` in the page's folder.
fn shell(script: &str, folder: &Path) -> Command {
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-euc", script]).current_dir(folder).env("PATH", path);
    // The tests may themselves run in CI, of which a run takes notice.
    for variable in ["CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"] {
        shell.env_remove(variable);
    }
    shell
}

/// Runs a script, which must succeed.
fn script(block: &Block, folder: &Path, place: &str) {
    let call = call(shell(&block.text, folder).env("FEW", "yes"));
    assert_eq!(call.code, 0, "{place}\n{}", call.told());
}

/// Runs the commands of a session and compares what they print.
fn session(block: &Block, folder: &Path, place: &str) {
    let (before, commands) = block.text.split_once("$ ").unwrap_or_else(|| panic!("{place}: no command"));
    assert_eq!(before, "", "{place}: the session begins with something else");
    for part in commands.split("\n$ ") {
        let (command, shown) = part.split_once('\n').unwrap_or((part, ""));
        let call = call(&mut shell(command, folder));
        let printed = if call.code == 2 { &call.stderr } else { &call.stdout };
        let printed: Vec<_> = printed.lines().map(steady).collect();
        let shown: Vec<_> = shown.trim_end().lines().map(steady).collect();
        assert!(
            matches(&shown, &printed),
            "{place}: `{command}` does not print\n{}\n{}",
            shown.join("\n"),
            call.told()
        );
    }
}

/// Whether lines are those that are shown, where `…` stands for any.
fn matches(shown: &[String], printed: &[String]) -> bool {
    match shown {
        // What is blank at the end is no output.
        [] => printed.iter().all(String::is_empty),
        [first, rest @ ..] if first == "…" => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        [first, rest @ ..] => printed.first() == Some(first) && matches(rest, &printed[1..]),
    }
}

/// A line without what differs from run to run: ports, times, how many play at a time, and blanks that align them.
fn steady(line: &str) -> String {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    // Marks are placed by the length of a port.
    words.retain(|word| *word != "^");
    if let Some(place) =
        words.windows(3).position(|words| words[1..] == ["at", "a"] && words[0].parse::<u32>().is_ok())
    {
        words.remove(place);
    }
    if let [.., number, "s"] = words.as_slice()
        && number.parse::<f64>().is_ok()
    {
        words.truncate(words.len() - 2);
    }
    let mut text = words.join(" ");
    let mut from = 0;
    while let Some(place) = text[from..].find("127.0.0.1:") {
        let port = from + place + "127.0.0.1:".len();
        let digits = text[port..].chars().take_while(char::is_ascii_digit).count();
        text.replace_range(port..port + digits, "");
        from = port;
    }
    text
}

/// Writes the block as the file that its first line names, if it names one.
fn write(block: &Block, folder: &Path) {
    let first = block.text.lines().next().unwrap_or_default();
    let named = first.strip_prefix("# ").or_else(|| first.strip_prefix("// "));
    let Some(name) = named.filter(|name| name.contains('.') && !name.contains([' ', ':'])) else { return };
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, &block.text).unwrap();
}
