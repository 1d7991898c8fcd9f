//! The ring of recently played messages.

use std::{collections::VecDeque, ops::Range, sync::Arc, time::Duration};

use tradesim_schemas::StreamSeq;

use crate::block::Block;

/// The blocks played last, within a memory limit.
///
/// Every message has a **play offset**: the number of messages that were played before it. It differs from the stream
/// sequence number only after a seek.
#[derive(Debug)]
pub(crate) struct Ring {
    blocks: VecDeque<Held>,
    weight: usize,
    weight_max: usize,
    /// The jumps, oldest first; the first entry is the beginning.
    jumps: Vec<Jump>,
}

/// A block and the play offset of its first message.
#[derive(Debug)]
struct Held {
    block: Arc<Block>,
    play_offset: u64,
    /// The index after the last message of the block that was played or will be.
    end: usize,
}

/// Beginning with this play offset, the messages are those from `seq` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Jump {
    pub(crate) play_offset: u64,
    pub(crate) seq: StreamSeq,
}

/// The position of a client in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The play offset of the next message.
    pub(crate) play_offset: u64,
    /// The number of jumps that it has seen.
    pub(crate) jumps: usize,
}

/// The messages that were played and that a client was not sent yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lag {
    /// The bytes of their frames, as far as they are held.
    pub(crate) bytes: u64,
    /// The time since the first of them was due; zero if there are none, `None` if it is not known.
    pub(crate) time: Option<Duration>,
}

/// The next step for a client.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// These messages are next.
    Messages {
        /// The block that holds them.
        block: Arc<Block>,
        /// The messages of the block.
        messages: Range<usize>,
    },
    /// The player jumped.
    Jumped,
    /// Nothing is available until more is played.
    UpToDate,
    /// The next message is not held any more.
    Behind,
}

impl Ring {
    /// Returns a ring that holds at most `weight_max` bytes, and at least the last block.
    pub(crate) fn new(weight_max: usize, seq: StreamSeq) -> Ring {
        Ring { blocks: VecDeque::new(), weight: 0, weight_max, jumps: vec![Jump { play_offset: 0, seq }] }
    }

    /// Starts again at `seq`, before anything was played.
    pub(crate) fn restart(&mut self, seq: StreamSeq) {
        debug_assert!(self.blocks.is_empty() && self.jumps.len() == 1);
        self.jumps[0].seq = seq;
    }

    /// Adds a block that is played from this play offset on, and drops older ones.
    pub(crate) fn push(&mut self, block: Arc<Block>, play_offset: u64) {
        debug_assert!(self.blocks.back().is_none_or(|last| last.end_offset() == play_offset));
        self.weight += block.weight();
        let end = block.messages();
        self.blocks.push_back(Held { block, play_offset, end });
        while self.weight > self.weight_max && self.blocks.len() > 1 {
            let oldest = self.blocks.pop_front().expect("there are two");
            self.weight -= oldest.block.weight();
        }
    }

    /// Returns the play offset of the oldest message that would still be held after adding the block.
    pub(crate) fn oldest_with(&self, block: &Block) -> u64 {
        let mut weight = self.weight + block.weight();
        let mut oldest = 0;
        for held in &self.blocks {
            if weight <= self.weight_max {
                break;
            }
            oldest = held.end_offset();
            weight -= held.block.weight();
        }
        oldest
    }

    /// Records that playback continues at `seq`, after the message at this play offset.
    pub(crate) fn jump(&mut self, play_offset: u64, seq: StreamSeq) {
        // messages of the last block that are not played yet never will be
        if let Some(last) = self.blocks.back_mut() {
            last.end = usize::try_from(play_offset - last.play_offset).expect("it is within the block");
        }
        self.jumps.push(Jump { play_offset, seq });
    }

    /// Returns the number of jumps so far, which a cursor that is up to date has seen.
    pub(crate) fn jumps(&self) -> usize {
        self.jumps.len()
    }

    /// Returns a jump, by the number of jumps before it.
    pub(crate) fn jump_at(&self, index: usize) -> Jump {
        self.jumps[index]
    }

