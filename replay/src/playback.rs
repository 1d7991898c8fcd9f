//! The schedule of messages: a value that receives events and the time, and returns the next step.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, ops::Range, sync::Arc, time::Duration};

use tradesim_schemas::{StreamSeq, Timestamp};

use crate::{
    block::{Block, LineFault},
    control::{IntervalStats, Lateness},
    lateness::{LateIntervals, Recorder},
    options::Options,
    pacer::Pacer,
    timeline::Timeline,
};
use tradesim_protocol::{Speed, State};

/// The least time between two releases. At high rates it collects messages, which costs 0.25 ms of lateness on
/// average and saves most of the wake-ups: each of those costs every client a system call.
pub(crate) const TICK: Duration = Duration::from_micros(500);

/// A player without a clock or a socket: blocks in, releases out.
///
/// Blocks arrive ahead of their time. [`Playback::poll`] returns which messages may be sent now, in order and never
/// before they are due, or until when nothing happens. All times are on one clock of the caller, which must not go
/// back.
#[derive(Debug)]
pub struct Playback {
    state: State,
    wait_clients: usize,
    start_paused: bool,
    pacer: Pacer,
    /// The start of the schedule, if not with the first block.
    begins: Option<(Duration, Duration)>,
    timeline: Timeline,
    blocks: VecDeque<Arc<Block>>,
    /// The next message in the first block.
    at: usize,
    /// Its position, once it was calculated.
    next: Option<Duration>,
    source_ended: bool,
    steps: u64,
    /// True if the last message was released by a step.
    stepped: bool,
    /// The recorded time that steps skipped, which takes no time to play.
    stepped_over: Duration,
    /// True if playback was paused when it reached its end.
    paused_at_end: bool,
    /// The position of the last message released.
    reached: Duration,
    seq: StreamSeq,
    released: u64,
    last_release: Option<Duration>,
    watch: PlayWatch,
    late: Recorder,
    late_intervals: LateIntervals,
    /// The message before which playback stops, because a loop ends there.
    stop_before: Option<StreamSeq>,
    /// The message at which playback stalls, or stalled last, and until when.
    stall: Option<(StreamSeq, Duration)>,
}

/// The request of [`Playback::poll`].
#[derive(Debug)]
pub enum Step {
    /// These messages may be sent now.
    Release {
        /// The block that holds them.
        block: Arc<Block>,
        /// The messages of the block.
        messages: Range<usize>,
    },
    /// Nothing happens before this instant.
    WaitUntil(Duration),
    /// The next block is missing.
    WaitForBlock,
    /// Nothing happens until a command or a client comes.
    WaitForCommand,
    /// All messages were played.
    End,
}

/// Measures the time of playback, without waiting and pauses.
#[derive(Clone, Copy, Debug, Default)]
struct PlayWatch {
    before: Duration,
    since: Option<Duration>,
}

impl PlayWatch {
    fn run(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    fn stand(&mut self, now: Duration) {
        if let Some(since) = self.since.take() {
            self.before += now.saturating_sub(since);
        }
    }

    fn elapsed(&self, now: Duration) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}

impl Playback {
    /// Returns a player that waits for its clients, and whose first message is that of `seq`.
    pub fn new(options: &Options, seq: StreamSeq) -> Playback {
        Playback {
            state: State::Waiting,
            wait_clients: options.wait_clients,
            start_paused: options.start_paused,
            pacer: Pacer::new(options.speed),
            begins: None,
            timeline: Timeline::new(options.start_at, options.max_gap),
            blocks: VecDeque::new(),
            at: 0,
            next: None,
            source_ended: false,
            steps: 0,
            stepped: false,
            stepped_over: Duration::ZERO,
            paused_at_end: false,
            reached: Duration::ZERO,
            seq,
            released: 0,
            last_release: None,
            watch: PlayWatch::default(),
            late: Recorder::new(),
            late_intervals: LateIntervals::default(),
            stop_before: None,
            stall: None,
        }
    }

    /// Sets the schedule to `position` at the instant `now`, however long the first block takes.
    pub(crate) fn begin_at(&mut self, position: Duration, now: Duration) {
        self.begins = Some((position, now));
    }

