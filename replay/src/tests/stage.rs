//! All deciding parts of a server, on a virtual clock.

use std::time::Duration;

use tradesim_schemas::{ContentHasher, EventType, StreamSeq, Symbol};

use super::{
    fake_source::{Blocks, FakeSource},
    plan::Plan,
    reader::{Ended, Reader, Sight, Stretch},
};
use crate::{
    BLOCK_BYTES, Command, LoopBounds, LoopRange, Options, Position, Speed, State,
    backpressure::{PlayOffsets, WINDOW_BLOCKS},
    play::Play,
    playback::{Step, TICK},
    ring::Ring,
    selection::Selection,
    send_cursor::Head,
};

/// The sum of all rounding errors to nanoseconds, over all changes of a schedule.
const ROUNDING: Duration = Duration::from_micros(1);

/// The number of turns in which everything must end.
const TURNS_MAX: usize = 20_000;

pub(super) struct Stage {
    fake_source: FakeSource,
    options: Options,
    pub(super) now: Duration,
    play: Play,
    ring: Ring,
    blocks: Option<Blocks>,
    /// The progress that was published to clients.
    head: Head,
    /// True if clients let playback continue, when it was last checked.
    may_go: bool,
    pub(super) readers: Vec<Reader>,
    plan: Plan,
    played: Vec<Stretch>,
    last_release: Option<Duration>,
    digest: Option<ContentHasher>,
    deserted_since: Option<Duration>,
}

impl Stage {
    pub(super) fn new(fake_source: FakeSource, options: Options) -> Stage {
        let play = Play::new(&options);
        let mut stage = Stage {
            ring: Ring::new(options.buffer_bytes, StreamSeq(0)),
            now: Duration::ZERO,
            blocks: None,
            head: play.head(),
            may_go: false,
            readers: Vec::new(),
            plan: Plan::new(millionths(options.speed), options.max_gap),
            played: vec![Stretch { first: 0, end: 0 }],
            last_release: None,
            digest: Some(ContentHasher::new()),
            deserted_since: None,
            play,
            fake_source,
            options,
        };
        stage.tell_clients();
        stage
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now += by;
        self.plan.advance_to(self.now);
    }

    /// Connects a client with this query in its URL. The sequence numbers of a filtered stream are found by counting.
    pub(super) fn join(
        &mut self,
        from_seq: Option<u64>,
        v1: bool,
        symbols: Option<&[Symbol]>,
        events: Option<&[EventType]>,
    ) {
        let selection = Selection::of_url(symbols, events);
        let in_stream = |seq: &u64| selection.in_stream(self.fake_source.message(*seq).kind);
        let (source_seq, seq) = match from_seq {
            Some(seq) => {
                let before =
                    (0..self.fake_source.len()).filter(in_stream).nth(seq.saturating_sub(1) as usize);
                match before {
                    _ if seq == 0 => (0, 0),
                    Some(before) => (before + 1, seq),
                    // past the end: it is refused
                    None => return,
                }
            }
            None => (self.head.seq.get(), (0..self.head.seq.get()).filter(in_stream).count() as u64),
        };
        self.readers.push(Reader::new(selection, source_seq, seq, v1, &self.ring));
        self.deserted_since = None;
        self.tell_clients();
    }

    pub(super) fn leave(&mut self, reader: usize) {
        if self.readers[reader].ended.is_none() {
            self.readers[reader].end(Ended::Left);
        }
        self.count_clients();
    }

    /// Disconnects a reader from the server's side.
    pub(super) fn give_up(&mut self, reader: usize) {
        self.with(reader, |reader, sight| {
            if reader.ended.is_none() {
                reader.give_up(sight);
            }
        });
    }

    /// Runs one turn of a reader, in which its socket accepts so many bytes.
    pub(super) fn read(&mut self, reader: usize, room: usize) {
        self.with(reader, |reader, sight| {
            reader.turn(room, sight);
        });
    }

