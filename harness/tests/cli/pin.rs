//! Pinned exchanges: written, compared and reviewed by the binary alone, in a folder with nothing else.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{CROSSCHECK, Call, call, folder};

const COMPLETE: &str = "flow/complete";
const ISSUER: &str = "discovery/issuer-without-path";
/// Two scenarios by their whole ids.
const TWO: [&str; 4] = ["--exact", COMPLETE, ISSUER, "--"];
const HONEST: [&str; 2] = ["crosscheck", "reference-client"];
/// A right client with another order of discovery.
const OTHER: [&str; 4] = ["crosscheck", "reference-client", "--control", "openid-metadata-first"];

/// A folder that holds the binary and nothing else.
struct Alone {
    folder: TempDir,
    binary: PathBuf,
}

impl Alone {
    fn new() -> Self {
        let folder = folder();
        let binary = folder.path().join("crosscheck");
        // A link, since a file that was just written may not be executable yet.
        fs::hard_link(CROSSCHECK, &binary).or_else(|_| fs::copy(CROSSCHECK, &binary).map(drop)).unwrap();
        Self { folder, binary }
    }

    fn call_in(&self, ci: Option<&str>, args: &[&str]) -> Call {
        let mut command = Command::new(&self.binary);
        command.args(args).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        call(command.envs(ci.map(|ci| ("CI", ci))))
    }

    fn call(&self, args: &[&str]) -> Call {
        self.call_in(None, args)
    }

    /// `run --pin pins`, with more options, over two scenarios.
    fn pin(&self, more: &[&str], client: &[&str]) -> Call {
        self.call(&[&["run", "--pin", "pins"], more, &TWO, client].concat())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("pins").join(name)
    }

    /// Every file below the folder with its content, by name.
    fn files(&self) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().join("pins")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push((path.clone(), fs::read_to_string(path).unwrap()));
                }
            }
        }
        files.sort();
        files
    }
}

/// What was called is refused with one message, and no file is another than before.
#[track_caller]
fn refuses(alone: &Alone, call: impl FnOnce() -> Call, message: &str) {
    let before = alone.files();
    let call = call().exits(2).says(message).without("set-up");
    assert_eq!(call.stdout, "", "{}", call.told());
    assert!(call.stderr.lines().count() <= 2, "{}", call.told());
    assert_eq!(alone.files(), before);
}

fn names(files: &[(PathBuf, String)]) -> Vec<&str> {
    files.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap()).collect()
}

#[test]
fn a_client_is_pinned_changed_and_reviewed_by_the_binary_alone() {
    let alone = Alone::new();
    alone.pin(&["--update"], &HONEST).exits(0).says("\npin     2 written\n");
    let pinned = alone.files();
    assert_eq!(names(&pinned), ["issuer-without-path.snap", "complete.snap"]);
    for (_, text) in &pinned {
        assert!(
            !text.contains("eyJ") && !text.contains("127.0.0.1") && !text.contains("secret-cc"),
            "{text}"
        );
        assert!(text.contains("= «id_jag#1»\n"), "{text}");
    }
    alone.pin(&[], &HONEST).exits(0).says("\npin     2 as pinned\n");
    assert_eq!(alone.files(), pinned);

    let changed = alone.pin(&[], &OTHER).exits(1).says("\n2 passed").says("\npin     2 differ\n");
    let changed = changed
        .says(&format!("\nDIFFERS  {ISSUER}\n"))
        .says("\n      the same in flow/complete\n")
        .says("\naccept  crosscheck review pins\n");
    changed.says("\n      -GET {as.origin}/.well-known/oauth-authorization-server").without("\x1b");
    let with_pending = names(&alone.files()).len();
    assert_eq!(with_pending, 4);

    refuses(&alone, || alone.call(&["review", "pins"]), "there is no terminal to ask on");
    let call = alone.call(&["review", "--reject", "pins"]).exits(0);
    call.says("rejected  flow/complete\n").says("\n0 accepted · 2 rejected · 0 left for review\n");
    assert_eq!(alone.files(), pinned);
    alone.call(&["review", "pins"]).exits(0).says("nothing waits for review");

    alone.pin(&[], &OTHER).exits(1);
    alone.call(&["review", "--accept", "pins"]).exits(0).says("\n2 accepted · ");
    alone.pin(&[], &OTHER).exits(0).says("\npin     2 as pinned\n");
    // What is as pinned again needs no review any more.
    alone.pin(&[], &HONEST).exits(1);
    alone.pin(&[], &OTHER).exits(0);
    alone.call(&["review", "pins"]).exits(0).says("nothing waits for review");
    alone.pin(&["--color", "always"], &HONEST).exits(1).says("      \x1b[31m-GET").says("      \x1b[32m+GET");
}

#[test]
fn what_is_missing_is_named_and_written_alone() {
    let alone = Alone::new();
    let call =
        alone.pin(&[], &HONEST).exits(1).says("\nmissing flow/complete\n").says("\npin     2 missing\n");
    call.says("\nwrite   crosscheck run --pin pins --update=new …\n");
    assert!(!alone.path("").exists());
    alone.pin(&["--update"], &OTHER).exits(0);
    fs::remove_file(alone.path("flow/complete.snap")).unwrap();
    let kept = alone.files();
    let call = alone.pin(&["--update=new"], &HONEST).exits(1);
    call.says("\nDIFFERS  discovery/issuer-without-path\n").says("\npin     1 differ · 1 written\n");
    assert_eq!(alone.files()[0], kept[0]);
    assert!(alone.path("flow/complete.snap").exists());
}