    /// Returns the state of the player.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Returns the requested speed.
    pub(crate) fn speed(&self) -> Speed {
        self.pacer.speed()
    }

    /// Returns the sequence number of the next message.
    pub(crate) fn seq(&self) -> StreamSeq {
        self.seq
    }

    /// Returns the number of messages released so far.
    pub(crate) fn released(&self) -> u64 {
        self.released
    }

    /// Returns the recorded time of the next message, if it is known.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        Some(self.blocks.front()?.entries()[self.at].meta.at)
    }

    /// Returns the time of playback, without waiting and pauses.
    pub(crate) fn elapsed(&self, now: Duration) -> Duration {
        self.watch.elapsed(now)
    }

    /// Returns the recorded time that was played: including time without messages, up to the next message as far as
    /// it is known, and without what steps skipped.
    pub(crate) fn played(&self, now: Duration) -> Duration {
        let position = match self.pacer.position(now) {
            Some(scheduled) => self.next.map_or(scheduled, |next| scheduled.min(next)).max(self.reached),
            None => self.reached,
        };
        position.saturating_sub(self.stepped_over)
    }

    /// Returns true while steps are carried out: messages must be released or, after the last of them, the next one
    /// must become known.
    pub(crate) fn is_stepping(&self) -> bool {
        self.state == State::Paused && (self.steps > 0 || self.stepped && self.blocks.is_empty())
    }

    /// Returns the lateness of the releases.
    pub(crate) fn lateness(&self) -> Option<Lateness> {
        self.late.summary()
    }

    /// Returns the intervals in which releases were late.
    pub(crate) fn late_intervals(&self) -> IntervalStats {
        self.late_intervals.so_far()
    }

    /// Returns the idle intervals that were shortened.
    pub(crate) fn shortened(&self) -> IntervalStats {
        self.timeline.shortened()
    }

    /// Returns the number of blocks that are not completely played.
    pub(crate) fn blocks_ahead(&self) -> usize {
        self.blocks.len()
    }

    /// Returns the block that the next release begins, if it begins one.
    pub(crate) fn next_block(&self) -> Option<&Arc<Block>> {
        self.blocks.front().filter(|_| self.at == 0)
    }

    /// Adds the block that follows the last one.
    pub fn push_block(&mut self, block: Arc<Block>) {
        debug_assert_eq!(block.first_seq(), self.blocks.back().map_or(self.seq, |last| last.end_seq()));
        self.blocks.push_back(block);
    }

    /// Records that no block follows.
    pub fn source_ended(&mut self) {
        self.source_ended = true;
    }

    /// Records the number of clients.
    pub fn clients(&mut self, connected: usize, now: Duration) {
        if self.state == State::Waiting && connected >= self.wait_clients {
            if self.start_paused {
                self.begins = None;
                self.state = State::Paused;
            } else {
                self.run(now);
            }
        }
    }

    /// Starts the clock, also if clients are missing.
    pub(crate) fn resume(&mut self, now: Duration) {
        if matches!(self.state, State::Waiting | State::Paused) {
            self.steps = 0;
            self.stepped = false;
            self.run(now);
        }
    }

    /// Stops the clock.
    pub(crate) fn pause(&mut self, now: Duration) {
        // from here on time is what is played
        self.begins = None;
        match self.state {
            State::Playing => {
                self.reached = self.position(now);
                self.stand(State::Paused, now);
            }
            // clients that connect find it paused
            State::Waiting => self.start_paused = true,
            State::Paused => self.steps = 0,
            State::Ended => {}
        }
    }

    /// Stops the clock, and releases this many messages at once.
    pub(crate) fn step(&mut self, messages: u64, now: Duration) {
        self.pause(now);
        if self.state == State::Waiting {
            self.state = State::Paused;
        }
        if self.state == State::Paused {
            self.steps = self.steps.saturating_add(messages);
        }
    }

