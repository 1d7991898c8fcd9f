//! Blocks of messages, framed once for all clients.

mod builder;

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tradesim_dialects::Fault as SessionFault;
use tradesim_protocol::EventPhase;
use tradesim_schemas::{Event, EventType, StreamSeq, Symbol, Timestamp};

pub use self::builder::BlockBuilder;
use crate::translation::Translations;

/// The size of the frames at which a block is full, in bytes: about 150 messages. This is large enough to spread the
/// cost of a system call over many messages, and small enough for the block to be in the second-level cache when it
/// is written.
pub const BLOCK_BYTES: usize = 64 * 1024;

/// The number of messages at which a block is full, however short they are.
pub const BLOCK_MESSAGES: usize = 1024;

/// The type of the WebSocket message in a frame (RFC 6455, section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// UTF-8 text.
    Text = 1,
    /// Bytes.
    Binary = 2,
}

/// The metadata of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The recorded emission time.
    pub at: Timestamp,
    /// Symbol and event type, for filters; `None` for a frame that does not contain an event.
    pub kind: Option<(Symbol, EventType)>,
    /// The type of its frame.
    pub opcode: Opcode,
}

/// A message of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its metadata, as stated by the source.
    pub meta: Meta,
    /// True if the time before it is not played, because it begins another file or loop.
    pub starts_segment: bool,
    /// The end of its frame in the bytes of the block.
    end: u32,
    /// The length of its frame's header: 2, 4 or 10 bytes.
    header: u8,
    /// The end of its recorded text, if that differs from the text that is sent.
    recorded_end: u32,
    /// The index of its event among those that are kept, [`NOT_KEPT`] or [`NO_COUNTERPART`].
    kept: u32,
}

/// The index of an event that is not kept.
const NOT_KEPT: u32 = u32::MAX;
/// The index of an event that no dialect has a message for.
const NO_COUNTERPART: u32 = u32::MAX - 1;

/// An event that is kept for dialects, so that the text of the message need not be read again.
#[derive(Clone, Copy, Debug)]
struct KeptEvent {
    /// The event as it is sent.
    sent: Event,
    recorded_at: Timestamp,
}

/// The part of a message's event that a block keeps.
#[derive(Clone, Copy, Debug)]
pub enum Kept<'a> {
    /// Nothing: the event must be read from the text.
    Nothing,
    /// No dialect has a message for it.
    NoCounterpart,
    /// The event as it is sent, and its recorded time.
    Event {
        /// The event as it is sent.
        sent: &'a Event,
        /// Its recorded time.
        recorded_at: Timestamp,
    },
}

/// A fault of the connection that was added at a message on purpose (docs/PROTOCOL.md, section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// The message has a sequence number and is not sent.
    Missing,
    /// The message is sent twice.
    Repeated,
    /// The connection breaks before the message, once for the clients that are connected at the time.
    Disconnect,
    /// A client of a dialect loses its session before the message, once for the clients that are connected at the time.
    /// Clients of our own protocol do not notice.
    Session(SessionFault),
    /// Nothing is sent for this long, beginning with the message; the schedule continues meanwhile.
    Stall(Duration),
    /// Beginning with the message, a connection receives at most so many bytes per second, for so long.
    Drip {
        /// The rate. At least one.
        bytes_per_second: u32,
        /// The duration.
        lasts: Duration,
    },
}

/// Consecutive messages of a stream as WebSocket frames, back to back. Immutable once made, except for the instants
/// at which its messages are due, which the player fills in.
#[derive(Debug)]
pub struct Block {
    first_seq: StreamSeq,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The texts with recorded timestamps, if other texts are sent.
    recorded: Vec<u8>,
    /// The instant at which each message is due, in nanoseconds on the player's clock; 0 without a schedule.
    due_ns: Vec<AtomicU64>,
    /// The faults by message, ascending; empty in a stream without faults.
    faults: Vec<(usize, LineFault)>,
    /// The phases of planned events that begin with a message, ascending by message.
    events: Vec<(usize, Arc<EventPhase>)>,
    /// The events for dialects, if there were clients of one.
    kept: Vec<KeptEvent>,
    /// The same messages in the dialects that clients speak, made when the first client needs one.
    translations: Translations,
}

impl Block {
    /// Returns the stream sequence number of the first message.
    pub fn first_seq(&self) -> StreamSeq {
        self.first_seq
    }

