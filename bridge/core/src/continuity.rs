//! Flaws in the order of received messages, reported as ranges that an operator can look up.

use tradesim_schemas::{StreamSeq, Timestamp};

/// A flaw in the order of a feed's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Messages that were not received and will not be.
    Gap {
        /// The number of the first of them.
        from: StreamSeq,
        /// The number after the last of them.
        to: StreamSeq,
    },
    /// Messages that were received again, and skipped.
    Repeated {
        /// The number of the first of them.
        from: StreamSeq,
        /// The number after the last of them.
        to: StreamSeq,
    },
    /// Messages with earlier times than the messages before them.
    Backwards {
        /// The number of such messages.
        messages: u64,
        /// The latest time before them.
        from: Timestamp,
        /// The earliest of their times.
        to: Timestamp,
    },
    /// The connection was lost and established again, and it is unknown what was sent in between. Messages that are
    /// not later than `last` may have been received before.
    Interruption {
        /// The time of the last message before the interruption.
        last: Timestamp,
        /// The time of the first message after it.
        first: Timestamp,
    },
}

/// Checks the times of messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Continuity {
    latest: Option<Timestamp>,
    interrupted: bool,
    back: Option<(u64, Timestamp)>,
}

impl Continuity {
    /// Returns a check that has not seen any message.
    pub fn new() -> Continuity {
        Continuity::default()
    }

    /// Records that the connection to a feed that cannot resume was lost.
    pub fn interrupt(&mut self) {
        self.interrupted = self.latest.is_some();
    }

    /// Records a message. Returns a flaw, once for each range.
    #[inline]
    pub fn observe(&mut self, emitted: Timestamp) -> Option<Flaw> {
        let latest = self.latest.unwrap_or(Timestamp::MIN);
        if emitted >= latest && !self.interrupted && self.back.is_none() {
            self.latest = Some(emitted);
            return None;
        }
        self.irregular(latest, emitted)
    }

    #[cold]
    fn irregular(&mut self, latest: Timestamp, emitted: Timestamp) -> Option<Flaw> {
        let mut flaw = None;
        if std::mem::take(&mut self.interrupted) {
            flaw = Some(Flaw::Interruption { last: latest, first: emitted });
        }
        if emitted < latest {
            let (messages, to) = self.back.unwrap_or((0, emitted));
            self.back = Some((messages + 1, to.min(emitted)));
        } else {
            // a range that an interruption ends is reported with it
            flaw = flaw.or(self.flush());
            self.back = None;
            self.latest = Some(emitted);
        }
        flaw
    }

    /// Returns the range that is not complete yet, at the end.
    pub fn flush(&mut self) -> Option<Flaw> {
        let (messages, to) = self.back.take()?;
        Some(Flaw::Backwards { messages, from: self.latest?, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    #[test]
    fn times_that_go_on_are_fine() {
        let mut continuity = Continuity::new();
        for micros in [5, 5, 6, 100] {
            assert_eq!(continuity.observe(at(micros)), None);
        }
        assert_eq!(continuity.flush(), None);
    }

    #[test]
    fn a_stretch_that_went_back_is_told_once_with_its_range() {
        let mut continuity = Continuity::new();
        for micros in [10, 7, 3, 9] {
            assert_eq!(continuity.observe(at(micros)), None);
        }
        let expected = Flaw::Backwards { messages: 3, from: at(10), to: at(3) };
        assert_eq!(continuity.observe(at(10)), Some(expected));
        assert_eq!(continuity.observe(at(9)), None);
        assert_eq!(continuity.flush(), Some(Flaw::Backwards { messages: 1, from: at(10), to: at(9) }));
        assert_eq!(continuity.flush(), None);
    }

    #[test]
    fn an_interruption_is_told_with_the_times_on_both_sides() {
        let mut continuity = Continuity::new();
        continuity.interrupt();
        assert_eq!(continuity.observe(at(10)), None, "nothing was missed before the first message");
        continuity.interrupt();
        assert_eq!(continuity.observe(at(12)), Some(Flaw::Interruption { last: at(10), first: at(12) }));
        continuity.interrupt();
        assert_eq!(continuity.observe(at(11)), Some(Flaw::Interruption { last: at(12), first: at(11) }));
        assert_eq!(
            continuity.observe(at(13)),
            Some(Flaw::Backwards { messages: 1, from: at(12), to: at(11) })
        );
    }
}
