//! `crosscheck merge`: what shards leave is joined, and what is missing is told.

use std::fs;
use std::path::{Path, PathBuf};

use crosscheck::report::Report;

use crate::{Call, crosscheck, folder, text};

const SLASH: [&str; 5] = ["--", "crosscheck", "reference-client", "--fault", "audience-trailing-slash"];

/// Plays one shard of the scenarios of discovery and leaves a report.
fn shard(folder: &Path, shard: &str, options: &[&str]) -> PathBuf {
    let path = folder.join(shard.replace('/', "-of-"));
    let args = ["run", "discovery", "--no-config", "--shard", shard, "--report", text(&path)];
    crosscheck(&[&args, options].concat());
    path
}

fn merge(folders: &[&Path], out: &Path) -> Call {
    let folders = folders.iter().map(|folder| text(folder));
    let args: Vec<_> = ["merge"].into_iter().chain(folders).chain(["--report", text(out)]).collect();
    crosscheck(&args)
}

fn read(folder: &Path) -> Report {
    Report::parse(&fs::read(folder.join("report.json")).unwrap()).unwrap()
}

#[test]
fn joined_shards_are_the_report_of_the_whole_run() {
    let folder = folder();
    let whole = folder.path().join("whole");
    let args = ["run", "discovery", "--no-config", "--report", text(&whole)];
    crosscheck(&[&args[..], &SLASH].concat()).exits(1);
    let shards = ["1/3", "2/3", "3/3"].map(|one| shard(folder.path(), one, &SLASH));
    let out = folder.path().join("out");
    let call = merge(&[&shards[2], &shards[0], &shards[1]], &out).exits(1);
    call.says(&format!("report  {}\n", out.join("index.html").display())).without("missing");

    let (whole, joined) = (read(&whole), read(&out));
    assert_eq!((joined.as_expected, &joined.rules), (false, &whole.rules));
    let ([one], [other]) = (whole.clients.as_slice(), joined.clients.as_slice()) else {
        panic!("one client")
    };
    assert_eq!((one.counts, &one.level_in_words), (other.counts, &other.level_in_words));
    let told = |report: &crosscheck::report::ClientReport| {
        let scenarios = report.scenarios.iter();
        scenarios
            .map(|one| (one.id.clone(), one.result, one.checks.len(), one.again.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(one), told(other));
    let run = other.run.as_ref().unwrap();
    assert_eq!((&run.shard, run.missing_shards.len()), (&None, 0));
    for scenario in &other.scenarios {
        assert!(out.join(scenario.id.as_str()).join("transcript.json").is_file(), "{}", scenario.id);
    }
    for name in ["index.html", "junit.xml", "summary.md", "errors.md", "errors.json"] {
        assert!(out.join(name).is_file(), "{name}");
    }
}

#[test]
fn a_missing_shard_is_told_and_the_rest_is_joined() {
    let folder = folder();
    let shards = ["1/3", "3/3"].map(|one| shard(folder.path(), one, &[]));
    let out = folder.path().join("out");
    merge(&[&shards[0], &shards[1]], &out).exits(2).says("missing reference: shard 2/3");
    assert_eq!(read(&out).clients[0].run.as_ref().unwrap().missing_shards, ["2/3".parse().unwrap()]);
    let summary = fs::read_to_string(out.join("summary.md")).unwrap();
    assert!(summary.contains("Shard 2/3 is missing."), "{summary}");
}

#[test]
fn what_an_earlier_run_left_in_the_folder_of_a_shard_is_not_taken() {
    let folder = folder();
    let shards = ["1/2", "2/2"].map(|one| shard(folder.path(), one, &[]));
    let id = read(&shards[0]).clients[0].scenarios[0].id.clone();
    let transcript = |folder: &Path| folder.join(id.as_str()).join("transcript.json");
    let stale = transcript(&shards[1]);
    fs::create_dir_all(stale.parent().unwrap()).unwrap();
    fs::write(&stale, "of an earlier run").unwrap();
    let out = folder.path().join("out");
    merge(&[&shards[0], &shards[1]], &out).exits(0);
    assert_eq!(fs::read(transcript(&out)).unwrap(), fs::read(transcript(&shards[0])).unwrap());
}

#[test]
fn several_clients_are_compared() {
    let folder = folder();
    let config = "[[client]]\nname = \"honest\"\n\n[[client]]\nname = \"slash\"\n\
                  command = [\"crosscheck\", \"reference-client\", \"--fault\", \"audience-trailing-slash\"]\n";
    let path = folder.path().join("crosscheck.toml");
    fs::write(&path, config).unwrap();
    let reports = ["1/2", "2/2"].map(|shard| {
        let report = folder.path().join(shard.replace('/', "-of-"));
        let args = ["run", "flow", "issuer-without", "--config", text(&path), "--shard", shard];
        crosscheck(&[&args[..], &["--report", text(&report)]].concat());
        report
    });
    let out = folder.path().join("out");
    let call = merge(&[&reports[0], &reports[1]], &out).exits(1);
    call.says("| Scenarios | honest | slash |\n").says("| `discovery` | 1 | 0 of 1 |\n");
    assert_eq!(read(&out).clients.len(), 2);
    assert_eq!(read(&out.join("slash")).clients.len(), 1);
    let comparison = fs::read_to_string(out.join("comparison.md")).unwrap();
    assert!(comparison.contains("| `discovery/issuer-without-path` | passed | failed |\n"), "{comparison}");
    assert!(out.join("index.html").is_file() && out.join("honest/index.html").is_file());
}

#[test]
fn reports_that_do_not_fit_together_are_refused_and_nothing_is_written() {
    let folder = folder();
    let first = shard(folder.path(), "1/2", &[]);
    let third = shard(folder.path(), "2/3", &[]);
    let other = folder.path().join("other");
    crosscheck(&[
        "run",
        "discovery",
        "--no-config",
        "--shard",
        "2/2",
        "--profile",
        "base",
        "--report",
        text(&other),
    ]);
    let out = folder.path().join("out");
    let as_of = shard(folder.path(), "2/2", &["--as-of", env!("CARGO_PKG_VERSION")]);
    merge(&[&first, &as_of], &out).exits(2).says("the release whose rules count differs, none and ");
    let second = shard(folder.path(), "2/2", &[]);
    merge(&[&first, &first], &out).exits(2).says("are both shard 1/2 of `reference`");
    merge(&[&first, &third], &out).exits(2).says("the number of shards differs, 2 shards and 3 shards");
    merge(&[&first, &other], &out).exits(2).says("the profile differs, mcp and base").says("hint: ");
    let nowhere = folder.path().join("nowhere");
    merge(&[&first, &nowhere], &out).exits(2).says("could not read").says("hint: ");
    merge(&[&first, &second], &first).exits(2).says("is one of the reports that are joined");
    let report = second.join("report.json");
    let written = fs::read_to_string(&report).unwrap();
    fs::write(&report, written.replacen("\"crosscheck\": \"", "\"crosscheck\": \"9", 1)).unwrap();
    merge(&[&first, &second], &out).exits(2).says("by crosscheck 9");
    fs::write(&report, written.replacen("\"version\": 1", "\"version\": 9", 1)).unwrap();
    merge(&[&first, &second], &out).exits(2).says("version 9 of the form of reports");
    let id = "\"id\": \"discovery/";
    fs::write(&report, written.replacen(id, "\"id\": \"../discovery/", 1)).unwrap();
    merge(&[&first, &second], &out).exits(2).says("which is no name of a folder in a report");
    fs::write(&report, "{").unwrap();
    merge(&[&first, &second], &out).exits(2).says("it is no report");
    assert!(!out.exists());
}

#[test]
fn a_report_that_is_joined_within_its_own_folder_loses_nothing() {
    let folder = folder();
    let config = folder.path().join("crosscheck.toml");
    fs::write(&config, "[[client]]\nname = \"one\"\n[[client]]\nname = \"two\"\n").unwrap();
    let whole = folder.path().join("report");
    let run = ["run", "--config", text(&config), "--report", text(&whole), "--exact", "flow/complete"];
    crosscheck(&run).exits(0);
    crosscheck(&["merge", text(&whole.join("one")), "--report", text(&whole)]).exits(0);
    for client in ["one", "two"] {
        assert!(whole.join(client).join("flow/complete/transcript.json").is_file(), "{client}");
    }
}