    /// Returns the stream sequence number after the last message.
    pub fn end_seq(&self) -> StreamSeq {
        self.first_seq + self.entries.len() as u64
    }

    /// Returns the number of messages: at least one.
    pub fn messages(&self) -> usize {
        self.entries.len()
    }

    /// The messages.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns true if the block contains no faults.
    #[inline]
    pub fn is_regular(&self) -> bool {
        self.faults.is_empty()
    }

    /// Returns the first fault at or after a message, and the message that it belongs to.
    pub fn next_fault(&self, message: usize) -> Option<(usize, LineFault)> {
        let at = self.faults.partition_point(|(other, _)| *other < message);
        self.faults.get(at).copied()
    }

    /// Returns the fault at a message.
    pub fn fault_at(&self, message: usize) -> Option<LineFault> {
        self.next_fault(message).filter(|(at, _)| *at == message).map(|(_, fault)| fault)
    }

    /// Returns true if a phase of a planned event begins with one of the messages.
    #[inline]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Returns the first message at or after a message with which a phase of a planned event begins.
    pub fn next_event(&self, message: usize) -> Option<usize> {
        let at = self.events.partition_point(|(other, _)| *other < message);
        self.events.get(at).map(|(at, _)| *at)
    }

    /// Returns the phases of planned events that begin with a message.
    pub fn events_at(&self, message: usize) -> impl Iterator<Item = &Arc<EventPhase>> {
        let first = self.events.partition_point(|(other, _)| *other < message);
        self.events[first..].iter().take_while(move |(at, _)| *at == message).map(|(_, phase)| phase)
    }

    /// Returns the memory that the block holds, in bytes.
    pub fn weight(&self) -> usize {
        self.bytes.capacity()
            + self.recorded.capacity()
            + self.entries.capacity() * (size_of::<Entry>() + 8)
            + self.kept.capacity() * size_of::<KeptEvent>()
    }

    /// Returns the frames of some messages, back to back.
    ///
    /// # Panics
    /// If the range is not within `0..messages()`.
    pub fn frames(&self, messages: Range<usize>) -> &[u8] {
        &self.bytes[self.start(messages.start)..self.start(messages.end)]
    }

    /// Returns the text of a message, as it is sent.
    pub fn text(&self, message: usize) -> &[u8] {
        let entry = &self.entries[message];
        &self.bytes[self.start(message) + usize::from(entry.header)..entry.end as usize]
    }

    /// Returns true if messages are sent with other timestamps than the recorded ones.
    pub(crate) fn is_shifted(&self) -> bool {
        !self.recorded.is_empty()
    }

    /// Returns the text of a message with its recorded timestamps. The digest is computed over these texts.
    pub fn recorded_text(&self, message: usize) -> &[u8] {
        if self.recorded.is_empty() {
            return self.text(message);
        }
        let start = message.checked_sub(1).map_or(0, |before| self.entries[before].recorded_end as usize);
        &self.recorded[start..self.entries[message].recorded_end as usize]
    }

    /// Sets the instant at which a message is due, on the player's clock.
    pub fn set_due(&self, message: usize, due: Duration) {
        // 0 would mean that there is no schedule
        let ns = u64::try_from(due.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.due_ns[message].store(ns, Ordering::Relaxed);
    }

    /// Returns the instant at which a message is due, on the player's clock; `None` without a schedule.
    pub fn due(&self, message: usize) -> Option<Duration> {
        match self.due_ns[message].load(Ordering::Relaxed) {
            0 => None,
            ns => Some(Duration::from_nanos(ns)),
        }
    }

    /// Returns what is kept of the event of a message.
    pub fn kept(&self, message: usize) -> Kept<'_> {
        match self.entries[message].kept {
            NOT_KEPT => Kept::Nothing,
            NO_COUNTERPART => Kept::NoCounterpart,
            index => {
                let KeptEvent { sent, recorded_at } = &self.kept[index as usize];
                Kept::Event { sent, recorded_at: *recorded_at }
            }
        }
    }

    /// Returns the same messages in dialects, as far as clients needed them.
    pub(crate) fn translations(&self) -> &Translations {
        &self.translations
    }

    /// Returns the start of a message's frame.
    fn start(&self, message: usize) -> usize {
        message.checked_sub(1).map_or(0, |before| self.entries[before].end as usize)
    }
}

#[cfg(test)]
mod tests;
