//! Events in, messages of a dialect out.

use std::fmt;

use tradesim_schemas::{Event, StreamSeq, Symbol, Timestamp};

/// An encoder: returns the messages that a client of everything receives.
///
/// An encoder remembers what a vendor's messages need of earlier ones, such as the last book of each symbol, until the trading
/// day ends. Its output for a message is a function of the messages of the same day before it.
pub trait Encode: fmt::Debug + Send {
    /// Adds the messages of an event, if it has counterparts in this dialect.
    fn encode(&mut self, input: &Input<'_>, out: &mut Frames);

    /// Forgets all earlier messages, because the next one does not follow them.
    fn reset(&mut self);
}

/// An event of the stream.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Its number in the stream.
    pub seq: StreamSeq,
    /// The event, with the timestamps that are sent.
    pub event: &'a Event,
    /// Its recorded event time, which decides the period of the day. It differs from the event's own timestamp if shifted
    /// timestamps are sent.
    pub recorded_at: Timestamp,
}

/// A message of a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The index of its channel.
    pub channel: u8,
    /// Its symbol.
    pub symbol: Symbol,
    /// The end of its bytes.
    end: usize,
}

/// Messages, back to back.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    frames: Vec<Frame>,
}

impl Frames {
    /// Adds a message: `write` appends its bytes.
    pub(crate) fn push(&mut self, channel: u8, symbol: Symbol, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.frames.push(Frame { channel, symbol, end: self.bytes.len() });
    }

    /// Removes all messages and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
    }

    /// Returns the messages and their bytes.
    pub fn iter(&self) -> impl Iterator<Item = (Frame, &[u8])> {
        self.frames.iter().scan(0, |start, frame| {
            let bytes = &self.bytes[*start..frame.end];
            *start = frame.end;
            Some((*frame, bytes))
        })
    }
}
