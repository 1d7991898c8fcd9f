//! The only place that reads clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time since the server was made, from the monotonic clock, and what Unix time that is.
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

    /// Time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The instant on tokio's clock.
    pub(crate) fn instant(&self, at: Duration) -> tokio::time::Instant {
        (self.started + at).into()
    }

    /// Unix time in microseconds. It runs with the monotonic clock, so that differences are true.
    pub(crate) fn unix_us(&self, at: Duration) -> u64 {
        u64::try_from((self.unix + at).as_micros()).unwrap_or(u64::MAX)
    }
}
