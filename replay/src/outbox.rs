//! The outbox: bytes that are being sent to one client.

use std::{ops::Range, sync::Arc};

use crate::block::{BLOCK_BYTES, Block};

/// The limit of blocks whose messages are written together. Of a block of text, a vendor's dialect has about a quarter of the
/// bytes, so that a write is about as large as one of a whole block. The outbox holds these blocks in memory.
const BLOCKS_MAX: usize = 4;

/// Bytes for one client: control frames and messages. Frames stay whole, however many bytes the socket accepts at a
/// time.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Frames that are sent before the messages that wait.
    before: Vec<u8>,
    before_written: usize,
    chunk: Option<Chunk>,
    /// Frames that are sent after the messages that wait: a notice must not overtake what it follows.
    after: Vec<u8>,
}

/// Messages that are being written.
#[derive(Debug)]
struct Chunk {
    content: Content,
    /// The number of messages that are written completely.
    done: usize,
    /// The number of bytes that are written.
    written: usize,
    /// The end of the last message.
    end: usize,
}

#[derive(Debug)]
enum Content {
    /// Consecutive messages of a block, whose bytes are written.
    Whole { block: Arc<Block>, messages: Range<usize> },
    /// Messages that were picked from blocks.
    Picked { picked: Picked, blocks: Vec<PickedBlock> },
}

/// A block of which messages were picked.
#[derive(Debug)]
struct PickedBlock {
    block: Arc<Block>,
    /// The index of its first frame among all that were picked.
    first: usize,
}

/// Frames that were picked and copied, back to back: they are not contiguous in their blocks.
#[derive(Debug, Default)]
pub(crate) struct Picked {
    /// The bytes of the frames.
    pub(crate) bytes: Vec<u8>,
    /// For each frame the index of its message in the block, and its end in the bytes.
    pub(crate) frames: Vec<(usize, usize)>,
}

/// The messages that a cut left out.
#[derive(Debug)]
pub(crate) struct Cut {
    /// The number of blocks before this one whose messages were added together with its own.
    pub(crate) part: usize,
    pub(crate) block: Arc<Block>,
    /// The first message of the block that will not have been sent.
    pub(crate) unsent: usize,
}

impl Outbox {
    /// Returns true if everything is written.
    pub fn is_empty(&self) -> bool {
        self.chunk.is_none() && self.before.is_empty()
    }

