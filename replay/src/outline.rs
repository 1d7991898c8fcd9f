//! The outline of a stream: what happens when, over its whole length, for people who look for a place in it
//! (docs/PROTOCOL.md, section 6).

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde::Serialize;
use tokio::sync::watch;
use tradesim_schemas::{StreamSeq, Symbol};

use crate::{hub::Hub, options::PlayClock};
use tradesim_protocol::State;

/// The version of the layout of the answer.
const OUTLINE_VERSION: u32 = 1;
/// The limit of threads that read a source for its outline: the player and the clients need the others.
const THREADS_MAX: usize = 4;

/// The limit of marks in an outline. More are only counted.
pub const MARKS_MAX: usize = 500;

/// The outline of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outline {
    /// The parts that follow one another, such as the files of a playlist, in one round.
    pub segments: Vec<Segment>,
    /// The number of times that all segments are played; `None` if there is no limit.
    pub rounds: Option<u64>,
    /// Single messages that people look for, by sequence number, at most [`MARKS_MAX`] of them.
    pub marks: Vec<Mark>,
    /// The number of all marks.
    pub marks_total: u64,
}

/// A part of a stream whose messages are in order of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// The stream sequence number of its first message, in the first round.
    pub seq: StreamSeq,
    /// The start of its first bin, in microseconds since the Unix epoch.
    pub from_us: i64,
    /// The length of a bin in microseconds.
    pub bin_us: u64,
    /// The number of messages in each bin.
    pub bins: Bins,
    /// Times with a name.
    pub spans: Vec<Span>,
}

/// The messages of each bin, by type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bins {
    /// The number of trades.
    pub trade: Vec<u64>,
    /// The number of order book snapshots.
    pub orderbook: Vec<u64>,
    /// The number of candles.
    pub marketdata: Vec<u64>,
    /// The number of messages that are not events.
    pub other: Vec<u64>,
}

impl Bins {
    /// Returns the number of all messages.
    pub fn total(&self) -> u64 {
        [&self.trade, &self.orderbook, &self.marketdata, &self.other].into_iter().flatten().sum()
    }
}

/// A time with a name: a period of the trading day, or a burst.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    /// The kind.
    pub kind: SpanKind,
    /// The start, in microseconds since the Unix epoch.
    pub from_us: i64,
    /// The end, exclusive.
    pub to_us: i64,
    /// The name, such as `pre_market`.
    pub name: String,
    /// The only symbol that is affected; `None` for all.
    pub symbol: Option<String>,
}

/// The kind of a [`Span`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// A period of the trading day.
    Period,
    /// A time in which orders arrive at a multiple of the usual rate.
    Burst,
    /// A phase of a planned event.
    Event,
}

/// A message that people look for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// The kind.
    pub kind: MarkKind,
    /// Its stream sequence number, in the first round.
    pub seq: StreamSeq,
    /// The name, such as the kind of a fault.
    pub name: String,
}

/// The kind of a [`Mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MarkKind {
    /// Messages may be missing before it.
    Gap,
    /// A fault was planted there.
    Fault,
}

impl Outline {
    /// Adds marks of the whole stream, and keeps the first ones.
    pub fn add_marks(&mut self, marks: impl IntoIterator<Item = Mark>, total: u64) {
        self.marks.extend(marks);
        self.marks.sort_by_key(|mark| (mark.seq, mark.kind));
        self.marks.truncate(MARKS_MAX);
        self.marks_total += total;
    }
}

/// Options of reading the outline of a source.
#[derive(Clone, Copy)]
pub struct OutlineOptions<'a> {
    /// The number of threads.
    pub threads: NonZeroUsize,
    /// Becomes true when the outline is not needed any more. It is asked now and then; an incomplete outline is not
    /// used.
    pub cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl std::fmt::Debug for OutlineOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutlineOptions").field("threads", &self.threads).finish_non_exhaustive()
    }
}

/// The answer to `GET /timeline`.
#[derive(Serialize)]
struct Report<'a> {
    schema_version: u32,
    stream: &'a str,
    /// True for a stream that is being made, which can neither be moved nor outlined.
    live: bool,
    messages: Option<u64>,
    /// Empty if any symbol may occur.
    symbols: Vec<&'a str>,
    #[serde(flatten)]
    outline: Outline,
}

/// The reason that a stream has no outline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OutlineError {
    /// The server stops, so the source was not read to its end.
    #[error("the server stops, and did not read the recording to its end")]
    Stopping,
    /// The source cannot be read, with the text of the error.
    #[error("{0}")]
    Source(String),
}

/// The answer, or the error. The source is read once, for the first request: what reading costs is then
/// independent of the number of requests.
#[derive(Debug)]
pub(crate) struct OutlineCache {
    started: AtomicBool,
    answer: watch::Sender<Option<Result<Arc<[u8]>, OutlineError>>>,
}

impl OutlineCache {
    pub(crate) fn new() -> OutlineCache {
        OutlineCache { started: AtomicBool::new(false), answer: watch::Sender::new(None) }
    }

    /// Returns the answer in JSON.
    ///
    /// # Errors
    /// The error of reading the source, or the server stops before it was read.
    pub(crate) async fn get(&self, hub: &Arc<Hub>) -> Result<Arc<[u8]>, OutlineError> {
        let mut answer = self.answer.subscribe();
        if !self.started.swap(true, Ordering::SeqCst) {
            // a task of its own, because a client that disconnects cancels its request
            let hub = Arc::clone(hub);
            tokio::spawn(async move {
                let shared = Arc::clone(&hub);
                let read = tokio::task::spawn_blocking(move || read(&shared)).await;
                let panicked = || OutlineError::Source("the reader of the source panicked".to_owned());
                let read = read.unwrap_or_else(|_| Err(panicked()));
                hub.outline.answer.send_replace(Some(read));
            });
        }
        let answer = answer.wait_for(Option::is_some).await.expect("the sender is never dropped before this");
        answer.clone().expect("it was waited for")
    }
}

fn read(hub: &Hub) -> Result<Arc<[u8]>, OutlineError> {
    let half = thread::available_parallelism().map_or(1, NonZeroUsize::get) / 2;
    let threads = NonZeroUsize::new(half.clamp(1, THREADS_MAX)).expect("at least 1");
    let cancelled = || {
        let ended = hub.published.head().state == State::Ended && !hub.options.stay;
        ended || *hub.published.stopping.borrow()
    };
    let outline = hub.source.outline(OutlineOptions { threads, cancelled: &cancelled });
    let outline = match outline.map_err(|error| OutlineError::Source(error.with_cause()))? {
        Some(outline) => outline,
        None if cancelled() => return Err(OutlineError::Stopping),
        None => Outline::default(),
    };
    let info = hub.source.info();
    let report = Report {
        schema_version: OUTLINE_VERSION,
        stream: &hub.stream,
        live: hub.options.clock != PlayClock::Recording,
        messages: info.messages,
        symbols: info.symbols.iter().map(Symbol::as_str).collect(),
        outline,
    };
    let mut text = serde_json::to_vec(&report).expect("all keys are texts");
    text.push(b'\n');
    Ok(text.into())
}
