//! Blocks of messages, framed once for all clients.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tradesim_dialects::{Fault as SessionFault, has_counterpart};
use tradesim_protocol::{EventPhase, PHASES_MAX};
use tradesim_schemas::{Event, EventType, StreamSeq, Symbol, Timestamp};

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

/// Builds blocks: a [`Feed`](crate::Feed) pushes messages, the builder frames them.
#[derive(Debug)]
pub struct BlockBuilder {
    first_seq: StreamSeq,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    recorded: Vec<u8>,
    starts_segment: bool,
    faults: Vec<(usize, LineFault)>,
    events: Vec<(usize, Arc<EventPhase>)>,
    keeps_events: bool,
    kept: Vec<KeptEvent>,
}

/// Room for the longest header, which an unmasked frame of 64 KiB or more has.
const LONG_HEADER: usize = 10;
/// The length of the header of a frame of 126 to 65,535 bytes. Nearly all frames have one of this length.
const USUAL_HEADER: usize = 4;

impl BlockBuilder {
    /// Returns a builder whose first message has this sequence number.
    pub fn new(first_seq: StreamSeq) -> BlockBuilder {
        BlockBuilder {
            first_seq,
            bytes: Vec::new(),
            entries: Vec::new(),
            recorded: Vec::new(),
            starts_segment: false,
            faults: Vec::new(),
            events: Vec::new(),
            keeps_events: false,
            kept: Vec::new(),
        }
    }

    /// Decides whether the events that are added from now on are kept with their messages, for clients of dialects.
    pub fn keep_events(&mut self, keeps: bool) {
        self.keeps_events = keeps;
    }

