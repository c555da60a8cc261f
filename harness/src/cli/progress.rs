//! Plays a plan and shows on a terminal how far it is.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc;
use std::thread;

use tokio::sync::watch;

use crate::run::{Event, Player, RunError, play_all};

/// Plays the plan on threads of its own and returns what came of each entry, in the plan's order. `id` names an
/// entry to the reader, and `is_slow` picks those that are played beside the others.
pub(super) fn play<P: Sync, T: Send>(
    plan: &[P],
    threads: usize,
    interrupted: &watch::Receiver<bool>,
    id: impl Fn(&P) -> &str,
    is_slow: impl Fn(&P) -> bool + Send,
    play: impl Fn(&mut Player, &P) -> Result<T, RunError> + Send + Sync,
) -> anyhow::Result<Vec<T>> {
    let (events, told) = mpsc::channel();
    let mut all: Vec<Option<T>> = plan.iter().map(|_| None).collect();
    let mut failure = None;
    thread::scope(|scope| {
        scope.spawn(move || play_all(plan, threads, interrupted, is_slow, play, &events));
        let mut done = 0;
        for event in told {
            match event {
                Event::Started(place) => progress(done, plan.len(), id(&plan[place])),
                Event::Finished(place, result) => {
                    done += 1;
                    all[place] = Some(result);
                }
                Event::Failed(error) => failure = Some(error),
            }
        }
        end_progress();
    });
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(all.into_iter().flatten().collect()),
    }
}

fn progress(done: usize, of: usize, id: &str) {
    if std::io::stderr().is_terminal() {
        let _ = write!(std::io::stderr(), "\r\x1b[K{done}/{of}  {id:.60}");
    }
}

fn end_progress() {
    if std::io::stderr().is_terminal() {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
}
