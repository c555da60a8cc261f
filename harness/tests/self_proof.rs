//! Every scenario against the honest client, every control, and every fault where it must be caught.
//!
//! Each pair is a test of its own, so that a filter selects it: `cargo test --test self_proof -- FILTER`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::sync::watch;

use crosscheck::check::Verdict;
use crosscheck::driver::Command;
use crosscheck::run::{Played, PlayedResult, Player, Settings};
use crosscheck::snapshot::canonical;
use crosscheck_reference_client::{Control, Fault};
use crosscheck_scenarios::{
    Capability, Catalogue, Profile, Requirement, Scenario, Scenarios, Severity, SpecVersion,
};
use crosscheck_wire::Declared;

fn main() -> ExitCode {
    let faults: Vec<_> = Fault::ALL.iter().map(|fault| fault.slug()).collect();
    let scenarios = Scenarios::embedded(&faults).expect("the built-in scripts are right");
    let mut trials = vec![
        trial("told", "flow/complete openid-metadata-first".into(), {
            let complete = Arc::new(scenarios.find("flow/complete").expect("it is built in").clone());
            move || order_is_told(&complete)
        }),
        trial("catalogue", "both-ways".into(), {
            let scenarios = scenarios.clone();
            move || both_ways(&scenarios)
        }),
    ];
    for scenario in scenarios.iter().map(|scenario| Arc::new(scenario.clone())) {
        let id = &scenario.id;
        let honest = Arc::clone(&scenario);
        trials.push(trial("honest", id.to_string(), move || is_green(&honest, &[])));
        for control in Control::ALL {
            let scenario = Arc::clone(&scenario);
            let name = format!("{id} {}", control.slug());
            trials.push(trial("control", name, move || is_green(&scenario, &["--control", control.slug()])));
        }
        for slug in &scenario.faults {
            let fault: Fault = slug.as_str().parse().expect("the loader knows the fault");
            let name = format!("{id} {slug}");
            let scenario = Arc::clone(&scenario);
            trials.push(trial("fault", name, move || fault_is_caught(&scenario, fault)));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial(kind: &str, name: String, test: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(name, test).with_kind(kind)
}

/// A right client is green and yields the snapshot on file, whatever freedom it uses.
fn is_green(scenario: &Arc<Scenario>, args: &[&str]) -> Result<(), Failed> {
    let played = play(scenario, args)?;
    if played.verdict() != Verdict::Pass {
        return Err(told(&played).into());
    }
    let PlayedResult::Judged { transcript, .. } = &played.result else {
        return Err("the reference client declares everything".into());
    };
    let (folder, name) = scenario.id.as_str().rsplit_once('/').unwrap_or(("", scenario.id.as_str()));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../snapshots").join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(&scenario.title);
    settings.bind(|| insta::assert_snapshot!(name, canonical(transcript)));
    Ok(())
}

/// The order of well-known URLs is a freedom that is told and never counted.
fn order_is_told(scenario: &Arc<Scenario>) -> Result<(), Failed> {
    let played = play(scenario, &["--control", Control::OpenidMetadataFirst.slug()])?;
    let told = played.checks().iter().find(|check| check.requirement.as_str() == "disc-asm-order-root");
    if told.is_some_and(|check| check.verdict == Verdict::Info) {
        Ok(())
    } else {
        Err(self::told(&played).into())
    }
}

/// Exactly the requirements that the fault breaks are found, and nothing else.
fn fault_is_caught(scenario: &Arc<Scenario>, fault: Fault) -> Result<(), Failed> {
    let played = play(scenario, &["--fault", fault.slug()])?;
    let found: BTreeSet<_> = findings(&played).map(|check| check.requirement.to_string()).collect();
    let meant: BTreeSet<_> = fault.trips().iter().map(ToString::to_string).collect();
    if found == meant {
        Ok(())
    } else {
        Err(format!("{fault:?} must trip {meant:?}\n{}", told(&played)).into())
    }
}

/// Every requirement that is judged is tripped by a fault, and every fault stands in a scenario.
fn both_ways(scenarios: &Scenarios) -> Result<(), Failed> {
    let in_scenarios: BTreeSet<_> =
        scenarios.iter().flat_map(|scenario| &scenario.faults).map(|slug| slug.as_str()).collect();
    let idle: Vec<_> = Fault::ALL.iter().filter(|fault| !in_scenarios.contains(fault.slug())).collect();
    let tripped: BTreeSet<_> = Fault::ALL.iter().flat_map(|fault| fault.trips()).copied().collect();
    let untripped: Vec<_> = Catalogue::embedded()
        .iter()
        .filter(|row| is_counted(row))
        .map(|row| row.id.as_str())
        .filter(|id| !tripped.contains(id))
        .collect();
    let unknown: Vec<_> = tripped.iter().filter(|id| Catalogue::embedded().find(id).is_none()).collect();
    if idle.is_empty() && untripped.is_empty() && unknown.is_empty() {
        return Ok(());
    }
    Err(format!("faults without a scenario {idle:?}, requirements without a fault {untripped:?}, faults that trip unknown requirements {unknown:?}").into())
}

/// Rows about the run itself are shown by the tests of the judge and the command; a row that is at most told has
/// a control, not a fault.
fn is_counted(row: &Requirement) -> bool {
    let counted = |profile: &Profile| row.severity(*profile) > Some(Severity::Info);
    Profile::ALL.iter().any(counted) && !row.id.as_str().starts_with("run-")
}

fn findings(played: &Played) -> impl Iterator<Item = &crosscheck::check::Check> {
    played.checks().iter().filter(|check| check.verdict >= Verdict::Warn)
}

/// Everything that arrived and everything that was found.
fn told(played: &Played) -> String {
    let checks: Vec<_> = findings(played).collect();
    let mut text = format!("{checks:#?}\n");
    if let PlayedResult::Judged { transcript, .. } = &played.result {
        for exchange in &transcript.exchanges {
            let request = &exchange.request;
            text.push_str(&format!(
                "#{} {} {} {} → {} {}\n",
                exchange.number,
                request.method,
                exchange.party,
                request.path,
                exchange.response.status,
                exchange.refusal,
            ));
        }
        text.push_str(&format!("{}\n{}\n", transcript.client.stdout.text, transcript.client.stderr.text));
    }
    text
}

fn play(scenario: &Arc<Scenario>, args: &[&str]) -> Result<Played, Failed> {
    let args = ["reference-client"].iter().chain(args).map(Into::into).collect();
    let settings = Settings {
        command: Command { program: env!("CARGO_BIN_EXE_crosscheck").into(), args },
        declared: Declared(Capability::all()),
        flow_name: "auth/cross-app-access-complete-flow".into(),
        profile: Profile::default(),
        spec_version: SpecVersion::default(),
        limit: Duration::from_secs(30),
        threads: 1,
    };
    let (_tell, interrupted) = watch::channel(false);
    let mut player = Player::new(interrupted)?;
    Ok(player.play(scenario, &settings)?)
}
