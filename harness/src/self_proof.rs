//! The self-proof: what the harness must say of the clients of its own making, and whether it does.
//!
//! The honest client and every control are played in every scenario and must be green; every fault is played in
//! the scenarios that name it and must be found there, and nothing else. In slow scenarios there are no controls: what
//! they do differently has nothing to do with time or size. The command `self-test` and the test target
//! `self_proof` are its two fronts.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use crosscheck_reference_client::{Control, Fault};
use crosscheck_scenarios::{
    Capability, Catalogue, Kind, Profile, Requirement, Scenario, Scenarios, Severity,
};
use crosscheck_wire::Declared;
use crosscheck_wire::ledger::ValueKind;

use crate::check::{Check, Verdict};
use crate::driver::Command;
use crate::judge::{self, EXCHANGE};
use crate::live::Live;
use crate::run::{FLOW_NAME, Played, PlayedResult, Player, RunError, Settings};
use crate::saved;
use crate::snapshot::diff::lines;
use crate::snapshot::{canonical, course};

/// The profile of every trial whose scenario fixes none.
pub const PROFILE: Profile = Profile::Mcp;

/// How long one start of the reference client may take.
const LIMIT: Duration = Duration::from_secs(30);
/// The same in a slow scenario: well beyond what the honest client grants a slow answer.
const SLOW_LIMIT: Duration = Duration::from_secs(6);

/// A client of our own making.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Subject {
    /// The reference client as the documents ask.
    Honest,
    /// The reference client with a freedom that it rightly has.
    Control(Control),
    /// The reference client with one thing wrong.
    Fault(Fault),
}

impl Subject {
    /// `honest`, `control` or `fault`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Control(_) => "control",
            Self::Fault(_) => "fault",
        }
    }

    /// The name on the command line; the honest client has none.
    pub fn slug(self) -> Option<&'static str> {
        match self {
            Self::Honest => None,
            Self::Control(control) => Some(control.slug()),
            Self::Fault(fault) => Some(fault.slug()),
        }
    }
}

/// A client in a scenario.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The scenario's id, and behind it the slug of the control or fault.
    pub id: String,
    /// The client.
    pub subject: Subject,
    /// The scenario.
    pub scenario: Arc<Scenario>,
}

/// How many of the many scenarios that differ in an answer alone are played with a freedom.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Share {
    /// All of them.
    All,
    /// Every fifth, another one for each freedom, so that there is something of every shape for each.
    Fifth,
}

impl Share {
    /// Whether scenario number `scenario` is played with freedom number `freedom`.
    pub fn has(self, scenario: usize, freedom: usize) -> bool {
        self == Self::All || (scenario + freedom).is_multiple_of(5)
    }
}

/// Every trial, in the order of scenarios; `share` says in which scenarios about one answer of a token endpoint the
/// controls are played.
pub fn trials(scenarios: &Scenarios, share: Share) -> Vec<Trial> {
    let of_scenario = |(number, scenario): (usize, &Scenario)| {
        let scenario = Arc::new(scenario.clone());
        let is_played = |freedom| !scenario.slow && (scenario.at.is_none() || share.has(number, freedom));
        let controls = Control::ALL.iter().copied().enumerate().filter(|(freedom, _)| is_played(*freedom));
        let controls = controls.map(|(_, control)| Subject::Control(control));
        let subjects: Vec<_> = [Subject::Honest]
            .into_iter()
            .chain(controls)
            .chain(faults(&scenario).map(Subject::Fault))
            .collect();
        subjects.into_iter().map(move |subject| {
            let words = [scenario.id.as_str()].into_iter().chain(subject.slug());
            let id = words.collect::<Vec<_>>().join(" ");
            Trial { id, subject, scenario: Arc::clone(&scenario) }
        })
    };
    scenarios.iter().enumerate().flat_map(of_scenario).collect()
}

/// The settings of all trials; `program` is this command.
pub fn settings(program: OsString, threads: usize) -> Settings {
    Settings {
        client: None,
        command: Command { program, args: vec!["reference-client".into()] },
        directory: None,
        environment: Default::default(),
        declared: Declared(Capability::all()),
        flow_name: FLOW_NAME.into(),
        profile: PROFILE,
        spec_version: Default::default(),
        limit: LIMIT,
        slow_limit: SLOW_LIMIT,
        threads,
        reveal: true,
        live: Live::default(),
    }
}

/// What a trial came to, where that is not what it must be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Discrepancy {
    /// What must be found.
    pub due: String,
    /// What was found: requirement, verdict and evidence, a line each.
    pub found: Vec<String>,
}

impl Trial {
    /// Plays the trial.
    ///
    /// # Errors
    /// When the client cannot be driven at all.
    pub fn play(&self, player: &mut Player, settings: &Settings) -> Result<Played, RunError> {
        let mut settings = settings.clone();
        if let Some(slug) = self.subject.slug() {
            settings.command.args.extend([format!("--{}", self.subject.kind()).into(), slug.into()]);
        }
        player.play(&self.scenario, &settings)
    }

