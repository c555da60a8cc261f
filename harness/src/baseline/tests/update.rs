//! Bringing ours up to date.

use std::fs;

use crate::baseline::{Addition, Baseline, Changes, Expected, update};
use crate::check::Verdict;
use crate::summary::Summary;

use super::{played, scenarios};

fn changes(added: &[(&str, &str)], removed: &[(&str, &str)]) -> Changes {
    let added = added.iter().map(|(scenario, requirement)| Addition {
        scenario: (*scenario).to_owned(),
        requirement: (*requirement).to_owned(),
        reason: "Found.".to_owned(),
    });
    let removed = removed.iter().map(|(scenario, requirement)| ((*scenario).into(), (*requirement).into()));
    Changes { added: added.collect(), removed: removed.collect() }
}

/// The text of a file after an update.
#[track_caller]
fn after(text: &str, client: Option<&str>, changes: &Changes) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.toml");
    fs::write(&path, text).unwrap();
    update(&path, client, changes).unwrap();
    fs::read_to_string(&path).unwrap()
}

const TWO: &str = "\
# About the file.

# About the first.
[[expected]]
scenario = \"a\"
requirement = \"one\"   # beside it
reason = \"known\"

# A heading.

# About the second.
[[expected]]
requirement = 'two'
scenario = \"b\"
reason = \"\"\"known\"\"\"
# The end.
";

#[test]
fn what_stays_is_left_as_it_is_and_what_is_new_comes_behind() {
    let expected = TWO.replace(
        "# The end.\n",
        "\n[[expected]]\nscenario = \"0\"\nrequirement = \"x\"\nreason = \"Found.\"\n# The end.\n",
    );
    assert_eq!(after(TWO, None, &changes(&[("0", "x")], &[])), expected);
}

#[test]
fn a_removed_entry_takes_the_comment_above_it_along_and_no_other() {
    let first = "# About the file.\n\n# About the first.\n\n# A heading.\n\n# About the second.\n[[expected]]\n\
                 requirement = 'two'\nscenario = \"b\"\nreason = \"\"\"known\"\"\"\n# The end.\n";
    assert_eq!(after(TWO, None, &changes(&[], &[("a", "one")])), first, "the top is about the file");
    let (head, _) = TWO.split_once("# About the second.").unwrap();
    assert_eq!(
        after(TWO, None, &changes(&[], &[("b", "two")])),
        format!("{}\n# The end.\n", head.trim_end()),
    );
}

#[test]
fn comments_outlive_the_last_entry_and_stay_above_the_next() {
    let text =
        "# About the file.\n\n[[expected]]\nscenario = \"a\"\nrequirement = \"one\"\nreason = \"known\"\n";
    let empty = after(text, None, &changes(&[], &[("a", "one")]));
    assert_eq!(empty, "# About the file.\n");
    assert_eq!(after(&empty, None, &changes(&[("a", "one")], &[])), text.replace("known", "Found."),);
}

#[test]
fn a_file_that_is_not_there_is_made_and_one_that_is_right_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/file.toml");
    update(&path, None, &Changes::default()).unwrap();
    assert!(!path.exists());
    update(&path, None, &changes(&[("flow/complete", "flow-order")], &[])).unwrap();
    let expected = Expected::read(&path, scenarios()).unwrap();
    assert_eq!(expected.iter().map(|entry| entry.reason.as_str()).collect::<Vec<_>>(), ["Found."]);
}

#[test]
fn entries_of_a_client_are_written_to_that_client() {
    let text = "\
# All clients.
[[client]]
name = \"one\"
command = [\"one\"]

[[client.expected]]
scenario = \"a\"
requirement = \"one\"
reason = \"known\"

[[client]]
name = \"two\"  # the second
command = [\"two\"]

[client.env]
KEY = \"value\"

[[client]]
name = \"three\"
";
    let added = "\n[[client.expected]]\nscenario = \"a\"\nrequirement = \"one\"\nreason = \"Found.\"\n";
    let two = after(text, Some("two"), &changes(&[("a", "one")], &[("a", "one")]));
    assert_eq!(two, text.replace("KEY = \"value\"\n", &format!("KEY = \"value\"\n{added}")));
    let one = after(text, Some("one"), &changes(&[], &[("a", "one")]));
    assert_eq!(one, text.replace(&added.replace("Found.", "known"), ""));
    let three = after(text, Some("three"), &changes(&[("a", "one")], &[]));
    assert_eq!(three, format!("{text}{added}"));
}

#[test]
fn entries_in_one_line_stay_a_list() {
    let text = "expected = [\n  { scenario = \"a\", requirement = \"one\", reason = \"known\" },\n  { scenario = \"b\", requirement = \"two\", reason = \"known\" },\n]\n";
    let expected = "expected = [\n  { scenario = \"b\", requirement = \"two\", reason = \"known\" },\n  { scenario = \"c\", requirement = \"x\", reason = \"Found.\" },\n]\n";
    assert_eq!(after(text, None, &changes(&[("c", "x")], &[("a", "one")])), expected);
}

#[test]
fn line_ends_stay_those_of_the_file() {
    let text = after(&TWO.replace('\n', "\r\n"), None, &changes(&[("c", "x")], &[("a", "one")]));
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
}

#[test]
fn a_client_that_is_not_there_and_a_folder_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.toml");
    fs::write(&path, "[[client]]\nname = \"one\"\n").unwrap();
    let changes = changes(&[("a", "one")], &[]);
    let told = update(&path, Some("two"), &changes).unwrap_err().to_string();
    assert!(told.ends_with("has no client called `two`"), "{told}");
    let told = update(folder.path(), None, &changes).unwrap_err().to_string();
    assert!(told.starts_with("could not read"), "{told}");
    fs::write(&path, "expected = 3\n").unwrap();
    assert!(update(&path, None, &changes).unwrap_err().to_string().contains("is no list"));
}

#[test]
fn an_update_makes_the_baseline_what_the_run_found() {
    let text =
        "[[expected]]\nscenario = \"flow/complete\"\nrequirement = \"flow-order\"\nreason = \"known\"\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.toml");
    fs::write(&path, text).unwrap();
    let baseline: Baseline = Expected::read(&path, scenarios()).unwrap().into();
    let all = [
        played(
            "flow/mcp-2026-07-28",
            &[("tx-grant-type", Verdict::NotReached), ("flow-order", Verdict::Warn)],
        ),
        played("flow/complete", &[("flow-order", Verdict::Pass), ("cauth-present@as", Verdict::Fail)]),
    ];
    let changes = Changes::of(&Summary::new(&all, &baseline, None, false));
    let told = "+ cauth-present@as @ flow/complete\n+ flow-order @ flow/mcp-2026-07-28\n\
                + tx-grant-type @ flow/mcp-2026-07-28\n- flow-order @ flow/complete\n";
    assert_eq!(changes.to_string(), told);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(changes.added[0].reason, format!("Recorded by crosscheck {version}: The first sentence."));

    update(&path, None, &changes).unwrap();
    let changed: Baseline = baseline.expected.changed(&changes).into();
    for baseline in [changed, Expected::read(&path, scenarios()).unwrap().into()] {
        let summary = Summary::new(&all, &baseline, None, true);
        assert!(summary.as_expected() && Changes::of(&summary).is_empty());
    }
}
