//! One playback of a source: where it begins, what is played when, when it waits for clients, and its result. It
//! receives events and the time, and does not hold a clock, thread or socket.

use std::{ops::Range, sync::Arc, time::Duration};

use tradesim_schemas::{ContentDigest, ContentHasher, StreamSeq};

use crate::{
    backpressure::{Backpressure, PlayOffsets},
    block::{Block, LineFault},
    control::{Command, LoopBounds, LoopRange},
    options::Options,
    playback::{Playback, Step},
    ring::Ring,
    send_cursor::Head,
};
use tradesim_protocol::{Position, State};

/// The number of blocks that are taken before they are played.
const BLOCKS_AHEAD: usize = 4;

/// The least time that one repetition of a loop takes, so that a loop of one message neither reads the source all the
/// time nor fills memory with jumps.
const LOOP_TIME_MIN: Duration = Duration::from_millis(100);

/// One playback of a source.
///
/// Its driver reads the source from where [`Play::take_opening`] states, pushes the blocks, and does what
/// [`Play::poll`] requests unless [`Play::held_until`] requires to wait.
#[derive(Debug)]
pub(crate) struct Play {
    playback: Playback,
    backpressure: Backpressure,
    wait_clients: usize,
    /// True if it can only begin with the first message.
    begins_at_first: bool,
    /// The first message of the client that begins first.
    first_client: Option<StreamSeq>,
    /// The sequence number of a seek while it waited for clients.
    sought: Option<StreamSeq>,
    /// The sequence number from which the source must be read.
    opening: Option<StreamSeq>,
    digest: Option<ContentHasher>,
    /// True if messages were sent with other timestamps than the recorded ones.
    shifted: bool,
    first_seq: StreamSeq,
    /// The number of messages sent: without those that a fault removes, and with those that a fault repeats.
    sent: u64,
    changes: u64,
    complete: bool,
    /// The stretch that is repeated.
    looped: Option<LoopBounds>,
    /// The time of the last jump to the beginning of the loop.
    looped_at: Option<Duration>,
}

impl Play {
    /// Returns a playback that waits for its clients.
    pub(crate) fn new(options: &Options) -> Play {
        Play {
            playback: Playback::new(options, StreamSeq(0)),
            backpressure: Backpressure::new(options),
            wait_clients: options.wait_clients,
            begins_at_first: options.begins_at_first(),
            first_client: None,
            sought: None,
            opening: Some(StreamSeq(0)),
            digest: Some(ContentHasher::new()),
            shifted: false,
            first_seq: StreamSeq(0),
            sent: 0,
            changes: 0,
            complete: false,
            looped: None,
            looped_at: None,
        }
    }

    /// Sets the schedule to `position` at the instant `now`, however long the first block takes.
    pub(crate) fn begin_at(&mut self, position: Duration, now: Duration) {
        self.playback.begin_at(position, now);
    }

    /// Returns the schedule of messages.
    pub(crate) fn playback(&self) -> &Playback {
        &self.playback
    }

    /// Returns the backpressure of clients.
    pub(crate) fn backpressure(&self) -> &Backpressure {
        &self.backpressure
    }

    /// Returns the sequence number of the first message.
    pub(crate) fn first_seq(&self) -> StreamSeq {
        self.first_seq
    }

    /// Returns a number that increases with each command.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Returns true if the end of the source was reached.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Returns the digest of everything played so far; `None` after a jump.
    pub(crate) fn digest(&self) -> Option<ContentDigest> {
        self.digest.as_ref().map(ContentHasher::finish)
    }

    /// Returns true if the digest is also that of a client that was connected from message 0 on.
    pub(crate) fn is_received_as_hashed(&self) -> bool {
        self.first_seq == StreamSeq(0) && !self.shifted
    }

    /// Returns the progress.
    pub(crate) fn head(&self) -> Head {
        let playback = &self.playback;
        Head { state: playback.state(), released: playback.released(), seq: playback.seq(), sent: self.sent }
    }

    /// Returns, once, the sequence number from which the source must be read again, in place of what was read before.
    pub(crate) fn take_opening(&mut self) -> Option<StreamSeq> {
        self.opening.take()
    }

    /// Returns true if another block is needed before the next one is played.
    pub(crate) fn wants_block(&self) -> bool {
        self.playback.blocks_ahead() < BLOCKS_AHEAD
    }

    /// Adds the block that follows the last one.
    pub(crate) fn push_block(&mut self, block: Arc<Block>) {
        self.playback.push_block(block);
    }

    /// Records that no block follows.
    pub(crate) fn source_ended(&mut self) {
        self.playback.source_ended();
    }

    /// Records the number of clients, and the first message of the one that begins first. Returns true if playback
    /// starts with that.
    pub(crate) fn clients(
        &mut self,
        connected: usize,
        first: Option<StreamSeq>,
        ring: &mut Ring,
        now: Duration,
    ) -> bool {
        if self.playback.state() != State::Waiting {
            return false;
        }
        self.first_client = first;
        if connected < self.wait_clients {
            return false;
        }
        self.begin(ring);
        self.playback.clients(connected, now);
        true
    }

    /// Carries out a command; the driver carries out commands that do not concern the playback.
    pub(crate) fn command(&mut self, command: &Command, ring: &mut Ring, now: Duration) {
        match command {
            Command::Pause => self.playback.pause(now),
            Command::Resume => {
                self.begin(ring);
                self.playback.resume(now);
            }
            Command::Step(messages) => {
                self.begin(ring);
                self.playback.step(*messages, now);
            }
            Command::Speed(speed) => self.playback.set_speed(*speed, now),
            Command::Seek(Position::Seq(seq)) => self.seek(*seq, ring, now),
            Command::Loop(None) => self.set_loop(None),
            Command::Loop(Some(LoopRange { from: Position::Seq(from), to: Position::Seq(to) })) => {
                self.repeat(LoopBounds { from: *from, to: *to }, ring, now);
            }
            Command::Seek(Position::Time(_)) | Command::Loop(Some(_)) => {
                unreachable!("times are resolved before the player receives the command")
            }
            Command::Stop => unreachable!("a playback that has ended receives no commands"),
        }
        self.changes += 1;
    }

