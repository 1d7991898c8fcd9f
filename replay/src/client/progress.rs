//! The progress of a client that is sent messages.
//!
//! Bytes accepted by a socket are a poor measure: buffers of the kernel take half a megabyte at once and then
//! nothing, while the client reads all of it. So a client also makes progress when its kernel acknowledges bytes, and
//! when it answers a ping that was written among the messages, as a client library does that has read up to there.

use std::time::Duration;

use tradesim_protocol::PingPayload;

/// The time without a successful write after which a client counts as slow.
const SLOW_AFTER: Duration = Duration::from_millis(250);

/// The time for which it counts as slow from then on.
const SLOW_FOR: Duration = Duration::from_secs(10);

/// The least time between two pings that ask a slow client how far it has read.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// The progress of a client.
#[derive(Debug)]
pub(super) struct Progress {
    written: u64,
    /// The greatest number of bytes known to be acknowledged.
    acknowledged: u64,
    /// The time at which it last made progress.
    moved: Duration,
    /// The time since which its socket accepts nothing.
    blocked_since: Option<Duration>,
    slow_until: Duration,
    /// The marks of the last ping that was sent and of the last one that was answered.
    asked: u64,
    answered: u64,
    asked_at: Duration,
}

impl Progress {
    pub(super) fn new(now: Duration) -> Progress {
        Progress {
            written: 0,
            acknowledged: 0,
            moved: now,
            blocked_since: None,
            slow_until: Duration::ZERO,
            asked: 0,
            answered: 0,
            asked_at: now,
        }
    }

    /// Records bytes that the socket accepted.
    pub(super) fn wrote(&mut self, count: usize, now: Duration) {
        self.written += count as u64;
        self.moved = now;
        self.blocked_since = None;
    }

    /// Records that the socket accepts nothing.
    pub(super) fn blocked(&mut self, now: Duration) {
        let since = *self.blocked_since.get_or_insert(now);
        if now.saturating_sub(since) >= SLOW_AFTER {
            self.slow_until = now + SLOW_FOR;
        }
    }

    /// Records the number of bytes that are not acknowledged.
    pub(super) fn look(&mut self, unacknowledged: Option<u64>, now: Duration) {
        let Some(unacknowledged) = unacknowledged else { return };
        // the answer to the handshake is not counted as written, and may be one of them
        let acknowledged = self.written.saturating_sub(unacknowledged);
        if acknowledged > self.acknowledged {
            self.acknowledged = acknowledged;
            self.moved = now;
        }
    }

    /// Returns the mark for a ping that is sent now: greater than all marks before it.
    pub(super) fn ask(&mut self, at_least: u64, now: Duration) -> u64 {
        self.asked = at_least.max(self.asked + 1);
        self.asked_at = now;
        self.asked
    }

    /// Records the answer to a ping. An answer without a ping is ignored.
    pub(super) fn answered(&mut self, payload: &[u8], now: Duration) {
        let mark = match PingPayload::parse(payload) {
            Some(ping) => Some(ping.sent_us),
            None => str::from_utf8(payload).ok().and_then(|text| text.parse().ok()),
        };
        if let Some(mark) = mark.filter(|mark| (self.answered + 1..=self.asked).contains(mark)) {
            self.answered = mark;
            self.moved = now;
        }
    }

    /// Returns true if the client reads slowly, so that it is sent few bytes at a time.
    pub(super) fn is_slow(&self, now: Duration) -> bool {
        now < self.slow_until
    }

    /// Returns true if a slow client is due for a ping.
    pub(super) fn should_ask(&self, now: Duration) -> bool {
        self.is_slow(now) && now >= self.asked_at + ASK_EVERY
    }

    /// Returns true if bytes wait for the socket.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked_since.is_some()
    }

    /// Returns the time at which the client last made progress.
    pub(super) fn moved(&self) -> Duration {
        self.moved
    }

    /// Returns how long it has made no progress although bytes wait for it.
    pub(super) fn stalled_for(&self, now: Duration) -> Duration {
        self.blocked_since.map_or(Duration::ZERO, |since| now.saturating_sub(since.max(self.moved)))
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::StreamSeq;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_client_that_reads_what_its_kernel_holds_moves() {
        let mut progress = Progress::new(at(0));
        progress.wrote(1_000_000, at(0));
        progress.blocked(at(0));
        for second in 1..=9 {
            progress.look(Some(500_000), at(second));
            progress.blocked(at(second));
        }
        // 500,000 bytes were taken by its kernel at once, and then nothing
        assert_eq!(progress.stalled_for(at(9)), at(8));
        progress.look(Some(499_999), at(9));
        assert_eq!(progress.stalled_for(at(9)), at(0));
        // a smaller number of acknowledged bytes is not progress
        progress.look(Some(500_000), at(10));
        progress.look(Some(499_999), at(11));
        assert_eq!(progress.stalled_for(at(12)), at(3));
        progress.wrote(1, at(13));
        assert_eq!((progress.is_blocked(), progress.stalled_for(at(60))), (false, at(0)));
        progress.blocked(at(60));
        assert_eq!(progress.stalled_for(at(61)), at(1), "nothing waited for it before");
    }

    #[test]
    fn answers_to_pings_that_were_sent_are_progress_once() {
        let mut progress = Progress::new(at(0));
        progress.blocked(at(0));
        let (first, second) = (progress.ask(0, at(0)), progress.ask(0, at(0)));
        for (payload, moves) in [
            ("", false),
            ("x", false),
            ("3", false),
            (&first.to_string()[..], true),
            (&first.to_string(), false),
            (&second.to_string(), true),
            (&first.to_string(), false),
        ] {
            progress.blocked(at(0));
            let before = progress.moved();
            progress.answered(payload.as_bytes(), before + at(1));
            assert_eq!(progress.moved() > before, moves, "{payload:?}");
        }
        let mark = progress.ask(1_000_000, at(9));
        let ping = PingPayload { seq: StreamSeq(1), due_us: None, sent_us: mark };
        progress.answered(ping.text().as_bytes(), at(10));
        assert_eq!(progress.moved(), at(10));
    }

    #[test]
    fn who_blocks_for_a_while_is_slow_for_a_while_and_asked_now_and_then() {
        let mut progress = Progress::new(at(0));
        progress.blocked(at(1));
        assert!(!progress.is_slow(at(1)) && !progress.should_ask(at(1)));
        progress.blocked(at(2));
        assert!(progress.should_ask(at(2)));
        progress.ask(0, at(2));
        assert!(!progress.should_ask(at(2)) && progress.should_ask(at(3)));
        assert!(progress.is_slow(at(11)) && !progress.is_slow(at(12)));
    }
}
