//! Reads what a process writes to its end, and keeps the beginning and the end of it.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crosscheck_wire::RawOutput;

/// How long output may stay open after the group was ended: a process that left the group can hold it.
pub(super) const DRAIN: Duration = Duration::from_millis(500);

/// Bytes that are kept of the beginning and of the end.
const KEPT: usize = 64 << 10;

/// A stream that is being read.
pub(super) struct Capture {
    kept: Arc<Mutex<Kept>>,
    reading: JoinHandle<()>,
}

impl Capture {
    /// Begins to read; where it `passes` on what it reads, that goes to standard error as it is.
    pub(super) fn of(stream: Option<impl AsyncRead + Send + Unpin + 'static>, passes: bool) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let into = Arc::clone(&kept);
        let reading = tokio::spawn(async move {
            let Some(mut stream) = stream else { return };
            let mut buffer = vec![0; 16 << 10];
            while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                if passes {
                    // Nobody may be reading there, which is no trouble of the client's.
                    let _ = io::stderr().write_all(&buffer[..count]);
                }
                into.lock().unwrap_or_else(PoisonError::into_inner).add(&buffer[..count]);
            }
        });
        Self { kept, reading }
    }

    /// What was kept, once the stream ended, or once it was held open for too long.
    pub(super) async fn finish(mut self) -> RawOutput {
        if timeout(DRAIN, &mut self.reading).await.is_err() {
            self.reading.abort();
        }
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner)).finish()
    }
}

/// The beginning and the end of a stream.
#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    bytes: u64,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(KEPT - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..excess);
    }

    fn finish(mut self) -> RawOutput {
        if self.head.len() + self.tail.len() == usize::try_from(self.bytes).unwrap_or(usize::MAX) {
            self.head.extend(self.tail);
            let text = String::from_utf8_lossy(&self.head).into_owned();
            return RawOutput { text, bytes: self.bytes, dropped: 0 };
        }
        // Half a secret at a cut would be one that nobody finds.
        let tail: Vec<u8> = self.tail.into();
        let head = &self.head[..self.head.iter().rposition(|byte| is_blank(*byte)).unwrap_or(0)];
        let tail = &tail[tail.iter().position(|byte| is_blank(*byte)).unwrap_or(tail.len())..];
        let dropped = self.bytes - (head.len() + tail.len()) as u64;
        let (head, tail) = (String::from_utf8_lossy(head), String::from_utf8_lossy(tail));
        let text = format!("{head}\n[… {dropped} bytes left out …]\n{tail}");
        RawOutput { text, bytes: self.bytes, dropped }
    }
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_keeps_its_beginning_and_its_end_and_no_half_word() {
        let mut kept = Kept::default();
        kept.add(b"first ");
        kept.add(&vec![b'x'; KEPT]);
        kept.add(&vec![b'y'; KEPT]);
        kept.add(b" last");
        let output = kept.finish();
        assert_eq!(output.text, format!("first\n[… {} bytes left out …]\n last", 2 * KEPT + 1));
        assert_eq!((output.bytes, output.dropped), (2 * KEPT as u64 + 11, 2 * KEPT as u64 + 1));
    }

    #[test]
    fn output_that_is_no_utf8_is_kept_readable() {
        let mut kept = Kept::default();
        kept.add(b"caf\xe9");
        assert_eq!(kept.finish().text, "caf\u{fffd}");
    }
}
