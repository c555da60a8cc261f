//! Every scenario against the honest client, every control, and every fault where it must be caught.
//!
//! Each trial of [`crosscheck::self_proof`] is a test of its own, so that a filter selects it:
//! `cargo test --test self_proof -- FILTER`. Under cargo-nextest each is a process of its own, and `--partition` shares
//! them out.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::{self, available_parallelism};
use std::{env, fs};

use libtest_mimic::{Arguments, Failed};
use tokio::sync::watch;

use crosscheck::check::{Check, Verdict};
use crosscheck::report::told;
use crosscheck::run::{Played, PlayedResult, Player, RunError, Settings};
use crosscheck::saved;
use crosscheck::self_proof::{PROFILE, Share, Subject, Trial, findings, gaps, settings, trials};
use crosscheck_reference_client::{Control, Fault};
use crosscheck_scenarios::{Profile, Scenario, Scenarios};
use crosscheck_wire::Canary;

fn main() -> ExitCode {
    let faults: Vec<_> = Fault::ALL.iter().map(|fault| fault.slug()).collect();
    let scenarios = Arc::new(Scenarios::embedded(&faults).expect("the built-in scripts are right"));
    let mut arguments = Arguments::from_args();
    let at_a_time = arguments.test_threads.unwrap_or_else(|| available_parallelism().map_or(1, Into::into));
    // Every course that a freedom permits is written, of which a plain test sees a part.
    let writes = env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always");
    let mut trials = trials(&scenarios, if writes { Share::All } else { Share::Fifth });
    // Each slow trial gets a thread, where it may wait for its turn, and comes first.
    trials.sort_by_key(|trial| !trial.scenario.slow);
    let slow = trials.iter().filter(|trial| trial.scenario.slow).count();
    arguments.test_threads.get_or_insert(at_a_time + slow);
    let players = Arc::new(Players {
        idle: Mutex::default(),
        turns: Mutex::new([at_a_time, SLOW_TURNS]),
        turn: Condvar::new(),
        interrupted: watch::Sender::new(false),
    });
    let complete = Arc::new(scenarios.find("flow/complete").expect("it is built in").clone());
    let mut tests = vec![
        test("catalogue", "both-ways".into(), {
            // Found in the test alone: where each test is a process of its own, all others would wait for it.
            let scenarios = Arc::clone(&scenarios);
            move || {
                let gaps = gaps(&scenarios);
                if gaps.is_empty() { Ok(()) } else { Err(gaps.join("\n").into()) }
            }
        }),
        test("told", "flow/complete openid-metadata-first".into(), {
            let players = Arc::clone(&players);
            let scenario = Arc::clone(&complete);
            let subject = Subject::Control(Control::OpenidMetadataFirst);
            move || order_is_told(&players.play(&Trial { id: String::new(), subject, scenario })?)
        }),
        test("proof", "discrepancies".into(), {
            let players = Arc::clone(&players);
            move || discrepancies_are_noticed(&players, &complete)
        }),
        test("report", "secrets".into(), no_report_holds_a_secret),
        test("list", "protocol".into(), listed_tests_run_by_their_names),
    ];
    for (freedom, profile) in Profile::ALL.into_iter().enumerate() {
        let (players, scenarios) = (Arc::clone(&players), Arc::clone(&scenarios));
        tests.push(test("profile", profile.to_string(), move || {
            is_green_under(profile, freedom, &players, &scenarios)
        }));
    }
    let mut caught = Vec::new();
    for trial in trials {
        let players = Arc::clone(&players);
        let kind = trial.subject.kind();
        let id = trial.id.clone();
        if kind == "fault" {
            let finding = Arc::new(Caught { trial, players, row: OnceLock::new() });
            caught.push(Arc::clone(&finding));
            tests.push(test(kind, id, move || finding.row().map(drop)));
        } else {
            tests.push(test(kind, id, move || is_green(&trial, &players.play(&trial)?)));
        }
    }
    tests.push(test("table", "faults".into(), move || table_is_on_file(&caught)));
    libtest_mimic::run(&arguments, tests).exit_code()
}