#[test]
fn ci_writes_nothing_unless_it_is_forced() {
    let alone = Alone::new();
    let pin = |more: &[&str], client: &[&str]| {
        alone.call_in(Some("true"), &[&["run", "--pin", "pins"], more, &TWO, client].concat())
    };
    for update in ["--update", "--update=new"] {
        refuses(&alone, || pin(&[update], &HONEST), "`--update` writes nothing where the variable CI is set");
    }
    pin(&["--update", "--force"], &HONEST).exits(0).says("\npin     2 written\n");
    let pinned = alone.files();
    let call = pin(&[], &OTHER).exits(1).says("\nDIFFERS  ").without("crosscheck review");
    call.says("\naccept  crosscheck run --pin pins --update …\n");
    assert_eq!(alone.files(), pinned);
}

#[test]
fn a_file_that_is_no_pinned_exchange_of_this_version_is_one_message_and_exit_2() {
    let alone = Alone::new();
    alone.pin(&["--update"], &HONEST).exits(0);
    alone.pin(&[], &OTHER).exits(1);
    let good = fs::read_to_string(alone.path("flow/complete.snap")).unwrap();
    let bad = [
        (good.replacen("---\n", "", 1), "is no snapshot file: it has no head"),
        (good.replacen("description: ", "description: [", 1), "is no snapshot file: "),
        (good.replacen("crosscheck pin 1", "something else", 1), "is a snapshot of something else"),
        (good.replacen("crosscheck pin 1", "crosscheck pin 2", 1), "was written by a newer crosscheck"),
        (String::new(), "is no snapshot file: it has no head"),
    ];
    for (content, message) in bad {
        fs::write(alone.path("flow/complete.snap"), content).unwrap();
        for args in [&["--update"][..], &[]] {
            refuses(&alone, || alone.pin(args, &HONEST), message);
        }
        for flag in ["--accept", "--reject"] {
            refuses(&alone, || alone.call(&["review", flag, "pins"]), message);
        }
    }
    alone.call(&["review", "pins"]).exits(2).says("\n  hint: ").says("version control");
}

#[test]
fn where_nothing_can_be_written_no_client_is_started() {
    let alone = Alone::new();
    fs::write(alone.folder.path().join("file"), "").unwrap();
    let pin =
        |folder: &str, more: &[&str]| alone.call(&[&["run", "--pin", folder], more, &TWO, &HONEST].concat());
    refuses(&alone, || pin("file", &["--update"]), "could not read `file`: ");
    refuses(&alone, || pin("file", &["--update=new"]), "could not read `file`: ");
    refuses(&alone, || pin("file/pins", &["--update"]), "could not read `file/pins`: ");
    refuses(&alone, || pin("file", &[]), "could not read `file`: ");
    refuses(&alone, || alone.call(&["review", "file"]), "could not read `file`: ");
    refuses(&alone, || alone.call(&["review", "nowhere"]), "could not read `nowhere`: ");
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere/at/all", alone.folder.path().join("dangling")).unwrap();
    #[cfg(unix)]
    refuses(&alone, || pin("dangling", &["--update"]), "could not write to `dangling`: ");
    for lonely in [["run", "--update"], ["run", "--force"], ["run", "--pin-without=user-agent"]] {
        alone.call(&lonely).exits(2);
    }
}

#[test]
fn a_report_for_programs_stays_one() {
    let alone = Alone::new();
    let call = alone.pin(&["--format", "json", "--update"], &HONEST).exits(0);
    serde_json::from_str::<serde_json::Value>(&call.stdout).unwrap();
    assert!(call.stderr.contains("\npin     2 written\n"), "{}", call.told());
}

#[test]
fn the_version_of_a_client_is_left_out_where_that_is_asked_for() {
    let alone = Alone::new();
    let without = ["--pin-without", "user-agent"];
    alone.pin(&[&["--update"][..], &without].concat(), &HONEST).exits(0);
    let text = fs::read_to_string(alone.path("flow/complete.snap")).unwrap();
    assert!(text.contains("\"version\": \"«version»\""), "{text}");
    alone.pin(&without, &HONEST).exits(0);
    alone.pin(&[], &HONEST).exits(1).says("\n      -").says("«version»");
}

#[cfg(unix)]
#[test]
fn pins_are_for_everybody_whom_the_mask_allows() {
    use std::os::unix::fs::PermissionsExt as _;

    let alone = Alone::new();
    alone.pin(&["--update"], &HONEST).exits(0);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode();
    // A file that was made in the ordinary way has the mask that any other has.
    fs::write(alone.path("ordinary"), "").unwrap();
    assert_eq!(mode(alone.path("flow/complete.snap")), mode(alone.path("ordinary")));
}

#[test]
fn a_scenario_that_does_not_apply_is_neither_missing_nor_stale() {
    let alone = Alone::new();
    let run = |more: &[&str]| {
        alone.call(&[&["run", "--pin", "pins", "--exact", "discovery/idp-by-issuer"], more].concat())
    };
    let undeclared = ["--capabilities", "leg1=outside"];
    run(&undeclared).exits(0).says("1 not applicable").says("\npin     nothing to compare\n");
    run(&["--update"]).exits(0);
    run(&undeclared).exits(0).says("\npin     nothing to compare\n");
}

#[test]
fn a_fault_stands_as_a_diff_beside_its_finding() {
    let alone = Alone::new();
    alone.pin(&["--update"], &HONEST).exits(0);
    let fault = ["crosscheck", "reference-client", "--fault", "audience-trailing-slash"];
    let call = alone.pin(&[], &fault).exits(1).says(&format!("\nFAIL  {ISSUER} · tx-audience-is-as-issuer"));
    call.says("\n      -    audience = {as.origin}\n      +    audience = {as.origin}/\n");
    let pending = fs::read_to_string(alone.path("flow/complete.snap.new")).unwrap();
    assert!(pending.contains("audience = {as.origin}/\n") && !pending.contains("eyJ"), "{pending}");
}
