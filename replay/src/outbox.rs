//! The outbox: bytes that are being sent to one client.

use std::{ops::Range, sync::Arc};

use crate::{block::Block, translation::Selected};

/// Bytes for one client: control frames and messages. Frames stay whole, however many bytes the socket accepts at a
/// time.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Frames that are sent before the next messages.
    urgent: Vec<u8>,
    urgent_written: usize,
    chunk: Option<Chunk>,
}

/// Messages of one block that are being written.
#[derive(Debug)]
struct Chunk {
    block: Arc<Block>,
    /// The frames of a selection, which are not contiguous in the block; without a selection the bytes of the block
    /// are written.
    copied: Option<Vec<u8>>,
    /// The messages, ascending.
    messages: Messages,
    /// The number of messages that are written completely.
    done: usize,
    /// The number of bytes that are written.
    written: usize,
    /// The end of the last message.
    end: usize,
}

#[derive(Debug)]
enum Messages {
    Range(Range<usize>),
    Picked(Vec<Picked>),
}

/// A message of a selection, and the end of its frame in the copied bytes.
#[derive(Clone, Copy, Debug)]
struct Picked {
    index: usize,
    end: usize,
}

impl Outbox {
    /// Returns true if everything is written.
    pub fn is_empty(&self) -> bool {
        self.chunk.is_none() && self.urgent.is_empty()
    }

    /// Returns the number of bytes of control frames that wait.
    pub(crate) fn urgent_len(&self) -> usize {
        self.urgent.len()
    }

    /// Adds whole frames that are sent before any further messages.
    pub(crate) fn push_urgent(&mut self, frames: &[u8]) {
        self.urgent.extend_from_slice(frames);
    }

    /// Adds messages of a block.
    ///
    /// # Panics
    /// If other messages are still being written.
    pub fn push(&mut self, block: Arc<Block>, messages: Range<usize>) {
        assert!(self.chunk.is_none(), "one chunk at a time");
        let end = block.frames(messages.clone()).len();
        if end > 0 {
            let messages = Messages::Range(messages);
            self.chunk = Some(Chunk { block, copied: None, messages, done: 0, written: 0, end });
        }
    }

    /// Adds the messages of a block for which `passes` returns true.
    ///
    /// # Panics
    /// If other messages are still being written.
    pub fn push_selected(
        &mut self,
        block: Arc<Block>,
        messages: Range<usize>,
        mut passes: impl FnMut(usize) -> bool,
    ) {
        assert!(self.chunk.is_none(), "one chunk at a time");
        let mut copied = Vec::new();
        let mut picked = Vec::new();
        for index in messages.filter(|&index| passes(index)) {
            copied.extend_from_slice(block.frames(index..index + 1));
            picked.push(Picked { index, end: copied.len() });
        }
        if !picked.is_empty() {
            let end = copied.len();
            let messages = Messages::Picked(picked);
            self.chunk = Some(Chunk { block, copied: Some(copied), messages, done: 0, written: 0, end });
        }
    }

    /// Adds frames that stand for messages of a block in a dialect.
    ///
    /// # Panics
    /// If other messages are still being written.
    pub(crate) fn push_translated(&mut self, block: Arc<Block>, selected: Selected) {
        assert!(self.chunk.is_none(), "one chunk at a time");
        let Selected { bytes, frames } = selected;
        if !frames.is_empty() {
            let picked = frames.into_iter().map(|(index, end)| Picked { index, end }).collect();
            let end = bytes.len();
            let messages = Messages::Picked(picked);
            self.chunk = Some(Chunk { block, copied: Some(bytes), messages, done: 0, written: 0, end });
        }
    }

