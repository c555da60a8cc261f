use std::fs;

use crate::config::call_in;
use crate::folder;

#[test]
fn a_commented_configuration_is_written_and_the_next_commands_are_told() {
    let folder = folder();
    fs::write(folder.path().join("package.json"), "{}").unwrap();
    call_in(folder.path(), &["init"]).exits(0).says("crosscheck doctor").says("crosscheck run");
    let text = fs::read_to_string(folder.path().join("crosscheck.toml")).unwrap();
    assert!(text.contains("command = [\"node\", \"crosscheck-client.mjs\"]"), "{text}");
    call_in(folder.path(), &["run", "--list"]).exits(0).says("flow/complete");
    assert!(call_in(folder.path(), &["doctor"]).exits(2).stderr.contains("set-up: "));
}

#[test]
fn what_is_there_is_overwritten_only_by_force() {
    let folder = folder();
    let path = folder.path().join("crosscheck.toml");
    fs::write(&path, "# mine\n").unwrap();
    call_in(folder.path(), &["init"])
        .exits(2)
        .says("there is a crosscheck.toml here already")
        .says("`--force`");
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\n");
    call_in(folder.path(), &["init", "--force"]).exits(0);
    assert!(fs::read_to_string(&path).unwrap().contains("[[client]]"));
}
