//! Building blocks.

use std::sync::{Arc, atomic::AtomicU64};

use tradesim_dialects::has_counterpart;
use tradesim_protocol::{EventPhase, PHASES_MAX};
use tradesim_schemas::{Event, StreamSeq, Timestamp};

use super::{
    BLOCK_BYTES, BLOCK_MESSAGES, Block, Entry, Kept, KeptEvent, LineFault, Meta, NO_COUNTERPART, NOT_KEPT,
};
use crate::translation::Translations;

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
