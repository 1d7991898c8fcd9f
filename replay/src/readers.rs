//! Readers of a source for clients that need earlier messages.
//!
//! An open source takes memory, so their number is small. A client holds one while blocks are read for it, and keeps
//! it between two blocks as long as no other client waits for one: clients that read slowly block no one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{
    Notify, OwnedSemaphorePermit, Semaphore,
    mpsc::{self, Receiver, Sender},
};
use tradesim_schemas::StreamSeq;

use crate::{
    block::BlockBuilder,
    producer::Produced,
    source::{Feed, Filled, Source, SourceError},
};

/// The limit of sources that are open at a time.
const OPEN_MAX: usize = 16;

/// The number of consecutive blocks that are read for one client while others wait.
const BLOCKS_IN_A_ROW: u32 = 16;

/// The number of blocks that are read ahead for one client.
const AHEAD: usize = 2;

/// The readers of a source, with a limit of those that are open.
#[derive(Debug)]
pub(crate) struct Readers {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    wanted: Notify,
}

impl Readers {
    pub(crate) fn new() -> Arc<Readers> {
        Readers::of(OPEN_MAX)
    }

    fn of(slots: usize) -> Arc<Readers> {
        let slots = Arc::new(Semaphore::new(slots));
        Arc::new(Readers { slots, waiting: AtomicUsize::new(0), wanted: Notify::new() })
    }

    /// Starts to read from `seq` on, for one client, until the receiver is dropped.
    pub(crate) fn start(self: &Arc<Readers>, source: &Arc<dyn Source>, seq: StreamSeq) -> Receiver<Produced> {
        let (sender, blocks) = mpsc::channel(AHEAD);
        tokio::spawn(read_ahead(Arc::clone(self), Arc::clone(source), seq, sender));
        blocks
    }

    /// Waits for a slot, in turn.
    async fn slot(&self) -> OwnedSemaphorePermit {
        if let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() {
            return slot;
        }
        let _waiting = Waiting::new(&self.waiting);
        self.wanted.notify_one();
        Arc::clone(&self.slots).acquire_owned().await.expect("the semaphore is never closed")
    }

    fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Returns when another client waits for a slot.
    async fn wanted(&self) {
        while !self.is_wanted() {
            self.wanted.notified().await;
        }
    }
}

/// Counts a waiting client until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Waiting<'a> {
        waiting.fetch_add(1, Ordering::SeqCst);
        Waiting(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn read_ahead(
    readers: Arc<Readers>,
    source: Arc<dyn Source>,
    mut seq: StreamSeq,
    blocks: Sender<Produced>,
) {
    let mut held: Option<Reading> = None;
    let mut in_a_row = 0;
    loop {
        let room = tokio::select! {
            biased;
            room = blocks.reserve() => room,
            () = readers.wanted(), if held.is_some() => {
                held = None;
                continue;
            }
        };
        // without a receiver there is no client
        let Ok(room) = room else { return };
        let reading = match held.take() {
            Some(reading) => reading,
            None => {
                in_a_row = 0;
                tokio::select! {
                    slot = readers.slot() => Reading { feed: None, ended: false, failure: None, _slot: slot },
                    () = blocks.closed() => return,
                }
            }
        };
        let source = Arc::clone(&source);
        let read = tokio::task::spawn_blocking(move || reading.next(source.as_ref(), seq)).await;
        // a panic of a source is a bug; it is reported to the client
        let (reading, produced) = read
            .unwrap_or_else(|_| (None, Produced::Failed(SourceError::Read("the reader panicked".into()))));
        if let Produced::Block(block) = &produced {
            seq = block.end_seq();
        }
        room.send(produced);
        let Some(reading) = reading else { return };
        in_a_row += 1;
        if in_a_row < BLOCKS_IN_A_ROW || !readers.is_wanted() {
            held = Some(reading);
        }
    }
}

/// An open source, or the right to open one.
struct Reading {
    feed: Option<(Box<dyn Feed>, BlockBuilder)>,
    ended: bool,
    /// The error that followed the block that was returned.
    failure: Option<SourceError>,
    _slot: OwnedSemaphorePermit,
}

impl Reading {
    /// Returns the block that begins with the message of `seq`, and the reader if there may be more blocks.
    fn next(mut self, source: &dyn Source, seq: StreamSeq) -> (Option<Reading>, Produced) {
        match self.read(source, seq) {
            Ok(Some(produced)) => (Some(self), produced),
            Ok(None) => (None, Produced::End),
            Err(error) => (None, Produced::Failed(error)),
        }
    }

    fn read(&mut self, source: &dyn Source, seq: StreamSeq) -> Result<Option<Produced>, SourceError> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.feed.is_none() {
            self.feed = Some((source.open(seq)?, BlockBuilder::new(seq)));
        }
        let (feed, builder) = self.feed.as_mut().expect("the source was opened");
        while !self.ended && builder.is_empty() {
            match feed.fill(builder) {
                Ok(filled) => self.ended = filled == Filled::End,
                Err(error) if builder.is_empty() => return Err(error),
                // messages that were added before the error count
                Err(error) => self.failure = Some(error),
            }
        }
        Ok((!builder.is_empty()).then(|| Produced::Block(Arc::new(builder.take()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;

    async fn next(blocks: &mut Receiver<Produced>) -> Option<(StreamSeq, StreamSeq)> {
        match blocks.recv().await {
            Some(Produced::Block(block)) => Some((block.first_seq(), block.end_seq())),
            Some(Produced::End) | None => None,
            Some(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn clients_that_take_nothing_keep_nobody_waiting() {
        let readers = Readers::of(2);
        let source: Arc<dyn Source> = Arc::new(Sample::new(20_000, 1));
        // each of these has received all blocks that are read ahead before it takes one
        let mut slow: Vec<_> = (0..8).map(|n| readers.start(&source, StreamSeq(100 * n))).collect();
        let mut fast = readers.start(&source, StreamSeq(0));
        let mut seq = StreamSeq(0);
        while let Some((first, end)) = next(&mut fast).await {
            assert_eq!(first, seq);
            seq = end;
        }
        assert_eq!(seq, StreamSeq(20_000));
        // and continues where it was, with any source that is open
        for (n, blocks) in slow.iter_mut().enumerate() {
            let mut seq = StreamSeq(100 * n as u64);
            while let Some((first, end)) = next(blocks).await {
                assert_eq!(first, seq);
                seq = end;
            }
            assert_eq!(seq, StreamSeq(20_000));
        }
        assert_eq!(readers.waiting.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn a_client_that_goes_gives_back_what_it_held() {
        let readers = Readers::of(1);
        let source: Arc<dyn Source> = Arc::new(Sample::new(20_000, 1));
        for _ in 0..3 {
            let mut blocks = readers.start(&source, StreamSeq(7));
            assert_eq!(next(&mut blocks).await.map(|(first, _)| first), Some(StreamSeq(7)));
        }
        let mut blocks = readers.start(&source, StreamSeq(20_000));
        assert_eq!(next(&mut blocks).await, None);
    }

    #[tokio::test]
    async fn what_was_read_before_a_failure_comes_before_it() {
        let readers = Readers::new();
        let source: Arc<dyn Source> = Arc::new(Sample::failing_at(20_000, 1, 500));
        let mut blocks = readers.start(&source, StreamSeq(0));
        let mut seq = StreamSeq(0);
        let error = loop {
            match blocks.recv().await {
                Some(Produced::Block(block)) => seq = block.end_seq(),
                Some(Produced::Failed(error)) => break error,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(seq, StreamSeq(500));
        assert!(error.with_cause().ends_with("the disk is on fire"));
    }
}
