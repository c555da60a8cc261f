//! Plays scenarios: one end to end, or all of them in parallel, a thread each with a runtime of its own.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crosscheck_scenarios::{Capability, Party, Profile, Scenario, SpecVersion};
use crosscheck_wire::{Declared, Stage, Transcript};

use crate::check::{Check, Verdict};
use crate::driver::{Command, DriveError, Start, drive};
use crate::judge::judge;
use crate::live::Live;
use crate::snapshot::diff::Line;
use crate::snapshot::difference;
use crate::stage::Servers;

/// What holds for every scenario of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name under which the configuration has it and this command; none for a command of the command line.
    pub client: Option<String>,
    /// The client under test.
    pub command: Command,
    /// Where it is started; none stands for the harness's own place.
    pub directory: Option<PathBuf>,
    /// Variables that it is started with besides those of the client contract. They may be secret: no report holds them.
    pub environment: BTreeMap<String, String>,
    /// What it declares about itself.
    pub declared: Declared,
    /// The flow name that its adapter knows.
    pub flow_name: String,
    /// The documents it is judged by.
    pub profile: Profile,
    /// The MCP revision it is told to speak.
    pub spec_version: SpecVersion,
    /// How long one start of it may take.
    pub limit: Duration,
    /// How long it may take in a slow scenario.
    pub slow_limit: Duration,
    /// How many scenarios are played at a time, the slow ones apart.
    pub threads: usize,
    /// Whether transcripts tell the minted values besides their names.
    pub reveal: bool,
    /// What is told while it runs.
    pub live: Live,
}

impl Settings {
    fn limit(&self, scenario: &Scenario) -> Duration {
        if scenario.slow { self.slow_limit } else { self.limit }
    }
}

/// How many slow scenarios are played at a time: they wait more than they work.
pub(crate) const SLOW_THREADS: usize = 32;

/// How long one start of a client may take unless said otherwise.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// The same in a slow scenario.
pub(crate) const SLOW_LIMIT: Duration = Duration::from_secs(60);

/// The flow name of the official suite that most adapters know.
pub(crate) const FLOW_NAME: &str = "auth/cross-app-access-complete-flow";

/// What a run tells while it runs.
#[derive(Debug)]
pub(crate) enum Event<T> {
    /// An entry of the plan has begun; its place there.
    Started(usize),
    /// An entry has ended; its place in the plan, and what came of it.
    Finished(usize, T),
    /// The run cannot go on.
    Failed(RunError),
}

/// One scenario, played and judged.
#[derive(Clone, Debug)]
pub struct Played {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// What came of it.
    pub result: PlayedResult,
    /// How long it took, the client's time included.
    pub took: Duration,
}

/// What came of a scenario.
#[derive(Clone, Debug)]
pub enum PlayedResult {
    /// The client was driven through it.
    Judged {
        /// What crossed the wire.
        transcript: Box<Transcript>,
        /// The verdicts.
        checks: Vec<Check>,
        /// How its canonical exchange differs from the nearest on file.
        difference: Vec<Line>,
    },
    /// It needs what the client does not declare.
    NotApplicable(Vec<Capability>),
}

impl PlayedResult {
    /// Judges a transcript, whether it was recorded just now or is a saved one.
    pub fn judged(scenario: &Scenario, transcript: Transcript) -> Self {
        let checks = judge(scenario, &transcript);
        let difference = difference(scenario, &transcript).lines;
        Self::Judged { transcript: Box::new(transcript), checks, difference }
    }
}

impl Played {
    /// A saved transcript, judged again.
    pub fn again(scenario: Arc<Scenario>, transcript: Transcript) -> Self {
        let took = Duration::from_micros(transcript.client.took_us);
        Self { result: PlayedResult::judged(&scenario, transcript), scenario, took }
    }

    /// The verdict on the scenario: that of its worst check.
    pub fn verdict(&self) -> Verdict {
        match &self.result {
            PlayedResult::NotApplicable(_) => Verdict::NotApplicable,
            PlayedResult::Judged { checks, .. } => {
                let worst = checks.iter().map(|check| check.verdict).max();
                worst.filter(|worst| *worst > Verdict::Info).unwrap_or(Verdict::Pass)
            }
        }
    }

    /// The level of the contract that it was judged at: 2 with an outcome report, 1 without a readable one.
    pub fn level(&self) -> Option<u8> {
        match &self.result {
            PlayedResult::NotApplicable(_) => None,
            PlayedResult::Judged { transcript, .. } => {
                Some(1 + u8::from(transcript.client.report.read().is_some()))
            }
        }
    }

    /// How its canonical exchange differs from the nearest on file; nothing where it does not, or none is due.
    pub fn difference(&self) -> &[Line] {
        match &self.result {
            PlayedResult::Judged { difference, .. } => difference,
            PlayedResult::NotApplicable(_) => &[],
        }
    }

    /// The verdicts; none for a scenario that does not apply.
    pub fn checks(&self) -> &[Check] {
        match &self.result {
            PlayedResult::Judged { checks, .. } => checks,
            PlayedResult::NotApplicable(_) => &[],
        }
    }
}

/// Why a run could not go on. None of this says anything about the client's conformance.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The client could not be driven.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The stage could not be set.
    #[error("could not open a port on 127.0.0.1: {0}")]
    Ports(io::Error),
    /// A thread, a runtime or a folder for outcome reports could not be had.
    #[error("could not prepare the run: {0}")]
    Surroundings(io::Error),
}