    /// Returns true if the block must be taken before more is added.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= BLOCK_BYTES || self.entries.len() >= BLOCK_MESSAGES
    }

    /// Returns true if nothing was added since the last block.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the sequence number of the next message.
    pub fn next_seq(&self) -> StreamSeq {
        self.first_seq + self.entries.len() as u64
    }

    /// Marks the time between the last message and the next one as time that is not played.
    pub fn start_segment(&mut self) {
        self.starts_segment = true;
    }

    /// Adds a fault at the next message.
    pub fn plant(&mut self, fault: LineFault) {
        self.faults.push((self.entries.len(), fault));
    }

    /// Announces that a phase of a planned event begins with the next message. At most 500 phases can begin with one; more are left
    /// out, because a client limits the notices between two messages.
    pub fn announce(&mut self, phase: Arc<EventPhase>) {
        let at = self.entries.len();
        if self.events.iter().rev().take_while(|(other, _)| *other == at).count() < PHASES_MAX {
            self.events.push((at, phase));
        }
    }

    /// Adds a message: `write` appends its text to the buffer.
    #[inline]
    pub fn push(&mut self, meta: Meta, write: impl FnOnce(&mut Vec<u8>)) {
        debug_assert!(self.recorded.is_empty(), "a block sends either recorded or shifted texts");
        self.frame(meta, write);
    }

    /// Adds a message that is sent with other timestamps than it was recorded with.
    pub fn push_shifted(
        &mut self,
        meta: Meta,
        write_sent: impl FnOnce(&mut Vec<u8>),
        write_recorded: impl FnOnce(&mut Vec<u8>),
    ) {
        write_recorded(&mut self.recorded);
        self.frame(meta, write_sent);
    }

    /// Returns true if the events of messages are kept, for clients of dialects.
    pub fn keeps_events(&self) -> bool {
        self.keeps_events
    }

    /// States the event of the last message, as it is sent, and the event's recorded time. A message of which this is not
    /// stated is read again if a client speaks a dialect.
    ///
    /// # Panics
    /// If no message was added.
    #[inline]
    pub fn state_event(&mut self, sent: &Event, recorded_at: Timestamp) {
        if self.keeps_events {
            self.keep(sent, recorded_at);
        }
    }

    /// States of the last message what another block keeps of the same message.
    ///
    /// # Panics
    /// If no message was added.
    pub fn state_kept(&mut self, kept: Kept<'_>) {
        match kept {
            Kept::Event { sent, recorded_at } => self.state_event(sent, recorded_at),
            Kept::NoCounterpart if self.keeps_events => {
                self.entries.last_mut().expect("a message was added").kept = NO_COUNTERPART;
            }
            Kept::NoCounterpart | Kept::Nothing => {}
        }
    }

    fn keep(&mut self, sent: &Event, recorded_at: Timestamp) {
        let entry = self.entries.last_mut().expect("a message was added");
        entry.kept = match has_counterpart(sent) {
            true => {
                self.kept.push(KeptEvent { sent: *sent, recorded_at });
                u32::try_from(self.kept.len() - 1).expect("a block has at most as many messages as bytes")
            }
            false => NO_COUNTERPART,
        };
    }

    /// Replaces the emission times of the messages that were added, beginning with that of `seq`.
    pub fn retime(&mut self, seq: StreamSeq, mut at: impl FnMut(StreamSeq, &Entry) -> Timestamp) {
        let first = seq.since(self.first_seq) as usize;
        for (index, entry) in self.entries.iter_mut().enumerate().skip(first) {
            entry.meta.at = at(self.first_seq + index as u64, entry);
            entry.starts_segment = false;
        }
    }

    /// Removes the messages from that of `seq` on.
    pub fn truncate(&mut self, seq: StreamSeq) {
        let kept = usize::try_from(seq.since(self.first_seq)).unwrap_or(usize::MAX);
        if kept >= self.entries.len() {
            return;
        }
        self.entries.truncate(kept);
        self.faults.retain(|(at, _)| *at < kept);
        self.events.retain(|(at, _)| *at < kept);
        let (end, recorded_end) =
            self.entries.last().map_or((0, 0), |last| (last.end as usize, last.recorded_end as usize));
        self.bytes.truncate(end);
        self.recorded.truncate(recorded_end);
    }

    /// Returns the block built so far and begins a new one.
    ///
    /// # Panics
    /// If the block has no messages.
    pub fn take(&mut self) -> Block {
        assert!(!self.entries.is_empty(), "a block has messages");
        let next_seq = self.next_seq();
        let first_seq = std::mem::replace(&mut self.first_seq, next_seq);
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(BLOCK_BYTES + 1024));
        let room = self.entries.len() + self.entries.len() / 8;
        let entries = std::mem::replace(&mut self.entries, Vec::with_capacity(room.min(BLOCK_MESSAGES)));
        let kept = Vec::with_capacity(self.kept.len() + self.kept.len() / 8);
        let due_ns = entries.iter().map(|_| AtomicU64::new(0)).collect();
        Block {
            first_seq,
            bytes,
            entries,
            recorded: std::mem::take(&mut self.recorded),
            due_ns,
            faults: std::mem::take(&mut self.faults),
            events: std::mem::take(&mut self.events),
            kept: std::mem::replace(&mut self.kept, kept),
            translations: Translations::default(),
        }
    }

    #[inline]
    fn frame(&mut self, meta: Meta, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        // the text is written where it belongs after a header of usual length, and is moved only for another length
        self.bytes.extend_from_slice(&[0; USUAL_HEADER]);
        write(&mut self.bytes);
        let len = self.bytes.len() - start - USUAL_HEADER;
        let first = 0x80 | meta.opcode as u8;
        let header = match len {
            126..=0xffff => {
                let len = (len as u16).to_be_bytes();
                self.bytes[start..start + USUAL_HEADER].copy_from_slice(&[first, 126, len[0], len[1]]);
                USUAL_HEADER
            }
            0..126 => {
                self.bytes.splice(start..start + USUAL_HEADER, [first, len as u8]);
                2
            }
            _ => {
                let mut long = [0; LONG_HEADER];
                long[..2].copy_from_slice(&[first, 127]);
                long[2..].copy_from_slice(&(len as u64).to_be_bytes());
                self.bytes.splice(start..start + USUAL_HEADER, long);
                LONG_HEADER
            }
        };
        let offset = |bytes: &Vec<u8>| u32::try_from(bytes.len()).expect("a block is far below 4 GiB");
        self.entries.push(Entry {
            meta,
            starts_segment: std::mem::take(&mut self.starts_segment),
            end: offset(&self.bytes),
            header: header as u8,
            recorded_end: offset(&self.recorded),
            kept: NOT_KEPT,
        });
    }
}

#[cfg(test)]
mod tests {
    use tungstenite::protocol::frame::FrameHeader;

    use super::*;

    fn meta(opcode: Opcode) -> Meta {
        Meta { at: Timestamp::from_micros(0).unwrap(), kind: None, opcode }
    }

