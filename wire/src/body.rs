//! The body of an answer: what it is made of, and how a script lets it go out.

use std::io::{self, Write as _};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{Stream, stream};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use serde_json::Value;
use tokio::sync::Notify;

use crosscheck_scenarios::{Act, Long};

/// Bytes of a piece; a body that is no longer is held at once.
const PIECE: usize = 64 << 10;

/// The pause between pieces of a body without an end, so that it runs at about 6 MB a second.
const ENDLESS: Duration = Duration::from_millis(10);

/// What a body says.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Bytes(Bytes),
    Json(Value),
    /// With the names of the stage replaced.
    Long(Long),
}

type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

impl Content {
    /// The body as it goes out, with the headers that its length and its coding ask for. `gone` holds it back until
    /// the head has gone.
    pub(crate) fn into_body(
        self,
        gzip: bool,
        act: Option<&Act>,
        gone: Option<Arc<Notify>>,
        headers: &mut HeaderMap,
    ) -> Body {
        let endless = matches!(&self, Self::Long(long) if long.times.is_none());
        let (mut pieces, mut length) = self.pieces();
        if gzip {
            pieces =
                Box::new(Gzip { pieces, encoder: Some(GzEncoder::new(Vec::new(), Compression::default())) });
            headers.entry(CONTENT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
            let is_short = length.take().is_some_and(|length| length <= PIECE as u64);
            if is_short {
                let whole = Bytes::from(pieces.collect::<Vec<_>>().concat());
                length = Some(whole.len() as u64);
                pieces = Box::new(std::iter::once(whole));
            }
        }
        let (pieces, pace, ending): (Pieces, _, _) = match act {
            Some(Act::Cut { after_bytes }) => (first(pieces, *after_bytes), Pace::Free, Ending::Cut),
            Some(Act::Drip { every_ms }) => {
                (sized(pieces, 1), Pace::Every(Duration::from_millis(*every_ms)), Ending::Regular)
            }
            Some(Act::Pieces { of_bytes }) => (sized(pieces, *of_bytes), Pace::Apart, Ending::Regular),
            Some(Act::Stall { after_bytes }) => (first(pieces, *after_bytes), Pace::Free, Ending::Stall),
            _ if endless => (pieces, Pace::Every(ENDLESS), Ending::Regular),
            _ => (pieces, Pace::Free, Ending::Regular),
        };
        // The server believes a length that is announced only where it does not know that of the body.
        let is_announced = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
        let is_plain = matches!((pace, ending, &gone), (Pace::Free, Ending::Regular, None)) && !is_announced;
        if is_plain && length.is_some_and(|length| length <= PIECE as u64) {
            return Body::from(pieces.collect::<Vec<_>>().concat());
        }
        // Pieces that each go out by themselves are chunks.
        if let (Some(length), false, false) = (length, is_announced, pace == Pace::Apart) {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        Body::from_stream(Delivery { pieces, number: 0, pace, ending, gone }.stream())
    }

    /// What it consists of, and how long it is where it has an end.
    fn pieces(self) -> (Pieces, Option<u64>) {
        let whole = match self {
            Self::Bytes(bytes) => bytes,
            Self::Json(value) => value.to_string().into(),
            Self::Long(long) if long.is_numbered() => numbered(&long).into(),
            Self::Long(long) => return repeated(&long),
        };
        let length = whole.len() as u64;
        (sized(Box::new(std::iter::once(whole)), PIECE), Some(length))
    }
}

fn numbered(long: &Long) -> String {
    let repetitions = (0..long.times.unwrap_or_default()).map(|n| long.repeat.replace("{n}", &n.to_string()));
    [long.head.clone()].into_iter().chain(repetitions).chain([long.tail.clone()]).collect()
}

/// Many repetitions make one piece, which is used over and over.
fn repeated(long: &Long) -> (Pieces, Option<u64>) {
    let Long { head, repeat, times, tail } = long;
    let each = repeat.len();
    let many = (PIECE / each.max(1)).max(1);
    let piece = Bytes::from(repeat.repeat(many));
    let [head, tail] = [head, tail].map(|text| Bytes::from(text.clone()));
    let Some(times) = *times else {
        return (Box::new(std::iter::once(head).chain(std::iter::repeat(piece))), None);
    };
    let (full, rest) = (times / many as u64, (times % many as u64) as usize);
    let length = (head.len() + tail.len()) as u64 + times.saturating_mul(each as u64);
    let last = piece.slice(..rest * each);
    let middle = (0..full).map(move |_| piece.clone());
    (Box::new(std::iter::once(head).chain(middle).chain([last, tail])), Some(length))
}

/// The first `bytes` of a body.
fn first(pieces: Pieces, bytes: usize) -> Pieces {
    let mut left = bytes;
    Box::new(pieces.map_while(move |piece| {
        let part = piece.slice(..left.min(piece.len()));
        let wanted = left > 0;
        left -= part.len();
        wanted.then_some(part)
    }))
}

/// The same in pieces of `bytes` at most.
fn sized(pieces: Pieces, bytes: usize) -> Pieces {
    Box::new(pieces.flat_map(move |piece| {
        let starts = (0..piece.len()).step_by(bytes);
        starts.map(move |at| piece.slice(at..piece.len().min(at.saturating_add(bytes))))
    }))
}

/// Pieces compressed; one for each that comes in, which may be empty.
struct Gzip {
    pieces: Pieces,
    /// `None` behind the end.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Iterator for Gzip {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let Some(piece) = self.pieces.next() else {
            return self.encoder.take()?.finish().ok().map(Bytes::from);
        };
        let encoder = self.encoder.as_mut()?;
        encoder.write_all(&piece).ok()?;
        Some(mem::take(encoder.get_mut()).into())
    }
}

/// How pieces follow each other.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Pace {
    /// The first ones after a moment, so that a client reads them one by one.
    Apart,
    Every(Duration),
    Free,
}

/// What comes behind the last piece.
#[derive(Clone, Copy)]
enum Ending {
    Cut,
    Regular,
    Stall,
}

struct Delivery {
    pieces: Pieces,
    /// How many pieces have gone out.
    number: usize,
    pace: Pace,
    ending: Ending,
    gone: Option<Arc<Notify>>,
}

impl Delivery {
    fn stream(self) -> impl Stream<Item = io::Result<Bytes>> {
        stream::unfold(self, |mut delivery| async { delivery.next().await.map(|piece| (piece, delivery)) })
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        /// How many pieces are certain to be read one by one.
        const APART: usize = 8;
        if let Some(gone) = self.gone.take() {
            gone.notified().await;
        }
        loop {
            let Some(piece) = self.pieces.next() else {
                // The server writes out what it has only while it waits for more.
                tokio::task::yield_now().await;
                return match self.ending {
                    Ending::Cut => Some(Err(io::Error::other("cut by the script"))),
                    Ending::Regular => None,
                    Ending::Stall => std::future::pending().await,
                };
            };
            match self.pace {
                Pace::Apart if (1..APART).contains(&self.number) => {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                Pace::Apart => tokio::task::yield_now().await,
                Pace::Every(pause) => tokio::time::sleep(pause).await,
                Pace::Free => {}
            }
            if !piece.is_empty() {
                self.number += 1;
                return Some(Ok(piece));
            }
            tokio::task::yield_now().await;
        }
    }
}
