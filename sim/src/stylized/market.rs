//! The market of one symbol, in virtual time.

mod planned;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tradesim_schemas::{Exchange, OrderType, Record, TradeStatus, TradeType};

use super::{
    arrivals::{Arrival, Arrivals},
    calibration::{Calibration, TAKERS},
    common::Common,
    path::Path,
    quote::Quote,
    resting::{Order, Resting},
    signs::Signs,
    sizes::Sizes,
};
use crate::{
    events::Script,
    rng::{Purpose, Stream},
    segments::Segment,
    tape::{OTHER_VENUES, Print, StateLog, Tape},
    trader::Trader,
    universe::SymbolInfo,
};

/// The share of orders that are rejected.
const REJECTED: f64 = 0.015;
/// The share of resting orders that join the best price.
const AT_TOUCH: f64 = 0.55;
/// The probability that a trade fills a resting order.
const FILLS: f64 = 0.45;
/// The degree to which the sign of a trade follows a change of the fair price since the last trade.
const CHASE: f64 = 0.6;
/// The largest expectation of a sign.
const EXPECTATION_MAX: f64 = 0.98;
/// The sizes of the crosses: a share of the day's expected volume, and a share of the volume so far.
const OPENING_CROSS: f64 = 0.012;
const CLOSING_CROSS: f64 = 0.115;
/// The earliest time of a cross after the open or the close, and the length of the span in which it takes place, in
/// microseconds.
const OPENING_TIME: (i64, u32) = (40_000, 400_000);
const CLOSING_TIME: (i64, u32) = (30_000, 300_000);

/// The parameters of [`Market::new`].
#[derive(Debug)]
pub(crate) struct MarketSetup<'a> {
    pub(crate) seed: u64,
    pub(crate) info: &'a SymbolInfo,
    /// Orders per second at multiplier 1.
    pub(crate) rate: f64,
    /// The multipliers of bursts over the day.
    pub(crate) bursts: Vec<Segment>,
    pub(crate) tape: Tape,
    pub(crate) common: Arc<Common>,
    /// The effect of planned events on the symbol.
    pub(crate) script: Option<Box<Script>>,
}

/// The market of one symbol.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    tape: Tape,
    /// 04:00, in microseconds since the epoch.
    start: i64,
    path: Path,
    arrivals: Arrivals,
    next_arrival: i64,
    next_kind: Arrival,
    calibration: Calibration,
    /// The fair price in ticks.
    fair: f64,
    /// The fair price after the last trade.
    traded: f64,
    signs: Signs,
    quote: Quote,
    resting: Resting,
    flow: Stream,
    next_number: u64,
    /// The number of executed shares.
    executed: u64,
    /// The step and the burst for which `impact` and `spread` hold.
    seen: (usize, f64),
    impact: f64,
    spread: f64,
    script: Option<Box<Script>>,
    log: StateLog,
}

impl Market {
    /// Creates a market at the beginning of the day.
    pub(crate) fn new(setup: MarketSetup<'_>) -> Market {
        let MarketSetup { seed, info, rate, bursts, tape, common, script } = setup;
        let symbol = info.symbol.as_str();
        let calibration = Calibration::new(info, rate, &common);
        let day = tape.day();
        let start = day.start().micros();
        let mut stream = Stream::new(seed, Purpose::Crosses, symbol);
        let mut cross =
            |at: i64, (after, span): (i64, u32)| at - start + after + i64::from(stream.below(span));
        let crosses =
            [cross(day.core_open().micros(), OPENING_TIME), cross(day.core_close().micros(), CLOSING_TIME)];
        let path = Path::new(seed, symbol, info.sector, calibration.loadings, common);
        let arrivals = Arrivals::new(seed, symbol, rate, bursts, crosses, &path);
        let fair = info.base_price.units() as f64 / info.tick_size.units() as f64;
        let mut market = Market {
            start,
            quote: Quote::new(seed, symbol, info.lot_size, calibration.spread),
            arrivals,
            next_arrival: i64::MAX,
            next_kind: Arrival::Order,
            path,
            calibration,
            fair,
            traded: fair,
            signs: Signs::default(),
            resting: Resting::new(),
            flow: Stream::new(seed, Purpose::Flow, symbol),
            next_number: 0,
            executed: 0,
            seen: (usize::MAX, 1.0),
            impact: 0.0,
            spread: 0.0,
            script,
            log: StateLog::new(day.start()),
            tape,
        };
        market.find_next();
        market
    }

