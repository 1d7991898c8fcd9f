//! The market of one symbol: price, book, orders and candles, simulated in virtual time.
//!
//! Symbols share no state: a change to one symbol does not change the events of the others, not even in the last bit.
//! Therefore they can be simulated on any number of threads, window by window.

use std::sync::Arc;

use tradesim_schemas::{OrderType, Record, Symbol, TradeStatus};

use super::{
    arrivals::Arrivals,
    book::{Book, Quote, Width},
    order_flow::{Arrival, Fate, OpenOrders, Order, OrderFlow},
    price_process::PriceProcess,
};
use crate::{
    events::{Leg, shift},
    math,
    session::TradingDay,
    tape::{Print, StateLog, Tape, instant},
    universe::SymbolInfo,
};

/// There is a book snapshot after this many trade events of a symbol. Source: contract, section 2.
const TRADES_PER_SNAPSHOT: u32 = 5;
/// The distance of a limit, in standard deviations of the price over the time until the order is filled. It is large
/// enough that an open order rarely limits the quote.
const PROTECTION_DEVIATIONS: f64 = 3.0;

/// The parameters of [`Market::new`].
#[derive(Debug)]
pub(crate) struct MarketSetup<'a> {
    pub(crate) seed: u64,
    pub(crate) info: &'a SymbolInfo,
    pub(crate) tape: Tape,
    pub(crate) arrivals: Arrivals,
    /// The effect of planned events on the symbol.
    pub(crate) legs: Vec<Leg>,
}

/// The market of one symbol.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    tape: Tape,
    symbol: Symbol,
    tick: i64,
    lot: u32,
    day: TradingDay,
    /// The end of the day, in microseconds since the epoch. Only candles are emitted at this time.
    end: i64,
    arrivals: Arrivals,
    next_arrival: i64,
    price: PriceProcess,
    legs: Arc<[Leg]>,
    book: Option<Book>,
    orders: OrderFlow,
    open: OpenOrders,
    /// The number of trade events since the last book snapshot.
    trades_since_snapshot: u32,
    seed: u64,
    volatility: f64,
    log: StateLog,
}

impl Market {
    /// Creates a market at the beginning of the day.
    pub(crate) fn new(setup: MarketSetup<'_>) -> Market {
        let MarketSetup { seed, info, tape, mut arrivals, legs } = setup;
        let next_arrival = arrivals.next().unwrap_or(i64::MAX);
        let symbol = info.symbol;
        let base = info.base_price.units() as f64;
        let (day, end) = (tape.day(), tape.end());
        Market {
            tape,
            symbol,
            tick: info.tick_size.units(),
            lot: info.lot_size,
            day,
            end,
            arrivals,
            next_arrival,
            price: PriceProcess::new(seed, symbol.as_str(), base, info.volatility),
            legs: legs.into(),
            book: None,
            orders: OrderFlow::new(seed, symbol.as_str()),
            open: OpenOrders::new(),
            trades_since_snapshot: 0,
            seed,
            volatility: info.volatility,
            log: StateLog::new(day.start()),
        }
    }

    /// Appends all events before `until` (microseconds since the epoch), in order. Their seq is not set.
    pub(crate) fn run(&mut self, until: i64, out: &mut Vec<Record>) {
        loop {
            let due = self.open.next_due();
            let close = self.tape.next_close();
            let now = self.next_arrival.min(due).min(close);
            if now >= until {
                return;
            }
            if self.log.is_due(now) {
                self.add_state(now);
            }
            // within a microsecond, candles come before other events, and events of open orders before new orders
            if close == now {
                self.tape.close_candles(now, out);
            } else if due == now {
                let order = self.open.pop().expect("an order is due");
                self.continue_order(now, order, out);
            } else {
                self.start_order(now, out);
                self.next_arrival = self.arrivals.next().unwrap_or(i64::MAX);
            }
        }
    }

