//! Reading a source ahead of the player, on a thread of its own.

use std::{
    io,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError, sync_channel},
    },
    thread::{self, Thread},
    time::Duration,
};

use crate::{
    block::{Block, BlockBuilder},
    source::{Filled, Source, SourceError},
};

/// Blocks that are made ahead: about a megabyte, which covers the reading of a row group at high speed.
const AHEAD: usize = 16;

/// Blocks after which a player that has run out of them is woken. Where the source is what limits the play, a wake-up for
/// each block would cost more than the block; a player that waits looks by itself as well, every
/// [`LOOK_FOR_BLOCKS`].
const WAKE_EVERY: usize = 4;

/// How often a player that waits for a block looks for one.
pub(crate) const LOOK_FOR_BLOCKS: Duration = Duration::from_millis(1);

/// What a producer hands over.
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

/// A thread that makes blocks from a seq on. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Producer {
    blocks: Receiver<Produced>,
    over: bool,
}

impl Producer {
    /// Starts to read from `seq` on; `reader` is woken for the first block, then for every few, and for the end.
    ///
    /// # Errors
    /// A thread that cannot be had.
    pub(crate) fn start(source: Arc<dyn Source>, seq: u64, reader: Thread) -> io::Result<Producer> {
        let (sender, blocks) = sync_channel(AHEAD);
        thread::Builder::new().name("replay-source".to_owned()).spawn(move || {
            let mut count = 0;
            let deliver = |produced| {
                let wakes = count % WAKE_EVERY == 0 || !matches!(produced, Produced::Block(_));
                let sent = sender.send(produced).is_ok();
                count += 1;
                if wakes {
                    reader.unpark();
                }
                sent
            };
            read(source.as_ref(), seq, deliver);
        })?;
        Ok(Producer { blocks, over: false })
    }

    /// What is ready, without waiting.
    pub(crate) fn poll(&mut self) -> Produced {
        if self.over {
            return Produced::Nothing;
        }
        let produced = self.blocks.try_recv().unwrap_or_else(|error| match error {
            TryRecvError::Empty => Produced::Nothing,
            TryRecvError::Disconnected => Produced::End,
        });
        self.over = matches!(produced, Produced::End | Produced::Failed(_));
        produced
    }
}

/// Reads a source from `seq` on and hands over what comes, until `deliver` wants no more.
fn read(source: &dyn Source, seq: u64, mut deliver: impl FnMut(Produced) -> bool) {
    // a panic of a source is a bug; the clients are told all the same, instead of waiting for ever
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| read_blocks(source, seq, &mut deliver)));
    match outcome {
        Ok(Ok(())) => deliver(Produced::End),
        Ok(Err(error)) => deliver(Produced::Failed(error)),
        Err(_) => deliver(Produced::Failed(SourceError::Read("the reader panicked".into()))),
    };
}

fn read_blocks(
    source: &dyn Source,
    seq: u64,
    deliver: &mut impl FnMut(Produced) -> bool,
) -> Result<(), SourceError> {
    let mut feed = source.open(seq)?;
    let mut builder = BlockBuilder::new(seq);
    loop {
        let filled = feed.fill(&mut builder);
        if !builder.is_empty() && !deliver(Produced::Block(Arc::new(builder.take()))) {
            return Ok(());
        }
        if filled? == Filled::End {
            return Ok(());
        }
    }
}