fn test(
    kind: &str,
    name: String,
    test: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> libtest_mimic::Trial {
    libtest_mimic::Trial::test(name, test).with_kind(kind)
}

/// A right client is green and yields the exchange on file, whatever freedom it uses.
fn is_green(trial: &Trial, played: &Played) -> Result<(), Failed> {
    trial.prove_findings(played).map_err(|discrepancy| told(trial, &discrepancy) + &arrived(played))?;
    let Some((end, exchange)) = trial.exchange(played) else { return Ok(()) };
    let id = trial.scenario.id.as_str();
    let (folder, name) = id.rsplit_once('/').unwrap_or(("", id));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../snapshots").join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(&trial.scenario.title);
    settings.bind(|| insta::assert_snapshot!(format!("{name}{end}"), exchange));
    Ok(())
}

/// The honest client is green in every scenario of a profile. What makes a scenario slow is the same in all profiles.
fn is_green_under(
    profile: Profile,
    freedom: usize,
    players: &Players,
    scenarios: &Scenarios,
) -> Result<(), Failed> {
    let is_played = |(number, scenario): &(usize, &Scenario)| {
        let has_turn = scenario.at.is_none() || Share::Fifth.has(*number, freedom);
        scenario.belongs_to(profile) && !scenario.slow && has_turn
    };
    for (_, scenario) in scenarios.iter().enumerate().filter(is_played) {
        let scenario = Arc::new(scenario.clone());
        let trial = Trial { id: String::new(), subject: Subject::Honest, scenario };
        let played = players.play_under(&trial, profile)?;
        trial
            .prove_findings(&played)
            .map_err(|discrepancy| told(&trial, &discrepancy) + &arrived(&played))?;
    }
    Ok(())
}

/// The order of well-known URLs is a freedom that is told and never counted.
fn order_is_told(played: &Played) -> Result<(), Failed> {
    let told = played.checks().iter().find(|check| check.requirement.as_str() == "disc-asm-order-root");
    if told.is_some_and(|check| check.verdict == Verdict::Info) {
        Ok(())
    } else {
        Err(arrived(played).into())
    }
}

/// A fault that is not found, a finding too many, and a fault that its scenario does not provoke fail their trial.
fn discrepancies_are_noticed(players: &Players, scenario: &Arc<Scenario>) -> Result<(), Failed> {
    let trial = |subject| Trial { id: String::new(), subject, scenario: Arc::clone(scenario) };
    let printing = trial(Subject::Fault(Fault::PrintsTokens));
    let (right, wrong) = (players.play(&trial(Subject::Honest))?, players.play(&printing)?);
    let prove =
        |subject, played| trial(subject).prove(played).err().map(|told| (told.due, told.found.concat()));

    assert_eq!(prove(Subject::Honest, &right), None);
    assert_eq!(printing.prove(&wrong), Ok(()));
    let missed = prove(printing.subject, &right);
    assert_eq!(missed, Some(("conf-log-default".into(), String::new())));
    let too_many =
        [Subject::Honest, Subject::Control(Control::AcceptAnything), Subject::Fault(Fault::GrantAsBearer)];
    for subject in too_many {
        let (_, found) = prove(subject, &wrong).expect("the tokens were printed");
        assert!(found.starts_with("conf-log-default fail · "), "{found}");
    }
    let (due, _) = prove(Subject::Fault(Fault::OauthMetadataOnly), &right).expect("nothing provokes it here");
    assert!(due.ends_with("there is none"), "{due}");
    Ok(())
}

/// No file of a report holds a minted value except where `--reveal` puts it; of what else is unique to the run, only
/// ids that are no secrets.
fn no_report_holds_a_secret() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let run = ["run", "--reveal", "--skip", "/slow/", "--report"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_crosscheck"));
    assert!(command.args(run).arg(folder.path()).output()?.status.success());
    let (mut transcripts, mut page, mut others) = (Vec::new(), String::new(), String::new());
    let mut folders = vec![folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("transcript.json") {
                transcripts.push(saved::read(&path)?);
            } else if path.ends_with("index.html") {
                page = fs::read_to_string(path)?;
            } else {
                others.push_str(&fs::read_to_string(path)?);
            }
        }
    }
    assert!(transcripts.len() > 500);
    assert!(!others.contains("eyJ"), "a token stands in a file that is no transcript");
    // The page shows what is in transcripts: scripted tokens, and ids that are no secrets.
    let is_telling = |word: &&str| word.contains("eyJ") || Canary::tags(word).next().is_some();
    let telling: HashSet<_> = page.split(['<', '>', '&', '"', ' ', '\n']).filter(is_telling).collect();
    assert!(telling.len() > transcripts.len(), "no id is shown");
    let elsewhere: HashSet<_> = Canary::tags(&others).collect();
    for mut transcript in transcripts {
        let revealed = std::mem::take(&mut transcript.revealed);
        let text = serde_json::to_string(&transcript)?.replace("\\\"", "\"");
        let tag = Canary::tags(&revealed["as.client_id"]).next().expect("every client id has one");
        assert!(!elsewhere.contains(tag), "{}", transcript.scenario);
        for (at, _) in text.match_indices(tag) {
            let before = &text[..at - "cc".len()];
            let is_id = ["kid", "jti", "nonce"].iter().any(|id| before.ends_with(&format!("\"{id}\":\"")));
            assert!(is_id, "{}: {}", transcript.scenario, &text[at - 100..at + 20]);
        }
        let of_run = |word: &&&str| word.contains(tag) || word.contains("eyJ");
        let shown: Vec<_> = telling.iter().filter(of_run).collect();
        let holds = |value: &str| text.contains(value) || shown.iter().any(|word| word.contains(value));
        let found = revealed.iter().find(|(_, value)| holds(value));
        assert_eq!(found, None, "{}", transcript.scenario);
    }
    Ok(())
}