    /// Appends all events before `until` (microseconds since the epoch), in order, but stops early with about `events_max`
    /// events. Returns the time before which all events are in the list. Their seq is not set.
    pub(crate) fn run(&mut self, until: i64, events_max: usize, out: &mut Vec<Record>) -> i64 {
        loop {
            let due = self.resting.next_due();
            let close = self.tape.next_close();
            let turn = self.script.as_ref().map_or(i64::MAX, |script| script.next_turn());
            let now = self.next_arrival.min(due).min(close).min(turn);
            if now >= until {
                return until;
            }
            // events of one microsecond are never separated, so that the list always becomes empty
            if out.len() >= events_max
                && out.last().is_some_and(|last| last.envelope.timestamp.micros() < now)
            {
                return now;
            }
            if self.log.is_due(now) {
                self.add_state(now);
            }
            // within a microsecond, candles come before other events, turns of planned events before orders, and ends of
            // orders before new ones
            if close == now {
                self.tape.close_candles(now, out);
            } else if turn == now {
                self.turn(now, out);
            } else if due == now {
                if let Some(order) = self.resting.cancel() {
                    self.cancel(now, &order, out);
                }
            } else {
                match self.next_kind {
                    Arrival::Order => self.start_order(now, out),
                    Arrival::OpeningCross => {
                        self.cross(now, self.calibration.expected_shares * OPENING_CROSS, out);
                    }
                    Arrival::ClosingCross => self.cross(now, self.closing_shares(), out),
                }
                self.find_next();
            }
        }
    }

