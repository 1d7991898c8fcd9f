//! The number of messages of a stream that pass a filter before a position.
//!
//! The sequence numbers of a filtered stream are only known by counting. Counts are kept by kind, at some points of
//! the stream, so that they answer every selection: however many clients request whatever symbols, the stream is read
//! once. It is read in slices, each requested by a waiting client. When no client waits, counting stops; it resumes
//! there with the next request.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Mutex as Turn, Semaphore};
use tradesim_schemas::StreamSeq;

use crate::{
    block::BlockBuilder,
    selection::{Kind, Selection},
    source::{Feed, Filled, Source, SourceError},
};

/// The initial number of messages between two points at which counts are kept.
const STRIDE: u64 = 8_192;

/// The limit of counts that are kept in total: 8 MB. Beyond it, every other point is dropped.
const KEPT_MAX: usize = 1 << 20;

/// The limit of kinds that are distinguished. A stream with more is counted up to there in common, and from there on
/// for each client separately.
const KINDS_MAX: usize = 1 << 16;

/// The number of blocks in a slice: a few milliseconds.
const SLICE_BLOCKS: usize = 32;

/// The number of clients for which messages after a known point are read at the same time.
const SEARCHES_MAX: usize = 2;

/// A point in a filtered stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) source_seq: StreamSeq,
    /// The number of messages before it that pass the filter.
    pub(crate) seq: StreamSeq,
}

/// The counts of a source so far.
pub(crate) struct Counts {
    source: Arc<dyn Source>,
    table: Mutex<Table>,
    /// The reader at the point where the table ends.
    scan: Mutex<Option<Scan>>,
    /// Held by the client for which a slice is being counted.
    turn: Turn<()>,
    searches: Semaphore,
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Table {
    /// The number of each kind, by symbol key and event type.
    kinds: BTreeMap<(u128, u8), Numbered>,
    /// Ascending; the first is the beginning of the stream.
    marks: Vec<Mark>,
    stride: u64,
    kept: usize,
    /// The point up to which messages are counted, and the counts.
    frontier: Mark,
    /// True if the stream ends at the frontier.
    ended: bool,
    /// True if counting has stopped because there are too many kinds.
    full: bool,
}

#[derive(Clone, Copy, Debug)]
struct Numbered {
    number: usize,
    kind: Kind,
}

/// A point of the stream, and the number of messages of each kind before it.
#[derive(Clone, Debug, Default)]
struct Mark {
    source_seq: StreamSeq,
    counts: Vec<u64>,
}

struct Scan {
    feed: Box<dyn Feed>,
    builder: BlockBuilder,
}

/// The result of a search in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It is after this point, and the messages from there on must be read.
    From(Counted),
    /// It is after the last point that was counted.
    Beyond,
    /// It is this point.
    Here(Counted),
}

impl Counts {
    pub(crate) fn new(source: Arc<dyn Source>) -> Counts {
        Counts {
            source,
            table: Mutex::new(Table::new()),
            scan: Mutex::new(None),
            turn: Turn::new(()),
            searches: Semaphore::new(SEARCHES_MAX),
        }
    }

    /// Returns the earliest of these points: the point before `bound`, the end of the stream, and the point after
    /// `wanted` messages that pass. Reading stops soon after this future is dropped.
    ///
    /// # Errors
    /// Any error of reading.
    pub(crate) async fn locate(
        self: &Arc<Counts>,
        selection: &Selection,
        wanted: Option<StreamSeq>,
        bound: StreamSeq,
    ) -> Result<Counted, SourceError> {
        loop {
            let way = lock(&self.table).way(selection, wanted, bound);
            match way {
                Way::Here(counted) => return Ok(counted),
                Way::From(from) => return self.search(selection, from, wanted, bound).await,
                Way::Beyond => {
                    let _turn = self.turn.lock().await;
                    // another client may have counted as far meanwhile
                    if lock(&self.table).way(selection, wanted, bound) == Way::Beyond {
                        let counts = Arc::clone(self);
                        finished(tokio::task::spawn_blocking(move || counts.count_slice()).await)?;
                    }
                }
            }
        }
    }

    /// Counts one slice.
    fn count_slice(&self) -> Result<(), SourceError> {
        // the slice of a client that gave up may still be running
        let mut kept = lock(&self.scan);
        let mut scan = match kept.take() {
            Some(scan) => scan,
            None => {
                let seq = lock(&self.table).frontier.source_seq;
                Scan { feed: self.source.open(seq)?, builder: BlockBuilder::new(seq) }
            }
        };
        for _ in 0..SLICE_BLOCKS {
            let filled = scan.feed.fill(&mut scan.builder)?;
            let mut table = lock(&self.table);
            if !scan.builder.is_empty() {
                table.count(scan.builder.take().entries().iter().map(|entry| entry.meta.kind));
            }
            table.ended |= filled == Filled::End;
            if table.ended || table.full {
                return Ok(());
            }
        }
        *kept = Some(scan);
        Ok(())
    }