    /// Returns the play offset of the oldest message that is held; without any, that of the next message.
    pub(crate) fn oldest(&self, released: u64) -> u64 {
        self.blocks.front().map_or(released, |held| held.play_offset)
    }

    /// Returns the sequence number of the message that is played after the first `released`.
    pub(crate) fn next_seq(&self, released: u64) -> StreamSeq {
        let last = self.jumps.last().expect("the first jump always exists");
        last.seq + released.saturating_sub(last.play_offset)
    }

    /// Returns the play offset of a message since the last jump, if it was played since then or will be played.
    pub(crate) fn play_offset_of(&self, seq: StreamSeq) -> Option<u64> {
        let last = self.jumps.last().expect("the first jump always exists");
        (seq >= last.seq).then(|| last.play_offset + (seq - last.seq))
    }

    /// Returns the next step for a client, out of the first `released` messages.
    pub(crate) fn next(&self, cursor: Cursor, released: u64) -> Next {
        let bound = match self.jumps.get(cursor.jumps) {
            Some(jump) if jump.play_offset <= cursor.play_offset => return Next::Jumped,
            Some(jump) => jump.play_offset.min(released),
            None => released,
        };
        if cursor.play_offset >= bound {
            return Next::UpToDate;
        }
        let index = self.blocks.partition_point(|held| held.end_offset() <= cursor.play_offset);
        match self.blocks.get(index) {
            Some(held) if held.play_offset <= cursor.play_offset => {
                let at = |play_offset: u64| {
                    usize::try_from(play_offset - held.play_offset).expect("within a block")
                };
                let messages = at(cursor.play_offset)..at(bound.min(held.end_offset()));
                Next::Messages { block: Arc::clone(&held.block), messages }
            }
            _ => Next::Behind,
        }
    }

    /// Returns the number of blocks that begin at or after a play offset.
    pub(crate) fn blocks_after(&self, play_offset: u64) -> usize {
        self.blocks.len() - self.blocks.partition_point(|held| held.play_offset < play_offset)
    }

    /// Returns the first play offset after which there are fewer blocks than this.
    pub(crate) fn play_offset_with_fewer_after(&self, blocks: usize) -> u64 {
        let index = self.blocks.len().checked_sub(blocks);
        index.and_then(|index| self.blocks.get(index)).map_or(0, |held| held.play_offset + 1)
    }

    /// Returns the lag of a client at a play offset, when `released` messages were played.
    pub(crate) fn lag(&self, play_offset: u64, released: u64, now: Duration) -> Lag {
        let time = if play_offset >= released {
            Some(Duration::ZERO)
        } else {
            let index = self.blocks.partition_point(|held| held.end_offset() <= play_offset);
            let held = self.blocks.get(index).filter(|held| held.play_offset <= play_offset);
            held.and_then(|held| held.block.due((play_offset - held.play_offset) as usize))
                .map(|due| now.saturating_sub(due))
        };
        Lag { bytes: self.bytes_after(play_offset, released), time }
    }

    /// Returns the bytes of frames of the first `released` messages at or after a play offset, as far as they are
    /// held.
    fn bytes_after(&self, play_offset: u64, released: u64) -> u64 {
        let mut bytes = 0;
        for held in self.blocks.iter().rev() {
            let (from, to) = (held.play_offset.max(play_offset), held.end_offset().min(released));
            if held.end_offset() <= play_offset {
                break;
            }
            if from < to {
                let at = |play_offset: u64| (play_offset - held.play_offset) as usize;
                bytes += held.block.frames(at(from)..at(to)).len() as u64;
            }
        }
        bytes
    }
}

impl Held {
    fn end_offset(&self) -> u64 {
        self.play_offset + self.end as u64
    }
}

