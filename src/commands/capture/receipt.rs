//! Receive times.

use std::time::Duration;

use tradesim_schemas::Timestamp;

use crate::progress::{self, Stopwatch};

/// The clock of receive times: the wall clock at the start plus monotonic time. Setting the wall clock during a capture does not
/// change the time between two messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReceiveClock {
    start: Timestamp,
    since: Stopwatch,
}

impl ReceiveClock {
    pub(super) fn start() -> ReceiveClock {
        ReceiveClock { start: progress::now(), since: Stopwatch::start() }
    }

    /// Returns the instant at which the clock was started.
    pub(super) fn started(&self) -> Timestamp {
        self.start
    }

    /// Returns the current instant.
    pub(super) fn now(&self) -> Timestamp {
        after(self.start, self.since.elapsed())
    }
}

/// Returns an instant plus a duration, at most the last representable instant.
fn after(start: Timestamp, elapsed: Duration) -> Timestamp {
    let micros = i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(start.micros().saturating_add(micros)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receive_times_are_the_start_plus_the_elapsed_time() {
        let start = Timestamp::parse(b"2026-11-29T10:00:00.5Z").unwrap();
        for (elapsed, expected) in [
            (Duration::ZERO, "2026-11-29T10:00:00.500000Z"),
            (Duration::from_nanos(1_999), "2026-11-29T10:00:00.500001Z"),
            (Duration::from_secs(86_400), "2026-11-30T10:00:00.500000Z"),
            (Duration::MAX, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(after(start, elapsed).to_string(), expected);
        }
    }

    #[test]
    fn setting_the_wall_clock_back_does_not_set_receive_times_back() {
        // by the wall clock, this capture starts in the future
        let ahead = Timestamp::from_micros(progress::now().micros() + 3_600_000_000).unwrap();
        let clock = ReceiveClock { start: ahead, since: Stopwatch::start() };
        assert_eq!(clock.started(), ahead);
        let times: Vec<Timestamp> = (0..3)
            .map(|_| {
                let before = clock.now();
                while clock.now() == before {
                    std::hint::spin_loop();
                }
                clock.now()
            })
            .collect();
        assert!(times[0] > ahead && times[0] < times[1] && times[1] < times[2], "{times:?}");
    }
}
