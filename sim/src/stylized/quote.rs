//! The quote of one symbol: it follows the fair price with hysteresis, and orders change its sizes.

use tradesim_schemas::TradeType;

use crate::{
    math,
    rng::{Purpose, Stream},
};

/// The most shares that are displayed on a side.
const SIZE_MAX: u32 = 2_000_000;
/// Quotes rest on prices that are multiples of this many ticks more often than on others (Ikenberry and Weston 2008).
const ROUND: i64 = 5;

/// A book as it is stated: prices in ticks, sizes in shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) bid: i64,
    pub(super) ask: i64,
    pub(super) bid_size: u32,
    pub(super) ask_size: u32,
}

/// The best bid and ask of a symbol.
///
/// The middle stays while the fair price is within a tick or an eighth of the spread, so that volatility does not depend on
/// how often it is looked at. The spread keeps its parity, so that a change of its width does not move the middle.
#[derive(Clone, Debug)]
pub(super) struct Quote {
    lot: u32,
    /// The narrowest spread, 1 or 2 ticks.
    parity: i64,
    /// Bid + ask without rounding to multiples of five, in ticks; 0 before the first order.
    double_mid: i64,
    pub(super) bid: i64,
    pub(super) ask: i64,
    bid_size: u32,
    ask_size: u32,
    stated: Option<Stated>,
    stream: Stream,
}

impl Quote {
    /// Creates the quote of a symbol whose usual spread is `spread` ticks. It is empty until [`Quote::follow`] is called.
    pub(super) fn new(seed: u64, symbol: &str, lot: u32, spread: f64) -> Quote {
        let parity = if spread < 1.5 { 1 } else { 2 - (math::floor(spread + 0.5) & 1) };
        Quote {
            lot,
            parity,
            double_mid: 0,
            bid: 0,
            ask: 0,
            bid_size: lot,
            ask_size: lot,
            stated: None,
            stream: Stream::new(seed, Purpose::Depth, symbol),
        }
    }

    /// Returns the price at which an order of this side trades at once.
    #[inline]
    pub(super) fn far(&self, side: TradeType) -> i64 {
        if side == TradeType::Buy { self.ask } else { self.bid }
    }

    /// Returns the price at which an order of this side joins the others.
    #[inline]
    pub(super) fn near(&self, side: TradeType) -> i64 {
        if side == TradeType::Buy { self.bid } else { self.ask }
    }

    /// Returns the price of interest that is not displayed: the middle of a spread of two ticks or more, rounded to a multiple
    /// of five if there is one for sure.
    #[inline]
    pub(super) fn inside(&self) -> Option<i64> {
        let spread = self.ask - self.bid;
        let middle = self.bid + spread / 2;
        match spread {
            ..=1 => None,
            2..=5 => Some(middle),
            _ => Some((middle + 2) / ROUND * ROUND),
        }
    }

    /// Returns where the fair price is within the hysteresis: −1 at its lower end, 1 at its upper end.
    #[inline]
    pub(super) fn lean(&self, fair: f64, spread: f64) -> f64 {
        (2.0 * fair - self.double_mid as f64) / hold(spread)
    }

