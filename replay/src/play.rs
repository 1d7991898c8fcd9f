//! One play of a source: where it begins, what is played when, whether it waits for clients, and what came of it. It is
//! told what happens and the time, and holds no clock, thread or socket.

use std::{ops::Range, sync::Arc, time::Duration};

use tradesim_schemas::{ContentDigest, Digest};

use crate::{
    block::{Block, LineFault},
    control::{Command, State},
    delivery::Head,
    gate::{Gate, Places},
    options::Options,
    playback::{Playback, Step},
    ring::Ring,
};

/// Blocks that are taken before they are played.
const BLOCKS_AHEAD: usize = 4;

/// One play of a source.
///
/// Whoever drives it reads the source where [`Play::take_opening`] says, gives it the blocks, and does what
/// [`Play::poll`] asks for unless [`Play::held_until`] says to wait.
#[derive(Debug)]
pub(crate) struct Play {
    playback: Playback,
    gate: Gate,
    wait_clients: usize,
    /// Whether it can begin with the first message only.
    begins_at_first: bool,
    /// Where the client begins that begins first.
    first_client: Option<u64>,
    /// A seq that was asked for while it waited for clients.
    sought: Option<u64>,
    /// The source is to be read from here on.
    opening: Option<u64>,
    digest: Option<ContentDigest>,
    /// Whether something was sent with other timestamps than recorded.
    shifted: bool,
    first_seq: u64,
    /// Messages that clients were let have: not those that are missing, and twice those that are sent twice.
    sent: u64,
    changes: u64,
    complete: bool,
}

impl Play {
    /// A play that waits for its clients.
    pub(crate) fn new(options: &Options) -> Play {
        Play {
            playback: Playback::new(options, 0),
            gate: Gate::new(options),
            wait_clients: options.wait_clients,
            begins_at_first: options.begins_at_first(),
            first_client: None,
            sought: None,
            opening: Some(0),
            digest: Some(ContentDigest::new()),
            shifted: false,
            first_seq: 0,
            sent: 0,
            changes: 0,
            complete: false,
        }
    }

    /// Says that the schedule is at `position` at the instant `now`, however long it takes until the first block is there.
    pub(crate) fn begin_at(&mut self, position: Duration, now: Duration) {
        self.playback.begin_at(position, now);
    }

    /// What is played when.
    pub(crate) fn playback(&self) -> &Playback {
        &self.playback
    }

    /// Where clients keep it from going on.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Seq of the first message.
    pub(crate) fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// Goes up with each command.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether the end of the source was reached.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// The digest of everything played so far; `None` after a jump.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.digest.as_ref().map(ContentDigest::finish)
    }

    /// Whether the digest is also that of what a client got who was there from message 0 on.
    pub(crate) fn is_received_as_hashed(&self) -> bool {
        self.first_seq == 0 && !self.shifted
    }

    /// How far it is.
    pub(crate) fn head(&self) -> Head {
        let playback = &self.playback;
        Head { state: playback.state(), released: playback.released(), seq: playback.seq(), sent: self.sent }
    }

    /// The seq from which on the source is to be read anew, in the place of what was read before; told once.
    pub(crate) fn take_opening(&mut self) -> Option<u64> {
        self.opening.take()
    }

    /// Whether it takes another block before the next one is played.
    pub(crate) fn wants_block(&self) -> bool {
        self.playback.blocks_ahead() < BLOCKS_AHEAD
    }

    /// Takes the block that follows on the last one.
    pub(crate) fn push_block(&mut self, block: Arc<Block>) {
        self.playback.push_block(block);
    }

    /// Takes note that no block follows.
    pub(crate) fn source_ended(&mut self) {
        self.playback.source_ended();
    }

    /// Takes note of how many clients there are, and where the one begins that begins first. Says whether time begins
    /// with that.
    pub(crate) fn clients(
        &mut self,
        connected: usize,
        first: Option<u64>,
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

    /// Carries out a command; those that need no play, the driver does by itself.
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
            Command::Seek(seq) => self.seek(*seq, ring, now),
            Command::SeekTo(_) => unreachable!("places are found before the player is asked"),
            Command::Stop => unreachable!("a play that is over is not asked"),
        }
        self.changes += 1;
    }

    /// Decides where play begins, if it waited until now: where a command said, or else with the client that begins
    /// first, so that one that comes back to a server that was started anew goes on where it was.
    fn begin(&mut self, ring: &mut Ring) {
        let first_client = self.first_client.filter(|_| !self.begins_at_first);
        let wanted = self.sought.or(first_client).unwrap_or(0);
        if self.playback.state() == State::Waiting && wanted != self.playback.seq() {
            self.restart(wanted, ring);
        }
    }

    fn restart(&mut self, seq: u64, ring: &mut Ring) {
        self.playback.restart(seq);
        ring.restart(seq);
        self.first_seq = seq;
        self.opening = Some(seq);
    }

    /// Jumps to a seq that exists. For clients that wait for the beginning it is no jump, because nobody promised them
    /// where that is.
    fn seek(&mut self, seq: u64, ring: &mut Ring, now: Duration) {
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

    /// The place that a client has to reach before it goes on; `None` if it may.
    pub(crate) fn held_until(&mut self, places: &Places, ring: &Ring, now: Duration) -> Option<u64> {
        if self.playback.state() != State::Playing {
            self.gate.stand(now);
            return None;
        }
        let next = self.playback.next_block().map(Arc::as_ref);
        self.gate.check(self.playback.speed(), next, places, ring, now)
    }

    /// What to do now.
    pub(crate) fn poll(&mut self, now: Duration) -> Step {
        let step = self.playback.poll(now);
        if matches!(step, Step::End) {
            self.complete = true;
        }
        step
    }

    /// Lets clients have messages that were released.
    pub(crate) fn release(&mut self, block: &Arc<Block>, messages: &Range<usize>, ring: &mut Ring) {
        self.sent += match block.is_regular() {
            true => messages.len() as u64,
            false => messages.clone().map(|message| times_sent(block, message)).sum(),
        };
        if messages.start == 0 {
            ring.push(Arc::clone(block), self.playback.released() - messages.len() as u64);
        }
    }

    /// Adds messages that were released to the digest.
    pub(crate) fn hash(&mut self, block: &Block, messages: Range<usize>) {
        self.shifted |= block.is_shifted();
        if let Some(digest) = &mut self.digest {
            if block.is_regular() {
                messages.for_each(|message| digest.push(block.recorded_text(message)));
            } else {
                // what is sent is hashed: not what is missing, and twice what is sent twice
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
