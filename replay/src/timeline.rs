//! Maps recorded instants to positions of playback.

use std::time::Duration;

use tradesim_schemas::Timestamp;

use crate::{control::IntervalStats, lateness::add_interval};

/// Maps recorded instants, in order, to positions of playback: recorded time since the beginning, without time that
/// is not played. The time between files and loops is not played, and idle intervals are shortened on request.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    max_gap: Option<Duration>,
    last: Option<Timestamp>,
    position: Duration,
    shortened: IntervalStats,
}

impl Timeline {
    /// Returns a timeline at position 0, which is the instant `start_at` or, without it, that of the first message.
    pub(crate) fn new(start_at: Option<Timestamp>, max_gap: Option<Duration>) -> Timeline {
        Timeline { max_gap, last: start_at, position: Duration::ZERO, shortened: IntervalStats::default() }
    }

    /// Returns the position of the next message.
    pub(crate) fn advance(&mut self, at: Timestamp, starts_segment: bool) -> Duration {
        let last = self.last.replace(at);
        let gap = match last {
            Some(last) if !starts_segment => at.micros().saturating_sub(last.micros()).max(0).unsigned_abs(),
            _ => 0,
        };
        let gap = Duration::from_micros(gap);
        let played = self.max_gap.map_or(gap, |max| gap.min(max));
        if played < gap {
            add_interval(&mut self.shortened, gap - played);
        }
        self.position += played;
        self.position
    }

    /// Sets the position of the next message, whatever its recorded time.
    pub(crate) fn jump_to(&mut self, position: Duration) {
        self.last = None;
        self.position = position;
    }

    /// Returns the recorded time that was not played because of the longest gap allowed.
    pub(crate) fn shortened(&self) -> IntervalStats {
        self.shortened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(at: i64) -> Timestamp {
        Timestamp::from_micros(at * 1_000_000).unwrap()
    }

    fn positions(timeline: &mut Timeline, instants: &[i64]) -> Vec<u64> {
        instants.iter().map(|&at| timeline.advance(second(at), false).as_secs()).collect()
    }

    #[test]
    fn the_first_message_is_at_the_beginning() {
        assert_eq!(positions(&mut Timeline::new(None, None), &[100, 100, 103, 110]), [0, 0, 3, 10]);
    }

    #[test]
    fn a_start_lets_time_pass_before_the_first_message() {
        assert_eq!(positions(&mut Timeline::new(Some(second(90)), None), &[100, 103]), [10, 13]);
    }

    #[test]
    fn long_gaps_are_shortened_and_counted() {
        let mut timeline = Timeline::new(None, Some(Duration::from_secs(2)));
        assert_eq!(positions(&mut timeline, &[0, 2, 5, 6, 16]), [0, 2, 4, 5, 7]);
        let shortened = timeline.shortened();
        assert_eq!((shortened.count, shortened.seconds, shortened.longest_seconds), (2, 9.0, 8.0));
    }

    #[test]
    fn a_further_file_and_a_jump_follow_at_once() {
        let mut timeline = Timeline::new(None, None);
        assert_eq!(positions(&mut timeline, &[0, 5]), [0, 5]);
        assert_eq!(timeline.advance(second(1_000), true).as_secs(), 5);
        assert_eq!(timeline.advance(second(1_001), false).as_secs(), 6);
        assert_eq!(timeline.advance(second(3), true).as_secs(), 6);
        timeline.jump_to(Duration::from_secs(4));
        assert_eq!(timeline.advance(second(500), false).as_secs(), 4);
        assert_eq!(timeline.shortened(), IntervalStats::default());
    }
}
