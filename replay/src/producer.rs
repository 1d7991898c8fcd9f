//! Reads a source ahead of the player, on a separate thread.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, TryRecvError, sync_channel},
    },
    thread::{self, Thread},
    time::Duration,
};

use tradesim_schemas::StreamSeq;

use crate::{
    block::{Block, BlockBuilder},
    source::{Filled, Source, SourceError},
};

/// The number of blocks that are read ahead: about a megabyte, which covers the reading of a row group at high speed.
const AHEAD: usize = 16;

/// The size limit of the blocks that are read ahead. A block has at least one message, of any length, so that their
/// number alone does not bound memory.
const AHEAD_BYTES_MAX: usize = 32 << 20;

/// The number of blocks after which a waiting player is woken. If the source is the bottleneck, a wake-up for each
/// block would cost more than the block. A waiting player also checks at the interval [`LOOK_FOR_BLOCKS`].
const WAKE_EVERY: usize = 4;

/// The interval at which a player that waits for a block checks for one.
pub(crate) const LOOK_FOR_BLOCKS: Duration = Duration::from_millis(1);

/// A result of a producer.
#[derive(Debug)]
pub(crate) enum Produced {
    /// The next block.
    Block(Arc<Block>),
    /// There are no more.
    End,
    /// Reading failed; there are no more.
    Failed(SourceError),
    /// Nothing is ready.
    Nothing,
}

/// A thread that reads blocks from a sequence number on. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Producer {
    blocks: Receiver<Produced>,
    ahead: Arc<Ahead>,
    over: bool,
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.ahead.close();
    }
}

/// The bytes of blocks that were read and not yet taken.
#[derive(Debug, Default)]
struct Ahead {
    held: Mutex<Held>,
    room: Condvar,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    is_closed: bool,
}

impl Ahead {
    fn held(&self) -> MutexGuard<'_, Held> {
        // a panic while it is held leaves both fields valid
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room for a block and counts it. A block that is larger than the limit waits until it is the only
    /// one. Returns true if blocks are still taken.
    fn reserve(&self, bytes: usize) -> bool {
        let is_full = |held: &mut Held| {
            !held.is_closed && held.bytes > 0 && held.bytes.saturating_add(bytes) > AHEAD_BYTES_MAX
        };
        let mut held = self.room.wait_while(self.held(), is_full).unwrap_or_else(PoisonError::into_inner);
        held.bytes += bytes;
        !held.is_closed
    }

    fn release(&self, bytes: usize) {
        self.held().bytes -= bytes;
        self.room.notify_one();
    }

    fn close(&self) {
        self.held().is_closed = true;
        self.room.notify_one();
    }
}

impl Producer {
    /// Starts to read from `seq` on; `reader` is woken for the first block, then for every few, and for the end. Blocks
    /// keep their events while `keeps_events` is true.
    ///
    /// # Errors
    /// A thread that cannot be created.
    pub(crate) fn start(
        source: Arc<dyn Source>,
        seq: StreamSeq,
        keeps_events: Arc<AtomicBool>,
        reader: Thread,
    ) -> io::Result<Producer> {
        let (sender, blocks) = sync_channel(AHEAD);
        let ahead = Arc::new(Ahead::default());
        let held = Arc::clone(&ahead);
        thread::Builder::new().name("replay-source".to_owned()).spawn(move || {
            let mut count = 0;
            let deliver = |produced| {
                if let Produced::Block(block) = &produced
                    && !held.reserve(block.weight())
                {
                    return false;
                }
                let wakes = count % WAKE_EVERY == 0 || !matches!(produced, Produced::Block(_));
                let sent = sender.send(produced).is_ok();
                count += 1;
                if wakes {
                    reader.unpark();
                }
                sent
            };
            read(source.as_ref(), seq, &keeps_events, deliver);
        })?;
        Ok(Producer { blocks, ahead, over: false })
    }

    /// Returns what is ready, without waiting.
    pub(crate) fn poll(&mut self) -> Produced {
        if self.over {
            return Produced::Nothing;
        }
        let produced = self.blocks.try_recv().unwrap_or_else(|error| match error {
            TryRecvError::Empty => Produced::Nothing,
            TryRecvError::Disconnected => Produced::End,
        });
        if let Produced::Block(block) = &produced {
            self.ahead.release(block.weight());
        }
        self.over = matches!(produced, Produced::End | Produced::Failed(_));
        produced
    }
}

/// Reads a source from `seq` on and passes the results to `deliver`, until that returns false.
fn read(
    source: &dyn Source,
    seq: StreamSeq,
    keeps_events: &AtomicBool,
    mut deliver: impl FnMut(Produced) -> bool,
) {
    // a panic of a source is a bug; it is reported to the clients, which would wait forever otherwise
    let outcome =
        panic::catch_unwind(AssertUnwindSafe(|| read_blocks(source, seq, keeps_events, &mut deliver)));
    match outcome {
        Ok(Ok(())) => deliver(Produced::End),
        Ok(Err(error)) => deliver(Produced::Failed(error)),
        Err(_) => deliver(Produced::Failed(SourceError::Read("the reader panicked".into()))),
    };
}

fn read_blocks(
    source: &dyn Source,
    seq: StreamSeq,
    keeps_events: &AtomicBool,
    deliver: &mut impl FnMut(Produced) -> bool,
) -> Result<(), SourceError> {
    let mut feed = source.open(seq)?;
    let mut builder = BlockBuilder::new(seq);
    loop {
        builder.keep_events(keeps_events.load(Ordering::Relaxed));
        let filled = feed.fill(&mut builder);
        if !builder.is_empty() && !deliver(Produced::Block(Arc::new(builder.take()))) {
            return Ok(());
        }
        if filled? == Filled::End {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_are_made_ahead_are_bounded_in_bytes() {
        let ahead = Arc::new(Ahead::default());
        // one block always has room, even one above the limit
        assert!(ahead.reserve(AHEAD_BYTES_MAX + 1));
        let producer = thread::spawn({
            let ahead = Arc::clone(&ahead);
            move || (0..3).map(|_| ahead.reserve(AHEAD_BYTES_MAX / 2)).collect::<Vec<_>>()
        });
        assert_eq!(ahead.held().bytes, AHEAD_BYTES_MAX + 1, "the next block waits");
        ahead.release(AHEAD_BYTES_MAX + 1);
        while ahead.held().bytes < AHEAD_BYTES_MAX {
            thread::yield_now();
        }
        assert!(!producer.is_finished(), "two halves fill it");
        ahead.close();
        assert_eq!(producer.join().unwrap(), [true, true, false], "the third is not taken");
    }
}
