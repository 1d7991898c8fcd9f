//! Writes events and captured frames as messages of a block, with recorded or shifted timestamps.

use std::fmt;

use tradesim_archive::{Captured, Content, RowRef};
use tradesim_replay::{BlockBuilder, Meta, Opcode};
use tradesim_schemas::{Envelope, Event, MessageEncoder, Record, Timestamp};

/// The opcode of binary frames.
const BINARY: u8 = 2;
/// Microseconds in a minute.
const MINUTE: i64 = 60_000_000;

/// The timestamps in sent messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamps {
    /// As recorded.
    Recorded,
    /// Shifted by a number of minutes.
    Shifted {
        /// The minutes that are added.
        minutes: i64,
    },
}

impl Timestamps {
    /// Returns timestamps that are shifted by whole minutes, so that `first` falls into the minute before `now`.
    pub fn shifted_to(now: Timestamp, first: Timestamp) -> Timestamps {
        Timestamps::Shifted { minutes: (now.micros() - first.micros()).div_euclid(MINUTE) }
    }

    /// Returns the sent form of an instant, clamped to the valid range.
    pub fn sent(self, at: Timestamp) -> Timestamp {
        match self {
            Timestamps::Recorded => at,
            Timestamps::Shifted { minutes } => {
                let micros = at.micros().saturating_add(minutes.saturating_mul(MINUTE));
                let micros = micros.clamp(Timestamp::MIN.micros(), Timestamp::MAX.micros());
                Timestamp::from_micros(micros).expect("the value is clamped")
            }
        }
    }

    pub(crate) fn sent_envelope(self, envelope: &Envelope) -> Envelope {
        let mut sent = *envelope;
        sent.timestamp = self.sent(sent.timestamp);
        match &mut sent.event {
            Event::Trade(trade) => trade.timestamp = self.sent(trade.timestamp),
            Event::OrderBook(book) => book.timestamp = self.sent(book.timestamp),
            Event::MarketData(candle) => candle.timestamp = self.sent(candle.timestamp),
        }
        sent
    }
}

impl fmt::Display for Timestamps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Timestamps::Recorded => f.write_str("recorded"),
            Timestamps::Shifted { minutes } => write!(f, "shifted by {minutes} min"),
        }
    }
}

/// The times by which messages are scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The emission time.
    Recorded,
    /// The receive time, if there is one.
    Received,
}

impl Pace {
    fn of(self, captured: &Captured) -> Timestamp {
        match self {
            Pace::Recorded => captured.timestamp,
            Pace::Received => captured.received.unwrap_or(captured.timestamp),
        }
    }
}

/// Writes messages into blocks.
#[derive(Debug)]
pub(super) struct Messages {
    timestamps: Timestamps,
    pace: Pace,
    recorded: MessageEncoder,
    /// A separate encoder, because an encoder is fast only while seconds repeat.
    sent: MessageEncoder,
}

impl Messages {
    pub(super) fn new(timestamps: Timestamps, pace: Pace) -> Messages {
        Messages { timestamps, pace, recorded: MessageEncoder::new(), sent: MessageEncoder::new() }
    }

    /// Appends events until the block is full. Returns their number.
    pub(super) fn push_records(&mut self, records: &[Record], block: &mut BlockBuilder) -> usize {
        match self.timestamps {
            Timestamps::Recorded => {
                let encoder = &mut self.recorded;
                push_while(records, block, |record, block| {
                    let at = record.envelope.timestamp;
                    block.push(meta(at, &record.envelope.event, Opcode::Text), |out| {
                        encoder.write(&record.envelope, out);
                    });
                    block.state_event(&record.envelope.event, record.envelope.event.timestamp());
                })
            }
            Timestamps::Shifted { .. } => push_while(records, block, |record, block| {
                self.push_shifted(record.envelope.timestamp, &record.envelope, Opcode::Text, block);
            }),
        }
    }

    /// Appends rows of both kinds until the block is full. Returns their number.
    pub(super) fn push_rows<'a>(
        &mut self,
        rows: impl Iterator<Item = RowRef<'a>>,
        block: &mut BlockBuilder,
    ) -> usize {
        let mut pushed = 0;
        for row in rows {
            self.push_row(row, block);
            pushed += 1;
            if block.is_full() {
                break;
            }
        }
        pushed
    }

    fn push_row(&mut self, row: RowRef<'_>, block: &mut BlockBuilder) {
        match row {
            RowRef::Event(record) => {
                self.push_envelope(record.envelope.timestamp, &record.envelope, Opcode::Text, block);
            }
            RowRef::Captured(captured) => match &captured.content {
                Content::Event(event) => {
                    let envelope = Envelope { timestamp: captured.timestamp, event: *event };
                    let opcode = if captured.opcode == Some(BINARY) { Opcode::Binary } else { Opcode::Text };
                    self.push_envelope(self.pace.of(captured), &envelope, opcode, block);
                }
                Content::Raw { bytes, event } => self.push_raw(captured, bytes, event.as_ref(), block),
            },
        }
    }

    fn push_envelope(
        &mut self,
        at: Timestamp,
        envelope: &Envelope,
        opcode: Opcode,
        block: &mut BlockBuilder,
    ) {
        match self.timestamps {
            Timestamps::Recorded => {
                block.push(meta(at, &envelope.event, opcode), |out| self.recorded.write(envelope, out));
                block.state_event(&envelope.event, envelope.event.timestamp());
            }
            Timestamps::Shifted { .. } => self.push_shifted(at, envelope, opcode, block),
        }
    }

    fn push_shifted(&mut self, at: Timestamp, envelope: &Envelope, opcode: Opcode, block: &mut BlockBuilder) {
        let moved = self.timestamps.sent_envelope(envelope);
        let (sent, recorded) = (&mut self.sent, &mut self.recorded);
        block.push_shifted(
            meta(at, &envelope.event, opcode),
            |out| sent.write(&moved, out),
            |out| recorded.write(envelope, out),
        );
        block.state_event(&moved.event, envelope.event.timestamp());
    }

    /// Appends a raw frame. The timestamps in it are never shifted.
    fn push_raw(
        &mut self,
        captured: &Captured,
        bytes: &[u8],
        event: Option<&Event>,
        block: &mut BlockBuilder,
    ) {
        // clients close the connection on a text frame that is not UTF-8
        let is_text = captured.opcode != Some(BINARY) && std::str::from_utf8(bytes).is_ok();
        let meta = Meta {
            at: self.pace.of(captured),
            kind: event.map(|event| (event.symbol(), event.event_type())),
            opcode: if is_text { Opcode::Text } else { Opcode::Binary },
        };
        let write = |out: &mut Vec<u8>| out.extend_from_slice(bytes);
        match self.timestamps {
            Timestamps::Recorded => block.push(meta, write),
            Timestamps::Shifted { .. } => block.push_shifted(meta, write, write),
        }
    }
}

#[inline]
fn meta(at: Timestamp, event: &Event, opcode: Opcode) -> Meta {
    Meta { at, kind: Some((event.symbol(), event.event_type())), opcode }
}

#[inline]
fn push_while(
    records: &[Record],
    block: &mut BlockBuilder,
    mut push: impl FnMut(&Record, &mut BlockBuilder),
) -> usize {
    for (index, record) in records.iter().enumerate() {
        push(record, block);
        if block.is_full() {
            return index + 1;
        }
    }
    records.len()
}

#[cfg(test)]
mod tests;
