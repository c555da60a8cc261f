//! Runs that are one part of several.

use std::collections::BTreeSet;

use crate::{crosscheck, folder, text};

fn listed(args: &[&str]) -> Vec<String> {
    let call = crosscheck(&[["run", "--list"].as_slice(), args].concat()).exits(0);
    call.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn every_scenario_is_in_one_shard_and_no_shard_has_them_all() {
    let all = listed(&[]);
    for count in [1, 2, 3, 7] {
        let shards: Vec<_> =
            (1..=count).map(|index| listed(&["--shard", &format!("{index}/{count}")])).collect();
        let even = all.len() / count;
        assert!(shards.iter().all(|shard| (even / 2..=even * 2).contains(&shard.len())), "{count}");
        let listed: Vec<_> = shards.into_iter().flatten().collect();
        assert_eq!(listed.len(), all.len(), "a scenario is in several of {count}");
        assert_eq!(listed.iter().collect::<BTreeSet<_>>(), all.iter().collect(), "{count}");
    }
}

#[test]
fn a_shard_is_taken_of_what_the_filters_leave() {
    let filtered = listed(&["discovery/", "--skip", "issuer"]);
    let [first, second] =
        ["1/2", "2/2"].map(|shard| listed(&["discovery/", "--skip", "issuer", "--shard", shard]));
    assert!(!first.is_empty() && !second.is_empty());
    let of_all = listed(&["--shard", "1/2"]);
    let expected: Vec<_> = filtered.into_iter().filter(|id| of_all.contains(id)).collect();
    assert_eq!(first, expected);
}

#[test]
fn a_run_says_which_shard_it_is() {
    let client = ["--", "crosscheck", "reference-client"];
    let args = [["run", "flow/", "--shard", "1/2"].as_slice(), &client].concat();
    crosscheck(&args).exits(0).says(" · profile mcp · shard 1 of 2 · ");
    let trials = ["self-test", "--exact", "flow/complete", "flow/complete prints-tokens", "--shard"];
    let played = ["1/2", "2/2"].map(|shard| {
        let call = crosscheck(&[trials.as_slice(), &[shard]].concat()).exits(0);
        call.stdout.matches("1 of 1").count()
    });
    assert_eq!(played.iter().sum::<usize>(), 2);
}

#[test]
fn an_empty_shard_starts_no_client_and_says_so() {
    let folder = folder();
    let is_empty = |shard: &&str| listed(&["--exact", "flow/complete", "--shard", shard]).is_empty();
    let empty = ["1/2", "2/2"].into_iter().find(is_empty).expect("one scenario is in one of two shards");
    let args = ["run", "--exact", "flow/complete", "--shard", empty, "--report", text(folder.path())];
    let call = crosscheck(&[args.as_slice(), &["--", "no-such-program"]].concat()).exits(0).without("set-up");
    let call = call.says(" · 0 scenarios\n").says("none of the selected scenarios is in this shard");
    call.says("\n0 passed ").without("at a time");
    assert!(folder.path().join("report.json").is_file());
}

#[test]
fn what_is_no_shard_is_refused() {
    let wrong = [
        ("0/3", "there is no shard 0 of 3"),
        ("4/3", "there is no shard 4 of 3"),
        ("1/0", "there is no shard of 0"),
        ("a/b", "a shard is written I/N, such as 2/3"),
        ("1", "a shard is written I/N, such as 2/3"),
    ];
    for (shard, why) in wrong {
        let call = crosscheck(&["run", "--shard", shard]).exits(2).says(why);
        assert_eq!(call.stdout, "", "{}", call.told());
    }
}
