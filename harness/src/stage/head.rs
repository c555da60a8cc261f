//! What a script does to status line and headers of an answer, on the stream that the server writes to.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep};

use crosscheck_wire::HeadAct;

/// What is to be done to the answer that is written next.
#[derive(Clone, Default)]
pub(super) struct Next(Arc<Mutex<Option<HeadAct>>>);

impl Next {
    /// Puts an act there, before the answer is written.
    pub(super) fn set(&self, act: Option<HeadAct>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = act;
    }

    fn take(&self) -> Option<HeadAct> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A stream on which acts are carried out.
pub(super) struct Acted {
    stream: TcpStream,
    next: Next,
    doing: Doing,
}

/// The act that is going on.
enum Doing {
    /// These bytes go out first.
    Before(Vec<u8>),
    /// The stream fails after that many bytes.
    Cut(usize),
    /// That many bytes go out one by one.
    Drip {
        left: usize,
        pause: Pin<Box<Sleep>>,
        every: Duration,
        gone: Arc<Notify>,
    },
    Nothing,
}

impl Doing {
    /// Begins `act` on the head that `written` begins with.
    fn begin(act: HeadAct, written: &[u8]) -> Self {
        const END: &[u8] = b"\r\n\r\n";
        let end = written.windows(END.len()).position(|bytes| bytes == END);
        let head = end.map_or(written.len(), |at| at + END.len());
        match act {
            HeadAct::Cut(bytes) => Self::Cut(bytes.min(head.saturating_sub(1))),
            HeadAct::Drip { every, gone } => {
                Self::Drip { left: head, pause: Box::pin(sleep(every)), every, gone }
            }
            HeadAct::Informational(statuses) => Self::Before(statuses.into_iter().flat_map(answer).collect()),
        }
    }
}

/// An informational answer, which is a head alone (RFC 9110 section 15.2).
fn answer(status: u16) -> Vec<u8> {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    format!("HTTP/1.1 {status} {}\r\n\r\n", reason.unwrap_or_default()).into_bytes()
}

impl Acted {
    pub(super) fn new(stream: TcpStream, next: Next) -> Self {
        Self { stream, next, doing: Doing::Nothing }
    }
}

impl AsyncRead for Acted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Acted {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, next, doing } = self.get_mut();
        let mut stream = Pin::new(stream);
        if let Some(act) = next.take() {
            *doing = Doing::begin(act, bytes);
        }
        loop {
            match doing {
                Doing::Nothing => return stream.poll_write(context, bytes),
                Doing::Before(first) if first.is_empty() => *doing = Doing::Nothing,
                Doing::Before(first) => {
                    let written = ready!(stream.as_mut().poll_write(context, first))?;
                    first.drain(..written);
                }
                Doing::Cut(0) => return Poll::Ready(Err(io::Error::other("cut by the script"))),
                Doing::Cut(left) => {
                    let written = ready!(stream.poll_write(context, &bytes[..bytes.len().min(*left)]))?;
                    *left -= written;
                    return Poll::Ready(Ok(written));
                }
                Doing::Drip { left, pause, every, gone } => {
                    ready!(pause.as_mut().poll(context));
                    let written = ready!(stream.poll_write(context, &bytes[..bytes.len().min(1)]))?;
                    pause.as_mut().reset(Instant::now() + *every);
                    *left -= written;
                    if *left == 0 {
                        gone.notify_one();
                        *doing = Doing::Nothing;
                    }
                    return Poll::Ready(Ok(written));
                }
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
