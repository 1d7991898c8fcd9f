//! When orders arrive.

use crate::session::{BIN, SECOND, Session};

/// Seconds in a window of counts.
pub(crate) const WINDOW_SECONDS: usize = 10;

/// The number, the sum and the sum of squares of gaps between orders, in seconds.
pub(crate) type Gaps = [f32; 3];

/// The orders of one symbol on one day, during the session.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    /// Counts in windows of ten seconds.
    pub(crate) counts: Vec<u16>,
    /// Gaps by the five-minute bin in which they begin.
    gaps: Vec<[f64; 3]>,
    last: Option<i64>,
}

impl Orders {
    pub(crate) fn new(session: &Session) -> Orders {
        Orders {
            counts: vec![0; session.seconds() / WINDOW_SECONDS],
            gaps: vec![[0.0; 3]; session.bins()],
            last: None,
        }
    }

    /// Adds an order at an instant within the session.
    #[inline]
    pub(crate) fn push(&mut self, at: i64, session: &Session) {
        let since = at - session.open();
        let count = &mut self.counts[(since / (WINDOW_SECONDS as i64 * SECOND)) as usize];
        *count = count.saturating_add(1);
        if let Some(last) = self.last {
            let gap = (at - last) as f64 / SECOND as f64;
            let [count, sum, squares] = &mut self.gaps[((last - session.open()) / BIN) as usize];
            *count += 1.0;
            *sum += gap;
            *squares += gap * gap;
        }
        self.last = Some(at);
    }

    pub(crate) fn gaps(&self) -> Vec<Gaps> {
        self.gaps.iter().map(|sums| sums.map(|sum| sum as f32)).collect()
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::Timestamp;

    use super::*;

    #[test]
    fn counts_and_gaps_are_by_time() {
        let at = |second: i64| Timestamp::from_micros(second * SECOND).unwrap();
        let session = Session::covered(at(0), at(600), at(0), at(600));
        let mut orders = Orders::new(&session);
        for second in [1, 2, 299, 301, 599] {
            orders.push(second * SECOND, &session);
        }
        assert_eq!(orders.counts.len(), 60);
        assert_eq!((orders.counts[0], orders.counts[29], orders.counts[30], orders.counts[59]), (2, 1, 1, 1));
        assert_eq!(orders.gaps(), [[3.0, 300.0, 1.0 + 297.0 * 297.0 + 4.0], [1.0, 298.0, 298.0 * 298.0]]);
    }
}
