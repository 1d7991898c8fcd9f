//! Prices at whole seconds: the last middle at or before each.

use super::quote::Quote;
use crate::{
    number::kurtosis::Kurtosis,
    session::{SECOND, Session},
};

/// Seconds between the prices that are kept.
pub(crate) const STEP: usize = 10;

/// The price that stands at a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AtSecond {
    /// Seconds since the session began.
    pub(crate) second: usize,
    /// The quote; `None` before the first one.
    pub(crate) quote: Option<Quote>,
}

/// The prices of one symbol on one day.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    /// The second that is reached next.
    next: usize,
    /// The middle in twice units of 0.0001, or that of the last trade before the first quote; 0 before both.
    twice_mid: i64,
    log: f64,
    quote: Option<Quote>,
    /// The logarithm of the price at each tenth second; NaN before the first price.
    logs: Vec<f64>,
    previous: (i64, f64),
    /// Returns of one second.
    pub(crate) seconds: Kurtosis,
}

impl Grid {
    pub(crate) fn new(session: &Session) -> Grid {
        Grid {
            next: 0,
            twice_mid: 0,
            log: f64::NAN,
            quote: None,
            logs: Vec::with_capacity(session.seconds() / STEP + 1),
            previous: (0, f64::NAN),
            seconds: Kurtosis::default(),
        }
    }

    /// Passes the whole seconds before an instant. Calls `at` for each.
    #[inline]
    pub(crate) fn advance(&mut self, to: i64, session: &Session, mut at: impl FnMut(AtSecond)) {
        while self.next <= session.seconds() && session.open() + self.next as i64 * SECOND < to {
            if self.next.is_multiple_of(STEP) {
                self.logs.push(self.log);
            }
            if self.previous.0 > 0 {
                let value = if self.previous.0 == self.twice_mid { 0.0 } else { self.log - self.previous.1 };
                self.seconds.push(value);
            }
            self.previous = (self.twice_mid, self.log);
            at(AtSecond { second: self.next, quote: self.quote });
            self.next += 1;
        }
    }

    pub(crate) const fn quote(&self) -> Option<Quote> {
        self.quote
    }

    /// Returns twice the middle in units of 0.0001, or 0 before the first price.
    pub(crate) const fn twice_mid(&self) -> i64 {
        self.twice_mid
    }

    pub(crate) fn set_quote(&mut self, quote: Quote) {
        self.quote = Some(quote);
        self.set(quote.twice_mid);
    }

    /// Uses the price of a trade while there is no quote.
    pub(crate) fn set_trade(&mut self, units: i64) {
        if self.quote.is_none() {
            self.set(2 * units);
        }
    }

    fn set(&mut self, twice_mid: i64) {
        if twice_mid != self.twice_mid {
            self.twice_mid = twice_mid;
            self.log = libm::log(twice_mid as f64);
        }
    }

    /// Returns the logarithms of prices at each tenth second.
    pub(crate) fn logs(&self) -> &[f64] {
        &self.logs
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::Timestamp;

    use super::*;

    #[test]
    fn a_second_has_the_last_price_before_it() {
        let at = |micros: i64| Timestamp::from_micros(micros).unwrap();
        let session = Session::covered(at(0), at(300 * SECOND), at(0), at(300 * SECOND));
        let quote = |twice_mid| Quote { twice_mid, spread: 100, imbalance: 0.0 };
        let mut grid = Grid::new(&session);
        let mut seen = 0;
        grid.advance(5 * SECOND, &session, |_| seen += 1);
        assert_eq!(seen, 5, "seconds 0 to 4: the one at the instant itself may still change");
        grid.set_trade(50);
        grid.set_quote(quote(200));
        grid.advance(15 * SECOND, &session, |at| assert_eq!(at.quote, Some(quote(200))));
        grid.set_quote(quote(400));
        grid.set_trade(7);
        grid.advance(i64::MAX, &session, |_| seen += 1);
        assert_eq!(seen, 5 + 301 - 15);
        assert_eq!(grid.logs().len(), 31);
        assert!(grid.logs()[0].is_nan());
        assert!((grid.logs()[2] - grid.logs()[1] - std::f64::consts::LN_2).abs() < 1e-12);
        // one return of ln 2, and zeros: from the second at which there is a price on
        assert_eq!(grid.seconds.count, 295.0);
        assert!((grid.seconds.squares - std::f64::consts::LN_2 * std::f64::consts::LN_2).abs() < 1e-12);
    }
}