    /// Holds what was found against what must be found, the exchange on file included.
    ///
    /// # Errors
    /// The discrepancy.
    pub fn prove(&self, played: &Played) -> Result<(), Discrepancy> {
        self.prove_findings(played)?;
        let Some((name, exchange)) = self.exchange(played) else { return Ok(()) };
        let on_file = self.courses().find(|(course, _)| *course == name).map_or("", |(_, on_file)| on_file);
        let found: Vec<_> = lines(on_file, &exchange).iter().map(ToString::to_string).collect();
        if found.is_empty() {
            return Ok(());
        }
        Err(Discrepancy { due: "the canonical exchange on file".into(), found })
    }

    /// Holds what was found, now and of the saved transcript, against what must be found.
    ///
    /// # Errors
    /// The discrepancy.
    pub fn prove_findings(&self, played: &Played) -> Result<(), Discrepancy> {
        prove_saved(played)?;
        let rows = match self.subject {
            Subject::Fault(fault) => expected(fault, &self.scenario),
            Subject::Honest | Subject::Control(_) => Vec::new(),
        };
        let profile = self.scenario.profile(PROFILE);
        let found: Vec<_> = findings(played).collect();
        let is_due = |check: &&Check| {
            let row = rows.iter().find(|row| row.id == check.requirement);
            let severe = row.is_some_and(|row| row.severity(profile) == Some(Severity::Fail));
            // A breach may count less than its row, never more; the table of findings pins which.
            let counts = check.verdict == Verdict::Warn || (severe && check.verdict == Verdict::Fail);
            row.is_some() && counts && has_evidence(check)
        };
        let is_found = |row: &&Requirement| found.iter().any(|check| check.requirement == row.id);
        let applies = matches!(played.result, PlayedResult::Judged { .. });
        let provokes = !rows.is_empty() || !matches!(self.subject, Subject::Fault(_));
        if applies && provokes && found.iter().all(is_due) && rows.iter().all(is_found) {
            return Ok(());
        }
        let due = rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(", ");
        Err(Discrepancy {
            due: match self.subject {
                Subject::Fault(_) if due.is_empty() => {
                    "a requirement that the fault breaks and the scenario asks for; there is none".into()
                }
                Subject::Fault(_) => due,
                Subject::Honest | Subject::Control(_) => "nothing".into(),
            },
            found: match applies {
                true => found.into_iter().map(line).collect(),
                false => vec!["not applicable, though the reference client declares everything".into()],
            },
        })
    }

    /// The canonical exchange that must be on file, with what its file is called behind the scenario's name; none for a
    /// fault, and for a control in a probe, of which nothing is asked.
    pub fn exchange(&self, played: &Played) -> Option<(String, String)> {
        let PlayedResult::Judged { transcript, .. } = &played.result else { return None };
        let exchange = canonical(transcript);
        let name = match self.subject {
            Subject::Honest => String::new(),
            Subject::Control(_) if self.scenario.kind != Kind::Probe => {
                let (_, honest) = self.courses().next()?;
                let own = course(&exchange);
                if course(honest) == own { String::new() } else { format!("@{own}") }
            }
            Subject::Control(_) | Subject::Fault(_) => return None,
        };
        Some((name, exchange))
    }

    fn courses(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        crosscheck_snapshots::courses(self.scenario.id.as_str())
    }
}

/// Saves the transcript, looks for secrets in it, and judges it once more as it is read.
fn prove_saved(played: &Played) -> Result<(), Discrepancy> {
    let PlayedResult::Judged { transcript, checks, .. } = &played.result else { return Ok(()) };
    let mut transcript = transcript.clone();
    let revealed = std::mem::take(&mut transcript.revealed);
    let discrepancy = |due: &str, found| Err(Discrepancy { due: due.into(), found });
    let saved = match serde_json::to_string(&transcript) {
        Ok(saved) => saved,
        Err(error) => return discrepancy("a transcript that can be saved", vec![error.to_string()]),
    };
    let secrets = transcript.values.iter().filter(|facts| facts.kind != ValueKind::Identifier);
    let found: Vec<_> = secrets
        .filter(|facts| revealed.get(&facts.name).is_some_and(|value| saved.contains(value)))
        .map(|facts| facts.name.clone())
        .collect();
    if !found.is_empty() {
        return discrepancy("no secret in the saved transcript", found);
    }
    match saved::parse(saved.as_bytes()).map(|read| judge::judge(&played.scenario, &read)) {
        Ok(again) if again == *checks => Ok(()),
        Ok(again) => discrepancy(
            "the same checks of the saved transcript",
            again.iter().filter(|check| !checks.contains(check)).map(line).collect(),
        ),
        Err(error) => discrepancy("a saved transcript that can be read", vec![error.to_string()]),
    }
}

/// What counts of a run.
pub fn findings(played: &Played) -> impl Iterator<Item = &Check> {
    played.checks().iter().filter(|check| check.verdict >= Verdict::Warn)
}

/// The rows of the catalogue that a fault must be found to break in a scenario: those that the scenario asks for.
pub fn expected(fault: Fault, scenario: &Scenario) -> Vec<&'static Requirement> {
    let counts = |row: &&Requirement| row.severity(scenario.profile(PROFILE)) > Some(Severity::Info);
    let asked = |row: &&Requirement| scenario.requirements.contains(&row.id);
    let trips = |row: &&Requirement| fault.trips().contains(&row.id.as_str());
    Catalogue::embedded().iter().filter(trips).filter(asked).filter(counts).collect()
}