#[cfg(test)]
impl Ring {
    /// Returns the memory of the blocks, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Returns the number of blocks that are held.
    pub(crate) fn blocks(&self) -> usize {
        self.blocks.len()
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::{StreamSeq, Timestamp};

    use super::*;
    use crate::block::{BlockBuilder, Meta, Opcode};

    fn block(first_seq: StreamSeq, messages: u64) -> Arc<Block> {
        let mut builder = BlockBuilder::new(first_seq);
        for _ in 0..messages {
            let meta = Meta { at: Timestamp::from_micros(0).unwrap(), kind: None, opcode: Opcode::Text };
            builder.push(meta, |out| out.extend_from_slice(b"text"));
        }
        Arc::new(builder.take())
    }

    fn at(play_offset: u64, jumps: usize) -> Cursor {
        Cursor { play_offset, jumps }
    }

    fn messages(next: Next) -> (StreamSeq, Range<usize>) {
        match next {
            Next::Messages { block, messages } => (block.first_seq(), messages),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_cursor_gets_what_was_released_block_by_block() {
        let mut ring = Ring::new(usize::MAX, StreamSeq(10));
        ring.push(block(StreamSeq(10), 4), 0);
        ring.push(block(StreamSeq(14), 4), 4);
        assert_eq!(messages(ring.next(at(0, 1), 2)), (StreamSeq(10), 0..2));
        assert_eq!(messages(ring.next(at(2, 1), 7)), (StreamSeq(10), 2..4));
        assert_eq!(messages(ring.next(at(4, 1), 7)), (StreamSeq(14), 0..3));
        assert!(matches!(ring.next(at(7, 1), 7), Next::UpToDate));
        assert_eq!(ring.play_offset_of(StreamSeq(15)), Some(5));
        assert_eq!(ring.play_offset_of(StreamSeq(9)), None);
        assert_eq!(ring.bytes_after(3, 7), 4 * 6);
        assert_eq!(ring.blocks_after(1), 1);
        assert_eq!((ring.play_offset_with_fewer_after(2), ring.play_offset_with_fewer_after(1)), (1, 5));
        assert_eq!(ring.next_seq(7), StreamSeq(17));
    }

    #[test]
    fn what_is_too_old_is_dropped_and_said_to_be() {
        let weight = block(StreamSeq(0), 4).weight();
        let mut ring = Ring::new(2 * weight, StreamSeq(0));
        for n in 0..3 {
            let next = block(StreamSeq(4 * n), 4);
            assert_eq!(ring.oldest_with(&next), if n == 2 { 4 } else { 0 });
            ring.push(next, 4 * n);
        }
        assert_eq!(ring.oldest(12), 4);
        assert!(matches!(ring.next(at(3, 1), 12), Next::Behind));
        assert_eq!(messages(ring.next(at(4, 1), 12)), (StreamSeq(4), 0..4));
    }

    #[test]
    fn a_jump_comes_behind_what_was_played_before_it() {
        let mut ring = Ring::new(usize::MAX, StreamSeq(0));
        ring.push(block(StreamSeq(0), 10), 0);
        ring.jump(3, StreamSeq(100));
        assert_eq!(messages(ring.next(at(1, 1), 3)), (StreamSeq(0), 1..3));
        assert!(matches!(ring.next(at(3, 1), 3), Next::Jumped));
        assert_eq!(ring.jump_at(1), Jump { play_offset: 3, seq: StreamSeq(100) });
        assert!(matches!(ring.next(at(3, 2), 3), Next::UpToDate));
        ring.push(block(StreamSeq(100), 5), 3);
        assert_eq!(messages(ring.next(at(1, 1), 5)), (StreamSeq(0), 1..3));
        assert_eq!(messages(ring.next(at(3, 2), 5)), (StreamSeq(100), 0..2));
        assert_eq!(ring.play_offset_of(StreamSeq(102)), Some(5));
        ring.jump(5, StreamSeq(0));
        ring.jump(5, StreamSeq(7));
        assert!(matches!(ring.next(at(5, 2), 5), Next::Jumped));
        assert!(matches!(ring.next(at(5, 3), 5), Next::Jumped));
        assert!(matches!(ring.next(at(5, 4), 5), Next::UpToDate));
    }
}
