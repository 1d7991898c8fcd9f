//! The state of the market that vendors' messages state besides the event itself.

use std::{collections::BTreeMap, sync::Arc};

use tradesim_schemas::{
    Event, Exchange, Interval, MarketData, OrderBook, Price, Quantity, Symbol, Timestamp, Trade,
};

use crate::{
    encode::Input,
    reference::{CoreSessions, Listing, Reference, Tape},
    subscriptions::SYMBOLS_MAX,
};

const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 24 * 60 * MINUTE_US;

/// The time of UTC at which a trading date ends: 01:00 or 02:00 in New York, when no session is open.
const DAY_ENDS_US: i64 = 6 * 60 * MINUTE_US;

/// Returns the instant at which the trading date of a time begins, in the night before its sessions.
pub fn trading_day_start(at: Timestamp) -> Timestamp {
    let date = date_of(at);
    Timestamp::from_micros(date * DAY_US + DAY_ENDS_US).unwrap_or(Timestamp::MIN)
}

fn date_of(at: Timestamp) -> i64 {
    (at.micros() - DAY_ENDS_US).div_euclid(DAY_US)
}

/// The state of the market on one trading date, from the messages so far.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) reference: Arc<Reference>,
    date: Option<i64>,
    sessions: CoreSessions,
    symbols: BTreeMap<Symbol, SymbolState>,
}

/// The round lot of a symbol without a listing, in shares.
const USUAL_ROUND_LOT: u32 = 100;

/// The state of a symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SymbolState {
    listing: Option<Listing>,
    /// True if the last event was recorded in the core session.
    pub(crate) is_core: bool,
    /// The last snapshot.
    pub(crate) book: Option<OrderBook>,
    /// The price of the first execution of the core session.
    pub(crate) core_open: Option<Price>,
    /// The shares executed today.
    pub(crate) volume: u64,
    /// The sum of price times quantity today, in units of 0.0001.
    notional: u128,
    /// The executions today.
    executions: u64,
    /// The minute of the last execution, and the number of executions in it.
    minute: (i64, u64),
}

impl Market {
    pub(crate) fn new(reference: &Arc<Reference>) -> Market {
        Market {
            reference: Arc::clone(reference),
            date: None,
            sessions: CoreSessions::default(),
            symbols: BTreeMap::new(),
        }
    }

    /// Forgets all messages.
    pub(crate) fn reset(&mut self) {
        self.date = None;
        self.symbols.clear();
    }

    /// Records an event, and returns the state of its symbol after it.
    pub(crate) fn note(&mut self, input: &Input<'_>) -> &SymbolState {
        let date = date_of(input.recorded_at);
        if self.date != Some(date) {
            // a candle of the whole day is the last message of its date; it has the time of its start
            self.symbols.clear();
            self.date = Some(date);
            self.sessions = self.reference.core_sessions_near(trading_day_start(input.recorded_at));
        }
        let symbol = input.event.symbol();
        if self.symbols.len() >= SYMBOLS_MAX && !self.symbols.contains_key(&symbol) {
            // a capture with more symbols than any market has
            self.symbols.clear();
        }
        let state = self.symbols.entry(symbol).or_insert_with(|| SymbolState {
            listing: self.reference.listing(symbol),
            ..SymbolState::default()
        });
        state.is_core = self.sessions.contain(input.recorded_at);
        match input.event {
            Event::Trade(trade) if trade.status.is_execution() => {
                state.execute(trade);
            }
            Event::OrderBook(book) => state.book = Some(*book),
            Event::Trade(_) | Event::MarketData(_) => {}
        }
        state
    }
}

impl SymbolState {
    /// Returns the tape of the symbol; without a listing, that of an exchange.
    pub(crate) fn tape(&self, exchange: Exchange) -> Tape {
        Tape::of(self.listing.map_or(exchange, |listing| listing.exchange))
    }

    /// Returns true if so many shares are less than a round lot.
    pub(crate) fn is_odd_lot(&self, quantity: Quantity) -> bool {
        quantity.get() < self.listing.map_or(USUAL_ROUND_LOT, |listing| listing.round_lot)
    }

    fn execute(&mut self, trade: &Trade) {
        let quantity = u64::from(trade.quantity.get());
        if self.is_core {
            self.core_open.get_or_insert(trade.price);
        }
        self.volume += quantity;
        self.notional += trade.price.units().unsigned_abs() as u128 * u128::from(quantity);
        self.executions += 1;
        let minute = minute_of(trade.timestamp);
        self.minute = (minute, if self.minute.0 == minute { self.minute.1 + 1 } else { 1 });
    }

    /// Returns the volume-weighted average price of today's executions, rounded half up to 0.0001.
    pub(crate) fn vwap(&self) -> Option<Price> {
        let volume = u128::from(self.volume);
        let units = (2 * self.notional + volume).checked_div(2 * volume)?;
        Price::from_units(i64::try_from(units).ok()?)
    }

    /// Returns the number of executions in a candle's interval, as far as they were seen. A candle follows the
    /// executions of its interval and precedes all others.
    pub(crate) fn executions_of(&self, candle: &MarketData) -> u64 {
        match candle.interval {
            Interval::OneDay => self.executions,
            _ if self.minute.0 == minute_of(candle.timestamp) => self.minute.1,
            _ => 0,
        }
    }
}

fn minute_of(at: Timestamp) -> i64 {
    at.micros().div_euclid(MINUTE_US)
}
