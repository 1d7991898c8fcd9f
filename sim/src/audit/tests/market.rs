//! A small valid day that is not made by the simulator: the audit must accept it, and tests damage it.

use std::collections::BTreeMap;

use tradesim_schemas::{
    AccountId, ArchiveKey, Envelope, Event, Exchange, Interval, MarketData, OrderBook, OrderRef, OrderType,
    Price, Quantity, Record, RecordSeq, Symbol, Timestamp, Trade, TradeStatus, TradeType, TraderId,
};

use super::super::{AuditContext, AuditSymbol};
use crate::session::{Closed, TradingDay};

pub(super) fn day() -> TradingDay {
    TradingDay::new("2026-02-18".parse().unwrap(), Closed::Refuse).unwrap()
}

/// An instant of the day by exchange time.
pub(super) fn at(clock: &str) -> Timestamp {
    day().at(clock.parse().unwrap())
}

pub(super) fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

pub(super) fn price(text: &str) -> Price {
    Price::parse(text.as_bytes()).unwrap()
}

pub(super) fn quantity(shares: u32) -> Quantity {
    Quantity::new(shares).unwrap()
}

fn units(units: i64) -> Price {
    Price::from_units(units).unwrap()
}

/// Three symbols of different listings.
pub(super) fn context() -> AuditContext {
    let listed = |text, listing| AuditSymbol {
        symbol: symbol(text),
        listing,
        tick_size: price("0.01"),
        base_price: price("100.00"),
        weight: 1.0,
    };
    AuditContext {
        day: Some(day()),
        market_hours: true,
        model: Some("gbm/1".to_owned()),
        symbols: vec![
            listed("AAPL", Exchange::Nasdaq),
            listed("IBM", Exchange::Nyse),
            listed("IMO", Exchange::Amex),
        ],
        scope: super::super::Scope::WHOLE,
        labels: Vec::new(),
    }
}

/// A fixed sequence of numbers: a linear congruential generator, its high bits.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A valid day of `orders` orders a symbol, with overlapping lives; seq from 0.
pub(super) fn valid_day(seed: u64, orders: u64) -> Vec<Record> {
    let mut records = Vec::new();
    for (index, known) in context().symbols.iter().enumerate() {
        let trades = trades_of(known.symbol, index as u16, seed, orders);
        records.extend(with_books(trades, known.symbol));
    }
    let candles = candles_of(&records);
    records.extend(candles);
    records.sort_by_key(|record| match &record.envelope.event {
        Event::MarketData(candle) => {
            (record.envelope.timestamp, 0, candle.interval as u8, index_of(candle.symbol))
        }
        event => (record.envelope.timestamp, 1, 0, index_of(event.symbol())),
    });
    renumber(&mut records);
    records
}

/// Numbers records from 0 as they stand.
pub(super) fn renumber(records: &mut [Record]) {
    for (seq, record) in records.iter_mut().enumerate() {
        record.seq = RecordSeq(seq as u64);
    }
}

fn index_of(symbol: Symbol) -> usize {
    context().symbols.iter().position(|known| known.symbol == symbol).unwrap()
}

/// The trade events of one symbol, in order of time. Limits are so generous that any quote is within them.
fn trades_of(symbol: Symbol, index: u16, seed: u64, orders: u64) -> Vec<Record> {
    let mut numbers = Numbers(seed << 8 | u64::from(index));
    let (start, end) = (day().start().micros(), day().end().micros());
    let step = (end - start) / (orders as i64 + 2);
    let mut trades = Vec::new();
    for order in 0..orders {
        let begun = start + (order as i64) * step + numbers.below(step as u64 / 2) as i64;
        let order_type = OrderType::ALL[numbers.below(4) as usize];
        let market = order_type == OrderType::Market;
        let shares = 3 + numbers.below(400) as u32;
        let parts: Vec<(TradeStatus, u32)> = match (numbers.below(5), market) {
            (0, _) => vec![(TradeStatus::Rejected, shares)],
            (1, false) => vec![(TradeStatus::Cancelled, shares)],
            (2, false) => vec![(TradeStatus::PartiallyFilled, 1), (TradeStatus::Filled, shares - 1)],
            (3, false) => vec![
                (TradeStatus::PartiallyFilled, shares / 3),
                (TradeStatus::PartiallyFilled, 1),
                (TradeStatus::Filled, shares - shares / 3 - 1),
            ],
            _ => vec![(TradeStatus::Filled, shares)],
        };
        let side = TradeType::ALL[numbers.below(2) as usize];
        let trader = TraderId::new(numbers.below(200) as u32).unwrap();
        let mut time = begun;
        for (event, (status, shares)) in [(TradeStatus::New, shares)].into_iter().chain(parts).enumerate() {
            if event > 0 && !market {
                time += 1 + numbers.below(step as u64 / 3) as i64;
            }
            let reference = OrderRef::new(order, event as u8).unwrap();
            let ids = ArchiveKey::derive("audit").symbol_ids(symbol, index);
            let timestamp = Timestamp::from_micros(time).unwrap();
            let venue = [Exchange::Nasdaq, Exchange::Arca, Exchange::Bats][numbers.below(3) as usize];
            let trade = Trade {
                trade_id: ids.trade_id(reference),
                symbol,
                trade_type: side,
                order_type,
                price: Price::default(),
                quantity: quantity(shares),
                timestamp,
                exchange: venue,
                trader_id: trader,
                account_id: AccountId::new((trader.number() / 5) as u16).unwrap(),
                status,
                correlation_id: Some(ids.correlation_id(reference)),
            };
            trades.push(record(timestamp, Event::Trade(trade), Some(reference)));
        }
    }
    trades.sort_by_key(|record| record.envelope.timestamp);
    trades
}