    /// Changes the speed from here on.
    pub(crate) fn set_speed(&mut self, speed: Speed, now: Duration) {
        let position = self.position(now);
        self.pacer.set_speed(speed, position, now);
        self.reached = self.reached.max(position);
    }

    /// Jumps to the message of `seq`, which is due at once. Its block must follow.
    pub(crate) fn seek(&mut self, seq: StreamSeq, now: Duration) {
        let position = self.position(now);
        self.blocks.clear();
        self.at = 0;
        self.next = None;
        self.steps = 0;
        self.stepped = false;
        self.source_ended = false;
        self.seq = seq;
        self.stall = None;
        self.reached = self.reached.max(position);
        self.timeline.jump_to(self.reached);
        self.pacer.stop();
        if self.state == State::Ended {
            match self.paused_at_end {
                true => self.state = State::Paused,
                false => self.run(now),
            }
        }
    }

    /// Sets the message before which playback stops; `None` for none. The caller jumps when it has stopped there.
    pub(crate) fn stop_before(&mut self, seq: Option<StreamSeq>) {
        self.stop_before = seq;
    }

    /// Jumps as [`Playback::seek`] does, and keeps the steps that are left.
    pub(crate) fn jump_back(&mut self, seq: StreamSeq, now: Duration) {
        let steps = self.steps;
        self.seek(seq, now);
        self.steps = steps;
    }

    /// Starts again at `seq`, before anything was played.
    pub(crate) fn restart(&mut self, seq: StreamSeq) {
        debug_assert_eq!(self.released, 0);
        self.blocks.clear();
        self.at = 0;
        self.next = None;
        self.source_ended = false;
        self.seq = seq;
    }

    /// Returns the next step. Call it again after a release, and after every input.
    pub fn poll(&mut self, now: Duration) -> Step {
        match self.state {
            State::Waiting | State::Ended => return Step::WaitForCommand,
            State::Paused if self.steps == 0 => return self.end_of_steps(),
            State::Paused | State::Playing => {}
        }
        if self.stop_before == Some(self.seq) {
            return Step::WaitForCommand;
        }
        let Some(block) = self.blocks.front() else {
            if !self.source_ended {
                return Step::WaitForBlock;
            }
            self.paused_at_end = self.state == State::Paused;
            self.stand(State::Ended, now);
            return Step::End;
        };
        let block = Arc::clone(block);
        if self.state == State::Paused {
            self.release_steps(block)
        } else if self.pacer.speed() == Speed::Max {
            self.pacer.start(self.reached, now);
            self.release_all(block, now)
        } else {
            if !self.pacer.runs() {
                // time begins with the first block, so that opening the source makes nothing late
                let (position, at) = self.begins.take().unwrap_or((self.reached, now));
                self.pacer.start(position, at);
            }
            self.release_due(block, now)
        }
    }

    /// Handles the end after steps: stepping over the last message ends the playback. A jump to the end does not: a
    /// paused playback stays paused.
    fn end_of_steps(&mut self) -> Step {
        if self.blocks.is_empty() && self.source_ended && self.stepped {
            self.paused_at_end = true;
            self.state = State::Ended;
            return Step::End;
        }
        Step::WaitForCommand
    }

    fn release_due(&mut self, block: Arc<Block>, now: Duration) -> Step {
        let first = self.at;
        let mut at = first;
        let end = self.stretch_end(&block);
        while at < end {
            let position = self.next_position(&block, at);
            let due = self.pacer.due(position).expect("the schedule runs");
            let tick = self.last_release.map_or(Duration::ZERO, |last| last + TICK);
            if at == first && due.max(tick) > now {
                return Step::WaitUntil(due.max(tick));
            }
            if due > now {
                break;
            }
            // only the first message of a release can stall it: the release before ended there
            if at == first
                && let Some(until) = self.stalled_until(&block, now)
            {
                return Step::WaitUntil(until);
            }
            block.set_due(at, due);
            let late = now - due;
            self.late.record(late, 1);
            self.late_intervals.record(late, now);
            self.pass(position);
            at += 1;
        }
        if at == block.messages() {
            // the next block may be due at once
            self.last_release = None;
        } else {
            self.last_release = Some(now);
        }
        self.release(block, first..at)
    }

