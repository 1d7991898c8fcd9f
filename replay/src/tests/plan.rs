//! The schedule calculated a second time, as the distance that playback has covered: in exact fractions, step by
//! step, while the pacer calculates from anchors and rounds.

use std::time::Duration;

use super::fake_source::FakeSource;

/// Recorded time in units of a millionth of a nanosecond: a nanosecond at one millionth of real time.
type Units = u128;

const UNITS_PER_US: Units = 1_000 * 1_000_000;

/// The progress of playback, and the next message.
#[derive(Debug)]
pub(super) struct Plan {
    max_gap_us: Option<u64>,
    /// In millionths of real time; `None` at max.
    speed: Option<u64>,
    now: Duration,
    runs: bool,
    covered: Units,
    /// The position that playback does not go back past.
    reached: Units,
    /// The message before the next one, if the time between them is played.
    last: Option<u64>,
    last_position: Units,
}

impl Plan {
    pub(super) fn new(speed: Option<u64>, max_gap: Option<Duration>) -> Plan {
        Plan {
            max_gap_us: max_gap.map(|gap| gap.as_micros() as u64),
            speed,
            now: Duration::ZERO,
            runs: false,
            covered: 0,
            reached: 0,
            last: None,
            last_position: 0,
        }
    }

    pub(super) fn advance_to(&mut self, now: Duration) {
        if let (true, Some(speed)) = (self.runs, self.speed) {
            self.covered += (now - self.now).as_nanos() * Units::from(speed);
        }
        self.now = now;
    }

    /// Starts the clock, if it was stopped.
    pub(super) fn run(&mut self) {
        self.runs = true;
    }

    /// Stops the clock. If the next message is at hand, time covered after it does not count: playback was late
    /// there.
    pub(super) fn stand(&mut self, fake_source: &FakeSource, next: Option<u64>) {
        self.settle(fake_source, next);
        self.runs = false;
    }

    pub(super) fn set_speed(&mut self, speed: Option<u64>, fake_source: &FakeSource, next: Option<u64>) {
        self.settle(fake_source, next);
        self.speed = speed;
    }

    /// Changes the next message, which is due at once.
    pub(super) fn jump(&mut self, fake_source: &FakeSource, next: Option<u64>) {
        self.stand(fake_source, next);
        self.last = None;
        self.last_position = self.covered;
    }

    fn settle(&mut self, fake_source: &FakeSource, next: Option<u64>) {
        if let (true, Some(next)) = (self.runs && self.speed.is_some(), next) {
            self.covered = self.covered.min(self.position(fake_source, next));
        }
        self.covered = self.covered.max(self.reached);
        self.reached = self.covered;
    }

    fn position(&self, fake_source: &FakeSource, seq: u64) -> Units {
        let gap_us = self.last.map_or(0, |_| fake_source.gap_us(seq));
        self.last_position + Units::from(self.max_gap_us.map_or(gap_us, |max| gap_us.min(max))) * UNITS_PER_US
    }

    /// Plays a message now, on schedule. Returns by how much it is late; `None` if it is early.
    pub(super) fn play(&mut self, fake_source: &FakeSource, seq: u64) -> Option<Duration> {
        let position = self.position(fake_source, seq);
        let late = match self.speed {
            Some(speed) => self.covered.checked_sub(position)? / Units::from(speed),
            None => 0,
        };
        self.pass(seq, position);
        Some(Duration::from_nanos(late as u64))
    }

    /// Plays a message out of turn.
    pub(super) fn step(&mut self, fake_source: &FakeSource, seq: u64) {
        self.pass(seq, self.position(fake_source, seq));
    }

    fn pass(&mut self, seq: u64, position: Units) {
        (self.last, self.last_position) = (Some(seq), position);
        self.reached = self.reached.max(position);
        self.covered = self.covered.max(position);
    }

    /// Returns when a message that is not due yet will be due.
    pub(super) fn due(&self, fake_source: &FakeSource, seq: u64) -> Duration {
        let speed = Units::from(self.speed.expect("there is a schedule"));
        let left = self.position(fake_source, seq).saturating_sub(self.covered);
        self.now + Duration::from_nanos(left.div_ceil(speed) as u64)
    }
}
