//! The report of the self-test: what is not as it must be first, then the counts.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use crosscheck_scenarios::Catalogue;

use crate::report::terminal::{FAIL, PASS};
use crate::self_proof::{Count, Discrepancy, PROFILE, Tally, Trial};
use crate::text::{printable, seconds};

/// What a self-test came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelfTest<'a> {
    /// The trials that were played.
    pub(crate) trials: &'a [Trial],
    /// What each came to, in their order.
    pub(crate) results: &'a [Result<(), Discrepancy>],
    /// What keeps catalogue, rules, scenarios and faults from proving each other; `None` where only a part of the
    /// trials was played.
    pub(crate) gaps: Option<&'a [String]>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// A trial that did not come to what it must.
type Failed<'a> = (&'a Trial, &'a Discrepancy);

impl SelfTest<'_> {
    /// Whether everything is as it must be.
    pub(crate) fn as_it_must_be(&self) -> bool {
        self.gaps.is_none_or(<[_]>::is_empty) && self.results.iter().all(Result::is_ok)
    }

    fn failed(&self) -> impl Iterator<Item = Failed<'_>> {
        let results = self.trials.iter().zip(self.results);
        results.filter_map(|(trial, result)| Some((trial, result.as_ref().err()?)))
    }

    /// Writes the report.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "self-test {} · profile {PROFILE}", env!("CARGO_PKG_VERSION"))?;
        for gap in self.gaps.unwrap_or_default() {
            writeln!(out, "\n{FAIL}FAIL{FAIL:#}  {gap}")?;
        }
        let failed: Vec<_> = self.failed().collect();
        let alike = |one: &Failed<'_>, other: &Failed<'_>| {
            one.0.scenario.id == other.0.scenario.id && one.1 == other.1
        };
        for (place, one) in failed.iter().enumerate() {
            // What several clients of a scenario came to is told once.
            if failed[..place].iter().any(|earlier| alike(earlier, one)) {
                continue;
            }
            write!(out, "\n{FAIL}FAIL{FAIL:#}  {}", told(one.0, one.1))?;
            let more = failed[place + 1..].iter().filter(|later| alike(one, later)).count();
            if more > 0 {
                writeln!(out, "      more  {more} alike in this scenario")?;
            }
        }
        if !self.as_it_must_be() {
            writeln!(out)?;
        }
        let requirements = self.gaps.filter(|gaps| gaps.is_empty()).map(|_| Catalogue::embedded());
        let tally = Tally::new(self.trials.iter().zip(self.results.iter().map(Result::is_ok)));
        write!(out, "{}", counts(requirements, &tally))?;
        let (style, text) = if self.as_it_must_be() {
            (PASS, "all as it must be".to_owned())
        } else {
            let gaps = self.gaps.unwrap_or_default().len();
            let runs = thousands(self.trials.len());
            (FAIL, format!("not as it must be: {} of {runs} runs, {gaps} gaps", failed.len()))
        };
        writeln!(out, "{style}{text:<72}{style:#} {}", seconds(self.took))
    }
}

/// A trial that did not come to what it must, without colour: what was due, what was found, and the command that
/// repeats it.
pub fn told(trial: &Trial, discrepancy: &Discrepancy) -> String {
    let kind = trial.subject.kind();
    let subject =
        trial.subject.slug().map_or("the honest client".to_owned(), |slug| format!("{kind} {slug}"));
    let mut text = format!("{} · {subject}\n", trial.scenario.id);
    let mut line = |label: &str, what: &str| {
        let _ = writeln!(text, "      {label:<6}{}", printable(what));
    };
    line("due", &discrepancy.due);
    if discrepancy.found.is_empty() {
        line("found", "nothing");
    }
    for (place, found) in discrepancy.found.iter().enumerate() {
        line(if place == 0 { "found" } else { "" }, found);
    }
    line("again", &format!("crosscheck self-test --exact '{}'", trial.id));
    text
}

/// The lines of counts; that of requirements where they are given, and none for a kind that was not played.
pub fn counts(requirements: Option<&Catalogue>, tally: &Tally) -> String {
    let mut text = String::new();
    let mut line = |label: &str, what: String| {
        let _ = writeln!(text, "  {label:<14}{what}");
    };
    if let Some(catalogue) = requirements {
        let (checked, planned) = (catalogue.checked(), catalogue.planned());
        let counted = catalogue.iter().filter(|row| row.is_checked() && row.counts()).count();
        let told = checked - counted;
        let text =
            format!("{checked} checked: {counted} tripped by a fault, {told} told only · {planned} planned");
        line("requirements", text);
    }
    let Tally { faults, controls, scenarios, slow } = tally;
    let runs = |count: &Count| match count.runs {
        1 => "in 1 run".to_owned(),
        runs => format!("in {} runs", thousands(runs)),
    };
    if faults.all > 0 {
        let alone = if faults.good == faults.all { ", nothing else found" } else { "" };
        line("faults", format!("{} of {} caught, {}{alone}", faults.good, faults.all, runs(faults)));
    }
    if controls.all > 0 {
        line("controls", format!("{} of {} clean, {}", controls.good, controls.all, runs(controls)));
    }
    if scenarios.all > 0 {
        let (good, all) = (scenarios.good, scenarios.all);
        let apart =
            if *slow > 0 { format!("; the {slow} slow ones without controls") } else { String::new() };
        line("scenarios", format!("{good} of {all} green with the honest client{apart}"));
    }
    text
}

/// A number with its thousands set apart.
fn thousands(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", thousands(number / 1000), number % 1000),
    }
}

#[cfg(test)]
mod tests {
    use crosscheck_scenarios::Scenarios;

    use crate::self_proof::{Share, trials};

    use super::*;

    #[test]
    fn a_trial_that_fails_is_told_with_the_command_that_repeats_it() {
        let script =
            "title = \"A\"\nwhy = \"B\"\nrequirements = [\"flow-order\"]\nfaults = [\"prints-tokens\"]\n";
        let scenarios = Scenarios::parse("mine", script, &["prints-tokens"]).unwrap();
        let trials = trials(&scenarios, Share::All);
        let found = vec!["flow-order fail · #4 It came first.".to_owned(), "run-outcome fail".to_owned()];
        let missed = Err(Discrepancy { due: "conf-log-default".into(), found });
        let unclean = Err(Discrepancy { due: "nothing".into(), found: vec!["flow-order fail".into()] });
        let mut results = vec![unclean; trials.len()];
        results[trials.len() - 1] = missed;
        let report = SelfTest { trials: &trials, results: &results, gaps: None, took: Duration::ZERO };
        let mut out = Vec::new();
        report.write(&mut anstream::StripStream::new(&mut out)).unwrap();
        let text = String::from_utf8(out).unwrap();
        let block = "FAIL  mine · fault prints-tokens\n      due   conf-log-default\n      found flow-order fail · #4 It came first.\n            run-outcome fail\n      again crosscheck self-test --exact 'mine prints-tokens'\n";
        assert!(text.contains(block), "{text}");
        assert!(text.contains("faults        0 of 1 caught, in 1 run\n"), "{text}");
        let controls = trials.len() - 2;
        assert!(text.contains(&format!("      more  {controls} alike in this scenario\n")), "{text}");
        assert_eq!(text.matches("FAIL  mine").count(), 2, "{text}");
        assert!(text.contains(&format!("not as it must be: {} of ", trials.len())), "{text}");
        assert!(!report.as_it_must_be());
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([999, 1000, 1_002_030].map(thousands), ["999", "1,000", "1,002,030"]);
    }
}
