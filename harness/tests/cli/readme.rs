//! What the README says of the program is so.

use crosscheck::report::counts;
use crosscheck::self_proof::{Share, Tally, trials};
use crosscheck_reference_client::Fault;
use crosscheck_scenarios::{Catalogue, Profile, Scenarios};

use crate::crosscheck;

const README: &str = include_str!("../../../README.md");

#[test]
fn the_self_test_is_that_of_the_program() {
    let faults: Vec<_> = Fault::ALL.iter().map(|fault| fault.slug()).collect();
    let trials = trials(&Scenarios::embedded(&faults).unwrap(), Share::All);
    let counts = counts(Some(Catalogue::embedded()), &Tally::new(trials.iter().map(|trial| (trial, true))));
    assert!(README.contains(&counts), "the README must show:\n{counts}");
}

#[test]
fn every_profile_has_its_row() {
    for profile in Profile::ALL {
        assert!(README.contains(&format!("\n| `{profile}` | ")), "{profile}");
    }
}

#[test]
fn the_runs_are_pasted_from_the_program() {
    let passing = crosscheck(&["run"]).exits(0).stdout;
    let failing = crosscheck(&[
        "run",
        "issuer-without",
        "--",
        "crosscheck",
        "reference-client",
        "--fault",
        "audience-trailing-slash",
    ]);
    for line in passing.lines().chain(failing.exits(1).stdout.lines()).map(steady) {
        assert!(README.lines().any(|written| steady(written) == line), "the README lacks: {line}");
    }
}

/// A line without its ports and times, and without what depends on the machine's cores.
fn steady(line: &str) -> String {
    let words = line.split_whitespace().filter(|word| *word != "s" && word.parse::<f64>().is_err());
    let words = words.map(|word| word.split("127.0.0.1:").next().unwrap_or_default());
    let caret = |word: &&str| *word != "^";
    words.take_while(|word| *word != "at").filter(caret).collect::<Vec<_>>().join(" ")
}
