//! Pings that find out whether a client is alive.

use std::time::Duration;

/// The interval of the pings.
const PING_EVERY: Duration = Duration::from_secs(15);

/// The time without an answer after which a client counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(30);

/// The signs of life of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Liveness {
    /// The time at which something was last received from the client.
    received: Duration,
    pinged: Duration,
}

impl Liveness {
    pub(super) fn new(now: Duration) -> Liveness {
        Liveness { received: now, pinged: now }
    }

    /// Records that something was received.
    pub(super) fn received(&mut self, now: Duration) {
        self.received = now;
    }

    /// Records that a ping was sent.
    pub(super) fn pinged(&mut self, now: Duration) {
        self.pinged = now;
    }

    /// Returns true if a ping is due: only after the last one was answered, so that the round-trip time is known.
    pub(super) fn is_ping_due(&self, now: Duration) -> bool {
        self.received >= self.pinged && now >= self.pinged + PING_EVERY
    }

    /// Returns true if the last ping was not answered in time.
    pub(super) fn is_dead(&self, now: Duration) -> bool {
        self.pinged > self.received && now >= self.pinged + DEAD_AFTER
    }

    /// Returns the time at which one of the two becomes true.
    pub(super) fn deadline(&self) -> Duration {
        self.pinged + if self.received >= self.pinged { PING_EVERY } else { DEAD_AFTER }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A driver that sleeps until the deadline and finds nothing to do would not sleep again.
        #[test]
        fn something_is_due_at_the_deadline_and_nothing_before_it(received in 0u64..100, pinged in 0u64..100) {
            let mut liveness = Liveness::new(Duration::ZERO);
            liveness.received(Duration::from_secs(received));
            liveness.pinged(Duration::from_secs(pinged));
            let is_due = |now| liveness.is_ping_due(now) || liveness.is_dead(now);
            let deadline = liveness.deadline();
            prop_assert!(is_due(deadline));
            prop_assert!(!is_due(deadline - Duration::from_nanos(1)));
        }
    }
}