    /// Returns the bytes to write next, or no bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.chunk {
            // frames are not interrupted by others
            Some(chunk) if chunk.written > 0 || self.urgent.is_empty() => chunk.rest(),
            _ => &self.urgent[self.urgent_written..],
        }
    }

    /// Records that so many of [`Outbox::bytes`] were written. Calls `left` for each message that is written
    /// completely, and returns their number.
    pub fn wrote(&mut self, count: usize, mut left: impl FnMut(&Block, usize)) -> u64 {
        match &mut self.chunk {
            Some(chunk) if chunk.written > 0 || self.urgent.is_empty() => {
                let written = chunk.wrote(count, &mut left);
                if chunk.written == chunk.end {
                    self.chunk = None;
                }
                written
            }
            _ => {
                self.urgent_written += count;
                if self.urgent_written == self.urgent.len() {
                    self.urgent.clear();
                    self.urgent_written = 0;
                }
                0
            }
        }
    }

    /// Drops the messages of which nothing is written yet, so that a close can follow the frame that is being
    /// written. Returns the block and the first of its messages that will not have been sent.
    pub(crate) fn cut(&mut self) -> Option<(Arc<Block>, usize)> {
        let chunk = self.chunk.as_mut()?;
        let block = Arc::clone(&chunk.block);
        let whole = chunk.end_of(chunk.done.checked_sub(1));
        let unsent = if chunk.written > whole {
            chunk.end = chunk.end_of(Some(chunk.done));
            chunk.index_of(chunk.done) + 1
        } else {
            chunk.end = whole;
            chunk.done.checked_sub(1).map_or(chunk.index_of(0), |last| chunk.index_of(last) + 1)
        };
        if chunk.written == chunk.end {
            self.chunk = None;
        }
        Some((block, unsent))
    }
}

impl Chunk {
    fn rest(&self) -> &[u8] {
        let bytes = match (&self.copied, &self.messages) {
            (Some(copied), _) => copied.as_slice(),
            (None, Messages::Range(messages)) => self.block.frames(messages.clone()),
            (None, Messages::Picked(_)) => unreachable!("picked messages are copied"),
        };
        &bytes[self.written..self.end]
    }

    /// Returns the end of the n-th message; 0 before the first.
    fn end_of(&self, message: Option<usize>) -> usize {
        match (message, &self.messages) {
            (None, _) => 0,
            (Some(n), Messages::Range(range)) => self.block.frames(range.start..range.start + n + 1).len(),
            (Some(n), Messages::Picked(picked)) => picked[n].end,
        }
    }

    /// Returns the index of the n-th message in its block.
    fn index_of(&self, message: usize) -> usize {
        match &self.messages {
            Messages::Range(range) => range.start + message,
            Messages::Picked(picked) => picked[message].index,
        }
    }

    fn count(&self) -> usize {
        match &self.messages {
            Messages::Range(range) => range.len(),
            Messages::Picked(picked) => picked.len(),
        }
    }

    fn wrote(&mut self, count: usize, left: &mut impl FnMut(&Block, usize)) -> u64 {
        self.written += count;
        debug_assert!(self.written <= self.end);
        let before = self.done;
        while self.done < self.count() && self.end_of(Some(self.done)) <= self.written {
            left(&self.block, self.index_of(self.done));
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

    proptest! {
        #[test]
        fn frames_stay_whole_whatever_the_socket_takes(
            lengths in prop::collection::vec(0usize..300, 1..8),
            picks in prop::collection::vec(any::<bool>(), 8),
            select in any::<bool>(),
            takes in prop::collection::vec(1usize..200, 1..40),
            ping_at in 0usize..20,
            cut_at in 0usize..40,
        ) {
            let mut outbox = Outbox::default();
            let block = block(&lengths);
            let all = 0..lengths.len();
            let expected: Vec<usize> = all.clone().filter(|&index| !select || picks[index]).collect();
            if select {
                outbox.push_selected(block, all, |index| picks[index]);
            } else {
                outbox.push(block, all);
            }
            let (mut wire, mut left, mut messages, mut cut) = (Vec::new(), Vec::new(), 0, false);
            for (step, take) in takes.iter().enumerate() {
                if step == ping_at {
                    outbox.push_urgent(&frame(9, b"ping"));
                }
                if step == cut_at {
                    outbox.cut();
                    cut = true;
                    outbox.push_urgent(&frame(8, b"close"));
                }
                let bytes = outbox.bytes();
                let count = (*take).min(bytes.len());
                wire.extend_from_slice(&bytes[..count]);
                if count > 0 {
                    messages += outbox.wrote(count, |_, index| left.push(index));
                }
            }
            while !outbox.bytes().is_empty() {
                let bytes = outbox.bytes().to_vec();
                messages += outbox.wrote(bytes.len(), |_, index| left.push(index));
                wire.extend_from_slice(&bytes);
            }
            prop_assert!(outbox.is_empty());
            prop_assert_eq!(messages as usize, left.len());
            let texts: Vec<usize> =
                frames(&wire).into_iter().filter(|(opcode, _)| *opcode == 1).map(|(_, len)| len).collect();
            let sent: Vec<usize> = left.iter().map(|&index| lengths[index]).collect();
            prop_assert_eq!(texts, sent);
            prop_assert_eq!(&left[..], &expected[..left.len()]);
            prop_assert!(cut || left.len() == expected.len());
        }
    }
}
