//! A client without a socket: the real parts of one, and what was promised to it.

use std::{collections::VecDeque, ops::Range, sync::Arc, time::Duration};

use tradesim_schemas::StreamSeq;

use super::fake_source::{Blocks, FakeSource};
use crate::{
    Block, outbox,
    outgoing::Outgoing,
    ring::Ring,
    selection::Selection,
    send_cursor::{Head, SendCursor, Task},
};

/// A segment of playback between two jumps, in the source's numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) first: u64,
    /// The number after the last message that was played; for the last segment, so far.
    pub(super) end: u64,
}

/// The state that a reader sees in its turn.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) fake_source: &'a FakeSource,
    pub(super) ring: &'a Ring,
    /// The progress of playback, as published last.
    pub(super) head: &'a Head,
    pub(super) played: &'a [Stretch],
    pub(super) now: Duration,
}

/// The reason for which a reader receives no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It has received everything.
    Finished,
    /// It was disconnected.
    TooSlow,
    /// The player jumped, and the reader does not understand notices.
    Sought,
    /// It disconnected.
    Left,
}

pub(super) struct Reader {
    outgoing: Outgoing,
    v1: bool,
    pub(super) start_source_seq: u64,
    /// The play offset that others see.
    pub(super) play_offset: Option<u64>,
    /// The messages that were decided on and not sent yet.
    sending: Option<(Arc<Block>, Range<usize>)>,
    catch_up: Option<CatchUp>,
    pub(super) ended: Option<Ended>,
    /// Messages that were sent as they were played, and when they were due.
    live: VecDeque<(u64, Option<Duration>)>,
    promise: Promise,
    wire: Wire,
}

struct CatchUp {
    blocks: Blocks,
    block: Option<Arc<Block>>,
}

/// The message that must be next.
struct Promise {
    /// In the source's numbers; messages that are not selected are skipped.
    source_seq: u64,
    /// In the reader's own stream.
    seq: u64,
    /// The segment of playback that it is in.
    stretch: usize,
    selection: Selection,
    /// Changes of the selection, which apply from these numbers of the source on.
    changes: VecDeque<(u64, Selection)>,
    /// The number after the last message that was sent or received, in the source's numbers.
    sent: u64,
    came: Vec<ReceivedMessage>,
}

impl Promise {
    /// Skips messages that are not selected. Returns the next message, if there is one before `bound`.
    fn next(&mut self, fake_source: &FakeSource, bound: u64) -> Option<u64> {
        while self.source_seq < bound {
            while self.changes.front().is_some_and(|(from, _)| *from <= self.source_seq) {
                self.selection = self.changes.pop_front().unwrap().1;
            }
            let kind = fake_source.message(self.source_seq).kind;
            if self.selection.passes(kind) {
                return Some(self.source_seq);
            }
            self.pass(fake_source);
        }
        None
    }

    fn pass(&mut self, fake_source: &FakeSource) {
        self.seq += u64::from(self.selection.in_stream(fake_source.message(self.source_seq).kind));
        self.source_seq += 1;
    }
}

/// A message that was received.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReceivedMessage {
    /// Its number in the source.
    pub(super) seq: u64,
    pub(super) at: Duration,
    /// The time at which it was due, if it was sent as it was played and there was a schedule.
    pub(super) due: Option<Duration>,
}

/// Received bytes, split into frames.
#[derive(Default)]
struct Wire(Vec<u8>);

impl Wire {
    /// Returns the next whole frame: its opcode and payload.
    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let bytes = &self.0;
        let (header, len) = match *bytes.get(1)? {
            127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap()) as usize),
            126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap()))),
            len => (2, usize::from(len)),
        };
        let payload = bytes.get(header..header + len)?.to_vec();
        let opcode = bytes[0] & 15;
        self.0.drain(..header + len);
        Some((opcode, payload))
    }
}

impl Reader {
    /// Returns a client that was promised to begin with `seq` of its own stream.
    pub(super) fn new(selection: Selection, source_seq: u64, seq: u64, v1: bool, ring: &Ring) -> Reader {
        let send_cursor = SendCursor::new(selection.clone(), StreamSeq(source_seq), StreamSeq(seq), ring);
        let stretch = ring.jumps() - 1;
        let changes = VecDeque::new();
        Reader {
            outgoing: Outgoing::new(send_cursor),
            v1,
            start_source_seq: source_seq,
            play_offset: None,
            sending: None,
            catch_up: None,
            ended: None,
            live: VecDeque::new(),
            promise: Promise { source_seq, seq, stretch, selection, changes, sent: source_seq, came: vec![] },
            wire: Wire::default(),
        }
    }

    /// Changes the selection, after the messages that are being sent.
    pub(super) fn select(&mut self, change: impl FnOnce(&mut Selection)) {
        change(self.outgoing.cursor.selection_mut());
        self.promise.changes.push_back((self.promise.sent, self.outgoing.cursor.selection().clone()));
    }

    pub(super) fn ping(&mut self) {
        self.outgoing.outbox.push_control(&outbox::frame(9, b"ping"));
    }

    pub(super) fn came(&self) -> &[ReceivedMessage] {
        &self.promise.came
    }