/// Plays `plan`, each entry by `play`, and tells of it, in any order. Slow entries are played beside the others, on
/// threads of their own. Nothing further is started after a result that `ends` the run. Returns when everything is
/// told.
pub(crate) fn play_all<P: Sync, T: Send>(
    plan: &[P],
    threads: usize,
    interrupted: &watch::Receiver<bool>,
    is_slow: impl Fn(&P) -> bool,
    ends: impl Fn(&T) -> bool + Sync,
    play: impl Fn(&mut Player, &P) -> Result<T, RunError> + Sync,
    events: &Sender<Event<T>>,
) {
    let (slow, others): (Vec<_>, Vec<_>) = (0..plan.len()).partition(|place| is_slow(&plan[*place]));
    let queues = [slow, others].map(|places| Mutex::new(VecDeque::from(places)));
    let clear = || queues.iter().for_each(|queue| lock(queue).clear());
    let stop = |error| {
        // Nobody starts another entry after the first failure of the surroundings.
        clear();
        let _ = events.send(Event::Failed(error));
    };
    let work = |queue| {
        let mut player = match Player::new(interrupted.clone()) {
            Ok(player) => player,
            Err(error) => return stop(error),
        };
        loop {
            let Some(place) = lock(queue).pop_front() else { return };
            let _ = events.send(Event::Started(place));
            match play(&mut player, &plan[place]) {
                Ok(result) => {
                    if ends(&result) {
                        clear();
                    }
                    let _ = events.send(Event::Finished(place, result));
                }
                Err(error) => return stop(error),
            }
        }
    };
    let work = &work;
    thread::scope(|scope| {
        for (queue, most) in queues.iter().zip([SLOW_THREADS, threads.max(1)]) {
            for _ in 0..most.min(lock(queue).len()) {
                scope.spawn(move || work(queue));
            }
        }
    });
}

fn lock(queue: &Mutex<VecDeque<usize>>) -> MutexGuard<'_, VecDeque<usize>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plays one scenario at a time on the thread that owns it.
pub struct Player {
    runtime: Runtime,
    servers: Servers,
    outcomes: TempDir,
    interrupted: watch::Receiver<bool>,
    retired: HashSet<String>,
}

impl Player {
    /// Opens the servers.
    ///
    /// # Errors
    /// When the system has no port, no thread or no temporary folder to give.
    pub fn new(interrupted: watch::Receiver<bool>) -> Result<Self, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(RunError::Surroundings)?;
        let servers = runtime.block_on(Servers::open()).map_err(RunError::Ports)?;
        let outcomes = tempfile::Builder::new().prefix("crosscheck-").tempdir();
        let outcomes = outcomes.map_err(RunError::Surroundings)?;
        Ok(Self { runtime, servers, outcomes, interrupted, retired: HashSet::new() })
    }

    /// Plays a scenario and judges it.
    ///
    /// # Errors
    /// When the client cannot be driven at all.
    pub fn play(&mut self, scenario: &Arc<Scenario>, settings: &Settings) -> Result<Played, RunError> {
        let began = Instant::now();
        let missing: Vec<_> = settings.declared.missing(scenario).collect();
        let result = if missing.is_empty() {
            PlayedResult::judged(scenario, self.transcript(scenario, settings)?)
        } else {
            PlayedResult::NotApplicable(missing)
        };
        Ok(Played { scenario: Arc::clone(scenario), result, took: began.elapsed() })
    }

    /// Plays a scenario and writes down what crossed the wire.
    ///
    /// # Errors
    /// When the client cannot be driven at all.
    pub fn transcript(
        &mut self,
        scenario: &Arc<Scenario>,
        settings: &Settings,
    ) -> Result<Transcript, RunError> {
        let mut stage = Stage::new(
            Arc::clone(scenario),
            settings.profile,
            settings.spec_version,
            settings.declared.clone(),
            self.servers.origins(),
        );
        if let Some(watcher) = settings.live.watcher(&scenario.id) {
            stage.recorder.watch(watcher);
        }
        let stage = Arc::new(stage);
        let context = stage.context(&settings.flow_name);
        let text = |text: &str| OsString::from(text);
        let start = Start {
            command: &settings.command,
            url: stage.urls.resource(Party::Mcp),
            directory: settings.directory.as_deref(),
            configured: &settings.environment,
            environment: vec![
                ("MCP_CONFORMANCE_SCENARIO", text(&settings.flow_name)),
                ("MCP_CONFORMANCE_CONTEXT", text(&serde_json::Value::Object(context.clone()).to_string())),
                ("MCP_CONFORMANCE_PROTOCOL_VERSION", text(stage.spec_version.as_str())),
                ("CROSSCHECK_SCENARIO", text(scenario.id.as_str())),
            ],
            // A name of its own, so that what an earlier client writes late is nobody's report.
            outcome: self.outcomes.path().join(format!("{}.json", stage.canary.tag())),
            limit: settings.limit(scenario),
            passes_output: settings.live.passes_output(),
            interrupted: self.interrupted.clone(),
        };
        self.servers.play(&stage);
        let client = self.runtime.block_on(async {
            let client = drive(start).await;
            self.servers.clear().await;
            client
        })?;
        let context = context.into_iter().map(|(key, _)| key).collect();
        let mut transcript = stage.close(client, context, &self.retired);
        if settings.reveal {
            transcript.revealed = stage.ledger.by_name();
        }
        self.retired.insert(stage.canary.tag().to_owned());
        if self.servers.is_disturbed() || transcript.exchanges.iter().any(|exchange| exchange.stray) {
            // Somebody who outlived a run knows these ports; the next runs get others.
            self.servers = self.runtime.block_on(Servers::open()).map_err(RunError::Ports)?;
        }
        Ok(transcript)
    }
}
