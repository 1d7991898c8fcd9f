//! The messages of blocks in a vendor's dialect.
//!
//! A block is translated when the first client needs it, and the translation stays with the block: all clients of a
//! dialect share it, and it lives as long as the block does. The player and the clients of our own protocol do none of
//! this work. What an encoder remembers of earlier messages passes from the translation of a block to that of the next.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, Mutex},
};

use tradesim_dialects::{Encode, Frames, Framing, Input, read_event};
use tradesim_schemas::{StreamSeq, Symbol};

use crate::{block::Block, lock::lock, outbox};

/// A form of a dialect's messages: the name of the dialect, and the index of the wire.
pub(crate) type WireId = (&'static str, usize);

/// The translations of one block.
#[derive(Default)]
pub(crate) struct Translations(Mutex<Vec<(WireId, Arc<Translation>)>>);

impl fmt::Debug for Translations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Translations")
    }
}

/// An encoder that has received all messages of its trading day up to a number.
#[derive(Debug)]
pub(crate) struct Prepared {
    encoder: Box<dyn Encode>,
    next: StreamSeq,
}

impl Prepared {
    /// Returns an encoder that knows of no message before `next`.
    pub(crate) fn new(encoder: Box<dyn Encode>, next: StreamSeq) -> Prepared {
        Prepared { encoder, next }
    }

    /// Records the messages of a block, from the next one up to `end`.
    pub(crate) fn note(&mut self, block: &Block, end: StreamSeq) {
        let end = end.min(block.end_seq());
        if self.next < block.first_seq() || self.next >= end {
            return;
        }
        let message = |seq: StreamSeq| seq.since(block.first_seq()) as usize;
        let mut scrap = Frames::default();
        for index in message(self.next)..message(end) {
            scrap.clear();
            encode(block, index, self.encoder.as_mut(), &mut scrap);
        }
        self.next = end;
    }

    /// Returns the number of the next message that it must receive.
    pub(crate) fn next(&self) -> StreamSeq {
        self.next
    }
}

/// The messages of a block in a dialect.
#[derive(Debug)]
pub(crate) struct Translation {
    bytes: Vec<u8>,
    frames: Vec<TranslatedFrame>,
    /// The encoder after the last message, until the translation of the next block takes it.
    after: Mutex<Option<Prepared>>,
}

#[derive(Clone, Copy, Debug)]
struct TranslatedFrame {
    /// The message of the block.
    message: usize,
    channel: u8,
    symbol: Symbol,
    /// The end of the frame in the bytes.
    end: usize,
}

/// Frames that one client receives: their bytes, and for each its message in the block and its end in the bytes.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    pub(crate) bytes: Vec<u8>,
    pub(crate) frames: Vec<(usize, usize)>,
}

impl Translations {
    /// Returns the translation of a block, which is made if there is none; `None` if that needs an encoder for its
    /// first message, and `prepared` has none.
    pub(crate) fn get(
        &self,
        wire: WireId,
        framing: Framing,
        block: &Block,
        prepared: impl FnOnce() -> Option<Prepared>,
    ) -> Option<Arc<Translation>> {
        // held while the block is translated, so that it is translated once
        let mut made = lock(&self.0);
        if let Some((_, translation)) = made.iter().find(|(of, _)| *of == wire) {
            return Some(Arc::clone(translation));
        }
        let prepared = prepared().filter(|prepared| prepared.next == block.first_seq())?;
        let translation = Arc::new(Translation::new(block, framing, prepared));
        made.push((wire, Arc::clone(&translation)));
        Some(translation)
    }
}

impl Translation {
    fn new(block: &Block, framing: Framing, mut prepared: Prepared) -> Translation {
        let mut bytes = Vec::with_capacity(block.frames(0..block.messages()).len() / 2);
        let mut frames = Vec::with_capacity(block.messages());
        let mut encoded = Frames::default();
        for message in 0..block.messages() {
            encoded.clear();
            encode(block, message, prepared.encoder.as_mut(), &mut encoded);
            for (frame, payload) in encoded.iter() {
                push(framing, payload, &mut bytes);
                let (channel, symbol) = (frame.channel, frame.symbol);
                frames.push(TranslatedFrame { message, channel, symbol, end: bytes.len() });
            }
        }
        prepared.next = block.end_seq();
        Translation { bytes, frames, after: Mutex::new(Some(prepared)) }
    }

    /// Returns the encoder after the last message, once, if the message of `seq` follows.
    pub(crate) fn take_before(&self, seq: StreamSeq) -> Option<Prepared> {
        lock(&self.after).take_if(|prepared| prepared.next == seq)
    }

    /// Returns the frames of some messages of the block that a client receives.
    pub(crate) fn select(&self, messages: Range<usize>, passes: impl Fn(u8, Symbol) -> bool) -> Selected {
        let first = self.frames.partition_point(|frame| frame.message < messages.start);
        let last = self.frames.partition_point(|frame| frame.message < messages.end);
        let end_of = |index: usize| index.checked_sub(1).map_or(0, |before| self.frames[before].end);
        let mut selected = Selected::default();
        // frames that follow one another are copied at once
        let (mut start, mut copied_to) = (end_of(first), end_of(first));
        for frame in &self.frames[first..last] {
            if passes(frame.channel, frame.symbol) {
                let len = selected.bytes.len() + (frame.end - copied_to);
                selected.frames.push((frame.message, len));
            } else {
                selected.bytes.extend_from_slice(&self.bytes[copied_to..start]);
                copied_to = frame.end;
            }
            start = frame.end;
        }
        selected.bytes.extend_from_slice(&self.bytes[copied_to..start]);
        selected
    }
}

/// Encodes a message of a block. A message that is not an event, or not a valid one because a fault was added to it, has
/// no counterpart in a dialect.
fn encode(block: &Block, message: usize, encoder: &mut dyn Encode, out: &mut Frames) {
    let entry = &block.entries()[message];
    if entry.starts_segment {
        encoder.reset();
    }
    let Some(event_sent) = read_event(block.text(message)) else { return };
    let recorded_at = match block.is_shifted() {
        true => read_event(block.recorded_text(message)).map(|event| event.timestamp()),
        false => None,
    };
    let seq = block.first_seq() + message as u64;
    let recorded_at = recorded_at.unwrap_or_else(|| event_sent.timestamp());
    encoder.encode(&Input { seq, event: &event_sent, recorded_at }, out);
}

/// Appends a message in its framing.
pub(crate) fn push(framing: Framing, payload: &[u8], out: &mut Vec<u8>) {
    match framing {
        Framing::Text => outbox::push_frame(1, payload, out),
        Framing::Binary => outbox::push_frame(2, payload, out),
        Framing::Bytes => out.extend_from_slice(payload),
    }
}
