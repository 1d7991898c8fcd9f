//! The quote of one symbol: its value, how it follows the fair price, and how resting orders limit it.

use crate::{
    math,
    rng::{Purpose, Stream},
};

/// The limits of the resting orders that will be filled, in ticks. A quote must not pass them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resting {
    /// The lowest limit of an order to buy; the bid must not rise above it.
    pub(crate) lowest_buy: i64,
    /// The highest limit of an order to sell; the ask must not fall below it.
    pub(crate) highest_sell: i64,
}

impl Resting {
    /// No resting order.
    pub(crate) const NONE: Resting = Resting { lowest_buy: i64::MAX, highest_sell: i64::MIN };

    /// Returns true if every resting order can still be executed within the quote.
    #[inline]
    pub(crate) fn allows(&self, quote: Quote) -> bool {
        quote.bid <= self.lowest_buy && quote.ask >= self.highest_sell
    }
}

/// The best bid and ask, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    /// The best bid.
    pub(crate) bid: i64,
    /// The best ask, above the bid.
    pub(crate) ask: i64,
}

/// The widening of the usual spread by time of day, in ticks on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// During the core session, after its first fifteen minutes.
    Core = 0,
    /// During the first fifteen minutes of the core session.
    Opening = 1,
    /// Outside the core session.
    Outside = 2,
}

/// One quote in this many is wider by a tick on each side.
const WIDER_ONE_IN: u32 = 8;
/// The number of round lots at a price is uniform in `1..=LOTS_MAX`.
const LOTS_MAX: u32 = 9;

/// The best bid and ask of a symbol. They change only when the book is updated.
///
/// The mid price is kept in half ticks and follows the fair price with hysteresis: it stays while the fair price is less
/// than a tick away, and then moves to the nearest possible value. Plain rounding would flicker between two ticks with
/// each update, and the realised volatility of mid prices would grow with the order rate; waiting for a whole tick makes
/// it equal to that of the fair price at any rate. For the same reason the spread grows by a tick on *both* sides, so that
/// a wider quote has the same mid price.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    /// The usual spread in ticks.
    spread: i64,
    /// Bid + ask in ticks, which is twice the mid price. It has the parity of the spread.
    double_mid: i64,
    quote: Quote,
    stream: Stream,
}

impl Book {
    /// Creates a book around `fair` (in ticks).
    pub(crate) fn new(seed: u64, symbol: &str, volatility: f64, fair: f64) -> Book {
        let spread = usual_spread(volatility);
        let mut book = Book {
            spread,
            double_mid: 0,
            quote: Quote { bid: 0, ask: spread },
            stream: Stream::new(seed, Purpose::Quotes, symbol),
        };
        book.double_mid = book.nearest(fair);
        book
    }

    /// Returns the current quote.
    #[inline]
    pub(crate) fn quote(&self) -> Quote {
        self.quote
    }

    /// Returns the quote for a fair price (in ticks) without regard to resting orders.
    #[inline]
    pub(crate) fn target(&mut self, fair: f64, width: Width) -> Quote {
        let wider = i64::from(self.stream.below(WIDER_ONE_IN) == 0);
        let spread = self.spread + 2 * (width as i64 + wider);
        let away = 2.0 * fair - self.double_mid as f64;
        let double_mid = if away.abs() < 2.0 { self.double_mid } else { self.nearest(fair) };
        quote(double_mid, spread)
    }

    /// Sets the quote to `target`.
    #[inline]
    pub(crate) fn restate(&mut self, target: Quote) {
        self.quote = target;
        self.double_mid = target.bid + target.ask;
    }

