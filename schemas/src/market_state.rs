//! The state of a market at a position of a stream: the last book of each symbol, the candles that are open, and the number
//! of open orders. It follows from the messages before the position alone.

mod frame;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{Envelope, Event, Interval, MarketData, OrderBook, Price, Symbol, Timestamp, Trade, TradeStatus};

/// The limit of symbols that have a state. Those that occur after as many others have none, which bounds the memory for a feed
/// that invents symbols.
const SYMBOLS_MAX: usize = 4_096;

/// The number of places in the table of symbols that were used recently.
const RECENT: usize = 256;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The time of day in UTC at which the trading date changes: 01:00 or 02:00 in New York, when no session is open
/// (contract, section 2).
const DATE_CHANGE: i64 = 6 * HOUR;

/// The state of a market, message by message.
///
/// ```
/// use tradesim_schemas::{MarketState, Timestamp};
///
/// let state = MarketState::new();
/// assert!(state.view(Timestamp::default()).books.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct MarketState {
    /// In the order of their first messages.
    symbols: Vec<SymbolState>,
    /// The indexes of the symbols, by [`Symbol::key`].
    index: BTreeMap<u128, u16>,
    /// The indexes of symbols that were used recently, by a hash of the key.
    recent: Box<[u16; RECENT]>,
}

/// The state of one symbol.
#[derive(Clone, Debug, PartialEq)]
struct SymbolState {
    symbol: Symbol,
    /// The last book, and the emission time of its message.
    book: Option<(Timestamp, OrderBook)>,
    candles: [Option<Building>; Interval::ALL.len()],
    open_orders: u64,
}

/// A candle in the making. Prices are in units of 0.0001, times in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Building {
    start: i64,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: u64,
    /// The sum of price × shares, in units of 0.0001.
    notional: u128,
}

/// The state that a client needs to know before its first message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarketView {
    /// The message of the last book of each symbol, in order of the symbols.
    pub books: Vec<Envelope>,
    /// The candles whose interval is not over, by symbol, shortest first.
    pub candles: Vec<OpenCandle>,
    /// The number of orders that were accepted and are neither filled, cancelled nor rejected, for each symbol that has any.
    pub open_orders: Vec<(Symbol, u64)>,
}

impl MarketView {
    /// Adds the books of an earlier state for symbols that have none.
    pub fn fill_books(&mut self, earlier: &[Envelope]) {
        let symbol = |book: &Envelope| book.event.symbol().key();
        for book in earlier {
            if let Err(place) = self.books.binary_search_by_key(&symbol(book), symbol) {
                self.books.insert(place, *book);
            }
        }
    }
}

/// A candle whose interval is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCandle {
    /// The ticker symbol.
    pub symbol: Symbol,
    /// The length of the interval.
    pub interval: Interval,
    /// The price of the first execution.
    pub open: Price,
    /// The highest price so far.
    pub high: Price,
    /// The lowest price so far.
    pub low: Price,
    /// The price of the last execution.
    pub close: Price,
    /// The number of shares executed so far.
    pub volume: u64,
    /// The volume-weighted average price so far, rounded half up to 0.0001.
    pub vwap: Price,
}

impl Default for MarketState {
    fn default() -> MarketState {
        MarketState::new()
    }
}

impl MarketState {
    /// Returns the state before the first message.
    pub fn new() -> MarketState {
        MarketState { symbols: Vec::new(), index: BTreeMap::new(), recent: Box::new([0; RECENT]) }
    }

    /// Adds the next message.
    #[inline]
    pub fn push(&mut self, message: &Envelope) {
        let Some(state) = self.symbol(message.event.symbol()) else { return };
        match &message.event {
            Event::Trade(trade) => state.trade(trade),
            Event::OrderBook(book) => state.book = Some((message.timestamp, *book)),
            Event::MarketData(candle) => state.close(candle),
        }
    }

    /// Begins another recording of the stream: the books stay, candles and orders start again.
    pub fn begin_recording(&mut self) {
        for state in &mut self.symbols {
            state.candles = [None; Interval::ALL.len()];
            state.open_orders = 0;
        }
    }

    /// Returns the number of open orders of all symbols.
    pub fn open_orders(&self) -> u64 {
        self.symbols.iter().map(|state| state.open_orders).sum()
    }

    /// Returns the state as seen by a client whose next message is emitted at `now`.
    pub fn view(&self, now: Timestamp) -> MarketView {
        let states = || self.index.values().map(|&index| &self.symbols[usize::from(index)]);
        let book =
            |(timestamp, book): (Timestamp, OrderBook)| Envelope { timestamp, event: Event::OrderBook(book) };
        MarketView {
            books: states().filter_map(|state| state.book.map(book)).collect(),
            candles: states().flat_map(|state| state.open_candles(now)).collect(),
            open_orders: states()
                .filter(|state| state.open_orders > 0)
                .map(|state| (state.symbol, state.open_orders))
                .collect(),
        }
    }