    /// Runs one turn of the reader, in which its socket accepts so many bytes. With none it only decides what is
    /// next.
    pub(super) fn turn(&mut self, room: usize, sight: Sight<'_>) {
        let mut room = room;
        while self.ended.is_none() {
            if self.outgoing.outbox.is_empty() {
                if !self.refill(room > 0, sight) {
                    return;
                }
                continue;
            }
            let bytes = self.outgoing.outbox.bytes();
            let count = room.min(bytes.len());
            self.wire.0.extend_from_slice(&bytes[..count]);
            if count == 0 {
                return;
            }
            let live = &mut self.live;
            self.outgoing.wrote(count, |block, message| {
                live.push_back((block.first_seq().get() + message as u64, block.due(message)));
            });
            room -= count;
            self.receive(sight);
        }
    }

    /// Does what is next. Returns true if there may be something to write.
    fn refill(&mut self, act: bool, sight: Sight<'_>) -> bool {
        if let Some((block, messages)) = self.sending.take() {
            self.promise.sent = block.first_seq().get() + messages.end as u64;
            self.outgoing.send(&block, messages);
            self.play_offset = self.outgoing.cursor.play_offset();
            return true;
        }
        let task = self.outgoing.cursor.next(sight.ring, sight.head);
        if !matches!(task, Task::Read { .. }) {
            self.catch_up = None;
        }
        match task {
            Task::Send { block, messages } => {
                self.sending = Some((block, messages));
                // others may run between the decision and the action
                return act && self.refill(act, sight);
            }
            Task::Read { seq, before } => return self.read(seq.get(), before.get(), sight),
            Task::Jumped { seq } => self.jumped(seq.get(), sight),
            Task::Wait => {
                self.play_offset = self.outgoing.cursor.play_offset();
                return false;
            }
            Task::Finished => {
                let left = self.promise.next(sight.fake_source, sight.fake_source.len());
                assert_eq!(left, None, "a client that is done has everything");
                self.end(Ended::Finished);
            }
        }
        true
    }

    fn read(&mut self, seq: u64, before: u64, sight: Sight<'_>) -> bool {
        let begin = || CatchUp { blocks: Blocks::from(sight.fake_source, seq), block: None };
        let catch_up = self.catch_up.get_or_insert_with(begin);
        if catch_up.block.as_ref().is_none_or(|block| block.end_seq() <= StreamSeq(seq)) {
            catch_up.block = catch_up.blocks.next();
        }
        let Some(block) = catch_up.block.as_ref().filter(|_| before > seq) else { return false };
        self.promise.sent = block.end_seq().get().min(before);
        let messages = self.outgoing.cursor.messages_of(block, StreamSeq(before));
        self.outgoing.send(block, messages);
        self.play_offset = self.outgoing.cursor.play_offset();
        true
    }

    fn jumped(&mut self, seq: u64, sight: Sight<'_>) {
        let Sight { fake_source, ring, head, played, .. } = sight;
        let promise = &mut self.promise;
        let next_jump = ring.jump_at(promise.stretch + 1).play_offset;
        if self
            .play_offset
            .is_some_and(|play_offset| play_offset >= next_jump.min(ring.oldest(head.released)))
        {
            // everything that was played before the jump was received before it
            let left = promise.next(fake_source, played[promise.stretch].end);
            assert_eq!(left, None, "message {left:?} was played before the jump");
            promise.stretch += 1;
        } else {
            promise.stretch = ring.jumps() - 1;
        }
        assert_eq!(played[promise.stretch].first, seq);
        promise.changes.drain(..).for_each(|(_, selection)| promise.selection = selection);
        (promise.source_seq, promise.sent, promise.seq) = (seq, seq, seq);
        self.play_offset = self.outgoing.cursor.play_offset();
        if !self.v1 || !self.outgoing.cursor.selection().is_whole_stream() {
            self.end(Ended::Sought);
        }
    }

    /// Disconnects it, whatever is being sent.
    pub(super) fn give_up(&mut self, sight: Sight<'_>) {
        let (next, _) = self.outgoing.cut_at();
        while !self.outgoing.outbox.is_empty() {
            let bytes = self.outgoing.outbox.bytes();
            let count = bytes.len();
            self.wire.0.extend_from_slice(bytes);
            self.outgoing.wrote(count, |_, _| {});
        }
        self.receive(sight);
        assert!(self.wire.0.is_empty(), "the last frame is whole");
        // if it resumes there, it begins with the first message that it did not receive
        let behind = self.promise.seq;
        self.promise.next(sight.fake_source, sight.played[self.promise.stretch].end);
        assert!((behind..=self.promise.seq).contains(&next.get()), "{behind} {next} {}", self.promise.seq);
        self.end(Ended::TooSlow);
    }

    pub(super) fn end(&mut self, why: Ended) {
        self.ended = Some(why);
        (self.sending, self.catch_up) = (None, None);
    }

    fn receive(&mut self, sight: Sight<'_>) {
        while let Some((opcode, payload)) = self.wire.next() {
            if opcode == 9 {
                continue;
            }
            let bound = sight.played[self.promise.stretch].end;
            let seq = self.promise.next(sight.fake_source, bound).expect("nothing comes before it is played");
            assert!(sight.fake_source.message(seq).text.as_bytes() == payload, "message {seq} comes next");
            self.promise.pass(sight.fake_source);
            let live = self.live.front().is_some_and(|(live, _)| *live == seq);
            let due = if live { self.live.pop_front().and_then(|(_, due)| due) } else { None };
            self.promise.came.push(ReceivedMessage { seq, at: sight.now, due });
        }
    }
}
