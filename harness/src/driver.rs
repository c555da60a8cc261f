//! Runs one client process: starts it, bounds it, and takes down what it said about itself.
//!
//! The client gets a process group of its own, which is ended when the client ends or when its time is up, so
//! that nothing outlives a run. Its output is read to the end and kept in part, and passed on where that is asked for.
//! Client contract, levels 1 and 2.

mod capture;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::sync::watch;
use tokio::time::timeout;

use crosscheck_wire::transcript::Ended;
use crosscheck_wire::{RawClient, RawOutput};

use capture::{Capture, DRAIN};

/// The command that starts the client under test; the MCP server's URL is appended to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Command {
    /// The program, found as the system finds programs.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
}

impl Command {
    /// The file name of the program.
    pub fn name(&self) -> String {
        Path::new(&self.program).file_name().unwrap_or(&self.program).to_string_lossy().into_owned()
    }

    /// The command as one would type it.
    pub fn to_line(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        shell_words::join(words.map(|word| word.to_string_lossy().into_owned()))
    }
}

/// Everything that one start of the client needs.
pub struct Start<'a> {
    /// The command.
    pub command: &'a Command,
    /// Its last argument.
    pub url: &'a str,
    /// Where it is started, and where a relative path of its program begins; none stands for the harness's own place.
    pub directory: Option<&'a Path>,
    /// Variables that its user configured, on top of the harness's own.
    pub configured: &'a BTreeMap<String, String>,
    /// Variables of the client contract, on top of those.
    pub environment: Vec<(&'static str, OsString)>,
    /// Where the client may write its outcome report.
    pub outcome: PathBuf,
    /// How long it may take.
    pub limit: Duration,
    /// Whether its output goes on to standard error as it comes.
    pub passes_output: bool,
    /// Becomes true when the user interrupts.
    pub interrupted: watch::Receiver<bool>,
}

/// Why a client could not be driven. None of this says anything about its conformance.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The user ended the run.
    #[error("interrupted")]
    Interrupted,
    /// The program is a script whose interpreter is missing.
    #[error("the interpreter that the first line of `{program}` names is not found")]
    NoInterpreter {
        /// The program.
        program: String,
    },
    /// The program is there and may not be run.
    #[error("`{program}` is not executable")]
    NotExecutable {
        /// The program.
        program: String,
    },
    /// There is no such program.
    #[error("command not found: {program}")]
    NotFound {
        /// The program.
        program: String,
    },
    /// The system refused.
    #[error("could not start `{program}`: {error}")]
    System {
        /// The program.
        program: String,
        /// The system's reason.
        error: io::Error,
    },
}

/// Starts the client and waits for its end, at the latest until its time is up.
///
/// # Errors
/// When it cannot be started, or when the user interrupts; the process group is then gone as well.
pub async fn drive(start: Start<'_>) -> Result<RawClient, DriveError> {
    let environment = start.environment.iter().map(|(name, value)| (OsString::from(name), value.clone()));
    let process = Process {
        program: program(start.command, start.directory),
        args: start.command.args.iter().cloned().chain([start.url.into()]).collect(),
        directory: start.directory,
        configured: start.configured,
        environment: environment
            .chain([("CROSSCHECK_OUTCOME".into(), start.outcome.clone().into())])
            .collect(),
        passes_output: start.passes_output,
    };
    let Ran { ended, took, stdout, stderr } = process.run(Some(start.limit), start.interrupted).await?;
    Ok(RawClient { ended, took, stdout, stderr, report: read_report(&start.outcome) })
}

/// What came of a command that only had to run.
pub struct Ran {
    /// How it ended.
    pub ended: Ended,
    /// How long it took.
    pub took: Duration,
    /// Its standard output.
    pub stdout: RawOutput,
    /// Its standard error.
    pub stderr: RawOutput,
}

/// Runs a command as a client would be started, without the client contract and without a time limit.
///
/// # Errors
/// As for [`drive`].
pub async fn run(
    command: &Command,
    directory: Option<&Path>,
    configured: &BTreeMap<String, String>,
    interrupted: watch::Receiver<bool>,
) -> Result<Ran, DriveError> {
    let args = command.args.clone();
    let process = Process {
        program: program(command, directory),
        args,
        directory,
        configured,
        environment: Vec::new(),
        passes_output: false,
    };
    process.run(None, interrupted).await
}

/// The program as the system must be asked for it. Systems disagree on where a relative path begins when the process
/// starts elsewhere; a name without a folder is looked for in `PATH`.
fn program(command: &Command, directory: Option<&Path>) -> PathBuf {
    let program = Path::new(&command.program);
    match directory {
        Some(directory) if program.is_relative() && program.components().count() > 1 => {
            let place = directory.join(program);
            std::path::absolute(&place).unwrap_or(place)
        }
        _ => program.to_owned(),
    }
}

/// One process and everything that it starts.
struct Process<'a> {
    program: PathBuf,
    args: Vec<OsString>,
    directory: Option<&'a Path>,
    configured: &'a BTreeMap<String, String>,
    environment: Vec<(OsString, OsString)>,
    passes_output: bool,
}

