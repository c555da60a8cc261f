//! The numbers in the pages are those of the program.

use crosscheck::report::counts;
use crosscheck::self_proof::{Share, Tally, trials};
use crosscheck_reference_client::{Control, Fault};
use crosscheck_scenarios::{Catalogue, Profile, Severity};

use super::{Page, scenarios};

#[test]
fn the_self_test_that_is_shown_is_that_of_the_program() {
    let trials = trials(&scenarios(), Share::All);
    let counts = counts(Some(Catalogue::embedded()), &Tally::new(trials.iter().map(|trial| (trial, true))));
    let page = Page::read("docs/trust.md").text;
    assert!(page.contains(&counts), "docs/trust.md must show:\n{counts}");
}

#[track_caller]
fn says(name: &str, text: &str) {
    assert!(Page::read(name).text.contains(text), "{name} must say: {text}");
}

#[test]
fn the_numbers_of_scenarios_and_requirements_are_those_of_the_program() {
    let scenarios = scenarios();
    let (all, quick) = (scenarios.iter().count(), scenarios.iter().filter(|scenario| !scenario.slow).count());
    let (checked, planned) = (Catalogue::embedded().checked(), Catalogue::embedded().planned());
    says(
        "README.md",
        &format!("\n{all} scenarios ask for {checked} requirements; {planned} more are planned"),
    );
    says("docs/trust.md", &format!("the {quick} scenarios that are not slow"));

    let in_profile = |row: &&crosscheck_scenarios::Requirement| {
        row.is_checked() && row.severity(Profile::default()) >= Some(Severity::Info)
    };
    let judged = Catalogue::embedded().iter().filter(in_profile).count();
    let odd = scenarios.iter().filter(|scenario| {
        let id = scenario.id.as_str();
        id.starts_with("errors/") || id.starts_with("responses/")
    });
    let (faults, controls) = (Fault::ALL.len(), Control::ALL.len());
    says("docs/comparison.md", &format!("| Scenarios of the ID-JAG flow | {all} |"));
    says(
        "docs/comparison.md",
        &format!("| Tests itself | {faults} faults and {controls} controls of a reference client |"),
    );
    says("docs/comparison.md", &format!("| {judged} requirements in the profile `mcp` |"));
    says("docs/comparison.md", &format!("| {} scenarios |", odd.count()));
}
