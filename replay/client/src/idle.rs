//! The idle timeout of a connection.

use std::time::Duration;

/// The idle time after which a ping is sent, and the idle time after which the connection counts as lost.
const PING_AFTER: Duration = Duration::from_secs(30);
const LOST_AFTER: Duration = Duration::from_secs(45);

/// The reaction to the idle time of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    Fine,
    /// Send a ping, which a server that is alive answers.
    Ping,
    /// The connection counts as lost after this time.
    Lost(Duration),
}

/// Measures the time since the server last sent anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdleTimeout {
    since: Duration,
    /// True if a ping was sent to the server.
    pinged: bool,
}

impl IdleTimeout {
    /// Starts the measurement of a new connection.
    pub(crate) const fn new(now: Duration) -> IdleTimeout {
        IdleTimeout { since: now, pinged: false }
    }

    /// Returns what to do. `has_activity` is true if anything arrived since the last call.
    pub(crate) fn check(&mut self, now: Duration, has_activity: bool) -> Idle {
        if has_activity {
            *self = IdleTimeout::new(now);
        }
        let idle = now.saturating_sub(self.since);
        if idle >= LOST_AFTER {
            return Idle::Lost(LOST_AFTER);
        }
        if self.pinged || idle < PING_AFTER {
            return Idle::Fine;
        }
        self.pinged = true;
        Idle::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_connection_is_pinged_once_and_lost_without_an_answer() {
        let seconds = Duration::from_secs;
        let mut idle = IdleTimeout::new(seconds(100));
        assert_eq!(idle.check(seconds(129), false), Idle::Fine);
        assert_eq!(idle.check(seconds(130), false), Idle::Ping);
        assert_eq!(idle.check(seconds(144), false), Idle::Fine);
        let mut answered = idle;
        assert_eq!(idle.check(seconds(145), false), Idle::Lost(seconds(45)));
        assert_eq!(answered.check(seconds(145), true), Idle::Fine);
        assert_eq!(answered.check(seconds(175), false), Idle::Ping);
    }
}