/// What keeps catalogue, rules, scenarios, faults and files from proving each other, a sentence each.
pub fn gaps(scenarios: &Scenarios) -> Vec<String> {
    let pairs = || scenarios.iter().flat_map(|scenario| faults(scenario).map(move |fault| (fault, scenario)));
    let proved: BTreeSet<_> = pairs()
        .flat_map(|(fault, scenario)| {
            expected(fault, scenario).into_iter().map(move |row| (row.id.as_str(), fault.slug()))
        })
        .collect();
    let rules: BTreeSet<_> = judge::rules().collect();
    let find = |id| Catalogue::embedded().find(id);
    let mut gaps = Vec::new();

    for fault in Fault::ALL {
        let slug = fault.slug();
        let is_named = pairs().any(|(other, _)| other == *fault);
        if !is_named {
            gaps.push(format!("no scenario names the fault {slug}"));
        }
        for id in fault.trips() {
            match find(id) {
                None => gaps.push(format!("the fault {slug} breaks {id}, which is no requirement")),
                Some(row) if row.planned.is_some() => {
                    gaps.push(format!("the fault {slug} breaks {id}, which is planned"));
                }
                Some(_) if is_named && !proved.contains(&(*id, slug)) => {
                    gaps.push(format!("no scenario that names the fault {slug} asks for {id}"));
                }
                Some(_) => {}
            }
        }
    }
    for row in Catalogue::embedded().iter().filter(|row| row.is_checked()) {
        let id = row.id.as_str();
        if !rules.contains(id) {
            gaps.push(format!("{id} is not planned and no rule judges it"));
        }
        // What no other row explains is broken by a fault that shows a hole in the catalogue.
        if row.counts() && id != EXCHANGE && !proved.iter().any(|(proved, _)| *proved == id) {
            gaps.push(format!("{id} is judged and no fault is expected to break it"));
        }
    }
    for id in crosscheck_snapshots::scenarios().filter(|id| scenarios.find(id).is_none()) {
        gaps.push(format!("a canonical exchange is on file of {id}, which is no scenario"));
    }
    for id in rules {
        match find(id) {
            None => gaps.push(format!("a rule judges {id}, which is no requirement")),
            Some(row) if row.planned.is_some() => {
                gaps.push(format!("a rule judges {id}, which is planned"));
            }
            Some(_) => {}
        }
    }
    gaps
}

/// What was proved, in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// The honest client, by scenario.
    pub scenarios: Count,
    /// The controls.
    pub controls: Count,
    /// The faults.
    pub faults: Count,
    /// Slow scenarios among those of the honest client.
    pub slow: usize,
}

/// Clients or scenarios of one kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Count {
    /// How many came to what they must in all their runs.
    pub good: usize,
    /// How many there are.
    pub all: usize,
    /// How often they were played.
    pub runs: usize,
}

impl Tally {
    /// Counts trials, each with whether it came to what it must.
    pub fn new<'a>(results: impl IntoIterator<Item = (&'a Trial, bool)>) -> Self {
        let mut kinds: BTreeMap<_, BTreeMap<&str, (bool, usize)>> = BTreeMap::new();
        let mut slow = 0;
        for (trial, is_good) in results {
            slow += usize::from(trial.scenario.slow && trial.subject == Subject::Honest);
            let name = trial.subject.slug().unwrap_or(trial.scenario.id.as_str());
            let (good, runs) =
                kinds.entry(trial.subject.kind()).or_default().entry(name).or_insert((true, 0));
            *good &= is_good;
            *runs += 1;
        }
        let count = |kind| {
            let names = kinds.get(kind).into_iter().flat_map(BTreeMap::values);
            names.fold(Count::default(), |count, (good, runs)| Count {
                good: count.good + usize::from(*good),
                all: count.all + 1,
                runs: count.runs + runs,
            })
        };
        Self { scenarios: count("honest"), controls: count("control"), faults: count("fault"), slow }
    }
}

/// The faults that a scenario names; its reader knows them all.
fn faults(scenario: &Scenario) -> impl Iterator<Item = Fault> {
    scenario.faults.iter().filter_map(|slug| slug.as_str().parse().ok())
}

/// Whether a finding names an exchange or quotes the client.
fn has_evidence(check: &Check) -> bool {
    check.finding.as_ref().is_some_and(|finding| finding.exchange.is_some() || finding.excerpt.is_some())
}

/// A finding on one line.
fn line(check: &Check) -> String {
    let mut line = format!("{} {}", check.id(), check.verdict.as_str());
    if let Some(finding) = &check.finding {
        let exchange = finding.exchange.map(|number| format!("#{number} ")).unwrap_or_default();
        line.push_str(&format!(" · {exchange}{}", finding.what.lines().next().unwrap_or_default()));
    }
    if !has_evidence(check) {
        line.push_str(" (without an exchange or a quotation)");
    }
    line
}
