//! Runs one client process: starts it, bounds it, and takes down what it said about itself.
//!
//! The client gets a process group of its own, which is ended when the client ends or when its time is up, so
//! that nothing outlives a run. Its output is read to the end and kept in part. Client contract, levels 1 and 2.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use process_wrap::tokio::{ChildWrapper, CommandWrap, KillOnDrop};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::watch;
use tokio::time::timeout;

use crosscheck_wire::transcript::Ended;
use crosscheck_wire::{RawClient, RawOutput};

/// The command that starts the client under test; the MCP server's URL is appended to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Command {
    /// The program, found as the system finds programs.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
}

impl Command {
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
    /// Variables on top of the harness's own.
    pub environment: Vec<(&'static str, OsString)>,
    /// Where the client may write its outcome report.
    pub outcome: PathBuf,
    /// How long it may take.
    pub limit: Duration,
    /// Becomes true when the user interrupts.
    pub interrupted: watch::Receiver<bool>,
}

/// Why a client could not be driven. None of this says anything about its conformance.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The user ended the run.
    #[error("interrupted")]
    Interrupted,
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
pub async fn drive(mut start: Start<'_>) -> Result<RawClient, DriveError> {
    let began = Instant::now();
    let mut child = spawn(&start).map_err(|error| drive_error(&start.command.program, error))?;
    let stdout = tokio::spawn(Capture::all_of(child.stdout().take()));
    let stderr = tokio::spawn(Capture::all_of(child.stderr().take()));

    let ended = tokio::select! {
        status = child.wait() => match status {
            Ok(status) => Some(ended(status)),
            Err(error) => return Err(drive_error(&start.command.program, error)),
        },
        () = tokio::time::sleep(start.limit) => {
            Some(Ended::TimedOut(u64::try_from(start.limit.as_millis()).unwrap_or(u64::MAX)))
        }
        _ = start.interrupted.wait_for(|interrupted| *interrupted) => None,
    };
    let took = began.elapsed();
    // The client's own end does not end what it started; a group that is already gone is no error.
    let _ = child.start_kill();
    let _ = timeout(DRAIN, child.wait()).await;
    let Some(ended) = ended else { return Err(DriveError::Interrupted) };
    let (stdout, stderr) = tokio::join!(drained(stdout), drained(stderr));
    Ok(RawClient { ended, took, stdout, stderr, report: read_report(&start.outcome) })
}

/// How long output may stay open after the group was ended: a process that left the group can hold it.
const DRAIN: Duration = Duration::from_millis(500);

fn spawn(start: &Start<'_>) -> io::Result<Box<dyn ChildWrapper>> {
    let mut command = CommandWrap::with_new(&start.command.program, |command| {
        command
            .args(&start.command.args)
            .arg(start.url)
            .envs(start.environment.iter().map(|(name, value)| (name, value)))
            .env("CROSSCHECK_OUTCOME", &start.outcome)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in ["NO_PROXY", "no_proxy"] {
            command.env(name, without_proxy(std::env::var_os(name)));
        }
    });
    #[cfg(unix)]
    command.wrap(process_wrap::tokio::ProcessGroup::leader());
    #[cfg(windows)]
    command.wrap(process_wrap::tokio::JobObject);
    command.wrap(KillOnDrop);
    command.spawn()
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

fn drive_error(program: &OsStr, error: io::Error) -> DriveError {
    let program = program.to_string_lossy().into_owned();
    match error.kind() {
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

async fn drained(reading: tokio::task::JoinHandle<Capture>) -> RawOutput {
    let abort = reading.abort_handle();
    match timeout(DRAIN, reading).await {
        Ok(Ok(capture)) => capture.finish(),
        _ => {
            abort.abort();
            RawOutput::default()
        }
    }
}

/// Bytes that are kept of the beginning and of the end.
const KEPT: usize = 64 << 10;

/// The beginning and the end of a stream.
#[derive(Default)]
struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    bytes: u64,
}

impl Capture {
    async fn all_of(stream: Option<impl AsyncRead + Unpin>) -> Self {
        let mut capture = Self::default();
        let Some(mut stream) = stream else { return capture };
        let mut buffer = vec![0; 16 << 10];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            capture.add(&buffer[..count]);
        }
        capture
    }

    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(KEPT - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..excess);
    }

    fn finish(self) -> RawOutput {
        let dropped = self.bytes - (self.head.len() + self.tail.len()) as u64;
        let tail: Vec<u8> = self.tail.into();
        let text = if dropped == 0 {
            String::from_utf8_lossy(&[self.head, tail].concat()).into_owned()
        } else {
            let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&tail));
            format!("{head}\n[… {dropped} bytes left out …]\n{tail}")
        };
        RawOutput { text, bytes: self.bytes, dropped }
    }
}

/// Bytes that an outcome report may have.
const REPORT_LIMIT: u64 = 1 << 20;

/// Reads the outcome report and removes it: absent, its text, or why it cannot be read.
fn read_report(path: &Path) -> Option<Result<String, String>> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    let read = if !metadata.is_file() {
        Err("it is no file".to_owned())
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
    use super::*;

    #[test]
    fn output_keeps_its_beginning_and_its_end() {
        let mut capture = Capture::default();
        capture.add(b"first");
        capture.add(&vec![b'x'; 3 * KEPT]);
        capture.add(b"last");
        let output = capture.finish();
        assert!(output.text.starts_with("first") && output.text.ends_with("last"));
        assert_eq!(output.bytes, 3 * KEPT as u64 + 9);
        assert_eq!(output.dropped, KEPT as u64 + 9);
    }

    #[test]
    fn output_that_is_no_utf8_is_kept_readable() {
        let mut capture = Capture::default();
        capture.add(b"caf\xe9");
        assert_eq!(capture.finish().text, "caf\u{fffd}");
    }

    #[test]
    fn a_command_reads_as_one_would_type_it() {
        let command = Command { program: "node".into(), args: vec!["my client.js".into()] };
        assert_eq!(command.to_line(), "node 'my client.js'");
    }
}