    /// Returns the state of a symbol; `None` if there are too many symbols.
    #[inline]
    fn symbol(&mut self, symbol: Symbol) -> Option<&mut SymbolState> {
        let key = symbol.key();
        let hash = (key ^ key >> 64) as u64;
        let place = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize;
        let recent = usize::from(self.recent[place]);
        if self.symbols.get(recent).is_some_and(|state| state.symbol == symbol) {
            return self.symbols.get_mut(recent);
        }
        let index = self.index_of(symbol)?;
        self.recent[place] = index;
        self.symbols.get_mut(usize::from(index))
    }

    fn index_of(&mut self, symbol: Symbol) -> Option<u16> {
        let next = self.symbols.len();
        if let Some(&index) = self.index.get(&symbol.key()) {
            return Some(index);
        }
        if next == SYMBOLS_MAX {
            return None;
        }
        let index = u16::try_from(next).expect("the limit of symbols fits");
        self.index.insert(symbol.key(), index);
        let (candles, open_orders) = ([None; Interval::ALL.len()], 0);
        self.symbols.push(SymbolState { symbol, book: None, candles, open_orders });
        Some(index)
    }
}

impl SymbolState {
    fn trade(&mut self, trade: &Trade) {
        if trade.status.is_execution() {
            self.execute(trade.timestamp.micros(), trade.price.units(), trade.quantity.get());
        }
        if trade.status == TradeStatus::New {
            self.open_orders += 1;
        } else if trade.status.is_terminal() {
            // a recording may begin after the order did
            self.open_orders = self.open_orders.saturating_sub(1);
        }
    }

    fn execute(&mut self, at: i64, price: i64, shares: u32) {
        let notional = u128::from(price.unsigned_abs()) * u128::from(shares);
        for (candle, interval) in self.candles.iter_mut().zip(Interval::ALL) {
            match candle {
                Some(candle) if candle.contains(at, *interval) => {
                    candle.high = candle.high.max(price);
                    candle.low = candle.low.min(price);
                    candle.close = price;
                    candle.volume = candle.volume.saturating_add(u64::from(shares));
                    candle.notional = candle.notional.saturating_add(notional);
                }
                other => {
                    *other = Some(Building {
                        start: start_of(*interval, at),
                        open: price,
                        high: price,
                        low: price,
                        close: price,
                        volume: u64::from(shares),
                        notional,
                    });
                }
            }
        }
    }

    /// Ends the candle that was emitted.
    fn close(&mut self, emitted: &MarketData) {
        let at = emitted.timestamp.micros();
        let candle = &mut self.candles[emitted.interval as usize];
        candle.take_if(|candle| candle.contains(at, emitted.interval));
    }

    fn open_candles(&self, now: Timestamp) -> impl Iterator<Item = OpenCandle> {
        let open = move |(candle, &interval): (&Option<Building>, &Interval)| {
            let candle = candle.filter(|candle| candle.end(interval) > now.micros())?;
            candle.open_candle(self.symbol, interval)
        };
        self.candles.iter().zip(Interval::ALL).filter_map(open)
    }
}

impl Building {
    fn end(&self, interval: Interval) -> i64 {
        self.start.saturating_add(length(interval))
    }

    #[inline]
    fn contains(&self, at: i64, interval: Interval) -> bool {
        (self.start..self.end(interval)).contains(&at)
    }

    /// Returns the candle so far; `None` if its numbers are impossible, as those of a dishonest archive may be.
    fn open_candle(&self, symbol: Symbol, interval: Interval) -> Option<OpenCandle> {
        let volume = u128::from(self.volume);
        let doubled = self.notional.checked_mul(2)?.checked_add(volume)?;
        let vwap = i64::try_from(doubled.checked_div(2 * volume)?).ok()?;
        Some(OpenCandle {
            symbol,
            interval,
            open: Price::from_units(self.open)?,
            high: Price::from_units(self.high)?,
            low: Price::from_units(self.low)?,
            close: Price::from_units(self.close)?,
            volume: self.volume,
            vwap: Price::from_units(vwap)?,
        })
    }
}

/// Returns the length of an interval in microseconds; for a trading day, that of a date.
fn length(interval: Interval) -> i64 {
    match interval {
        Interval::OneMinute => MINUTE,
        Interval::FiveMinutes => 5 * MINUTE,
        Interval::FifteenMinutes => 15 * MINUTE,
        Interval::OneHour => HOUR,
        Interval::OneDay => DAY,
    }
}

/// Returns the start of the interval that contains an instant. New York is a whole number of hours away from UTC, so its
/// hours and parts of hours are those of UTC.
fn start_of(interval: Interval, at: i64) -> i64 {
    let offset = if interval == Interval::OneDay { DATE_CHANGE } else { 0 };
    at - (at - offset).rem_euclid(length(interval))
}