    /// Returns the memory of a clone, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Market>() + self.resting.bytes() + self.log.bytes()
    }

    #[inline]
    fn find_next(&mut self) {
        match self.arrivals.next(&mut self.path) {
            Some((at, kind)) => (self.next_arrival, self.next_kind) = (self.start + at, kind),
            None => self.next_arrival = i64::MAX,
        }
    }

    fn start_order(&mut self, now: i64, out: &mut Vec<Record>) {
        self.look(now);
        self.requote(now, false, out);
        let kind = self.flow.unit();
        if kind < TAKERS {
            self.take(now, out);
        } else {
            self.rest(now, kind >= 1.0 - REJECTED, out);
        }
    }

    /// Moves the fair price to `now`, and adapts spread and impact to the weather.
    #[inline]
    fn look(&mut self, now: i64) {
        let change = self.path.take_return(now - self.start);
        match &mut self.script {
            None => self.fair *= 1.0 + change,
            Some(script) => {
                self.fair *= 1.0 + change * script.volatility();
                self.fair = script.steer(self.fair, now);
            }
        }
        let seen = (self.path.step(), self.arrivals.burst());
        if self.seen != seen {
            self.seen = seen;
            let (profile, step) = (self.path.profile(), self.path.step());
            let (variance, activity) = (self.path.variance(), self.path.activity());
            let calibration = &self.calibration;
            // the trades of a step have the variance of a step, however many there are
            let of_trade =
                profile.volatility[step] / profile.intensity[step].sqrt() * calibration.root_intensity;
            self.impact = calibration.impact * of_trade * (variance / (activity * seen.1)).sqrt();
            let excitement = (0.65 + 0.35 * variance.sqrt().sqrt()).min(4.0);
            self.spread = calibration.spread.max(0.8) * profile.width[step] * excitement;
            if let Some(leg) = self.script.as_ref().and_then(|script| script.leg()) {
                self.spread *= leg.width;
                self.impact *= leg.volatility;
            }
        }
    }

    /// Adds an order that rests until it is cancelled or filled, or that is rejected.
    fn rest(&mut self, now: i64, rejected: bool, out: &mut Vec<Record>) {
        let word = self.flow.word();
        // buyers rest where the price will rise, so that displayed sizes predict it
        let lean = self.quote.lean(self.fair, self.spread).clamp(-1.0, 1.0);
        let side =
            if f64::from(word as u8) < 128.0 + 124.0 * lean { TradeType::Buy } else { TradeType::Sell };
        let at_touch = ((word >> 8) & 1_023) as f64 * (1.0 / 1_024.0) < AT_TOUCH;
        let shares = if at_touch {
            self.calibration.sizes.draw(&mut self.flow)
        } else {
            Sizes::draw_layer(&mut self.flow)
        };
        let price = match at_touch {
            true => self.quote.near(side),
            false => behind(side, self.quote.near(side), word >> 20),
        };
        let other_venue = other_venue(word >> 32);
        let trader = Trader::draw(&mut self.flow);
        let number = self.take_number();
        let order =
            Order::new(number, (side, OrderType::Limit), (price, shares), (trader, other_venue), at_touch);
        self.tape.print(now, &event_of(&order, 0, TradeStatus::New), out);
        if rejected {
            self.tape.print(now, &event_of(&order, 1, TradeStatus::Rejected), out);
            return;
        }
        let life = self.path.common().lives.draw(&mut self.flow);
        self.resting.add((now + life).min(self.tape.end() - 1), order);
        if at_touch {
            self.quote.add(side, shares);
            self.state_book(now, out);
        }
    }

    fn cancel(&mut self, now: i64, order: &Order, out: &mut Vec<Record>) {
        self.tape.print(now, &event_of(order, 1, TradeStatus::Cancelled), out);
        if order.at_touch && order.price == self.quote.near(order.side) {
            self.quote.remove(order.side, order.shares);
            self.state_book(now, out);
        }
    }

    /// Executes an order that takes what is there, and moves the fair price by what was not expected.
    fn take(&mut self, now: i64, out: &mut Vec<Record>) {
        let moved = (self.fair - self.traded) / (0.5 * self.spread).max(0.5);
        let expected = (self.signs.expectation() + CHASE * moved.clamp(-1.0, 1.0))
            .clamp(-EXPECTATION_MAX, EXPECTATION_MAX);
        let sign = if self.flow.unit() < 0.5 + 0.5 * expected { 1.0 } else { -1.0 };
        self.signs.add(sign);
        let side = self.side_of(sign);
        let shares = self.calibration.sizes.draw(&mut self.flow);
        let word = self.flow.word();
        let far = self.quote.far(side);
        let market = word & 1 == 0;
        let order_type = match (market, word >> 1 & 15) {
            (true, _) => OrderType::Market,
            (_, 0) => OrderType::StopLimit,
            (_, 1..=2) => OrderType::Stop,
            _ => OrderType::Limit,
        };
        let price = match !market && word >> 5 & 7 == 0 && !self.is_pinned() {
            true => self.quote.inside().unwrap_or(far),
            false => far,
        };
        let mut print = Print {
            order: self.take_number(),
            event: 0,
            side,
            order_type,
            status: TradeStatus::New,
            price: far,
            shares,
            trader: Trader::draw(&mut self.flow),
            other_venue: other_venue(word >> 32),
        };
        self.tape.print(now, &print, out);
        print.price = price;
        // a quarter of the orders with a limit meet two or three resting orders
        let parts = match word >> 8 & 7 {
            0 if !market && shares >= 3 => 3,
            1 if !market && shares >= 3 => 2,
            _ => 1,
        };
        let mut left = shares;
        for part in 1..=parts {
            let last = part == parts;
            print.event = part;
            print.status = if last { TradeStatus::Filled } else { TradeStatus::PartiallyFilled };
            print.shares = if last { left } else { shares / u32::from(parts) };
            left -= print.shares;
            self.execute(now, &print, out);
        }
        self.executed += u64::from(shares);
        if ((word >> 16) & 1_023) as f64 * (1.0 / 1_024.0) < FILLS {
            self.fill_resting(now, opposite(side), far, out);
        }
        self.quote.remove(opposite(side), shares);
        // the fair price is a martingale: what was expected is in it already
        let size = f64::from(shares).sqrt().sqrt();
        self.fair *= 1.0 + self.impact * size * (sign - expected);
        self.traded = self.fair;
        self.requote(now, true, out);
        self.state_book(now, out);
    }

    /// Fills the order that rests at the price of a trade, if there is one.
    fn fill_resting(&mut self, now: i64, side: TradeType, price: i64, out: &mut Vec<Record>) {
        if let Some(order) = self.resting.fill(side, price) {
            self.execute(now, &event_of(&order, 1, TradeStatus::Filled), out);
            self.executed += u64::from(order.shares);
        }
    }

    /// Executes a cross: an auction at one price within the quote.
    fn cross(&mut self, now: i64, shares: f64, out: &mut Vec<Record>) {
        let shares = shares.min(f64::from(i32::MAX)) as u32;
        if shares == 0 || self.is_halted() {
            return;
        }
        self.look(now);
        self.requote(now, false, out);
        let price = (self.fair as i64).clamp(self.quote.bid, self.quote.ask);
        let order = Order::new(
            self.take_number(),
            (TradeType::Buy, OrderType::Limit),
            (price, shares),
            (Trader::draw(&mut self.flow), Exchange::Arca),
            false,
        );
        self.tape.print(now, &event_of(&order, 0, TradeStatus::New), out);
        self.execute(now, &event_of(&order, 1, TradeStatus::Filled), out);
    }

    /// Emits an execution.
    #[inline]
    fn execute(&mut self, now: i64, print: &Print, out: &mut Vec<Record>) {
        self.tape.print(now, print, out);
        if let Some(script) = &mut self.script {
            script.executed(now, print.price, print.shares);
        }
    }

    /// Moves the quote to the fair price, and states the book if that changes it.
    #[inline]
    fn requote(&mut self, now: i64, redraw: bool, out: &mut Vec<Record>) {
        if self.script.as_ref().is_some_and(|script| script.leg().is_some()) {
            self.requote_planned(now, redraw, out);
            return;
        }
        if self.quote.follow(self.fair, self.spread, redraw) {
            self.keep_above_floor(now);
            self.state_book(now, out);
        }
    }

    /// Emits a snapshot if the book differs from the last one.
    #[inline]
    fn state_book(&mut self, now: i64, out: &mut Vec<Record>) {
        if let Some(book) = self.quote.state_change() {
            self.tape.state_book(now, (book.bid, book.bid_size), (book.ask, book.ask_size), out);
        }
    }

    #[inline]
    fn take_number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    /// Adds the raw state to the state digest.
    fn add_state(&mut self, now: i64) {
        let words = self.log.begin(now);
        words.extend([self.next_arrival as u64, self.next_number, self.executed]);
        words.extend([self.fair, self.traded, self.impact, self.spread].map(f64::to_bits));
        words.extend(self.path.state());
        words.extend(self.arrivals.state());
        words.extend(self.signs.state());
        words.extend(self.quote.state());
        words.extend(self.resting.state());
        words.push(self.flow.position());
        words.extend(self.script.iter().flat_map(|script| script.state()));
        words.extend(self.tape.state());
    }

    /// Returns the digest of the raw state at every minute so far in which there was an event, and at the current time.
    pub(crate) fn state_digest(&mut self) -> [u8; 32] {
        self.add_state(self.log.due());
        self.log.digest()
    }
}