    /// Returns the memory of a clone, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Market>() + self.open.bytes() + self.log.bytes()
    }

    fn start_order(&mut self, now: i64, out: &mut Vec<Record>) {
        if self.book.is_none() {
            let fair = self.fair(now);
            self.book = Some(Book::new(self.seed, self.symbol.as_str(), self.volatility, fair));
            self.restate(now, out);
        }
        let quote = self.quote();
        let market_allowed = self.trades_since_snapshot + 1 < TRADES_PER_SNAPSHOT;
        let arrival =
            Arrival { quote, widened_quote: self.widened_quote(now, quote), market_allowed, lot: self.lot };
        let (price, day, tick) = (&self.price, &self.day, self.tick);
        let end = self.end;
        let order = self.orders.draw(arrival, |micros| {
            let until = (now + i64::from(micros)).min(end);
            let tenths = day.weighted_micros(instant(until)) - day.weighted_micros(instant(now));
            math::ceil(PROTECTION_DEVIATIONS * price.deviation(tenths) / tick as f64)
        });
        let market = order.order_type == OrderType::Market;
        // an order that stays open limits the quote even if its own first event triggers the snapshot
        let stated = Order { events: 1, ..order };
        if !market {
            self.schedule(now, stated);
        }
        self.emit(now, &order, TradeStatus::New, order.price, order.quantity, out);
        if market {
            self.continue_order(now, stated, out);
        }
    }

    /// Emits the next event of an open order, and schedules the one after it.
    fn continue_order(&mut self, now: i64, order: Order, out: &mut Vec<Record>) {
        match order.fate {
            Fate::Cancelled => {
                self.emit(now, &order, TradeStatus::Cancelled, order.price, order.quantity, out);
            }
            Fate::Rejected => {
                self.emit(now, &order, TradeStatus::Rejected, order.price, order.quantity, out);
            }
            Fate::Filled(parts) => {
                let part = order.events - 1;
                let shares = order.parts[usize::from(part)];
                let last = part + 1 == parts;
                let price = self.orders.draw_execution(&order, self.quote());
                let status = if last { TradeStatus::Filled } else { TradeStatus::PartiallyFilled };
                if !last {
                    self.schedule(now, Order { events: order.events + 1, ..order });
                }
                self.emit(now, &order, status, price, shares, out);
            }
        }
    }

    /// Adds an order to the open ones until its next event, which is limited to the end of the day.
    fn schedule(&mut self, now: i64, order: Order) {
        let delay = i64::from(order.delays[usize::from(order.events - 1)]);
        self.open.push((now + delay).min(self.end - 1), order);
    }

    /// Emits a trade event, and a book snapshot after every fifth one.
    fn emit(
        &mut self,
        now: i64,
        order: &Order,
        status: TradeStatus,
        price: i64,
        shares: u32,
        out: &mut Vec<Record>,
    ) {
        let print = Print {
            order: order.number,
            event: order.events,
            side: order.side,
            order_type: order.order_type,
            status,
            price,
            shares,
            trader: order.trader,
            other_venue: order.other_venue,
        };
        self.tape.print(now, &print, out);
        self.trades_since_snapshot += 1;
        if self.trades_since_snapshot == TRADES_PER_SNAPSHOT {
            self.restate(now, out);
        }
    }

    /// Moves the quote towards the fair price, as far as open orders allow, and emits a book snapshot.
    ///
    /// An open order that the quote would pass is filled first: the quote stops at the order's limit, and the rest of
    /// the order becomes due immediately.
    fn restate(&mut self, now: i64, out: &mut Vec<Record>) {
        self.trades_since_snapshot = 0;
        let fair = self.fair(now);
        let width = self.width(now);
        let book = self.book.as_mut().expect("the first order makes the book");
        let target = book.target(fair, width);
        if self.open.allow(target) {
            book.restate(target);
        } else {
            book.restate_held(target, self.open.exact_bound());
            self.open.make_due(target, now);
        }
        let Quote { bid, ask } = book.quote();
        let (bid_size, ask_size) = book.draw_sizes(self.lot);
        self.tape.state_book(now, (bid, bid_size), (ask, ask_size), out);
    }

    fn quote(&self) -> Quote {
        self.book.as_ref().expect("the first order makes the book").quote()
    }

    /// Returns the quote, widened to include the quote for the current fair price. New orders choose their limits by it: a
    /// limit relative to an old quote would limit the next one.
    fn widened_quote(&mut self, now: i64, quote: Quote) -> Quote {
        let fair = self.fair(now);
        let spread = quote.ask - quote.bid;
        let (below, above) = (math::floor(fair) - spread, math::ceil(fair) + spread);
        Quote { bid: quote.bid.min(below), ask: quote.ask.max(above) }
    }

    /// Returns the fair price in ticks.
    fn fair(&mut self, now: i64) -> f64 {
        let fair = self.price.move_to(self.day.weighted_micros(instant(now))) / self.tick as f64;
        if self.legs.is_empty() { fair } else { fair * shift(&self.legs, now) }
    }

    fn width(&self, now: i64) -> Width {
        let (open, close) = (self.day.core_open().micros(), self.day.core_close().micros());
        /// The first fifteen minutes of the core session, in microseconds.
        const OPENING: i64 = 15 * 60_000_000;
        if now < open || now >= close {
            Width::Outside
        } else if now < open + OPENING {
            Width::Opening
        } else {
            Width::Core
        }
    }

    /// Adds the raw state to the state digest.
    fn add_state(&mut self, now: i64) {
        let words = self.log.begin(now);
        words.extend([self.next_arrival as u64, u64::from(self.trades_since_snapshot)]);
        words.extend(self.price.state());
        words.extend(self.arrivals.state());
        words.extend(self.orders.state());
        words.extend(self.open.state());
        words.extend(self.book.iter().flat_map(Book::state));
        words.extend(self.tape.state());
    }

    /// Returns the digest of the raw state at every minute so far in which there was an event, and at the current time.
    pub(crate) fn state_digest(&mut self) -> [u8; 32] {
        self.add_state(self.log.due());
        self.log.digest()
    }
}
