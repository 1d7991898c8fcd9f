//! The delays between retries.

use std::time::Duration;

/// The share by which a delay is made longer or shorter, so that clients that were disconnected together do not
/// reconnect together.
const JITTER: f64 = 0.1;

/// Delays that double with each attempt, up to a limit.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    tries: u32,
}

impl Backoff {
    /// Returns delays that begin with `base` and do not exceed `max`, except for the jitter.
    pub const fn new(base: Duration, max: Duration) -> Backoff {
        Backoff { base, max, tries: 0 }
    }

    /// Returns the delay before the next attempt. `random` is 0 to 1; it changes the delay by up to 10 %.
    pub fn pause(&mut self, random: f64) -> Duration {
        // beyond this many doublings every delay is at its limit
        let doublings = self.tries.min(20);
        self.tries = self.tries.saturating_add(1);
        let pause = self.base.saturating_mul(1 << doublings).min(self.max);
        pause.mul_f64(1.0 - JITTER + 2.0 * JITTER * random.clamp(0.0, 1.0))
    }

    /// Like [`Backoff::pause`], but returns `None` after this many attempts.
    pub fn pause_within(&mut self, tries_max: u32, random: f64) -> Option<Duration> {
        (self.tries < tries_max).then(|| self.pause(random))
    }

    /// Returns the number of attempts since the last success.
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// Returns the longest delay.
    pub const fn max(&self) -> Duration {
        self.max
    }

    /// Records a success: the next delay is the first one again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_bound() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let pauses: Vec<u64> = (0..9).map(|_| backoff.pause(0.5).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!((backoff.tries(), backoff.pause_within(9, 0.5)), (9, None));
        assert_eq!(backoff.pause_within(10, 0.5), Some(Duration::from_secs(60)));
        backoff.reset();
        assert_eq!(backoff.pause(0.5), Duration::from_secs(1));
    }

    #[test]
    fn jitter_is_a_tenth_to_either_side() {
        let pause = |random| Backoff::new(Duration::from_secs(10), Duration::from_secs(60)).pause(random);
        assert_eq!((pause(0.0), pause(1.0)), (Duration::from_secs(9), Duration::from_secs(11)));
        assert_eq!((pause(-5.0), pause(f64::INFINITY)), (pause(0.0), pause(1.0)));
    }

    #[test]
    fn any_number_of_tries_is_fine() {
        let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(3_600));
        for _ in 0..100 {
            backoff.pause(1.0);
        }
        assert_eq!(backoff.pause(0.5), Duration::from_secs(3_600));
    }
}
