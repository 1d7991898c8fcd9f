//! What planned events do to a market: the parts of a market that only a symbol with a script uses.

use tradesim_schemas::{Exchange, OrderType, Record, TradeStatus, TradeType};

use super::{CLOSING_CROSS, Market, Order, event_of};
use crate::{
    events::{Act, Script},
    trader::Trader,
};

/// The least size of a cross after a halt, in shares: also a symbol that hardly trades reopens by a cross.
const CROSS_MIN: f64 = 100.0;

impl Market {
    /// Ends a leg of the script and enters the next one: the price arrives where it has to, and the book is stated.
    pub(super) fn turn(&mut self, now: i64, out: &mut Vec<Record>) {
        self.look(now);
        let fair = self.fair;
        let script = self.script.as_mut().expect("only a script has turns");
        let (price, act) = script.turn(now, fair);
        let keeps_quote = script.is_halted() && script.leg().is_some_and(|leg| leg.jump.is_none());
        self.fair = price;
        self.traded = price;
        // spread and impact are those of the new leg
        self.seen.0 = usize::MAX;
        self.look(now);
        if !keeps_quote {
            self.quote.let_go();
            self.requote(now, false, out);
        }
        match act {
            Act::None => {}
            Act::Cross(share) => {
                self.cross(now, (self.calibration.expected_shares * share).max(CROSS_MIN), out);
            }
            Act::Take(sign, shares, trader) => self.take_planned(now, sign, (shares, trader), out),
        }
    }

    /// Moves the quote as the current leg wants it, and states the book if that changes it.
    pub(super) fn requote_planned(&mut self, now: i64, redraw: bool, out: &mut Vec<Record>) {
        let script = self.script.as_ref().expect("a script has the leg");
        let (bands, depth) = (script.bands(), script.leg().map_or(1.0, |leg| leg.depth));
        match (script.pinned(), bands) {
            (Some(sign), Some(bands)) => self.quote.pin(bands, sign),
            _ => {
                if self.quote.follow(self.fair, self.spread, redraw) && depth < 1.0 {
                    self.quote.thin(depth);
                }
                if let Some(bands) = bands {
                    self.quote.confine(bands);
                }
                self.keep_above_floor(now);
            }
        }
        self.state_book(now, out);
    }

    /// Moves the quote onto the floor of a planned event if it is below it: executions are within the quote.
    #[inline]
    pub(super) fn keep_above_floor(&mut self, now: i64) {
        let bid = self.quote.bid;
        if let Some(floor) = self.script.as_mut().and_then(|script| script.floor(now, bid)) {
            self.quote.confine((floor, i64::MAX));
        }
    }

    /// Executes an order of a planned event at the best price.
    fn take_planned(&mut self, now: i64, sign: f64, (shares, trader): (u32, Trader), out: &mut Vec<Record>) {
        let side = if sign > 0.0 { TradeType::Buy } else { TradeType::Sell };
        let price = self.quote.far(side);
        let number = self.take_number();
        let order =
            Order::new(number, (side, OrderType::Limit), (price, shares), (trader, Exchange::Arca), false);
        self.tape.print(now, &event_of(&order, 0, TradeStatus::New), out);
        self.execute(now, &event_of(&order, 1, TradeStatus::Filled), out);
        self.executed += u64::from(shares);
    }

    /// Returns the side of an order that takes: while the quote rests on a band, only the side on the band executes.
    #[inline]
    pub(super) fn side_of(&self, sign: f64) -> TradeType {
        let sign = match self.script.as_ref().and_then(|script| script.pinned()) {
            Some(band) => -band,
            None => sign,
        };
        if sign > 0.0 { TradeType::Buy } else { TradeType::Sell }
    }

    #[inline]
    pub(super) fn is_pinned(&self) -> bool {
        self.script.as_ref().is_some_and(|script| script.pinned().is_some())
    }

    #[inline]
    pub(super) fn is_halted(&self) -> bool {
        self.script.as_ref().is_some_and(|script| script.is_halted())
    }

    /// Returns the size of the closing cross.
    pub(super) fn closing_shares(&self) -> f64 {
        let planned = self.script.as_deref().and_then(Script::closing_cross);
        planned.unwrap_or(self.executed as f64 * CLOSING_CROSS)
    }
}