    /// Decides where playback begins, if it waited until now: where a command requested, or else with the client that
    /// begins first, so that a client that reconnects to a restarted server can resume.
    fn begin(&mut self, ring: &mut Ring) {
        let first_client = self.first_client.filter(|_| !self.begins_at_first);
        let wanted = self.sought.or(first_client).unwrap_or_default();
        if self.playback.state() == State::Waiting && wanted != self.playback.seq() {
            self.restart(wanted, ring);
        }
    }

    fn restart(&mut self, seq: StreamSeq, ring: &mut Ring) {
        self.playback.restart(seq);
        ring.restart(seq);
        self.first_seq = seq;
        self.opening = Some(seq);
    }

    /// Repeats a stretch, beginning at once: a playback that is elsewhere jumps to its beginning.
    fn repeat(&mut self, bounds: LoopBounds, ring: &mut Ring, now: Duration) {
        let waits = self.playback.state() == State::Waiting;
        // a client that is still to come must not let playback begin elsewhere
        if waits || !bounds.contain(self.playback.seq()) {
            self.seek(bounds.from, ring, now);
        }
        self.set_loop(Some(bounds));
    }

    fn set_loop(&mut self, bounds: Option<LoopBounds>) {
        self.looped = bounds;
        self.looped_at = None;
        self.playback.stop_before(bounds.map(|bounds| bounds.to));
    }

    /// Returns what is repeated.
    pub(crate) fn looped(&self) -> Option<LoopBounds> {
        self.looped
    }

    /// Returns the instant at which playback must jump to the beginning of its loop, if it has reached the end of it.
    pub(crate) fn loops_at(&self) -> Option<Duration> {
        let bounds = self.looped.filter(|bounds| bounds.to == self.playback.seq())?;
        let moves = matches!(self.playback.state(), State::Playing | State::Paused);
        let at = self.looped_at.map_or(Duration::ZERO, |at| at + LOOP_TIME_MIN);
        (moves && !bounds.contain(self.playback.seq())).then_some(at)
    }

    /// Jumps to the beginning of the loop.
    pub(crate) fn jump_back(&mut self, ring: &mut Ring, now: Duration) {
        let Some(LoopBounds { from, .. }) = self.looped else { return };
        self.digest = None;
        self.playback.jump_back(from, now);
        ring.jump(self.playback.released(), from);
        self.looped_at = Some(now);
        self.opening = Some(from);
    }

    /// Jumps to a sequence number that exists. For clients that wait for the beginning it is not a jump, because the
    /// position was not promised to them.
    fn seek(&mut self, seq: StreamSeq, ring: &mut Ring, now: Duration) {
        if self.looped.is_some_and(|bounds| !bounds.contain(seq)) {
            self.set_loop(None);
        }
        if self.playback.state() == State::Waiting {
            self.sought = Some(seq);
            return self.restart(seq, ring);
        }
        if self.playback.released() == 0 {
            self.first_seq = seq;
        } else {
            self.digest = None;
        }
        self.playback.seek(seq, now);
        ring.jump(self.playback.released(), seq);
        self.complete = false;
        self.opening = Some(seq);
    }

    /// Returns the play offset that a client must reach before it resumes; `None` if it is not held.
    pub(crate) fn held_until(
        &mut self,
        play_offsets: &PlayOffsets,
        ring: &Ring,
        now: Duration,
    ) -> Option<u64> {
        if self.playback.state() != State::Playing {
            self.backpressure.stand(now);
            return None;
        }
        let next = self.playback.next_block().map(Arc::as_ref);
        self.backpressure.check(self.playback.speed(), next, play_offsets, ring, now)
    }

    /// Returns the next step.
    pub(crate) fn poll(&mut self, now: Duration) -> Step {
        let step = self.playback.poll(now);
        if matches!(step, Step::End) {
            self.complete = true;
        }
        step
    }

    /// Records that messages were released to clients.
    pub(crate) fn release(&mut self, block: &Arc<Block>, messages: &Range<usize>, ring: &mut Ring) {
        self.sent += match block.is_regular() {
            true => messages.len() as u64,
            false => messages.clone().map(|message| times_sent(block, message)).sum(),
        };
        if messages.start == 0 {
            ring.push(Arc::clone(block), self.playback.released() - messages.len() as u64);
        }
    }

    /// Adds released messages to the digest.
    pub(crate) fn hash(&mut self, block: &Block, messages: Range<usize>) {
        self.shifted |= block.is_shifted();
        if let Some(digest) = &mut self.digest {
            if block.is_regular() {
                messages.for_each(|message| digest.push(block.recorded_text(message)));
            } else {
                // the digest is over what is sent: without missing messages, and with repeated ones twice
                for message in messages {
                    (0..times_sent(block, message)).for_each(|_| digest.push(block.recorded_text(message)));
                }
            }
        }
    }
}

/// Returns the number of times a message is sent to a client that is connected throughout.
fn times_sent(block: &Block, message: usize) -> u64 {
    match block.fault_at(message) {
        Some(LineFault::Missing) => 0,
        Some(LineFault::Repeated) => 2,
        _ => 1,
    }
}