/// Puts the snapshots in place, and prices by the quote of the moment.
fn with_books(trades: Vec<Record>, symbol: Symbol) -> Vec<Record> {
    let mut numbers = Numbers(trades.len() as u64);
    let mut records = vec![book(day().start(), symbol, 1_000_000, 1_000_200)];
    let (mut bid, mut ask) = (1_000_000, 1_000_200);
    for (count, mut record) in trades.into_iter().enumerate() {
        let timestamp = record.envelope.timestamp;
        let Event::Trade(trade) = &mut record.envelope.event else { unreachable!() };
        let buy = trade.trade_type == TradeType::Buy;
        trade.price = if trade.status.is_execution() || trade.order_type == OrderType::Market {
            units(if buy { ask } else { bid })
        } else {
            units(if buy { 1_100_000 } else { 900_000 })
        };
        records.push(record);
        if count % 5 == 4 {
            bid = 1_000_000 + 100 * numbers.below(50) as i64;
            ask = bid + 100 * (1 + numbers.below(4) as i64);
            records.push(book(timestamp, symbol, bid, ask));
        }
    }
    records
}

pub(super) fn book(timestamp: Timestamp, symbol: Symbol, bid: i64, ask: i64) -> Record {
    let book = OrderBook {
        symbol,
        bid_price: units(bid),
        ask_price: units(ask),
        bid_size: quantity(100),
        ask_size: quantity(300),
        spread: units(ask - bid),
        mid_price: units((bid + ask) / 2),
        timestamp,
        exchange: Exchange::Nasdaq,
    };
    record(timestamp, Event::OrderBook(book), None)
}

/// Where a candle belongs: emission, interval, symbol's place, start.
type CandleKey = (Timestamp, Interval, usize, Timestamp);

/// The candles of a day's executions, each computed from the list of what falls into it.
pub(super) fn candles_of(records: &[Record]) -> Vec<Record> {
    let mut groups: BTreeMap<CandleKey, Vec<(i64, u32)>> = BTreeMap::new();
    for record in records {
        let Event::Trade(trade) = &record.envelope.event else { continue };
        if !trade.status.is_execution() {
            continue;
        }
        for (&interval, minutes) in Interval::ALL.iter().zip([1, 5, 15, 60, 960]) {
            let length = minutes * 60_000_000;
            let since = (trade.timestamp.micros() - day().start().micros()) / length;
            let start = Timestamp::from_micros(day().start().micros() + since * length).unwrap();
            let end = Timestamp::from_micros(start.micros() + length).unwrap();
            let key = (end, interval, index_of(trade.symbol), start);
            groups.entry(key).or_default().push((trade.price.units(), trade.quantity.get()));
        }
    }
    let candle = |((end, interval, index, start), executions): (CandleKey, Vec<(i64, u32)>)| {
        let known = context().symbols[index];
        let volume: u64 = executions.iter().map(|&(_, shares)| u64::from(shares)).sum();
        let notional: i128 =
            executions.iter().map(|&(price, shares)| i128::from(price) * i128::from(shares)).sum();
        let whole = notional / i128::from(volume);
        let rest = notional % i128::from(volume);
        let vwap = whole + i128::from(rest * 2 >= i128::from(volume));
        let prices = executions.iter().map(|&(price, _)| price);
        let candle = MarketData {
            symbol: known.symbol,
            open: units(executions[0].0),
            high: units(prices.clone().max().unwrap()),
            low: units(prices.min().unwrap()),
            close: units(executions[executions.len() - 1].0),
            volume,
            vwap: units(vwap as i64),
            timestamp: start,
            interval,
            exchange: known.listing,
        };
        record(end, Event::MarketData(candle), None)
    };
    groups.into_iter().map(candle).collect()
}

fn record(timestamp: Timestamp, event: Event, order: Option<OrderRef>) -> Record {
    Record { seq: RecordSeq(0), origin: 0, order, envelope: Envelope { timestamp, event } }
}