    /// Returns the number of bytes of control frames and notices that wait.
    pub(crate) fn control_len(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// Adds whole control frames or notices. They are sent after the messages that wait and before any further messages.
    pub(crate) fn push_control(&mut self, frames: &[u8]) {
        let queue = if self.chunk.is_some() { &mut self.after } else { &mut self.before };
        queue.extend_from_slice(frames);
    }

    /// Returns true if no messages wait.
    pub(crate) fn has_no_messages(&self) -> bool {
        self.chunk.is_none()
    }

    /// Returns true if messages of another block can be picked, to be written together with those that wait.
    pub(crate) fn has_room(&self) -> bool {
        self.chunk.as_ref().is_none_or(|chunk| match &chunk.content {
            Content::Whole { .. } => false,
            Content::Picked { blocks, .. } => {
                chunk.written == 0 && blocks.len() < BLOCKS_MAX && chunk.end < BLOCK_BYTES
            }
        })
    }

    /// Adds consecutive messages of a block. Returns false if there are none.
    ///
    /// # Panics
    /// If other messages are still being written.
    pub fn push(&mut self, block: Arc<Block>, messages: Range<usize>) -> bool {
        assert!(self.chunk.is_none(), "whole blocks are written one at a time");
        let end = block.frames(messages.clone()).len();
        if end == 0 {
            return false;
        }
        let content = Content::Whole { block, messages };
        self.chunk = Some(Chunk { content, done: 0, written: 0, end });
        true
    }

    /// Adds the messages of a block for which `passes` returns true. Returns false if there are none.
    ///
    /// # Panics
    /// If [`Outbox::has_room`] is false.
    pub fn push_selected(
        &mut self,
        block: &Arc<Block>,
        messages: Range<usize>,
        mut passes: impl FnMut(usize) -> bool,
    ) -> bool {
        self.pick(block, |picked| {
            for index in messages.filter(|&index| passes(index)) {
                picked.bytes.extend_from_slice(block.frames(index..index + 1));
                picked.frames.push((index, picked.bytes.len()));
            }
        })
    }

    /// Adds the frames that `pick` appends, which stand for messages of a block. Returns false if there are none.
    ///
    /// # Panics
    /// If [`Outbox::has_room`] is false.
    pub(crate) fn pick(&mut self, block: &Arc<Block>, pick: impl FnOnce(&mut Picked)) -> bool {
        assert!(self.has_room(), "no more than a few blocks are written together");
        let content = || Content::Picked { picked: Picked::default(), blocks: Vec::new() };
        let mut chunk =
            self.chunk.take().unwrap_or_else(|| Chunk { content: content(), done: 0, written: 0, end: 0 });
        let Content::Picked { picked, blocks } = &mut chunk.content else {
            unreachable!("a whole block leaves no room")
        };
        let first = picked.frames.len();
        pick(picked);
        let any = picked.frames.len() > first;
        if any {
            blocks.push(PickedBlock { block: Arc::clone(block), first });
            chunk.end = picked.bytes.len();
        }
        if chunk.end > 0 {
            self.chunk = Some(chunk);
        }
        any
    }

    /// Returns the bytes to write next, or no bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.chunk {
            // frames are not interrupted by others
            Some(chunk) if self.before.is_empty() => chunk.rest(),
            _ => &self.before[self.before_written..],
        }
    }

    /// Records that so many of [`Outbox::bytes`] were written. Calls `left` for each message that is written
    /// completely, with the number of blocks before its own that were added together with it, its block and its index there.
    /// Returns the number of these messages.
    pub fn wrote(&mut self, count: usize, mut left: impl FnMut(usize, &Block, usize)) -> u64 {
        match &mut self.chunk {
            Some(chunk) if self.before.is_empty() => {
                let written = chunk.wrote(count, &mut left);
                self.end_chunk();
                written
            }
            _ => {
                self.before_written += count;
                if self.before_written == self.before.len() {
                    self.before.clear();
                    self.before_written = 0;
                }
                0
            }
        }
    }

    /// Drops the messages of which nothing is written yet, so that a close can follow the frame that is being
    /// written. Returns `None` if no messages wait.
    pub(crate) fn cut(&mut self) -> Option<Cut> {
        let chunk = self.chunk.as_mut()?;
        let is_begun = chunk.written > chunk.end_of(chunk.done);
        let kept = chunk.done + usize::from(is_begun);
        chunk.end = chunk.end_of(kept);
        let (part, block, index) = chunk.message(kept.saturating_sub(1));
        let cut = Cut { part, block: Arc::clone(block), unsent: index + usize::from(kept > 0) };
        self.end_chunk();
        Some(cut)
    }

    /// Removes the messages if all of them are written.
    fn end_chunk(&mut self) {
        if self.chunk.as_ref().is_some_and(|chunk| chunk.written == chunk.end) {
            self.chunk = None;
            self.before.append(&mut self.after);
        }
    }
}

impl Chunk {
    fn rest(&self) -> &[u8] {
        let bytes = match &self.content {
            Content::Whole { block, messages } => block.frames(messages.clone()),
            Content::Picked { picked, .. } => &picked.bytes,
        };
        &bytes[self.written..self.end]
    }

    /// Returns the end of the first `messages`.
    fn end_of(&self, messages: usize) -> usize {
        match &self.content {
            Content::Whole { block, messages: all } => block.frames(all.start..all.start + messages).len(),
            Content::Picked { picked, .. } => messages.checked_sub(1).map_or(0, |last| picked.frames[last].1),
        }
    }

    /// Returns the n-th message: the number of blocks before its own, its block, and its index there.
    fn message(&self, n: usize) -> (usize, &Arc<Block>, usize) {
        match &self.content {
            Content::Whole { block, messages } => (0, block, messages.start + n),
            Content::Picked { picked, blocks } => {
                let part =
                    blocks.iter().rposition(|block| block.first <= n).expect("the first has all before it");
                (part, &blocks[part].block, picked.frames[n].0)
            }
        }
    }

    fn count(&self) -> usize {
        match &self.content {
            Content::Whole { messages, .. } => messages.len(),
            Content::Picked { picked, .. } => picked.frames.len(),
        }
    }

    fn wrote(&mut self, count: usize, left: &mut impl FnMut(usize, &Block, usize)) -> u64 {
        self.written += count;
        debug_assert!(self.written <= self.end);
        let before = self.done;
        while self.done < self.count() && self.end_of(self.done + 1) <= self.written {
            let (part, block, index) = self.message(self.done);
            left(part, block, index);
            self.done += 1;
        }
        (self.done - before) as u64
    }
}

/// Returns a whole, unmasked frame with this opcode.
pub(crate) fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(10 + payload.len());
    push_frame(opcode, payload, &mut frame);
    frame
}

