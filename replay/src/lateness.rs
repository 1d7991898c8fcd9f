//! The lateness of messages: the time from when they were due until they were sent.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::control::{IntervalStats, Lateness};

/// The greatest lateness that is distinguished; greater ones count as this.
const LONGEST_US: u64 = 24 * 3_600 * 1_000_000;

/// The number of significant digits: within 1 % of the value, in about 30 KiB however many messages there are.
const DIGITS: u8 = 2;

/// The lateness of a message that begins a late interval.
const LATE: Duration = Duration::from_millis(10);

/// The lateness of many messages.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    microseconds: Histogram<u64>,
}

impl Recorder {
    pub(crate) fn new() -> Recorder {
        let microseconds = Histogram::new_with_bounds(1, LONGEST_US, DIGITS).expect("the bounds are valid");
        Recorder { microseconds }
    }

    /// Adds messages that left this late.
    pub(crate) fn record(&mut self, late: Duration, messages: u64) {
        let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.saturating_record_n(micros, messages);
    }

    pub(crate) fn add(&mut self, other: &Recorder) {
        self.microseconds.add(&other.microseconds).expect("all have the same bounds");
    }

    /// Returns the statistics, unless nothing was recorded.
    pub(crate) fn summary(&self) -> Option<Lateness> {
        if self.microseconds.is_empty() {
            return None;
        }
        let ms = |micros: u64| micros as f64 / 1e3;
        let at = |quantile| ms(self.microseconds.value_at_quantile(quantile));
        Some(Lateness { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: ms(self.microseconds.max()) })
    }
}

/// The intervals in which messages left late: from the first late message until one leaves in time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LateIntervals {
    ended: IntervalStats,
    since: Option<Duration>,
    until: Duration,
}

impl LateIntervals {
    /// Records a message that left at `now` and was due earlier by `late`.
    pub(crate) fn record(&mut self, late: Duration, now: Duration) {
        if late > LATE {
            self.since.get_or_insert(now.saturating_sub(late));
            self.until = now;
        } else if let Some(since) = self.since.take() {
            add_interval(&mut self.ended, self.until - since);
        }
    }

    /// Returns all intervals, including one that has not ended.
    pub(crate) fn so_far(&self) -> IntervalStats {
        let mut all = self.ended;
        if let Some(since) = self.since {
            add_interval(&mut all, self.until - since);
        }
        all
    }
}

/// Adds one interval to the statistics.
pub(crate) fn add_interval(stretches: &mut IntervalStats, length: Duration) {
    let seconds = length.as_secs_f64();
    stretches.count += 1;
    stretches.seconds += seconds;
    stretches.longest_seconds = stretches.longest_seconds.max(seconds);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn figures_are_within_a_hundredth() {
        let mut recorder = Recorder::new();
        assert_eq!(recorder.summary(), None);
        recorder.record(MS, 989);
        recorder.record(7 * MS, 10);
        recorder.record(90 * MS, 1);
        let late = recorder.summary().unwrap();
        for (found, expected) in [(late.p50, 1.0), (late.p99, 7.0), (late.p999, 7.0), (late.max, 90.0)] {
            assert!((found / expected - 1.0).abs() <= 0.01, "{found} {expected}");
        }
        let mut both = Recorder::new();
        both.record(Duration::MAX, 1);
        both.add(&recorder);
        assert!(both.summary().unwrap().max >= LONGEST_US as f64 / 1e3);
    }

    #[test]
    fn a_late_stretch_lasts_until_a_message_is_in_time() {
        let mut stretches = LateIntervals::default();
        stretches.record(2 * MS, 10 * MS);
        stretches.record(20 * MS, 50 * MS);
        stretches.record(11 * MS, 70 * MS);
        assert_eq!(stretches.so_far().count, 1);
        stretches.record(MS, 80 * MS);
        stretches.record(30 * MS, 200 * MS);
        stretches.record(MS, 300 * MS);
        let so_far = stretches.so_far();
        assert_eq!((so_far.count, so_far.seconds, so_far.longest_seconds), (2, 0.07, 0.04));
    }
}