    /// Moves the quote towards `target`, as far as the resting orders allow.
    ///
    /// This is always possible: all resting orders can be executed within the current quote, and the spread does not become
    /// narrower here.
    pub(crate) fn restate_held(&mut self, target: Quote, resting: Resting) {
        let spread = (target.ask - target.bid).max(self.quote.ask - self.quote.bid);
        let lowest = resting.highest_sell.saturating_mul(2).saturating_sub(spread);
        let highest = resting.lowest_buy.saturating_mul(2).saturating_add(spread);
        debug_assert!(lowest <= highest);
        self.restate(quote((target.bid + target.ask).clamp(lowest, highest), spread));
        debug_assert!(resting.allows(self.quote));
    }

    /// Draws the number of shares at the bid and at the ask.
    #[inline]
    pub(crate) fn draw_sizes(&mut self, lot: u32) -> (u32, u32) {
        let mut size = || (1 + self.stream.below(LOTS_MAX)) * lot;
        (size(), size())
    }

    /// Returns twice the mid price that is nearest to `fair` and has the parity of the spread.
    #[inline]
    fn nearest(&self, fair: f64) -> i64 {
        let odd = self.spread & 1;
        let nearest = 2 * math::floor(fair - 0.5 * odd as f64 + 0.5) + odd;
        // the bid stays above zero, even with the widest spread
        nearest.max(self.spread + 2 * (Width::Outside as i64 + 1) + 2)
    }

    /// Returns the raw state, for the state digest.
    pub(crate) fn state(&self) -> [u64; 3] {
        [self.double_mid as u64, (self.quote.ask - self.quote.bid) as u64, self.stream.position()]
    }
}

/// Returns bid and ask around a mid price. `double_mid` and `spread` have the same parity.
#[inline]
fn quote(double_mid: i64, spread: i64) -> Quote {
    debug_assert!((double_mid - spread) % 2 == 0);
    let bid = (double_mid - spread) / 2;
    Quote { bid, ask: bid + spread }
}

/// Returns the spread during the core session, in ticks. It is wider for volatile symbols.
fn usual_spread(volatility: f64) -> i64 {
    match volatility {
        v if v <= 0.018 => 1,
        v if v <= 0.022 => 2,
        v if v <= 0.028 => 3,
        v if v <= 0.035 => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(volatility: f64) -> Book {
        let mut book = Book::new(1, "AAPL", volatility, 10_000.0);
        let target = book.target(10_000.0, Width::Core);
        book.restate(target);
        book
    }

    #[test]
    fn the_middle_waits_for_a_whole_tick() {
        let mut book = book(0.02);
        let mid = |quote: Quote| (quote.bid + quote.ask) as f64 / 2.0;
        assert_eq!(mid(book.quote()), 10_000.0);
        for (fair, expected) in
            [(10_000.9, 10_000.0), (9_999.1, 10_000.0), (10_001.0, 10_001.0), (9_990.2, 9_990.0)]
        {
            let target = book.target(fair, Width::Core);
            assert_eq!(mid(target), expected, "{fair}");
        }
    }

    #[test]
    fn a_wider_spread_keeps_the_middle() {
        for volatility in [0.01, 0.02, 0.025, 0.03, 0.05] {
            let mut book = book(volatility);
            let mid = book.quote().bid + book.quote().ask;
            for width in [Width::Core, Width::Opening, Width::Outside] {
                let target = book.target(mid as f64 / 2.0, width);
                assert_eq!(target.bid + target.ask, mid);
                assert!(target.ask - target.bid >= usual_spread(volatility) + 2 * width as i64);
            }
        }
    }

    #[test]
    fn resting_orders_hold_the_quote_back() {
        let mut book = book(0.018);
        let now = book.quote();
        let resting = Resting { lowest_buy: now.bid + 2, highest_sell: now.ask };
        let target = book.target(10_050.0, Width::Core);
        assert!(!resting.allows(target));
        book.restate_held(target, resting);
        assert_eq!(book.quote().bid, now.bid + 2);
        let target = book.target(9_000.0, Width::Core);
        book.restate_held(target, resting);
        assert_eq!(book.quote().ask, now.ask);
        assert!(Resting::NONE.allows(target));
    }
}
