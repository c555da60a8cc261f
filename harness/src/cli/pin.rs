//! Pinned exchanges: `crosscheck run --pin` and `crosscheck review`.

use std::io::{self, BufRead, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crosscheck_scenarios::Scenarios;

use crate::cli::Hinted;
use crate::cli::output::{Format, unless_closed};
use crate::exit;
use crate::pin::{Pending, PinError, Pins, Update, Without, pending};
use crate::report::{write_compared, write_difference};
use crate::run::Played;
use crate::snapshot::file::FileError;

/// Options of `crosscheck run` about pinned exchanges.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PinOptions {
    /// Compare the client's requests with those pinned in this folder, one file a scenario
    #[arg(long, value_name = "DIR")]
    pin: Option<PathBuf>,
    /// Pin what the client does now: --update everything, --update=new what is missing
    #[arg(
        long, value_name = "WHAT", requires = "pin", value_enum,
        num_args = 0..=1, require_equals = true, default_missing_value = "all"
    )]
    update: Option<Update>,
    /// Let --update write where the variable CI is set
    #[arg(long, requires = "update")]
    force: bool,
    /// Leave this out of pinned exchanges; give it in every run
    #[arg(long, value_name = "WHAT", requires = "pin", value_enum)]
    pin_without: Option<Without>,
}

impl PinOptions {
    /// What is pinned, if anything is to be. `client` has a folder of its own where several are driven.
    pub(super) fn open(&self, client: Option<&str>) -> anyhow::Result<Option<Pins>> {
        let Some(folder) = self.pin.clone() else { return Ok(None) };
        let folder = client.map_or_else(|| folder.clone(), |client| folder.join(client));
        let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        if self.update.is_some() && in_ci && !self.force {
            return Err(Hinted::error(
                "`--update` writes nothing where the variable CI is set",
                "pin on your own machine and commit the files, or add `--force`",
            ));
        }
        Ok(Some(Pins::open(folder, self.update, !in_ci).map_err(hinted)?))
    }

    /// Compares a run with what is pinned, tells it, and says whether everything is as pinned. `scenarios` are all that
    /// there are, where none was left out.
    pub(super) fn compare(
        &self,
        pins: &Pins,
        all: &[Played],
        scenarios: Option<&Scenarios>,
        format: Format,
    ) -> anyhow::Result<bool> {
        let compared = pins.compare(all, self.pin_without, scenarios)?;
        let told = match format {
            Format::Human => write_compared(&mut anstream::stdout(), &compared, pins.folder()),
            Format::Json => write_compared(&mut anstream::stderr(), &compared, pins.folder()),
        };
        told.or_else(unless_closed)?;
        Ok(compared.as_pinned())
    }
}

/// With the next thing to try, where there is one.
fn hinted(error: PinError) -> anyhow::Error {
    let hint = match &error {
        PinError::File(FileError::Damaged { .. }) | PinError::Foreign(_) => {
            "pinned exchanges stand in a folder of their own; restore the file from version control, or remove it"
        }
        PinError::Newer(_) => "use that version, or remove the file and pin again with `--update=new`",
        PinError::File(_) | PinError::Unwritable { .. } => return error.into(),
    };
    Hinted::error(error.to_string(), hint)
}

/// Options of `crosscheck review`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ReviewOptions {
    /// The folder of pinned exchanges
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Accept every difference, without asking
    #[arg(long, conflicts_with = "reject")]
    accept: bool,
    /// Reject every difference, without asking
    #[arg(long)]
    reject: bool,
}

/// What becomes of a difference.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Answer {
    Accept,
    Quit,
    Reject,
    Skip,
}

/// Walks through the differences that wait for review.
pub(super) fn review(options: &ReviewOptions) -> anyhow::Result<ExitCode> {
    let waiting = pending(&options.folder).map_err(hinted)?;
    let fixed = match (options.accept, options.reject) {
        (true, _) => Some(Answer::Accept),
        (_, true) => Some(Answer::Reject),
        _ => None,
    };
    if fixed.is_none() && !waiting.is_empty() && !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err(Hinted::error(
            format!("there is no terminal to ask on, and {} for review", waits(waiting.len())),
            "use `--accept` or `--reject`",
        ));
    }
    walk(&waiting, fixed, &mut io::stdin().lock(), &mut anstream::stdout().lock())?;
    Ok(ExitCode::from(exit::AS_EXPECTED))
}

