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

use crate::{
    block::{Block, Kept},
    lock::lock,
    outbox::{self, Picked},
};

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

    /// Appends the frames of some messages of the block that a client receives.
    pub(crate) fn pick(
        &self,
        messages: Range<usize>,
        passes: impl Fn(u8, Symbol) -> bool,
        picked: &mut Picked,
    ) {
        let first = self.frames.partition_point(|frame| frame.message < messages.start);
        let last = self.frames.partition_point(|frame| frame.message < messages.end);
        let end_of = |index: usize| index.checked_sub(1).map_or(0, |before| self.frames[before].end);
        picked.frames.reserve(last - first);
        // frames that follow one another are copied at once
        let (mut start, mut copied_to) = (end_of(first), end_of(first));
        for frame in &self.frames[first..last] {
            if passes(frame.channel, frame.symbol) {
                let len = picked.bytes.len() + (frame.end - copied_to);
                picked.frames.push((frame.message, len));
            } else {
                picked.bytes.extend_from_slice(&self.bytes[copied_to..start]);
                copied_to = frame.end;
            }
            start = frame.end;
        }
        picked.bytes.extend_from_slice(&self.bytes[copied_to..start]);
    }
}

/// Encodes a message of a block. A message that is not an event, or not a valid one because a fault was added to it, has
/// no counterpart in a dialect.
fn encode(block: &Block, message: usize, encoder: &mut dyn Encode, out: &mut Frames) {
    let entry = &block.entries()[message];
    if entry.starts_segment {
        encoder.reset();
    }
    let seq = block.first_seq() + message as u64;
    match block.kept(message) {
        Kept::NoCounterpart => {}
        Kept::Event { sent, recorded_at } => encoder.encode(&Input { seq, event: sent, recorded_at }, out),
        Kept::Nothing => {
            let Some(sent) = read_event(block.text(message)) else { return };
            let recorded_at = match block.is_shifted() {
                true => read_event(block.recorded_text(message)).map(|event| event.timestamp()),
                false => None,
            };
            let recorded_at = recorded_at.unwrap_or_else(|| sent.timestamp());
            encoder.encode(&Input { seq, event: &sent, recorded_at }, out);
        }
    }
}

/// Appends a message in its framing.
pub(crate) fn push(framing: Framing, payload: &[u8], out: &mut Vec<u8>) {
    match framing {
        Framing::Text => outbox::push_frame(1, payload, out),
        Framing::Binary => outbox::push_frame(2, payload, out),
        Framing::Bytes => out.extend_from_slice(payload),
    }
}

#[cfg(test)]
mod tests {
    use tradesim_dialects::{REGISTRY, Reference};
    use tradesim_schemas::{ReadOptions, Timestamp, read};

    use super::*;
    use crate::block::{BlockBuilder, Meta, Opcode};

    fn trade(status: &str) -> String {
        format!(
            r#"{{"schema_version":1,"event_type":"trade","timestamp":"2026-02-18T14:30:00.366511Z","payload":{{"trade_id":"01234567-89ab-4def-8123-456789abcdef","symbol":"AAPL","trade_type":"BUY","order_type":"LIMIT","price":"178.525","quantity":50,"timestamp":"2026-02-18T14:30:00.366511Z","exchange":"NASDAQ","trader_id":"TRD-00042","account_id":"ACC-0008","status":"{status}","correlation_id":"corr-0123456789abcdef"}}}}"#
        )
    }

    const BOOK: &str = r#"{"schema_version":1,"event_type":"orderbook","timestamp":"2026-02-18T14:30:00.400000Z","payload":{"symbol":"AAPL","bid_price":"178.49","ask_price":"178.53","bid_size":300,"ask_size":200,"spread":"0.04","mid_price":"178.51","timestamp":"2026-02-18T14:30:00.400000Z","exchange":"NASDAQ"}}"#;

    fn block(texts: &[String], keeps: bool) -> Block {
        let mut builder = BlockBuilder::new(StreamSeq(0));
        builder.keep_events(keeps);
        for text in texts {
            let meta = Meta { at: Timestamp::from_micros(0).unwrap(), kind: None, opcode: Opcode::Text };
            builder.push(meta, |out| out.extend_from_slice(text.as_bytes()));
            if let Ok(message) = read(text.as_bytes(), ReadOptions::default()) {
                let event = message.to_envelope().unwrap().event;
                builder.state_event(&event, event.timestamp());
            }
        }
        builder.take()
    }

    #[test]
    fn a_block_that_kept_its_events_is_translated_as_one_that_is_read_again() {
        let texts = [
            &*trade("NEW"),
            BOOK,
            &trade("FILLED"),
            "no event",
            &trade("CANCELLED"),
            &trade("PARTIALLY_FILLED"),
        ]
        .map(str::to_owned);
        let (read_again, kept) = (block(&texts, false), block(&texts, true));
        assert!(matches!(read_again.kept(1), Kept::Nothing));
        assert!(matches!((kept.kept(0), kept.kept(3)), (Kept::NoCounterpart, Kept::Nothing)));
        assert!(matches!(kept.kept(5), Kept::Event { .. }));
        let reference = Arc::new(Reference::default());
        for dialect in REGISTRY {
            for wire in dialect.wires {
                let [of_text, of_event] = [&read_again, &kept].map(|block| {
                    Translation::new(
                        block,
                        wire.framing,
                        Prepared::new((wire.encoder)(&reference), StreamSeq(0)),
                    )
                });
                assert_eq!(of_text.bytes, of_event.bytes, "{} {}", dialect.name, wire.name);
                let ends = |of: &Translation| {
                    of.frames.iter().map(|frame| (frame.message, frame.end)).collect::<Vec<_>>()
                };
                assert_eq!(ends(&of_text), ends(&of_event));
                assert!(of_event.frames.iter().any(|frame| frame.message == 2), "{}", dialect.name);
            }
        }
    }
}
