//! Plausible market data from a small seeded generator, for the tests and benches of the archive.
//!
//! It has the properties that matter to a file (order numbers that ascend by symbol, prices that walk on a tick grid, the
//! mix of event types), but does not follow the market rules. The bench includes this file by its path.

use std::collections::VecDeque;

use tradesim_archive::{Origin, Provenance, SymbolEntry};
use tradesim_schemas::{
    AccountId, ArchiveKey, Envelope, Event, Exchange, Interval, MarketData, OrderBook, OrderRef, OrderType,
    Price, Quantity, Record, RecordSeq, Symbol, SymbolIds, Timestamp, Trade, TradeStatus, TradeType,
    TraderId,
};

/// 2026-02-18, 09:30 in New York.
const START: i64 = 1_771_425_000_000_000;
const SYMBOLS: usize = 50;

/// A SplitMix64 generator.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Returns 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns an approximately uniform number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }
}

/// An endless stream of records.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    random: Random,
    now: i64,
    seq: RecordSeq,
    symbols: Vec<SymbolState>,
    pending: VecDeque<Record>,
    since_candle: u32,
}

#[derive(Clone, Debug)]
struct SymbolState {
    symbol: Symbol,
    ids: SymbolIds,
    price: i64,
    orders: u64,
    trades: u64,
}

/// Returns the provenance of the sample's archives.
pub(crate) fn provenance() -> Provenance {
    Provenance {
        generator_version: Some("0".to_owned()),
        model: Some("sample/1".to_owned()),
        seed: Some(42),
        date: Some("2026-02-18".to_owned()),
        options: [("rate".to_owned(), "10".to_owned())].into(),
        origins: vec![origin("sample 42")],
        calendar_version: Some("2026.1".to_owned()),
        ..Provenance::default()
    }
}

/// Returns an origin with the sample's symbols.
pub(crate) fn origin(identity: &str) -> Origin {
    let symbols = (0..SYMBOLS)
        .map(|n| SymbolEntry {
            symbol: symbol(n),
            name: format!("Company {n}"),
            exchange: Exchange::Nasdaq,
            sector: "Technology".to_owned(),
            base_price: Price::from_units(base_price(n)).unwrap(),
            volatility: 0.02,
            avg_daily_volume: 1_000_000,
            tick_size: Price::from_units(100).unwrap(),
            lot_size: 100,
            weight: 0.02,
        })
        .collect();
    Origin { identity: identity.to_owned(), symbols }
}

fn symbol(n: usize) -> Symbol {
    Symbol::new(&format!("SY{}", char::from(b'A' + (n % 26) as u8).to_string().repeat(1 + n / 26))).unwrap()
}

fn base_price(n: usize) -> i64 {
    1_000_000 + 150_000 * n as i64
}

impl Sample {
    /// Creates the stream of a seed.
    pub(crate) fn new(seed: u64) -> Sample {
        Sample::of("sample 42", seed)
    }

    /// Creates the stream of a seed with the ids of an identity.
    pub(crate) fn of(identity: &str, seed: u64) -> Sample {
        let key = ArchiveKey::derive(identity);
        let symbols = (0..SYMBOLS)
            .map(|n| SymbolState {
                symbol: symbol(n),
                ids: key.symbol_ids(symbol(n), n as u16),
                price: base_price(n),
                orders: 0,
                trades: 0,
            })
            .collect();
        Sample {
            random: Random(seed),
            now: START,
            seq: RecordSeq(0),
            symbols,
            pending: VecDeque::new(),
            since_candle: 0,
        }
    }

