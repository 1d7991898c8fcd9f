//! The part of a day that is measured.

use tradesim_schemas::Timestamp;

/// Microseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000;
/// Microseconds in five minutes, the step of the profiles of a day.
pub(crate) const BIN: i64 = 300 * SECOND;
/// Seconds in five minutes.
pub(crate) const BIN_SECONDS: usize = 300;
/// The longest session in five-minute bins: a day. It bounds memory.
const BINS_MAX: i64 = 288;
/// The number of five-minute bins of a regular session, 09:30 to 16:00.
pub(crate) const REGULAR_BINS: usize = 78;

/// The core session of a day, or the part of it that a recording covers, in whole bins of five minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    open: i64,
    bins: usize,
    /// The bins of the core session before the part that is measured.
    bins_before: usize,
    /// The bins of the whole core session.
    bins_core: usize,
}

impl Session {
    /// Returns the part of a core session that lies between the first and the last event of a recording.
    ///
    /// The session begins at `open` and ends before `close`. It has no bins if the recording covers none of them completely.
    pub fn covered(open: Timestamp, close: Timestamp, first: Timestamp, last: Timestamp) -> Session {
        let open = open.micros();
        let bins_core = ((close.micros() - open) / BIN).clamp(0, BINS_MAX);
        let before = (first.micros() - open + BIN - 1).div_euclid(BIN).clamp(0, bins_core);
        let end = (last.micros() - open).div_euclid(BIN).clamp(before, bins_core);
        Session {
            open: open + before * BIN,
            bins: (end - before) as usize,
            bins_before: before as usize,
            bins_core: bins_core as usize,
        }
    }

    /// Returns the first instant that is measured, in microseconds since the epoch.
    pub(crate) const fn open(&self) -> i64 {
        self.open
    }

    /// Returns the end of the part that is measured, exclusive.
    pub(crate) const fn close(&self) -> i64 {
        self.open + self.bins as i64 * BIN
    }

    pub(crate) const fn bins(&self) -> usize {
        self.bins
    }

    pub(crate) const fn seconds(&self) -> usize {
        self.bins * BIN_SECONDS
    }

    pub(crate) const fn bins_before(&self) -> usize {
        self.bins_before
    }

    pub(crate) const fn bins_core(&self) -> usize {
        self.bins_core
    }

    /// Returns true if the part begins with the opening of the market.
    pub(crate) const fn has_open(&self) -> bool {
        self.bins_before == 0 && self.bins > 0
    }

    /// Returns true if the part ends with the close of the market.
    pub(crate) const fn has_close(&self) -> bool {
        self.bins > 0 && self.bins_before + self.bins == self.bins_core
    }

    /// Returns true for a whole session from 09:30 to 16:00, which has a midday to compare with.
    pub(crate) const fn is_regular(&self) -> bool {
        self.bins == REGULAR_BINS && self.bins_core == REGULAR_BINS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_bins_that_are_covered_count() {
        let at = |minutes: i64| Timestamp::from_micros(minutes * 60 * SECOND).unwrap();
        let session = |first, last| Session::covered(at(570), at(960), at(first), at(last));
        let whole = session(240, 1_200);
        assert!(whole.is_regular() && whole.has_open() && whole.has_close());
        assert_eq!((whole.open(), whole.close()), (at(570).micros(), at(960).micros()));
        let part = session(602, 668);
        assert_eq!((part.open(), part.close()), (at(605).micros(), at(665).micros()));
        assert_eq!((part.bins(), part.bins_before()), (12, 7));
        assert!(!part.has_open() && !part.has_close() && !part.is_regular());
        assert_eq!(session(0, 300).bins(), 0);
        assert_eq!(session(1_000, 1_100).bins(), 0);
        assert_eq!(session(602, 603).bins(), 0);
    }
}
