//! The clock of the server.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The time since the server was created, from the monotonic clock, and its relation to Unix time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    unix: Duration,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a server paces by the machine's clock; what it sends holds none of it"
    )]
    pub(crate) fn start() -> Clock {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { started: Instant::now(), unix }
    }

    /// Returns the time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the instant on tokio's clock.
    pub(crate) fn instant(&self, at: Duration) -> tokio::time::Instant {
        (self.started + at).into()
    }

    /// Returns Unix time in microseconds. It advances with the monotonic clock, so that differences are exact.
    pub(crate) fn unix_us(&self, at: Duration) -> u64 {
        u64::try_from((self.unix + at).as_micros()).unwrap_or(u64::MAX)
    }
}