    /// Returns the next records.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Record> {
        (0..count).map(|_| self.record()).collect()
    }

    fn record(&mut self) -> Record {
        self.now += self.random.below(9_000) as i64;
        let timestamp = Timestamp::from_micros(self.now).unwrap();
        let draw = self.random.below(100);
        let mut record = if self.since_candle > 60 {
            self.since_candle = 0;
            self.candle(timestamp)
        } else if draw < 17 {
            self.book(timestamp)
        } else if draw < 55 && self.pending.len() > 400 {
            let at = self.random.below(self.pending.len() as u64) as usize;
            let new = self.pending.swap_remove_back(at).unwrap();
            self.resolve(new, timestamp)
        } else {
            self.order(timestamp)
        };
        self.since_candle += 1;
        record.seq = self.seq;
        self.seq += 1;
        record
    }

    /// Draws a symbol. The first symbols are more frequent, as in a real universe.
    fn draw_symbol(&mut self) -> usize {
        let (a, b) = (self.random.below(SYMBOLS as u64), self.random.below(SYMBOLS as u64));
        a.min(b) as usize
    }

    fn order(&mut self, timestamp: Timestamp) -> Record {
        let n = self.draw_symbol();
        let step = self.random.below(5) as i64 - 2;
        let state = &mut self.symbols[n];
        state.price = (state.price + step * 100).max(100_000);
        let order = OrderRef::new(state.orders, 0).unwrap();
        state.orders += 1;
        state.trades += 1;
        let trader = self.random.below(200) as u32;
        let trade = Trade {
            trade_id: state.ids.trade_id(order),
            symbol: state.symbol,
            trade_type: TradeType::ALL[self.random.below(2) as usize],
            order_type: OrderType::ALL[self.random.below(4) as usize],
            price: Price::from_units(state.price).unwrap(),
            quantity: Quantity::new(100 * (1 + self.random.below(10) as u32)).unwrap(),
            timestamp,
            exchange: Exchange::ALL[(n + self.random.below(8) as usize / 6) % 5],
            trader_id: TraderId::new(trader).unwrap(),
            account_id: AccountId::new((trader / 5) as u16).unwrap(),
            status: TradeStatus::New,
            correlation_id: Some(state.ids.correlation_id(order)),
        };
        let record = record(timestamp, Some(order), Event::Trade(trade));
        self.pending.push_back(record);
        record
    }

    fn resolve(&mut self, new: Record, timestamp: Timestamp) -> Record {
        let Event::Trade(trade) = new.envelope.event else { unreachable!("only trades are pending") };
        let state = self.symbols.iter().find(|state| state.symbol == trade.symbol).unwrap();
        let order = OrderRef::new(new.order.unwrap().order(), 1).unwrap();
        let trade = Trade {
            trade_id: state.ids.trade_id(order),
            price: Price::from_units(state.price).unwrap(),
            timestamp,
            status: TradeStatus::ALL[2 + self.random.below(3) as usize],
            ..trade
        };
        record(timestamp, Some(order), Event::Trade(trade))
    }

    fn book(&mut self, timestamp: Timestamp) -> Record {
        let n = self.draw_symbol();
        let state = &self.symbols[n];
        let bid_price = Price::from_units(state.price - 100).unwrap();
        let ask_price = Price::from_units(state.price + 100 * (1 + self.random.below(3) as i64)).unwrap();
        let book = OrderBook {
            symbol: state.symbol,
            bid_price,
            ask_price,
            bid_size: Quantity::new(100 * (1 + self.random.below(20) as u32)).unwrap(),
            ask_size: Quantity::new(100 * (1 + self.random.below(20) as u32)).unwrap(),
            spread: ask_price.checked_sub(bid_price).unwrap(),
            mid_price: Price::mid(bid_price, ask_price),
            timestamp,
            exchange: Exchange::ALL[n % 5],
        };
        record(timestamp, None, Event::OrderBook(book))
    }

    fn candle(&mut self, timestamp: Timestamp) -> Record {
        let n = self.draw_symbol();
        let state = &self.symbols[n];
        let price = |offset: i64| Price::from_units(state.price + offset).unwrap();
        let interval = Interval::ALL[self.random.below(5) as usize];
        let candle = MarketData {
            symbol: state.symbol,
            open: price(100),
            high: price(500),
            low: price(-300),
            close: price(0),
            volume: 1 + self.random.below(100_000),
            vwap: price(37),
            timestamp: Timestamp::from_micros(self.now / 60_000_000 * 60_000_000 - 60_000_000).unwrap(),
            interval,
            exchange: Exchange::ALL[n % 5],
        };
        record(timestamp, None, Event::MarketData(candle))
    }
}

fn record(timestamp: Timestamp, order: Option<OrderRef>, event: Event) -> Record {
    Record { seq: RecordSeq(0), origin: 0, order, envelope: Envelope { timestamp, event } }
}
