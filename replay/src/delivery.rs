//! What one client gets: which message comes next, and where it comes from.

use std::{ops::Range, sync::Arc};

use crate::{
    block::Block,
    control::State,
    ring::{Cursor, Next, Ring},
    selection::Selection,
};

/// How far the player is: what clients look at to know whether there is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Where the player stands.
    pub(crate) state: State,
    /// Messages released so far.
    pub(crate) released: u64,
    /// Seq of the next one.
    pub(crate) seq: u64,
    /// Messages sent: those that were released, without what is missing and with what comes twice.
    pub(crate) sent: u64,
}

/// The sequence of one client: without a gap, a repetition or a message before its time, from its first message on.
#[derive(Debug)]
pub(crate) struct Delivery {
    phase: Phase,
    selection: Selection,
    /// Seq of the next message, in the source's numbers: what is not selected counts.
    source_seq: u64,
    /// Its number in the client's own stream: what its URL does not admit does not count.
    seq: u64,
    /// The place from which on messages are sent as they are played.
    live_from: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// What was played already is read from the source.
    CatchingUp {
        /// Jumps of the player before it.
        jumps: usize,
    },
    /// What is played is sent from the ring.
    Live(Cursor),
}

/// What to do for a client.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Send these messages of the block, as far as they are selected, and say so to [`Delivery::took`].
    Send {
        /// The block.
        block: Arc<Block>,
        /// The messages.
        messages: Range<usize>,
    },
    /// Read the source from this seq on and give the blocks to [`Delivery::messages_of`].
    Read {
        /// Seq of the first message needed.
        seq: u64,
        /// Seq of the first one that was not played yet.
        before: u64,
    },
    /// The player jumped: what follows is the message of this seq.
    Jumped {
        /// Where to.
        seq: u64,
    },
    /// Nothing before more is played.
    Wait,
    /// Everything was sent.
    Finished,
}

impl Delivery {
    /// A client that begins with the message of `source_seq`, which is `seq` in its own stream.
    pub(crate) fn new(selection: Selection, source_seq: u64, seq: u64, ring: &Ring) -> Delivery {
        let phase = Phase::CatchingUp { jumps: ring.jumps() };
        Delivery { phase, selection, source_seq, seq, live_from: None }
    }

    /// Seq of the next message in the client's own stream.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Seq of the next message in the source's numbers.
    pub(crate) fn source_seq(&self) -> u64 {
        self.source_seq
    }

    /// The next message's place in the order of play; `None` while older ones are read from the source.
    pub(crate) fn place(&self) -> Option<u64> {
        match self.phase {
            Phase::CatchingUp { .. } => None,
            Phase::Live(cursor) => Some(cursor.place),
        }
    }

    /// Whether what is sent now is sent as it is played, and not later because the client came later.
    pub(crate) fn is_live(&self) -> bool {
        match (self.phase, self.live_from) {
            (Phase::Live(cursor), Some(from)) => cursor.place >= from,
            _ => false,
        }
    }

    /// Which messages are selected.
    pub(crate) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Changes which messages are selected, from the next one on.
    pub(crate) fn selection_mut(&mut self) -> &mut Selection {
        &mut self.selection
    }

    /// What to do next.
    pub(crate) fn next(&mut self, ring: &Ring, head: &Head) -> Task {
        match self.phase {
            Phase::CatchingUp { jumps } => self.catch_up(jumps, ring, head),
            Phase::Live(cursor) => self.follow(cursor, ring, head),
        }
    }

    fn catch_up(&mut self, jumps: usize, ring: &Ring, head: &Head) -> Task {
        if head.state == State::Waiting {
            // where play begins is decided when it does
            return Task::Wait;
        }
        if jumps < ring.jumps() {
            return self.jump(ring.jumps() - 1, ring, head);
        }
        match ring.place_of(self.source_seq) {
            Some(place) if place >= ring.oldest(head.released) => {
                let cursor = Cursor { place, jumps };
                self.phase = Phase::Live(cursor);
                self.live_from = Some(head.released);
                self.follow(cursor, ring, head)
            }
            // not the head's seq: it may be of before a jump that the ring knows of
            _ => Task::Read { seq: self.source_seq, before: ring.next_seq(head.released) },
        }
    }

    fn jump(&mut self, jumps: usize, ring: &Ring, head: &Head) -> Task {
        let jump = ring.jump_at(jumps);
        self.phase = Phase::Live(Cursor { place: jump.place, jumps: jumps + 1 });
        self.live_from = Some(head.released);
        self.source_seq = jump.seq;
        self.seq = jump.seq;
        Task::Jumped { seq: jump.seq }
    }

    fn follow(&mut self, cursor: Cursor, ring: &Ring, head: &Head) -> Task {
        match ring.next(cursor, head.released) {
            Next::Messages { block, messages } => Task::Send { block, messages },
            Next::Jumped => self.jump(cursor.jumps, ring, head),
            Next::UpToDate if head.state == State::Ended && cursor.place >= head.released => Task::Finished,
            Next::UpToDate => Task::Wait,
            Next::Behind => {
                // who reads more slowly than is played reads the source by itself, as one does that came late
                self.phase = Phase::CatchingUp { jumps: cursor.jumps };
                self.live_from = None;
                self.catch_up(cursor.jumps, ring, head)
            }
        }
    }

    /// Which messages of a block that was read from the source are to be sent now: those that are `before` a seq.
    pub(crate) fn messages_of(&self, block: &Block, before: u64) -> Range<usize> {
        let bound = block.end_seq().min(before);
        let at = |seq: u64| seq.saturating_sub(block.first_seq()) as usize;
        at(self.source_seq.min(bound))..at(bound)
    }

    /// Takes note that these messages of a block are on their way. Tells how many of them are in the client's stream.
    pub(crate) fn took(&mut self, block: &Block, messages: Range<usize>) {
        let count = messages.len() as u64;
        debug_assert_eq!(self.source_seq, block.first_seq() + messages.start as u64);
        self.source_seq += count;
        self.seq += self.in_stream(block, messages);
        if let Phase::Live(cursor) = &mut self.phase {
            cursor.place += count;
        }
    }

    /// How many of the messages are in the client's own stream.
    pub(crate) fn in_stream(&self, block: &Block, messages: Range<usize>) -> u64 {
        if self.selection.is_whole_stream() {
            return messages.len() as u64;
        }
        block.entries()[messages].iter().filter(|entry| self.selection.in_stream(entry.meta.kind)).count()
            as u64
    }
}