    fn release_all(&mut self, block: Arc<Block>, now: Duration) -> Step {
        if let Some(until) = self.stalled_until(&block, now) {
            return Step::WaitUntil(until);
        }
        let messages = self.at..self.stretch_end(&block);
        for at in messages.clone() {
            let position = self.next_position(&block, at);
            self.pass(position);
        }
        self.last_release = Some(now);
        self.release(block, messages)
    }

    /// Returns where a release must end at the latest: at the end of the block, or before a message at which playback
    /// stops or stalls.
    #[inline]
    fn stretch_end(&self, block: &Block) -> usize {
        self.bounded(if block.is_regular() { block.messages() } else { self.next_stall(block) })
    }

    /// Limits the end of a release to the message before which playback stops.
    #[inline]
    fn bounded(&self, end: usize) -> usize {
        match self.stop_before {
            Some(stop) if stop > self.seq => {
                let messages = usize::try_from(stop - self.seq).unwrap_or(usize::MAX);
                end.min(self.at.saturating_add(messages))
            }
            _ => end,
        }
    }

    #[cold]
    fn next_stall(&self, block: &Block) -> usize {
        let mut from = self.at + 1;
        while let Some((at, fault)) = block.next_fault(from) {
            if matches!(fault, LineFault::Stall(_)) {
                return at;
            }
            from = at + 1;
        }
        block.messages()
    }

    /// Returns until when playback stalls before the next message, which is due.
    #[inline]
    fn stalled_until(&mut self, block: &Block, now: Duration) -> Option<Duration> {
        if block.is_regular() { None } else { self.stall(block, now) }
    }

    #[cold]
    fn stall(&mut self, block: &Block, now: Duration) -> Option<Duration> {
        let Some(LineFault::Stall(lasts)) = block.fault_at(self.at) else { return None };
        let until = match self.stall {
            Some((seq, until)) if seq == self.seq => until,
            _ => now + lasts,
        };
        self.stall = Some((self.seq, until));
        (until > now).then_some(until)
    }

    fn release_steps(&mut self, block: Arc<Block>) -> Step {
        let first = self.at;
        let left = self.bounded(block.messages()) - first;
        let count = usize::try_from(self.steps).map_or(left, |steps| steps.min(left));
        let before = self.reached;
        for at in first..first + count {
            let position = self.next_position(&block, at);
            self.pass(position);
        }
        self.stepped_over += self.reached - before;
        self.stepped = true;
        self.steps -= count as u64;
        self.release(block, first..first + count)
    }

    /// Returns the position of the next message.
    fn next_position(&mut self, block: &Block, at: usize) -> Duration {
        *self.next.get_or_insert_with(|| {
            let entry = &block.entries()[at];
            self.timeline.advance(entry.meta.at, entry.starts_segment)
        })
    }

    fn pass(&mut self, position: Duration) {
        self.reached = self.reached.max(position);
        self.next = None;
    }

    fn release(&mut self, block: Arc<Block>, messages: Range<usize>) -> Step {
        self.at = messages.end;
        self.seq += messages.len() as u64;
        self.released += messages.len() as u64;
        if self.at == block.messages() {
            self.blocks.pop_front();
            self.at = 0;
        }
        Step::Release { block, messages }
    }

    /// Returns the position at which a change takes effect: that of the schedule, but not past a message that is
    /// still due, so that a player that cannot keep up with its schedule does not continue that schedule at another
    /// speed.
    fn position(&mut self, now: Duration) -> Duration {
        let Some(scheduled) = self.pacer.position(now) else { return self.reached };
        let next = self.blocks.front().cloned().map(|block| self.next_position(&block, self.at));
        next.map_or(scheduled, |next| scheduled.min(next)).max(self.reached)
    }

    fn run(&mut self, now: Duration) {
        self.state = State::Playing;
        self.watch.run(now);
    }

    fn stand(&mut self, state: State, now: Duration) {
        self.state = state;
        self.watch.stand(now);
        self.pacer.stop();
        self.last_release = None;
    }
}
