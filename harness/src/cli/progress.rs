//! Plays a plan and shows on standard error how far it is: on a terminal a line that is gone when all is done, elsewhere
//! a line now and then.

use std::io::{self, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use crate::run::{Event, Player, RunError, play_all};

/// How a plan is played, whatever is in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace<'a> {
    /// How many entries are played at a time, the slow ones apart.
    pub(super) threads: usize,
    /// Becomes true when the user interrupts.
    pub(super) interrupted: &'a watch::Receiver<bool>,
    /// Whether it is shown how far it is.
    pub(super) shows_progress: bool,
}

/// What came of a plan.
#[derive(Clone, Debug)]
pub(super) struct Outcome<T> {
    /// What came of each entry that was played, in the plan's order.
    pub(super) results: Vec<T>,
    /// How many entries were not played, because an earlier one ended the run.
    pub(super) not_played: usize,
}

/// Plays the plan on threads of its own. `id` names an entry to the reader, `is_slow` picks those that are played beside
/// the others, and nothing further is started after a result that `ends` the run.
pub(super) fn play<P: Sync, T: Send>(
    plan: &[P],
    pace: Pace<'_>,
    id: impl Fn(&P) -> &str,
    is_slow: impl Fn(&P) -> bool + Send,
    ends: impl Fn(&T) -> bool + Send + Sync,
    play: impl Fn(&mut Player, &P) -> Result<T, RunError> + Send + Sync,
) -> anyhow::Result<Outcome<T>> {
    let (events, told) = mpsc::channel();
    let mut all: Vec<Option<T>> = plan.iter().map(|_| None).collect();
    let mut failure = None;
    let mut progress = Progress::new(plan.len(), pace.shows_progress);
    thread::scope(|scope| {
        scope.spawn(move || play_all(plan, pace.threads, pace.interrupted, is_slow, ends, play, &events));
        loop {
            match told.recv_timeout(progress.wait()) {
                Ok(Event::Started(place)) => progress.start(id(&plan[place])),
                Ok(Event::Finished(place, result)) => {
                    progress.finish(id(&plan[place]));
                    all[place] = Some(result);
                }
                Ok(Event::Failed(error)) => failure = Some(error),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            progress.tell();
        }
    });
    progress.end();
    if let Some(error) = failure {
        return Err(error.into());
    }
    let results: Vec<_> = all.into_iter().flatten().collect();
    Ok(Outcome { not_played: plan.len() - results.len(), results })
}

/// How far a plan is, and where that is shown.
struct Progress<'a> {
    of: usize,
    done: usize,
    /// What is played now, in the order in which it began.
    playing: Vec<&'a str>,
    shown: Shown,
}

enum Shown {
    /// As a line of a terminal.
    Bar(ProgressBar),
    /// In lines, the next of which is `due`.
    Lines {
        began: Instant,
        due: Instant,
    },
    Nowhere,
}

impl<'a> Progress<'a> {
    fn new(of: usize, is_shown: bool) -> Self {
        let shown = if is_shown { Shown::new(of) } else { Shown::Nowhere };
        Self { of, done: 0, playing: Vec::new(), shown }
    }

    /// How long nothing need be told.
    fn wait(&self) -> Duration {
        match &self.shown {
            Shown::Lines { due, .. } => due.saturating_duration_since(Instant::now()),
            Shown::Bar(_) | Shown::Nowhere => EVERY,
        }
    }

    fn start(&mut self, id: &'a str) {
        self.playing.push(id);
    }

    fn finish(&mut self, id: &str) {
        self.done += 1;
        self.playing.retain(|playing| *playing != id);
    }

    fn tell(&mut self) {
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_position(self.done as u64);
                bar.set_message(current(&self.playing));
            }
            Shown::Lines { began, due } if Instant::now() >= *due => {
                *due += EVERY;
                let line = line(self.done, self.of, began.elapsed());
                let _ = io::stderr().write_all(line.as_bytes());
            }
            Shown::Lines { .. } | Shown::Nowhere => {}
        }
    }

    fn end(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

impl Shown {
    fn new(of: usize) -> Self {
        let bar = ProgressBar::new(of as u64);
        if bar.is_hidden() {
            let began = Instant::now();
            return Self::Lines { began, due: began + EVERY };
        }
        let style = ProgressStyle::with_template("{pos}/{len}  {elapsed}  {wide_msg}");
        bar.set_style(style.expect("the template is right"));
        // The time goes on where nothing else does.
        bar.enable_steady_tick(TICK);
        Self::Bar(bar)
    }
}

/// How often a line is due where there is no terminal; a quick run is over before.
const EVERY: Duration = Duration::from_secs(10);
/// How often a terminal is told the time.
const TICK: Duration = Duration::from_millis(200);

fn line(done: usize, of: usize, took: Duration) -> String {
    format!("{done} of {of} played, {} s\n", took.as_secs())
}

/// What is played now, the latest first: slow scenarios begin early and stay.
fn current(playing: &[&str]) -> String {
    playing.iter().rev().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_what_is_played() {
        assert_eq!(line(100, 687, Duration::from_millis(12_900)), "100 of 687 played, 12 s\n");
    }

    #[test]
    fn the_latest_scenario_is_named_first() {
        let mut progress = Progress::new(3, false);
        progress.start("errors/slow/a");
        progress.start("flow/b");
        progress.start("flow/c");
        progress.finish("flow/b");
        assert_eq!((progress.done, current(&progress.playing)), (1, "flow/c, errors/slow/a".to_owned()));
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let Shown::Lines { began, due } = Shown::new(1) else { return };
        assert_eq!(due - began, EVERY);
    }
}
