//! The only place of the bridge that reads clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tradesim_schemas::Timestamp;

/// Time since the bridge was made, from the monotonic clock, and what Unix time that is.
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

    /// Time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Microseconds since the start, modulo 2³²: an hour and eleven minutes.
    pub(crate) fn wrapped_us(&self) -> u32 {
        self.now().as_micros() as u32
    }

    /// Unix time in microseconds. It runs with the monotonic clock, so that differences are true.
    pub(crate) fn unix_us(&self) -> u64 {
        u64::try_from((self.unix + self.now()).as_micros()).unwrap_or(u64::MAX)
    }

    /// The instant.
    pub(crate) fn timestamp(&self) -> Timestamp {
        i64::try_from(self.unix_us()).ok().and_then(Timestamp::from_micros).unwrap_or(Timestamp::MAX)
    }
}