/// Appends a whole, unmasked frame with this opcode.
pub(crate) fn push_frame(opcode: u8, payload: &[u8], frame: &mut Vec<u8>) {
    frame.push(0x80 | opcode);
    match payload.len() {
        len @ 0..126 => frame.push(len as u8),
        len @ 126..=0xffff => {
            frame.push(126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            frame.push(127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tradesim_schemas::{StreamSeq, Timestamp};

    use super::*;
    use crate::block::{BlockBuilder, Meta, Opcode};

    fn block(lengths: &[usize]) -> Arc<Block> {
        let mut builder = BlockBuilder::new(StreamSeq(0));
        for (index, len) in lengths.iter().enumerate() {
            let meta = Meta { at: Timestamp::from_micros(0).unwrap(), kind: None, opcode: Opcode::Text };
            builder.push(meta, |out| out.resize(out.len() + len, index as u8));
        }
        Arc::new(builder.take())
    }

    /// Returns the lengths of the whole frames in the bytes.
    fn frames(mut bytes: &[u8]) -> Vec<(u8, usize)> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let (header, len) = match bytes[1] {
                126 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
                len => (2, usize::from(len)),
            };
            frames.push((bytes[0] & 15, len));
            bytes = &bytes[header + len..];
        }
        frames
    }

    #[test]
    fn notices_do_not_overtake_messages() {
        let mut outbox = Outbox::default();
        let mut wire = Vec::new();
        outbox.push_control(&frame(9, b"before"));
        outbox.push(block(&[3]), 0..1);
        outbox.push_control(&frame(9, b"after"));
        while !outbox.is_empty() {
            wire.push(outbox.bytes()[0]);
            outbox.wrote(1, |_, _, _| {});
        }
        let kinds: Vec<u8> = frames(&wire).into_iter().map(|(opcode, _)| opcode).collect();
        assert_eq!(kinds, [9, 1, 9]);
    }

    proptest! {
        #[test]
        fn frames_stay_whole_whatever_the_socket_takes(
            lengths in prop::collection::vec(0usize..300, 1..8),
            picks in prop::collection::vec(any::<bool>(), 8),
            // 0: the whole block is sent
            picked_blocks in 0usize..=BLOCKS_MAX,
            takes in prop::collection::vec(1usize..200, 1..40),
            ping_at in 0usize..20,
            cut_at in 0usize..40,
        ) {
            let mut outbox = Outbox::default();
            let all = 0..lengths.len();
            let block = block(&lengths);
            let mut expected: Vec<(usize, usize)> = Vec::new();
            if picked_blocks == 0 {
                outbox.push(block, all.clone());
                expected.extend(all.map(|index| (0, index)));
            } else {
                for part in 0..picked_blocks {
                    prop_assert!(outbox.has_room());
                    let any = outbox.push_selected(&block, all.clone(), |index| picks[index]);
                    prop_assert_eq!(any, all.clone().any(|index| picks[index]));
                    expected.extend(all.clone().filter(|&index| picks[index]).map(|index| (part, index)));
                }
                prop_assert_eq!(outbox.has_room(), picked_blocks < BLOCKS_MAX || expected.is_empty());
            }
            let (mut wire, mut left, mut messages, mut cut) = (Vec::new(), Vec::new(), 0, None);
            for (step, take) in takes.iter().enumerate() {
                if step == ping_at {
                    outbox.push_control(&frame(9, b"ping"));
                }
                if step == cut_at {
                    cut = outbox.cut();
                    outbox.push_control(&frame(8, b"close"));
                }
                let bytes = outbox.bytes();
                let count = (*take).min(bytes.len());
                wire.extend_from_slice(&bytes[..count]);
                if count > 0 {
                    messages += outbox.wrote(count, |part, _, index| left.push((part, index)));
                }
            }
            while !outbox.bytes().is_empty() {
                let bytes = outbox.bytes().to_vec();
                messages += outbox.wrote(bytes.len(), |part, _, index| left.push((part, index)));
                wire.extend_from_slice(&bytes);
            }
            prop_assert!(outbox.is_empty());
            prop_assert_eq!(messages as usize, left.len());
            let texts: Vec<usize> =
                frames(&wire).into_iter().filter(|(opcode, _)| *opcode == 1).map(|(_, len)| len).collect();
            let sent: Vec<usize> = left.iter().map(|&(_, index)| lengths[index]).collect();
            prop_assert_eq!(texts, sent);
            prop_assert_eq!(&left[..], &expected[..left.len()]);
            match cut {
                // nothing waited: all was written before
                None => prop_assert_eq!(left.len(), expected.len()),
                Some(cut) => {
                    // the first that is left out follows the last that was sent
                    let first = expected.first().copied().unwrap_or_default();
                    let unsent = left.last().map_or(first, |&(part, index)| (part, index + 1));
                    prop_assert_eq!((cut.part, cut.unsent), unsent);
                }
            }
        }
    }
}
