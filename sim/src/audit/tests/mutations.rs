//! One damage at a time, at every row of a valid day. Each must be found, although seq is renumbered afterwards.

use tradesim_schemas::{
    Event, Exchange, OrderType, Price, Quantity, Timestamp, Trade, TradeStatus, TraderId,
};

use super::{market, *};

fn day() -> Vec<Record> {
    market::valid_day(7, 15)
}

/// Audits a day for each index, with `damage` done there; `None` from `damage` means that there is nothing to damage.
#[track_caller]
fn check_everywhere(name: &str, damage: impl Fn(&mut Vec<Record>, usize) -> Option<()>) {
    let whole = day();
    let mut damaged = 0;
    for index in 0..whole.len() {
        let mut records = whole.clone();
        if damage(&mut records, index).is_none() {
            continue;
        }
        damaged += 1;
        market::renumber(&mut records);
        let report = audit(market::context(), &records);
        let (event, at) = (&whole[index].envelope.event, index);
        assert!(!report.is_clean(), "{name} at {at} was not found: {event:?}");
        assert!(report.rules.iter().all(|rule| (rule.violations > 0) != rule.examples.is_empty()));
    }
    assert!(damaged > 10, "{name} applied to {damaged} records only");
}

fn trade_at(records: &mut [Record], index: usize) -> Option<&mut Trade> {
    match &mut records[index].envelope.event {
        Event::Trade(trade) => Some(trade),
        _ => None,
    }
}

fn execution_at(records: &mut [Record], index: usize) -> Option<&mut Trade> {
    trade_at(records, index).filter(|trade| trade.status.is_execution())
}

fn more(price: Price, units: i64) -> Price {
    Price::from_units(price.units() + units).unwrap()
}

#[test]
fn several_undamaged_days_are_clean() {
    for seed in 1..20 {
        let records = market::valid_day(seed, 40);
        let report = audit(market::context(), &records);
        assert_clean(&report);
        assert!(report.skipped.is_empty(), "{:?}", report.skipped);
        assert_eq!(report.records, records.len() as u64);
        assert!(report.rules.iter().all(|rule| rule.checked > 20), "{report:?}");
    }
}

#[test]
fn a_lost_event_is_found() {
    check_everywhere("a loss", |records, index| {
        records.remove(index);
        Some(())
    });
}

#[test]
fn a_doubled_event_is_found() {
    check_everywhere("a double", |records, index| {
        records.insert(index, records[index]);
        Some(())
    });
}

#[test]
fn two_swapped_events_are_found() {
    check_everywhere("a swap", |records, index| {
        (index + 1 < records.len()).then(|| records.swap(index, index + 1))
    });
}

#[test]
fn an_altered_execution_price_is_found() {
    for units in [-100, -50, 1, 50, 100] {
        check_everywhere("a price", |records, index| {
            let trade = execution_at(records, index)?;
            trade.price = more(trade.price, units);
            Some(())
        });
    }
}

#[test]
fn an_altered_quantity_is_found() {
    check_everywhere("a quantity", |records, index| {
        let trade = trade_at(records, index)?;
        trade.quantity = Quantity::new(trade.quantity.get() + 1)?;
        Some(())
    });
}

#[test]
fn an_altered_status_is_found() {
    for &status in TradeStatus::ALL {
        check_everywhere("a status", |records, index| {
            let trade = trade_at(records, index).filter(|trade| trade.status != status)?;
            // a CANCELLED instead of a REJECTED is just as valid, except for a MARKET order
            let unexecuted = |status| matches!(status, TradeStatus::Cancelled | TradeStatus::Rejected);
            if unexecuted(trade.status) && unexecuted(status) && trade.order_type != OrderType::Market {
                return None;
            }
            trade.status = status;
            Some(())
        });
    }
}