    /// Reads messages after a known point.
    async fn search(
        &self,
        selection: &Selection,
        from: Counted,
        wanted: Option<StreamSeq>,
        bound: StreamSeq,
    ) -> Result<Counted, SourceError> {
        let _permit = self.searches.acquire().await;
        let (source, selection) = (Arc::clone(&self.source), selection.clone());
        let given_up = GivenUp::default();
        let is_given_up = Arc::clone(&given_up.0);
        let read = move || search(source.as_ref(), &selection, from, wanted, bound, &is_given_up);
        finished(tokio::task::spawn_blocking(read).await)
    }
}

/// Signals, when it is dropped, that no one waits any more.
#[derive(Debug, Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn search(
    source: &dyn Source,
    selection: &Selection,
    from: Counted,
    wanted: Option<StreamSeq>,
    bound: StreamSeq,
    given_up: &AtomicBool,
) -> Result<Counted, SourceError> {
    let mut counted = from;
    let is_there = |counted: Counted| counted.source_seq == bound || Some(counted.seq) == wanted;
    if is_there(counted) {
        return Ok(counted);
    }
    let mut feed = source.open(from.source_seq)?;
    let mut builder = BlockBuilder::new(from.source_seq);
    while !given_up.load(Ordering::Relaxed) {
        let filled = feed.fill(&mut builder)?;
        if !builder.is_empty() {
            for entry in builder.take().entries() {
                counted.source_seq += 1;
                counted.seq += u64::from(selection.in_stream(entry.meta.kind));
                if is_there(counted) {
                    return Ok(counted);
                }
            }
        }
        if filled == Filled::End {
            break;
        }
    }
    Ok(counted)
}

impl Table {
    fn new() -> Table {
        Table {
            kinds: BTreeMap::new(),
            marks: vec![Mark::default()],
            stride: STRIDE,
            kept: 0,
            frontier: Mark::default(),
            ended: false,
            full: false,
        }
    }

    /// Counts the kinds of the messages that follow.
    fn count(&mut self, kinds: impl Iterator<Item = Kind>) {
        for kind in kinds {
            let key = kind.map_or((0, u8::MAX), |(symbol, event)| (symbol.key(), event as u8));
            let next = self.kinds.len();
            let number = match self.kinds.get(&key) {
                Some(numbered) => numbered.number,
                None if next == KINDS_MAX => {
                    self.full = true;
                    return self.keep();
                }
                None => {
                    self.kinds.insert(key, Numbered { number: next, kind });
                    self.frontier.counts.push(0);
                    next
                }
            };
            self.frontier.counts[number] += 1;
            self.frontier.source_seq += 1;
            let last = self.marks.last().expect("the first mark always exists").source_seq;
            if self.frontier.source_seq >= last + self.stride {
                self.keep();
            }
        }
    }

    /// Keeps the frontier as a known point.
    fn keep(&mut self) {
        self.kept += self.frontier.counts.len();
        self.marks.push(self.frontier.clone());
        while self.kept > KEPT_MAX && self.marks.len() > 2 {
            let mut index = 0;
            self.marks.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride *= 2;
            self.kept = self.marks.iter().map(|mark| mark.counts.len()).sum();
        }
    }

    /// Returns where to find the point that [`Counts::locate`] looks for.
    fn way(&self, selection: &Selection, wanted: Option<StreamSeq>, bound: StreamSeq) -> Way {
        if bound == StreamSeq(0) || wanted == Some(StreamSeq(0)) {
            return Way::Here(Counted { source_seq: StreamSeq(0), seq: StreamSeq(0) });
        }
        let passing: Vec<usize> = self
            .kinds
            .values()
            .filter(|numbered| selection.in_stream(numbered.kind))
            .map(|numbered| numbered.number)
            .collect();
        let counted = |mark: &Mark| Counted {
            source_seq: mark.source_seq,
            seq: StreamSeq(passing.iter().filter_map(|number| mark.counts.get(*number)).sum()),
        };
        // the point is after a mark that is before it by both criteria
        let is_before = |counted: Counted| {
            counted.source_seq <= bound && wanted.is_none_or(|wanted| counted.seq < wanted)
        };
        let frontier = counted(&self.frontier);
        if is_before(frontier) && frontier.source_seq < bound {
            match (self.ended, self.full) {
                (true, _) => return Way::Here(frontier),
                (false, true) => return Way::From(frontier),
                (false, false) => return Way::Beyond,
            }
        }
        let count = self.marks.partition_point(|mark| is_before(counted(mark)));
        Way::From(counted(&self.marks[count - 1]))
    }
}

fn finished<T>(read: Result<Result<T, SourceError>, tokio::task::JoinError>) -> Result<T, SourceError> {
    read.unwrap_or_else(|_| Err(SourceError::Read("the reader panicked".into())))
}

/// Locks a value that stays valid if a source panics: a slice is counted message by message.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    crate::lock::lock(mutex)
}

#[cfg(test)]
mod tests;