    /// Moves the quote to the fair price if that is far enough away. With `redraw`, the spread may change although the fair
    /// price has not moved. `fair` and the target `spread` are in ticks. Returns true if the prices changed.
    #[inline]
    pub(super) fn follow(&mut self, fair: f64, spread: f64, redraw: bool) -> bool {
        let moved = self.double_mid == 0 || self.lean(fair, spread).abs() >= 1.0;
        let follows = moved || redraw && self.stream.below(8) == 0;
        if !follows {
            return false;
        }
        let extra = (0.5 * (spread - self.parity as f64)).max(0.0) + 0.04;
        let whole = math::floor(extra);
        let width = self.parity + 2 * (whole + i64::from(self.stream.unit() < extra - whole as f64));
        if moved {
            let odd = self.parity & 1;
            let nearest = 2 * math::floor(fair - 0.5 * odd as f64 + 0.5) + odd;
            self.double_mid = nearest.max(width + 2);
        }
        let mut bid = (self.double_mid - width) / 2;
        let mut ask = bid + width;
        if width > 3 {
            let word = self.stream.word();
            bid -= i64::from(bid % ROUND == 1 && bid > 1 && word & 3 == 0);
            ask += i64::from(ask % ROUND == 4 && word & 12 == 0);
        }
        if (bid, ask) == (self.bid, self.ask) {
            return false;
        }
        (self.bid, self.ask) = (bid, ask);
        // sizes lean to where the price will go
        let lean = self.lean(fair, spread).clamp(-0.9, 0.9);
        let word = self.stream.word();
        let lots = |bits: u64, lean: f64| {
            let u = (bits & 0xffff) as f64 * (1.0 / 65_536.0);
            (((2.0 + 14.0 * u * u * u) * (1.0 + lean)) as u32).max(1)
        };
        self.bid_size = lots(word, lean) * self.lot;
        self.ask_size = lots(word >> 16, -lean) * self.lot;
        true
    }

    /// Makes the next call of [`Quote::follow`] move the quote to the fair price, however near it is.
    pub(super) fn let_go(&mut self) {
        self.double_mid = 0;
    }

    /// Rests the quote on a price band in ticks: the bid on the upper one (`sign` 1) or the ask on the lower one (−1). The
    /// other side is outside the bands, where nothing executes.
    pub(super) fn pin(&mut self, (lower, upper): (i64, i64), sign: f64) {
        let width = (self.ask - self.bid).max(1);
        (self.bid, self.ask) =
            if sign > 0.0 { (upper, upper + width) } else { ((lower - width).max(1), lower) };
        self.double_mid = self.bid + self.ask;
    }

    /// Moves a side that is outside price bands (in ticks) onto the band.
    pub(super) fn confine(&mut self, (lower, upper): (i64, i64)) {
        if self.ask > upper {
            (self.bid, self.ask) = (self.bid.min(upper - 1), upper);
        }
        if self.bid < lower {
            (self.bid, self.ask) = (lower, self.ask.max(lower + 1));
        }
    }

    /// Multiplies the displayed sizes. At least a round lot remains.
    pub(super) fn thin(&mut self, factor: f64) {
        for size in [&mut self.bid_size, &mut self.ask_size] {
            *size = ((f64::from(*size) * factor) as u32).max(self.lot);
        }
    }

    /// Adds an order that rests at the best price of its side.
    #[inline]
    pub(super) fn add(&mut self, side: TradeType, shares: u32) {
        let size = self.size(side);
        *size = (*size + shares).min(SIZE_MAX);
    }

    /// Removes shares from the best price of a side. At least a round lot remains.
    #[inline]
    pub(super) fn remove(&mut self, side: TradeType, shares: u32) {
        let lot = self.lot;
        let size = self.size(side);
        *size = size.saturating_sub(shares).max(lot);
    }

    #[inline]
    fn size(&mut self, side: TradeType) -> &mut u32 {
        if side == TradeType::Buy { &mut self.bid_size } else { &mut self.ask_size }
    }

    /// Returns the book if it differs from the last one that was returned. Sizes are displayed in round lots.
    #[inline]
    pub(super) fn state_change(&mut self) -> Option<Stated> {
        let lots = |size: u32| size / self.lot * self.lot;
        let book = Stated {
            bid: self.bid,
            ask: self.ask,
            bid_size: lots(self.bid_size),
            ask_size: lots(self.ask_size),
        };
        (self.stated != Some(book)).then(|| {
            self.stated = Some(book);
            book
        })
    }

    /// Returns the raw state, for the state digest.
    pub(super) fn state(&self) -> [u64; 6] {
        let (bid, ask) = (self.bid as u64, self.ask as u64);
        let sizes = [self.bid_size.into(), self.ask_size.into()];
        [self.double_mid as u64, bid, ask, sizes[0], sizes[1], self.stream.position()]
    }
}

/// The distance of the double fair price from the double middle at which the quote moves.
#[inline]
fn hold(spread: f64) -> f64 {
    (0.25 * spread).max(2.0)
}