    fn with(&mut self, reader: usize, act: impl FnOnce(&mut Reader, Sight<'_>)) {
        let sight = Sight {
            fake_source: &self.fake_source,
            ring: &self.ring,
            head: &self.head,
            played: &self.played,
            now: self.now,
        };
        act(&mut self.readers[reader], sight);
        self.count_clients();
    }

    fn connected(&self) -> impl Iterator<Item = &Reader> {
        self.readers.iter().filter(|reader| reader.ended.is_none())
    }

    fn count_clients(&mut self) {
        if self.connected().next().is_none() && !self.readers.is_empty() {
            self.deserted_since.get_or_insert(self.now);
        }
        self.tell_clients();
    }

    fn tell_clients(&mut self) {
        let first = self.connected().map(|reader| StreamSeq(reader.start_source_seq)).min();
        let connected = self.connected().count();
        self.play.clients(connected, first, &mut self.ring, self.now);
        self.open();
    }

    /// Reads the source from where playback requests.
    fn open(&mut self) {
        if let Some(seq) = self.play.take_opening().map(StreamSeq::get) {
            self.blocks = Some(Blocks::from(&self.fake_source, seq));
            if self.play.playback().released() == 0 && self.ring.jumps() == 1 {
                self.played = vec![Stretch { first: seq, end: seq }];
            }
        }
    }

    /// Reads up to so many blocks of the source.
    pub(super) fn produce(&mut self, blocks: usize) {
        for _ in 0..blocks {
            if !self.play.wants_block() {
                return;
            }
            match self.blocks.as_mut().and_then(Blocks::next) {
                Some(block) => self.play.push_block(block),
                None => return self.play.source_ended(),
            }
        }
    }

    /// Returns the next message, if it is at hand.
    fn next(&self) -> Option<u64> {
        let playback = self.play.playback();
        (playback.blocks_ahead() > 0).then(|| playback.seq().get())
    }

    pub(super) fn command(&mut self, command: &Command) {
        let state = self.play.playback().state();
        let next = self.next();
        let seq = self.play.playback().seq();
        let goal = match command {
            Command::Seek(Position::Seq(goal)) => Some(*goal),
            // a loop begins at once
            Command::Loop(Some(LoopRange { from: Position::Seq(from), to: Position::Seq(to) })) => {
                Some(*from).filter(|_| !(*from..*to).contains(&seq))
            }
            _ => None,
        };
        let goal = goal.filter(|_| state != State::Waiting);
        match command {
            Command::Pause | Command::Step(_) if state == State::Playing => {
                self.plan.stand(&self.fake_source, next)
            }
            Command::Speed(speed) => self.plan.set_speed(millionths(*speed), &self.fake_source, next),
            _ if goal.is_some() => self.plan.jump(&self.fake_source, next),
            _ => {}
        }
        let released = self.play.playback().released();
        self.play.command(command, &mut self.ring, self.now);
        if let Some(seq) = goal {
            self.played.push(Stretch { first: seq.get(), end: seq.get() });
            self.digest = self.digest.take().filter(|_| released == 0);
        }
        self.may_go = false;
        self.open();
    }

    /// Checks whether clients let playback continue.
    pub(super) fn look(&mut self) {
        let released = self.play.playback().released();
        let play_offsets = PlayOffsets::of(self.connected().map(|reader| reader.play_offset), released);
        let play_offsets = PlayOffsets { deserted_since: self.deserted_since, ..play_offsets };
        self.may_go = self.play.held_until(&play_offsets, &self.ring, self.now).is_none();
        let at_max =
            self.play.playback().speed() == Speed::Max && self.play.playback().state() == State::Playing;
        if let (true, Some(fastest)) = (self.may_go && at_max, play_offsets.fastest) {
            let window = (self.options.buffer_bytes / (4 * BLOCK_BYTES)).clamp(2, WINDOW_BLOCKS);
            assert!(self.ring.blocks_after(fastest) < window, "playback at max does not run away");
        }
    }

    /// Lets the player act, if it may. Returns the instant of its next action, if it is known.
    pub(super) fn act(&mut self) -> Option<Duration> {
        if let Some(at) = self.play.loops_at() {
            if at <= self.now {
                self.go_back();
            }
            return Some(at.max(self.now));
        }
        if !std::mem::take(&mut self.may_go) {
            return None;
        }
        let state = self.play.playback().state();
        let next = self.next();
        if state == State::Playing && next.is_some() {
            self.plan.run();
        }
        match self.play.poll(self.now) {
            Step::Release { block, messages } => {
                let first = block.first_seq().get();
                for message in messages.clone() {
                    let seq = first + message as u64;
                    assert!(
                        self.play
                            .looped()
                            .is_none_or(|LoopBounds { from, to }| { (from..to).contains(&StreamSeq(seq)) }),
                        "message {seq} is outside of the loop"
                    );
                    assert_eq!(seq, self.played.last().unwrap().end, "messages are played in order");
                    self.played.last_mut().unwrap().end += 1;
                    if state == State::Paused {
                        self.plan.step(&self.fake_source, seq);
                    } else {
                        let late = self.plan.play(&self.fake_source, seq);
                        assert!(late.is_some(), "message {seq} is early");
                    }
                    if let Some(digest) = &mut self.digest {
                        digest.push(self.fake_source.message(seq).text.as_bytes());
                    }
                }
                self.last_release = Some(self.now);
                self.play.release(&block, &messages, &mut self.ring);
                self.play.hash(&block, messages);
                let (weight, bound) = (self.ring.weight(), self.options.buffer_bytes);
                assert!(weight <= bound || self.ring.blocks() == 1, "{weight} bytes are held of {bound}");
                return Some(self.now);
            }
            Step::WaitUntil(at) => {
                let due = self.plan.due(&self.fake_source, next.expect("it waits for a message"));
                let tick = self.last_release.map_or(Duration::ZERO, |last| last + TICK);
                assert!(at + ROUNDING >= due && at <= due.max(tick) + ROUNDING, "{at:?} {due:?} {tick:?}");
                return Some(at);
            }
            Step::WaitForBlock => assert_eq!(next, None, "there is a block"),
            Step::WaitForCommand => assert_ne!(state, State::Playing, "it plays"),
            Step::End => {
                assert_eq!(self.played.last().unwrap().end, self.fake_source.len(), "all was played")
            }
        }
        None
    }

    /// Jumps to the beginning of the loop, whose end was reached.
    fn go_back(&mut self) {
        let LoopBounds { from, to } = self.play.looped().expect("there is a loop");
        assert_eq!(self.play.playback().seq(), to);
        self.plan.jump(&self.fake_source, self.next());
        self.play.jump_back(&mut self.ring, self.now);
        self.played.push(Stretch { first: from.get(), end: from.get() });
        self.digest = None;
        self.may_go = false;
        self.open();
    }

    /// Publishes the progress to clients.
    pub(super) fn publish(&mut self) {
        self.head = self.play.head();
    }

    /// Runs until the end: no further action follows.
    pub(super) fn run_to_the_end(&mut self) {
        for _ in 0..TURNS_MAX {
            self.produce(usize::MAX);
            self.look();
            let until = self.act();
            self.publish();
            for reader in 0..self.readers.len() {
                self.read(reader, 100_000);
            }
            if self.play.playback().state() == State::Ended && self.connected().next().is_none() {
                return;
            }
            let until = until.unwrap_or(self.now + Duration::from_millis(1));
            self.advance(until.saturating_sub(self.now));
        }
        panic!("the playback does not end");
    }

    /// Runs until the end, and checks the result.
    pub(super) fn finish(mut self) {
        self.command(&Command::Loop(None));
        if self.play.playback().state() != State::Ended {
            self.command(&Command::Resume);
        }
        self.run_to_the_end();
        assert!(self.play.is_complete());
        assert_eq!(self.play.digest(), self.digest.as_ref().map(ContentHasher::finish));
    }
}

fn millionths(speed: Speed) -> Option<u64> {
    // exact: the speeds of the tests have few digits
    speed.factor().map(|factor| (factor * 1e6).round() as u64)
}
