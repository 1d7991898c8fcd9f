//! The events of one symbol as records: prints of orders, book snapshots and candles.

use std::sync::Arc;

use tradesim_schemas::{
    Envelope, Event, Exchange, OrderBook, OrderRef, OrderType, Price, Quantity, Record, RecordSeq, Symbol,
    SymbolIds, Timestamp, Trade, TradeStatus, TradeType,
};

use crate::{candle::Candles, events::Outage, session::TradingDay, trader::Trader, universe::SymbolInfo};

/// The venues that execute while the listing venue is closed. Source: contract, section 2.
pub(crate) const OTHER_VENUES: [Exchange; 3] = [Exchange::Arca, Exchange::Nasdaq, Exchange::Bats];

/// An event of an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Print {
    /// The number of the order within its symbol.
    pub(crate) order: u64,
    /// The number of the event within the order.
    pub(crate) event: u8,
    pub(crate) side: TradeType,
    pub(crate) order_type: OrderType,
    pub(crate) status: TradeStatus,
    /// The price in ticks.
    pub(crate) price: i64,
    pub(crate) shares: u32,
    pub(crate) trader: Trader,
    /// The venue of the event while the listing venue is closed.
    pub(crate) other_venue: Exchange,
}

/// Writes the events of one symbol, and builds the candles of its executions.
#[derive(Clone, Debug)]
pub(crate) struct Tape {
    symbol: Symbol,
    listing: Exchange,
    /// The tick in units of 0.0001.
    tick: i64,
    ids: SymbolIds,
    day: TradingDay,
    end: i64,
    candles: Candles,
    /// The times in which a venue is silent.
    outages: Arc<[Outage]>,
}

impl Tape {
    /// Creates the tape of a symbol for a day that ends at `end`.
    pub(crate) fn new(info: &SymbolInfo, ids: SymbolIds, day: TradingDay, end: Timestamp) -> Tape {
        Tape {
            symbol: info.symbol,
            listing: info.exchange,
            tick: info.tick_size.units(),
            ids,
            day,
            end: end.micros(),
            candles: Candles::new(info.symbol, info.exchange, day.start(), end),
            outages: Arc::new([]),
        }
    }

    /// Sets the times in which a venue is silent.
    pub(crate) fn with_outages(mut self, outages: Arc<[Outage]>) -> Tape {
        self.outages = outages;
        self
    }

    /// Returns the trading day.
    pub(crate) fn day(&self) -> TradingDay {
        self.day
    }

    /// Returns the end of the day, in microseconds since the epoch. Only candles are emitted at this time.
    #[inline]
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Returns the time at which the next candle closes; `i64::MAX` if no candle is open.
    #[inline]
    pub(crate) fn next_close(&self) -> i64 {
        self.candles.next_close()
    }

    /// Emits the candles that close at `now`, which is [`Tape::next_close`].
    pub(crate) fn close_candles(&mut self, now: i64, out: &mut Vec<Record>) {
        self.candles.close(|candle| {
            let timestamp = instant(now);
            out.push(record(None, Envelope { timestamp, event: Event::MarketData(candle) }));
        });
    }

    /// Emits an event of an order. Executions count in the candles.
    #[inline]
    pub(crate) fn print(&mut self, now: i64, print: &Print, out: &mut Vec<Record>) {
        if print.status.is_execution() {
            self.candles.execute(now, print.price * self.tick, print.shares);
        }
        let timestamp = instant(now);
        let at = OrderRef::new(print.order, print.event).expect("a day has fewer orders");
        let trade = Trade {
            trade_id: self.ids.trade_id(at),
            symbol: self.symbol,
            trade_type: print.side,
            order_type: print.order_type,
            price: self.price_of(print.price),
            quantity: quantity(print.shares),
            timestamp,
            exchange: self.venue(timestamp, print.other_venue),
            trader_id: print.trader.id(),
            account_id: print.trader.account(),
            status: print.status,
            correlation_id: Some(self.ids.correlation_id(at)),
        };
        out.push(record(Some(at), Envelope { timestamp, event: Event::Trade(trade) }));
    }

