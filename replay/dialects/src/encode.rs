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

/// Returns true for events that encoders receive: all but trades that did not execute, which no dialect has a message for.
pub fn is_encoded(event: &Event) -> bool {
    !matches!(event, Event::Trade(trade) if !trade.status.is_execution())
}

/// Returns false for the text of a trade that did not execute, without parsing it. Returns true where only parsing can
/// tell: then [`is_encoded`] decides.
pub fn may_be_execution(text: &[u8]) -> bool {
    const EXECUTED: &[u8] = b"FILLED";
    let mut rest = text;
    // both statuses of an execution end in it; an escape could hide it
    while let Some(at) = rest.iter().position(|byte| *byte == EXECUTED[0]) {
        if rest[at..].starts_with(EXECUTED) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    text.contains(&b'\\')
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_a_trade_that_cannot_be_an_execution_is_recognised() {
        for (text, expected) in [
            (&br#"{"status":"FILLED"}"#[..], true),
            (br#"{"status" : "PARTIALLY_FILLED"}"#, true),
            (br#"{"status":"FILLE\u0044"}"#, true),
            (br#"{"status":"NEW","symbol":"F"}"#, false),
            (br#"{"status":"REJECTED","symbol":"FILLE"}"#, false),
            (b"FFILLED", true),
            (b"", false),
        ] {
            assert_eq!(may_be_execution(text), expected, "{}", text.escape_ascii());
        }
    }
}