#[test]
fn an_altered_party_is_found() {
    check_everywhere("a side", |records, index| {
        let trade = trade_at(records, index)?;
        trade.trade_type = match trade.trade_type {
            tradesim_schemas::TradeType::Buy => tradesim_schemas::TradeType::Sell,
            tradesim_schemas::TradeType::Sell => tradesim_schemas::TradeType::Buy,
        };
        Some(())
    });
    check_everywhere("a type", |records, index| {
        let trade = trade_at(records, index)?;
        trade.order_type = OrderType::ALL[(trade.order_type as usize + 1) % 4];
        Some(())
    });
    check_everywhere("a trader", |records, index| {
        let trade = trade_at(records, index)?;
        trade.trader_id = TraderId::new((trade.trader_id.number() + 5) % 200)?;
        Some(())
    });
    check_everywhere("a correlation id", |records, index| {
        let trade = trade_at(records, index)?;
        trade.correlation_id.as_mut()?.0 ^= 1;
        Some(())
    });
}

#[test]
fn an_altered_symbol_is_found() {
    check_everywhere("a symbol", |records, index| {
        let other = |symbol| if symbol == market::symbol("AAPL") { "IBM" } else { "AAPL" };
        match &mut records[index].envelope.event {
            Event::Trade(trade) => trade.symbol = market::symbol(other(trade.symbol)),
            Event::OrderBook(book) => book.symbol = market::symbol(other(book.symbol)),
            Event::MarketData(candle) => candle.symbol = market::symbol(other(candle.symbol)),
        }
        Some(())
    });
}

#[test]
fn an_altered_time_is_found() {
    // fifteen hours, in both places: later than what follows, or than the day
    check_everywhere("a time", |records, index| {
        let later = Timestamp::from_micros(records[index].envelope.timestamp.micros() + 15 * 3_600_000_000)?;
        records[index].envelope.timestamp = later;
        match &mut records[index].envelope.event {
            Event::Trade(trade) => trade.timestamp = later,
            Event::OrderBook(book) => book.timestamp = later,
            Event::MarketData(_) => {}
        }
        Some(())
    });
    // a microsecond, in the payload alone
    check_everywhere("a payload's time", |records, index| {
        match &mut records[index].envelope.event {
            Event::Trade(trade) => trade.timestamp = Timestamp::from_micros(trade.timestamp.micros() + 1)?,
            Event::OrderBook(book) => book.timestamp = Timestamp::from_micros(book.timestamp.micros() + 1)?,
            Event::MarketData(candle) => {
                candle.timestamp = Timestamp::from_micros(candle.timestamp.micros() + 1)?
            }
        }
        Some(())
    });
}

#[test]
fn an_altered_book_is_found() {
    type Field = fn(&mut tradesim_schemas::OrderBook) -> &mut Price;
    let fields: [Field; 4] = [
        |book| &mut book.bid_price,
        |book| &mut book.ask_price,
        |book| &mut book.spread,
        |book| &mut book.mid_price,
    ];
    for field in fields {
        check_everywhere("a field of a book", |records, index| match &mut records[index].envelope.event {
            Event::OrderBook(book) => {
                *field(book) = more(*field(book), 100);
                Some(())
            }
            _ => None,
        });
    }
}

#[test]
fn an_altered_candle_is_found() {
    type Change = fn(&mut tradesim_schemas::MarketData);
    let changes: [Change; 8] = [
        |candle| candle.open = more(candle.open, 1),
        |candle| candle.high = more(candle.high, 1),
        |candle| candle.low = more(candle.low, -1),
        |candle| candle.close = more(candle.close, -1),
        |candle| candle.vwap = more(candle.vwap, 1),
        |candle| candle.volume += 1,
        |candle| candle.exchange = Exchange::Bats,
        |candle| {
            let intervals = tradesim_schemas::Interval::ALL;
            candle.interval = intervals[(candle.interval as usize + 1) % intervals.len()];
        },
    ];
    for change in changes {
        check_everywhere("a field of a candle", |records, index| match &mut records[index].envelope.event {
            Event::MarketData(candle) => {
                change(candle);
                Some(())
            }
            _ => None,
        });
    }
}
