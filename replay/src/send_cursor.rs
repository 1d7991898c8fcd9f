//! The position of one client: which message is next, and where it is read from.

use std::{ops::Range, sync::Arc};

use tradesim_schemas::StreamSeq;

use crate::{
    block::Block,
    ring::{Cursor, Next, Ring},
    selection::Selection,
};
use tradesim_protocol::State;

/// The progress of the player. Clients check it to find out whether there is more to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The state of the player.
    pub(crate) state: State,
    /// The number of messages released so far.
    pub(crate) released: u64,
    /// The sequence number of the next message, in the source's numbers.
    pub(crate) seq: StreamSeq,
    /// The number of messages sent: those that were released, without those that a fault removes, and with those that
    /// a fault repeats.
    pub(crate) sent: u64,
}

/// The sequence of messages for one client: from its first message on, without gaps, without repetitions, and never
/// before a message is due.
#[derive(Debug)]
pub(crate) struct SendCursor {
    phase: Phase,
    selection: Selection,
    /// The sequence number of the next message in the source, which counts messages that are not selected.
    source_seq: StreamSeq,
    /// Its sequence number in the client's own stream, which counts only messages that pass the filter of its URL.
    seq: StreamSeq,
    /// The play offset from which messages are sent as they are played.
    live_from: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Messages that were played already are read from the source.
    CatchingUp {
        /// The number of jumps of the player before these messages.
        jumps: usize,
    },
    /// Messages are sent from the ring.
    Live(Cursor),
}

/// The next step for a client.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Send these messages of the block, as far as they are selected, and report them to [`SendCursor::took`].
    Send {
        /// The block.
        block: Arc<Block>,
        /// The messages.
        messages: Range<usize>,
    },
    /// Read the source from this sequence number on and pass the blocks to [`SendCursor::messages_of`].
    Read {
        /// The sequence number of the first message needed.
        seq: StreamSeq,
        /// The sequence number of the first message that was not played yet.
        before: StreamSeq,
    },
    /// The player jumped: the next message is the one with this sequence number.
    Jumped {
        /// The new sequence number.
        seq: StreamSeq,
    },
    /// Wait until more is played.
    Wait,
    /// Nothing: everything was sent.
    Finished,
}

impl SendCursor {
    /// Returns the cursor of a client that begins with the message `source_seq` of the source, which is `seq` in its
    /// own stream.
    pub(crate) fn new(
        selection: Selection,
        source_seq: StreamSeq,
        seq: StreamSeq,
        ring: &Ring,
    ) -> SendCursor {
        let phase = Phase::CatchingUp { jumps: ring.jumps() };
        SendCursor { phase, selection, source_seq, seq, live_from: None }
    }

    /// Returns the sequence number of the next message in the client's own stream.
    pub(crate) fn seq(&self) -> StreamSeq {
        self.seq
    }

    /// Returns the sequence number of the next message in the source.
    pub(crate) fn source_seq(&self) -> StreamSeq {
        self.source_seq
    }

    /// Returns the play offset of the next message; `None` while older messages are read from the source.
    pub(crate) fn play_offset(&self) -> Option<u64> {
        match self.phase {
            Phase::CatchingUp { .. } => None,
            Phase::Live(cursor) => Some(cursor.play_offset),
        }
    }

    /// Returns true if messages are sent as they are played, rather than later because the client connected later.
    pub(crate) fn is_live(&self) -> bool {
        match (self.phase, self.live_from) {
            (Phase::Live(cursor), Some(from)) => cursor.play_offset >= from,
            _ => false,
        }
    }

    /// Returns the selection.
    pub(crate) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Returns the selection, to be changed for the next message and those after it.
    pub(crate) fn selection_mut(&mut self) -> &mut Selection {
        &mut self.selection
    }

    /// Returns the next step.
    pub(crate) fn next(&mut self, ring: &Ring, head: &Head) -> Task {
        match self.phase {
            Phase::CatchingUp { jumps } => self.catch_up(jumps, ring, head),
            Phase::Live(cursor) => self.follow(cursor, ring, head),
        }
    }

    /// Returns the messages that are next if the ring has them: those that a task `Send` would name.
    pub(crate) fn following(&self, ring: &Ring, head: &Head) -> Option<(Arc<Block>, Range<usize>)> {
        let Phase::Live(cursor) = self.phase else { return None };
        match ring.next(cursor, head.released) {
            Next::Messages { block, messages } => Some((block, messages)),
            _ => None,
        }
    }

    fn catch_up(&mut self, jumps: usize, ring: &Ring, head: &Head) -> Task {
        if head.state == State::Waiting {
            // the start is decided when playback begins
            return Task::Wait;
        }
        if jumps < ring.jumps() {
            return self.jump(ring.jumps() - 1, ring, head);
        }
        match ring.play_offset_of(self.source_seq) {
            Some(play_offset) if play_offset >= ring.oldest(head.released) => {
                let cursor = Cursor { play_offset, jumps };
                self.phase = Phase::Live(cursor);
                self.live_from = Some(head.released);
                self.follow(cursor, ring, head)
            }
            // not the head's sequence number: it may precede a jump that the ring knows of
            _ => Task::Read { seq: self.source_seq, before: ring.next_seq(head.released) },
        }
    }

    fn jump(&mut self, jumps: usize, ring: &Ring, head: &Head) -> Task {
        let jump = ring.jump_at(jumps);
        self.phase = Phase::Live(Cursor { play_offset: jump.play_offset, jumps: jumps + 1 });
        self.live_from = Some(head.released);
        self.source_seq = jump.seq;
        self.seq = jump.seq;
        Task::Jumped { seq: jump.seq }
    }

    fn follow(&mut self, cursor: Cursor, ring: &Ring, head: &Head) -> Task {
        match ring.next(cursor, head.released) {
            Next::Messages { block, messages } => Task::Send { block, messages },
            Next::Jumped => self.jump(cursor.jumps, ring, head),
            Next::UpToDate if head.state == State::Ended && cursor.play_offset >= head.released => {
                Task::Finished
            }
            Next::UpToDate => Task::Wait,
            Next::Behind => {
                // a client that reads more slowly than messages are played reads the source separately, like one that
                // connected late
                self.phase = Phase::CatchingUp { jumps: cursor.jumps };
                self.live_from = None;
                self.catch_up(cursor.jumps, ring, head)
            }
        }
    }

    /// Returns the messages of a block read from the source that may be sent now: those that are `before` a sequence
    /// number.
    pub(crate) fn messages_of(&self, block: &Block, before: StreamSeq) -> Range<usize> {
        let bound = block.end_seq().min(before);
        let at = |seq: StreamSeq| seq.since(block.first_seq()) as usize;
        at(self.source_seq.min(bound))..at(bound)
    }

    /// Records that these messages of a block are being sent. Returns how many of them are in the client's stream.
    pub(crate) fn took(&mut self, block: &Block, messages: Range<usize>) {
        let count = messages.len() as u64;
        debug_assert_eq!(self.source_seq, block.first_seq() + messages.start as u64);
        self.source_seq += count;
        self.seq += self.in_stream(block, messages);
        if let Phase::Live(cursor) = &mut self.phase {
            cursor.play_offset += count;
        }
    }

    /// Returns how many of the messages are in the client's own stream.
    pub(crate) fn in_stream(&self, block: &Block, messages: Range<usize>) -> u64 {
        if self.selection.is_whole_stream() {
            return messages.len() as u64;
        }
        block.entries()[messages].iter().filter(|entry| self.selection.in_stream(entry.meta.kind)).count()
            as u64
    }
}
