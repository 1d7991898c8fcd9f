//! The attempts to continue a stream that a server can resume.

use std::time::Duration;

use tradesim_protocol::Backoff;

/// The delays between attempts.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
/// The delay if the last connection delivered messages: just enough not to flood a server with requests.
const DELAY_AFTER_PROGRESS: Duration = Duration::from_millis(20);

/// Counts the attempts since the last message.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    backoff: Backoff,
    retries: u32,
}

impl Attempts {
    /// Allows so many consecutive attempts without a message.
    pub const fn new(retries: u32) -> Attempts {
        Attempts { backoff: BACKOFF, retries }
    }

    /// Counts an attempt. `progressed` is true if the last connection delivered messages; `random` is from 0 to 1. Returns the
    /// delay before the attempt, or `None` if no attempts are left.
    pub fn next(&mut self, progressed: bool, random: f64) -> Option<Duration> {
        if progressed {
            self.backoff.reset();
        }
        let delay = self.backoff.pause_within(self.retries, random)?;
        Some(if progressed { DELAY_AFTER_PROGRESS } else { delay })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_used_up_unless_messages_arrive() {
        let mut attempts = Attempts::new(3);
        let delays: Vec<_> = std::iter::from_fn(|| attempts.next(false, 0.5)).collect();
        assert_eq!(delays.iter().map(Duration::as_millis).collect::<Vec<_>>(), [200, 400, 800]);
        let mut attempts = Attempts::new(3);
        for _ in 1..100 {
            assert_eq!(attempts.next(true, 0.5), Some(DELAY_AFTER_PROGRESS));
        }
        // connections that are lost at once are not re-established forever
        assert_eq!(std::iter::from_fn(|| attempts.next(false, 0.5)).count(), 2);
        assert_eq!(Attempts::new(0).next(true, 0.5), None);
    }

    #[test]
    fn delays_stay_within_their_bound() {
        let mut attempts = Attempts::new(1_000);
        let longest = std::iter::from_fn(|| attempts.next(false, 1.0)).max();
        assert_eq!(longest, Some(BACKOFF.max().mul_f64(1.1)));
    }
}
