//! Completion scripts and manual pages.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::{crosscheck, folder, text};

/// The commands as `--help` names them.
pub(crate) fn commands() -> Vec<String> {
    let help = crosscheck(&["--help"]).exits(0).stdout;
    let list = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap();
    // What is indented deeper goes on with the line above.
    let lines = list.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_shell_has_a_script_that_completes_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = crosscheck(&["completions", shell]).exits(0).stdout;
        for command in commands() {
            assert!(script.contains(&command), "{shell}: {command}");
        }
        assert!(script.contains("capabilities"), "{shell}: no option");
    }
    crosscheck(&["completions", "bsh"]).exits(2).says("bash, elvish, fish, powershell, zsh");
}

#[test]
fn the_shells_that_are_installed_read_their_scripts() {
    for shell in ["bash", "fish", "zsh"] {
        let mut read = Command::new(shell);
        read.arg("-n").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Ok(mut reader) = read.spawn() else { continue };
        let script = crosscheck(&["completions", shell]).exits(0).stdout;
        reader.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let read = reader.wait_with_output().unwrap();
        assert!(read.status.success(), "{shell}: {}", String::from_utf8_lossy(&read.stderr));
    }
}

#[test]
fn the_manual_names_the_commands_and_the_page_of_a_command_its_options() {
    let page = crosscheck(&["man"]).exits(0).stdout;
    assert!(page.contains("\n.TH crosscheck 1  \"crosscheck 0.1.0\""), "{page}");
    for command in commands() {
        let entry = format!("crosscheck\\-{}(1)", command.replace('-', "\\-"));
        assert!(page.contains(&entry), "{entry}\n{page}");
    }
    assert!(page.contains(".SH \"EXIT CODES\"\n.TP\n\\fB0\\fR\neverything is as expected\n"), "{page}");
    let page = crosscheck(&["man", "run"]).exits(0).stdout;
    for option in ["\\-\\-profile", "\\-\\-report", "\\-\\-capabilities", "\\-\\-command"] {
        assert!(page.contains(option), "{option}\n{page}");
    }
}

#[test]
fn all_pages_are_written_at_once() {
    let folder = folder();
    let out = folder.path().join("share/man1");
    let call = crosscheck(&["man", "--out", text(&out)]).exits(0);
    assert_eq!(call.stdout, "", "{}", call.told());
    let written = fs::read_dir(&out).unwrap().count();
    assert_eq!(written, commands().len() + 1);
    for command in commands() {
        let page = fs::read_to_string(out.join(format!("crosscheck-{command}.1"))).unwrap();
        assert_eq!(page, crosscheck(&["man", &command]).stdout);
    }
}

#[test]
fn what_has_no_page_is_told() {
    crosscheck(&["man", "self-tests"]).exits(2).says("no command is called `self-tests`");
    crosscheck(&["man", "self-tests"]).says("hint: did you mean `self-test`?");
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    crosscheck(&["man", "--out", text(&file)]).exits(2).says("could not write ");
}

#[test]
fn the_manual_pages_are_laid_out_without_a_complaint() {
    for command in commands() {
        let page = crosscheck(&["man", &command]).exits(0).stdout;
        let mut lay_out = Command::new("groff");
        lay_out.args(["-k", "-man", "-Tutf8", "-ww"]);
        lay_out.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Not every machine sets manuals.
        let Ok(mut groff) = lay_out.spawn() else { return };
        groff.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
        let laid_out = groff.wait_with_output().unwrap();
        let complaints = String::from_utf8_lossy(&laid_out.stderr);
        assert!(laid_out.status.success() && complaints.is_empty(), "{command}: {complaints}");
    }
}
