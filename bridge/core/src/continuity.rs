//! What is wrong with the order of what came: said with ranges, so that somebody can look.

use tradesim_schemas::Timestamp;

/// Something in a feed that is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Messages did not come and will not.
    Gap {
        /// The first of them.
        from: u64,
        /// The first behind them.
        to: u64,
    },
    /// Messages that had been taken came again, and were left out.
    Repeated {
        /// The first of them.
        from: u64,
        /// The first behind them.
        to: u64,
    },
    /// The times of messages went back.
    Backwards {
        /// How many were earlier than one before them.
        messages: u64,
        /// The latest time before.
        from: Timestamp,
        /// The earliest time behind it.
        to: Timestamp,
    },
    /// The connection was lost and made again, and nobody can say what was sent in between. Messages that are not later
    /// than `last` may have come before.
    Interruption {
        /// Time of the last message before.
        last: Timestamp,
        /// Time of the first message behind.
        first: Timestamp,
    },
}

/// Watches the times of messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Continuity {
    latest: Option<Timestamp>,
    interrupted: bool,
    back: Option<(u64, Timestamp)>,
}

impl Continuity {
    /// Nothing has come yet.
    pub fn new() -> Continuity {
        Continuity::default()
    }

    /// Takes note that the connection was lost, of a feed that cannot say where it goes on.
    pub fn interrupt(&mut self) {
        self.interrupted = self.latest.is_some();
    }

    /// Takes note of a message. Returns what is wrong, once for each stretch.
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
            // a stretch that an interruption ends is told with it
            flaw = flaw.or(self.flush());
            self.back = None;
            self.latest = Some(emitted);
        }
        flaw
    }

    /// The stretch that is not over yet, at the end.
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