fn waits(count: usize) -> String {
    if count == 1 { "1 difference waits".to_owned() } else { format!("{count} differences wait") }
}

/// Shows each difference and does what the answer says; without a fixed one it is read from `input`.
fn walk(
    waiting: &[Pending],
    fixed: Option<Answer>,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (mut accepted, mut rejected) = (0, 0);
    for (place, pending) in waiting.iter().enumerate() {
        let answer = match fixed {
            Some(answer) => answer,
            None => {
                writeln!(out, "{} of {}  {}", place + 1, waiting.len(), pending.id)?;
                write_difference(out, &pending.lines, usize::MAX)?;
                ask(input, out)?
            }
        };
        let what = match answer {
            Answer::Accept => {
                pending.accept()?;
                accepted += 1;
                "accepted"
            }
            Answer::Reject => {
                pending.reject()?;
                rejected += 1;
                "rejected"
            }
            Answer::Skip => "skipped ",
            Answer::Quit => break,
        };
        writeln!(out, "{what}  {}", pending.id)?;
    }
    if waiting.is_empty() {
        writeln!(out, "nothing waits for review")?;
        return Ok(());
    }
    let left = waiting.len() - accepted - rejected;
    writeln!(out, "{accepted} accepted · {rejected} rejected · {left} left for review")?;
    Ok(())
}

fn ask(input: &mut impl BufRead, out: &mut impl Write) -> io::Result<Answer> {
    loop {
        write!(out, "a accept, r reject, s skip, q quit: ")?;
        out.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            writeln!(out)?;
            return Ok(Answer::Quit);
        }
        match line.trim() {
            "a" => return Ok(Answer::Accept),
            "r" => return Ok(Answer::Reject),
            "s" => return Ok(Answer::Skip),
            "q" => return Ok(Answer::Quit),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::pin::{FORM, MARK};
    use crate::snapshot::file;

    use super::*;

    const IDS: [&str; 4] = ["a", "b", "c/d", "e"];

    fn differing(folder: &Path) -> Vec<Pending> {
        for (id, text) in IDS.iter().flat_map(|id| [(id, "old"), (id, "new")]) {
            let ending = if text == "old" { "snap" } else { "snap.new" };
            file::write(&folder.join(format!("{id}.{ending}")), "t", &format!("{MARK}{FORM} {id}\n{text}"))
                .unwrap();
        }
        pending(folder).unwrap()
    }

    fn files(folder: &Path) -> Vec<bool> {
        let exists = |id: &&str| folder.join(format!("{id}.snap.new")).exists();
        IDS.iter().map(exists).collect()
    }

    fn answered(folder: &Path, answers: &str) -> String {
        let mut out = Vec::new();
        walk(&differing(folder), None, &mut answers.as_bytes(), &mut out).unwrap();
        anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    #[test]
    fn each_difference_is_shown_and_answered() {
        let folder = tempfile::tempdir().unwrap();
        let shown = answered(folder.path(), "a\nwhat\ns\nr\nq\n");
        assert!(shown.starts_with("1 of 4  a\n"), "{shown}");
        assert!(shown.contains("\n      -old\n      +new\n"), "{shown}");
        assert!(shown.ends_with("1 accepted · 1 rejected · 2 left for review\n"), "{shown}");
        assert_eq!(files(folder.path()), [false, true, false, true]);
        let text = |id| file::read(&folder.path().join(format!("{id}.snap"))).unwrap().unwrap();
        assert_eq!(
            (text("a"), text("c/d")),
            (format!("{MARK}{FORM} a\nnew"), format!("{MARK}{FORM} c/d\nold"))
        );
    }

    #[test]
    fn the_end_of_the_input_leaves_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let shown = answered(folder.path(), "");
        assert!(shown.ends_with("\n0 accepted · 0 rejected · 4 left for review\n"), "{shown}");
        assert_eq!(files(folder.path()), [true; 4]);
    }
}