    #[test]
    fn frames_are_those_of_the_rfc_at_every_length() {
        let lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000];
        let mut builder = BlockBuilder::new(StreamSeq(7));
        for (index, len) in lengths.iter().enumerate() {
            let opcode = if index % 2 == 0 { Opcode::Text } else { Opcode::Binary };
            builder.push(meta(opcode), |out| out.resize(out.len() + len, b'a' + index as u8));
        }
        let block = builder.take();
        assert_eq!((block.first_seq(), block.end_seq()), (StreamSeq(7), StreamSeq(15)));
        for (index, len) in lengths.iter().enumerate() {
            let frame = block.frames(index..index + 1);
            let mut cursor = std::io::Cursor::new(frame);
            let (header, stated) = FrameHeader::parse(&mut cursor).unwrap().unwrap();
            assert!(header.is_final && header.mask.is_none());
            assert_eq!(u8::from(header.opcode), if index % 2 == 0 { 1 } else { 2 });
            assert_eq!(stated, *len as u64);
            let text = &frame[cursor.position() as usize..];
            assert_eq!(text, vec![b'a' + index as u8; *len]);
            assert_eq!(block.text(index), text);
            assert_eq!(block.recorded_text(index), text);
        }
        assert_eq!(block.frames(0..8).len(), (0..8).map(|at| block.frames(at..at + 1).len()).sum::<usize>());
    }

    #[test]
    fn shifted_messages_keep_their_recorded_text() {
        let mut builder = BlockBuilder::new(StreamSeq(0));
        for n in 0..3 {
            let write = |text: String| move |out: &mut Vec<u8>| out.extend_from_slice(text.as_bytes());
            builder.push_shifted(meta(Opcode::Text), write(format!("sent {n}")), write(format!("was {n}")));
        }
        let block = builder.take();
        for n in 0..3 {
            assert_eq!(block.text(n), format!("sent {n}").as_bytes());
            assert_eq!(block.recorded_text(n), format!("was {n}").as_bytes());
        }
        builder.push(meta(Opcode::Text), |out| out.extend_from_slice(b"x"));
        assert_eq!(builder.take().first_seq(), StreamSeq(3));
    }

    #[test]
    fn messages_can_be_retimed_and_left_out() {
        let mut builder = BlockBuilder::new(StreamSeq(5));
        for n in 0..4u8 {
            builder.push(meta(Opcode::Text), |out| out.resize(out.len() + 100 * usize::from(n), b'a' + n));
        }
        builder.retime(StreamSeq(6), |seq, _| Timestamp::from_micros(seq.get() as i64 * 10).unwrap());
        builder.truncate(StreamSeq(8));
        builder.truncate(StreamSeq(9));
        assert_eq!(builder.next_seq(), StreamSeq(8));
        let block = builder.take();
        let times: Vec<_> = block.entries().iter().map(|entry| entry.meta.at.micros()).collect();
        assert_eq!(times, [0, 60, 70]);
        assert_eq!(block.text(2), [b'c'; 200]);
        assert_eq!(block.frames(0..3).len(), 2 + 102 + 4 + 200);
    }

    #[test]
    fn phases_are_announced_at_a_message() {
        let phase = |name: &str| {
            Arc::new(EventPhase {
                id: "luld-KO-103112".to_owned(),
                kind: "luld".to_owned(),
                symbol: Symbol::new("KO"),
                phase: name.to_owned(),
                at: Timestamp::from_micros(0).unwrap(),
            })
        };
        let mut builder = BlockBuilder::new(StreamSeq(0));
        let mut push = |names: &[&str]| {
            names.iter().for_each(|name| builder.announce(phase(name)));
            builder.push(meta(Opcode::Text), |out| out.push(b'x'));
        };
        push(&[]);
        push(&["run"]);
        push(&[]);
        push(&["limit", "halt"]);
        for _ in 0..2 * PHASES_MAX {
            builder.announce(phase("many"));
        }
        builder.push(meta(Opcode::Text), |out| out.push(b'x'));
        builder.truncate(StreamSeq(5));
        let block = builder.take();
        let at = |message| block.events_at(message).map(|phase| phase.phase.as_str()).collect::<Vec<_>>();
        assert!(block.has_events() && block.is_regular());
        assert_eq!((at(0), at(1), at(3)), (vec![], vec!["run"], vec!["limit", "halt"]));
        assert_eq!(at(4).len(), PHASES_MAX);
        assert_eq!(
            [0, 1, 2, 4, 5].map(|from| block.next_event(from)),
            [Some(1), Some(1), Some(3), Some(4), None]
        );
        builder.push(meta(Opcode::Text), |_| {});
        assert!(!builder.take().has_events());
    }

    #[test]
    fn a_message_is_due_when_the_player_says_so() {
        let mut builder = BlockBuilder::new(StreamSeq(0));
        builder.push(meta(Opcode::Text), |_| {});
        let block = builder.take();
        assert_eq!(block.due(0), None);
        block.set_due(0, Duration::from_micros(1500));
        assert_eq!(block.due(0), Some(Duration::from_micros(1500)));
    }
}