/// cargo-nextest, and with it its `--partition`, asks for all names first and then starts each by its own.
fn listed_tests_run_by_their_names() -> Result<(), Failed> {
    let ask = |args: &[&str]| -> Result<String, Failed> {
        let output = Command::new(env::current_exe()?).args(args).output()?;
        let told = String::from_utf8(output.stdout)?;
        if output.status.success() { Ok(told) } else { Err(told.into()) }
    };
    let listed = ask(&["--list", "--format", "terse"])?;
    let names: Option<Vec<_>> = listed.lines().map(|line| line.strip_suffix(": test")).collect();
    let names = names.ok_or("a line is no test")?;
    let distinct: HashSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "each has a name of its own");
    assert_eq!(ask(&["--list", "--format", "terse", "--ignored"])?, "");
    // With a fault of the same scenario beside it, whose name begins alike.
    for name in ["[honest] flow/complete", "[fault] flow/complete prints-tokens"] {
        assert!(distinct.contains(&name), "{name}");
        let told = ask(&["--exact", name, "--nocapture"])?;
        assert!(told.contains("1 passed; 0 failed; 0 ignored"), "{told}");
    }
    Ok(())
}

/// A fault in a scenario, played once for the test of its own and for the table.
struct Caught {
    trial: Trial,
    players: Arc<Players>,
    row: OnceLock<Result<String, String>>,
}

impl Caught {
    /// Its row of the table: fault, scenario, and what is found.
    fn row(&self) -> Result<&str, Failed> {
        let row = self.row.get_or_init(|| {
            let played = self.players.play(&self.trial).map_err(|error| error.to_string())?;
            if let Err(discrepancy) = self.trial.prove_findings(&played) {
                return Err(told(&self.trial, &discrepancy) + &arrived(&played));
            }
            let found: Vec<_> = findings(&played).map(|check| finding(&played, check)).collect();
            let fault = self.trial.subject.slug().unwrap_or_default();
            Ok(format!("{fault} × {} → {}\n", self.trial.scenario.id, found.join(", ")))
        });
        row.as_deref().map_err(Into::into)
    }
}

/// A finding in brief: requirement, verdict, and the request or the output that shows it.
fn finding(played: &Played, check: &Check) -> String {
    let PlayedResult::Judged { transcript, .. } = &played.result else { return check.id() };
    let number = check.finding.as_ref().and_then(|finding| finding.exchange);
    let shown = transcript.exchanges.iter().find(|exchange| Some(exchange.number) == number);
    let evidence = shown.map_or("output".into(), |exchange| {
        format!("{} {} {}", exchange.request.method, exchange.party, exchange.endpoint)
    });
    format!("{} {} · {evidence}", check.id(), check.verdict.as_str())
}

/// What every fault is found to break where stands on file, so that a change of any rule shows.
fn table_is_on_file(caught: &[Arc<Caught>]) -> Result<(), Failed> {
    let slow = caught.iter().filter(|caught| caught.trial.scenario.slow);
    thread::scope(|scope| {
        for caught in slow {
            scope.spawn(|| drop(caught.row()));
        }
    });
    let mut rows = caught.iter().map(|caught| caught.row()).collect::<Result<Vec<_>, _>>()?;
    rows.sort_unstable();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description("What every fault is found to break in the scenarios that name it");
    settings.bind(|| insta::assert_snapshot!("faults", rows.concat()));
    Ok(())
}

/// Everything that arrived, and what the client said.
fn arrived(played: &Played) -> String {
    let PlayedResult::Judged { transcript, .. } = &played.result else { return String::new() };
    let mut text = String::new();
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
    text + &format!("{}\n{}\n", transcript.client.stdout.text, transcript.client.stderr.text)
}

/// How many slow trials are played at a time.
const SLOW_TURNS: usize = 32;

/// Players that wait for their next trial.
struct Players {
    idle: Mutex<Vec<Player>>,
    /// How many more trials may be played at a time: of those that work, and of slow ones.
    turns: Mutex<[usize; 2]>,
    turn: Condvar,
    interrupted: watch::Sender<bool>,
}

impl Players {
    fn play(&self, trial: &Trial) -> Result<Played, RunError> {
        self.play_under(trial, PROFILE)
    }

    fn play_under(&self, trial: &Trial, profile: Profile) -> Result<Played, RunError> {
        let kind = usize::from(trial.scenario.slow);
        let turns = || self.turns.lock().expect("nobody panics with it");
        self.turn.wait_while(turns(), |turns| turns[kind] == 0).expect("nobody panics with it")[kind] -= 1;
        let played = self.play_in_turn(trial, profile);
        turns()[kind] += 1;
        self.turn.notify_all();
        played
    }

    fn play_in_turn(&self, trial: &Trial, profile: Profile) -> Result<Played, RunError> {
        let idle = || self.idle.lock().expect("nobody panics with it");
        let waiting = idle().pop();
        let mut player = match waiting {
            Some(player) => player,
            None => Player::new(self.interrupted.subscribe())?,
        };
        let settings = Settings { profile, ..settings(env!("CARGO_BIN_EXE_crosscheck").into(), 1) };
        let played = trial.play(&mut player, &settings)?;
        idle().push(player);
        Ok(played)
    }
}
