//! The only module of the bridge that reads clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tradesim_schemas::Timestamp;

/// The time since the bridge was created, from the monotonic clock, and its relation to Unix time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    unix: Duration,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a bridge waits, gives up and measures by the machine's clock"
    )]
    pub(crate) fn start() -> Clock {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { started: Instant::now(), unix }
    }

    /// Returns the time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the microseconds since the start, modulo 2³²: an hour and eleven minutes.
    pub(crate) fn wrapped_us(&self) -> u32 {
        self.now().as_micros() as u32
    }

    /// Returns Unix time in microseconds. It advances with the monotonic clock, so that differences are exact.
    pub(crate) fn unix_us(&self) -> u64 {
        u64::try_from((self.unix + self.now()).as_micros()).unwrap_or(u64::MAX)
    }

    /// Returns the current time.
    pub(crate) fn timestamp(&self) -> Timestamp {
        i64::try_from(self.unix_us()).ok().and_then(Timestamp::from_micros).unwrap_or(Timestamp::MAX)
    }
}