impl Process<'_> {
    /// Waits for its end, at the latest until `limit` is over, and ends its group.
    async fn run(
        &self,
        limit: Option<Duration>,
        mut interrupted: watch::Receiver<bool>,
    ) -> Result<Ran, DriveError> {
        if *interrupted.borrow() {
            return Err(DriveError::Interrupted);
        }
        let began = Instant::now();
        let mut child = self.spawn().map_err(|error| drive_error(&self.program, error))?;
        let passes = self.passes_output;
        let (stdout, stderr) =
            (Capture::of(child.stdout().take(), passes), Capture::of(child.stderr().take(), passes));

        let time_is_up = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            // The client itself: where a process waits for its whole group, a child that stays would hold us up.
            status = child.inner_mut().wait() => match status {
                Ok(status) => Some(ended(status)),
                Err(error) => return Err(drive_error(&self.program, error)),
            },
            () = time_is_up => {
                let limit = limit.unwrap_or_default().as_millis();
                Some(Ended::TimedOut(u64::try_from(limit).unwrap_or(u64::MAX)))
            }
            _ = interrupted.wait_for(|interrupted| *interrupted) => None,
        };
        let took = began.elapsed();
        // The client's own end does not end what it started; a group that is already gone is no error.
        let _ = child.start_kill();
        let _ = timeout(DRAIN, child.wait()).await;
        let Some(ended) = ended else { return Err(DriveError::Interrupted) };
        let (stdout, stderr) = tokio::join!(stdout.finish(), stderr.finish());
        Ok(Ran { ended, took, stdout, stderr })
    }

    fn spawn(&self) -> io::Result<Box<dyn ChildWrapper>> {
        let mut command = CommandWrap::with_new(&self.program, |command| {
            command
                .args(&self.args)
                .envs(self.configured)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            if let Some(directory) = self.directory {
                command.current_dir(directory);
            }
            for name in ["NO_PROXY", "no_proxy"] {
                let set = self.configured.get(name).map(OsString::from).or_else(|| std::env::var_os(name));
                command.env(name, without_proxy(set));
            }
            command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        });
        #[cfg(unix)]
        command.wrap(process_wrap::tokio::ProcessGroup::leader());
        #[cfg(windows)]
        command.wrap(process_wrap::tokio::JobObject);
        command.wrap(KillOnDrop);
        command.spawn()
    }
}

/// Loopback is reached directly, whatever proxies the surroundings set.
fn without_proxy(set: Option<OsString>) -> OsString {
    let mut list = set.filter(|list| !list.is_empty()).unwrap_or_default();
    if !list.is_empty() {
        list.push(",");
    }
    list.push("127.0.0.1,localhost");
    list
}

fn drive_error(program: &Path, error: io::Error) -> DriveError {
    let there = program.components().count() > 1 && program.exists();
    let program = program.to_string_lossy().into_owned();
    match error.kind() {
        io::ErrorKind::NotFound if there => DriveError::NoInterpreter { program },
        io::ErrorKind::NotFound => DriveError::NotFound { program },
        io::ErrorKind::PermissionDenied => DriveError::NotExecutable { program },
        _ => DriveError::System { program, error },
    }
}

fn ended(status: ExitStatus) -> Ended {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Ended::Signal(signal);
    }
    Ended::Exited(status.code().unwrap_or(-1))
}

/// Bytes that an outcome report may have.
const REPORT_LIMIT: u64 = 1 << 20;

/// Reads the outcome report and removes it: absent, its text, or why it cannot be read.
fn read_report(path: &Path) -> Option<Result<String, String>> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    let read = if metadata.is_dir() {
        Err("it is a directory".to_owned())
    } else if metadata.is_symlink() {
        Err("it is a symbolic link".to_owned())
    } else if !metadata.is_file() {
        Err("it is no regular file".to_owned())
    } else if metadata.len() > REPORT_LIMIT {
        Err(format!("it has {} bytes, more than {REPORT_LIMIT}", metadata.len()))
    } else {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    };
    let _ = if metadata.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    Some(read)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn whatever_stands_in_the_place_of_the_report_is_told_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outcome.json");
        assert_eq!(read_report(&path), None);
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read_report(&path), Some(Ok("{}".into())));
        std::fs::create_dir_all(path.join("more")).unwrap();
        assert_eq!(read_report(&path), Some(Err("it is a directory".into())));
        File::create(&path).unwrap().set_len(REPORT_LIMIT + 1).unwrap();
        assert!(read_report(&path).is_some_and(|read| read.unwrap_err().contains("more than")));
        std::fs::write(&path, [0xff]).unwrap();
        assert!(read_report(&path).is_some_and(|read| read.is_err()));
        assert!(!path.exists());
    }

    #[test]
    fn a_command_reads_as_one_would_type_it() {
        let command = Command { program: "node".into(), args: vec!["my client.js".into()] };
        assert_eq!(command.to_line(), "node 'my client.js'");
    }

    #[test]
    fn a_relative_program_begins_where_it_is_started_and_a_bare_name_is_looked_for() {
        let resolved = |name: &str, directory: Option<&str>| {
            let command = Command { program: name.into(), args: Vec::new() };
            program(&command, directory.map(Path::new))
        };
        let here = std::env::current_dir().unwrap();
        assert_eq!(resolved("bin/client", Some("sdk")), here.join("sdk").join("bin/client"));
        assert_eq!(resolved("./client", None), Path::new("./client"));
        assert_eq!(resolved("node", Some("sdk")), Path::new("node"));
    }
}