    /// Emits a book snapshot: price in ticks and size in shares of the bid and of the ask.
    #[inline]
    pub(crate) fn state_book(&self, now: i64, bid: (i64, u32), ask: (i64, u32), out: &mut Vec<Record>) {
        let timestamp = instant(now);
        let (bid_price, ask_price) = (self.price_of(bid.0), self.price_of(ask.0));
        let snapshot = OrderBook {
            symbol: self.symbol,
            bid_price,
            ask_price,
            bid_size: quantity(bid.1),
            ask_size: quantity(ask.1),
            spread: ask_price.checked_sub(bid_price).expect("bid is below ask"),
            mid_price: Price::mid(bid_price, ask_price),
            timestamp,
            exchange: self.venue(timestamp, Exchange::Arca),
        };
        out.push(record(None, Envelope { timestamp, event: Event::OrderBook(snapshot) }));
    }

    /// Returns the listing venue while it is open, and otherwise `other`; another one while that is silent.
    #[inline]
    fn venue(&self, at: Timestamp, other: Exchange) -> Exchange {
        let venue = if self.day.venue_open(self.listing, at) { self.listing } else { other };
        if self.outages.is_empty() { venue } else { self.around_outages(at.micros(), venue, other) }
    }

    /// Returns a venue if it is not silent, and otherwise `other` or the first of the other venues that is not silent.
    fn around_outages(&self, at: i64, venue: Exchange, other: Exchange) -> Exchange {
        let is_silent = |venue: Exchange| {
            self.outages.iter().any(|outage| outage.venue == venue && (outage.from..outage.to).contains(&at))
        };
        let mut candidates = [venue, other].into_iter().chain(OTHER_VENUES);
        candidates.find(|&venue| !is_silent(venue)).unwrap_or(venue)
    }

    #[inline]
    fn price_of(&self, ticks: i64) -> Price {
        Price::from_units(ticks * self.tick).expect("prices stay within twelve digits")
    }

    /// Returns the raw state, for the state digest.
    pub(crate) fn state(&self) -> impl Iterator<Item = u64> + '_ {
        self.candles.state()
    }
}

/// The raw state of a market at every minute in which there was an event.
#[derive(Clone, Debug)]
pub(crate) struct StateLog {
    due: i64,
    hasher: blake3::Hasher,
    /// Words that have not been hashed.
    words: Vec<u64>,
}

impl StateLog {
    /// The virtual time between two samples, in microseconds.
    const INTERVAL: i64 = 60_000_000;
    /// The number of words that are hashed at once: four chunks of BLAKE3, which the hasher processes side by side.
    const BLOCK: usize = 512;

    /// Creates the log of a day.
    pub(crate) fn new(start: Timestamp) -> StateLog {
        StateLog {
            due: start.micros() + StateLog::INTERVAL,
            hasher: blake3::Hasher::new(),
            words: Vec::new(),
        }
    }

    /// Returns true if a sample is due at `now`.
    #[inline]
    pub(crate) fn is_due(&self, now: i64) -> bool {
        now >= self.due
    }

    /// Returns the time of the next sample.
    pub(crate) fn due(&self) -> i64 {
        self.due
    }

    /// Begins the sample at `now`, and returns the list to which its words are added. Its first word is the time of the next
    /// sample.
    pub(crate) fn begin(&mut self, now: i64) -> &mut Vec<u64> {
        while self.due <= now {
            self.due += StateLog::INTERVAL;
        }
        if self.words.len() >= StateLog::BLOCK {
            let mut bytes = [0; 8 * StateLog::BLOCK];
            for (bytes, word) in bytes.chunks_exact_mut(8).zip(self.words.drain(..StateLog::BLOCK)) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
            self.hasher.update(&bytes);
        }
        self.words.push(self.due as u64);
        &mut self.words
    }

    /// Returns the memory of a clone that is not in the struct, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.words[..])
    }

    /// Returns the digest of all samples.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut hasher = self.hasher.clone();
        let rest: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        hasher.update(&rest);
        *hasher.finalize().as_bytes()
    }
}

#[inline]
fn record(order: Option<OrderRef>, envelope: Envelope) -> Record {
    Record { seq: RecordSeq(0), origin: 0, order, envelope }
}

/// Returns an instant of the day.
#[inline]
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).expect("virtual time stays within the day")
}

#[inline]
fn quantity(shares: u32) -> Quantity {
    Quantity::new(shares).expect("sizes are at least one share")
}