/// Returns an event of a resting order.
#[inline]
fn event_of(order: &Order, event: u8, status: TradeStatus) -> Print {
    Print {
        order: order.number,
        event,
        side: order.side,
        order_type: order.order_type,
        status,
        price: order.price,
        shares: order.shares,
        trader: order.trader,
        other_venue: order.other_venue,
    }
}

#[inline]
fn opposite(side: TradeType) -> TradeType {
    match side {
        TradeType::Buy => TradeType::Sell,
        TradeType::Sell => TradeType::Buy,
    }
}

/// Returns the venue of an order while the listing venue is closed.
#[inline]
fn other_venue(bits: u64) -> Exchange {
    OTHER_VENUES[((bits & 0xffff) as usize * OTHER_VENUES.len()) >> 16]
}

/// Returns a price behind the best one, 1 to 10 ticks away; half of those that are more than a tick away are round.
#[inline]
fn behind(side: TradeType, best: i64, bits: u64) -> i64 {
    let geometric = i64::from((bits & 63 | 64).trailing_zeros());
    let depth = 1 + geometric + (bits >> 6 & 3) as i64;
    let round = depth > 1 && bits >> 8 & 1 == 0;
    match side {
        TradeType::Buy => {
            let price = best - depth;
            (price - if round { price.rem_euclid(5) } else { 0 }).max(1)
        }
        TradeType::Sell => {
            let price = best + depth;
            price + if round { (5 - price.rem_euclid(5)) % 5 } else { 0 }
        }
    }
}
