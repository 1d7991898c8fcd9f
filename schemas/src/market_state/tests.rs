use proptest::{prelude::*, strategy::ValueTree};

use super::*;
use crate::{
    Exchange, Quantity,
    testing::{any_envelope, any_market_data, any_order_book, any_trade, market_envelope},
};

/// 2026-02-18, 09:30:00 in New York.
const OPEN: i64 = 1_771_425_000_000_000;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

fn sample_trade() -> Trade {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    any_trade().new_tree(&mut runner).unwrap().current()
}

fn trade(symbol: &str, micros: i64, price: i64, shares: u32, status: TradeStatus) -> Envelope {
    let trade = Trade {
        symbol: Symbol::new(symbol).unwrap(),
        price: Price::from_units(price).unwrap(),
        quantity: Quantity::new(shares).unwrap(),
        timestamp: at(micros),
        status,
        ..sample_trade()
    };
    Envelope { timestamp: at(micros), event: Event::Trade(trade) }
}

fn state_of(messages: &[Envelope]) -> MarketState {
    let mut state = MarketState::new();
    messages.iter().for_each(|message| state.push(message));
    state
}

/// Returns interval, open, high, low, close, volume and vwap of the open candles.
fn candles(state: &MarketState, now: i64) -> Vec<(&'static str, [i64; 5], u64)> {
    let units = |candle: &OpenCandle| {
        [candle.open, candle.high, candle.low, candle.close, candle.vwap].map(Price::units)
    };
    let view = state.view(at(now));
    view.candles.iter().map(|candle| (candle.interval.as_str(), units(candle), candle.volume)).collect()
}

#[test]
fn candles_are_open_until_their_interval_is_over() {
    let state = state_of(&[
        trade("AAPL", OPEN, 100, 1, TradeStatus::PartiallyFilled),
        trade("AAPL", OPEN + 1, 101, 1, TradeStatus::Filled),
        trade("AAPL", OPEN + 2, 999, 50, TradeStatus::Cancelled),
        trade("AAPL", OPEN + MINUTE, 90, 2, TradeStatus::Filled),
    ]);
    let (first, second) = ([100, 101, 90, 90, 95], [90, 90, 90, 90, 90]);
    assert_eq!(
        candles(&state, OPEN + 2 * MINUTE - 1),
        [("1m", second, 2), ("5m", first, 4), ("15m", first, 4), ("1h", first, 4), ("1d", first, 4)]
    );
    let open = |now| candles(&state, now).into_iter().map(|(interval, ..)| interval).collect::<Vec<_>>();
    assert_eq!(open(OPEN + 2 * MINUTE), ["5m", "15m", "1h", "1d"]);
    // the hour began at 09:00
    assert_eq!(open(OPEN + 30 * MINUTE), ["1d"]);
    assert_eq!(open(OPEN + 15 * HOUR), ["1d"]);
    assert_eq!(open(OPEN + DAY), [""; 0]);
}

#[test]
fn an_emitted_candle_is_not_open() {
    let mut state = state_of(&[trade("AAPL", OPEN, 100, 1, TradeStatus::Filled)]);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let sample = any_market_data().new_tree(&mut runner).unwrap().current();
    let symbol = Symbol::new("AAPL").unwrap();
    for (interval, start) in [(Interval::OneHour, OPEN + HOUR), (Interval::OneDay, OPEN - 330 * MINUTE)] {
        let candle = MarketData { symbol, interval, timestamp: at(start), ..sample };
        state.push(&Envelope { timestamp: at(OPEN), event: Event::MarketData(candle) });
    }
    let open: Vec<_> = candles(&state, OPEN).into_iter().map(|(interval, ..)| interval).collect();
    assert_eq!(open, ["1m", "5m", "15m", "1h"], "the candle of another hour ends nothing");
}

#[test]
fn orders_are_open_from_their_first_event_to_their_last() {
    let events = [
        ("MSFT", TradeStatus::New),
        ("AAPL", TradeStatus::New),
        ("AAPL", TradeStatus::New),
        ("AAPL", TradeStatus::PartiallyFilled),
        ("AAPL", TradeStatus::Filled),
        ("MSFT", TradeStatus::Rejected),
        ("MSFT", TradeStatus::Cancelled),
    ];
    let state = state_of(&events.map(|(symbol, status)| trade(symbol, OPEN, 100, 1, status)));
    assert_eq!(state.view(at(OPEN)).open_orders, [(Symbol::new("AAPL").unwrap(), 1)]);
}

#[test]
fn another_recording_keeps_the_books() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let sample = any_order_book().new_tree(&mut runner).unwrap().current();
    let book = |symbol: &str, micros| {
        let book = OrderBook { symbol: Symbol::new(symbol).unwrap(), ..sample };
        Envelope { timestamp: at(micros), event: Event::OrderBook(book) }
    };
    let mut earlier = state_of(&[
        book("MSFT", 1),
        book("AAPL", 2),
        trade("AAPL", OPEN, 100, 1, TradeStatus::New),
        trade("AAPL", OPEN, 100, 1, TradeStatus::PartiallyFilled),
    ]);
    let mut later = state_of(&[book("AAPL", 3), book("XOM", 4)]).view(at(5));
    later.fill_books(&earlier.view(at(5)).books);
    assert_eq!(later.books, [book("AAPL", 3), book("MSFT", 1), book("XOM", 4)]);
    earlier.begin_recording();
    let view = earlier.view(at(OPEN));
    assert_eq!((view.books.len(), view.candles.len(), view.open_orders.len()), (2, 0, 0));
}

#[test]
fn symbols_beyond_the_limit_have_no_state() {
    let mut state = MarketState::new();
    for number in 0..2 * SYMBOLS_MAX {
        state.push(&trade(&format!("S{number}"), OPEN, 100, 1, TradeStatus::Filled));
    }
    let view = state.view(at(OPEN));
    assert_eq!(view.candles.len(), 5 * SYMBOLS_MAX);
    let encoded = state.encode();
    assert!(encoded.len() as u64 <= MarketState::ENCODED_BYTES_MAX);
    assert_eq!(MarketState::decode(&encoded).unwrap().view(at(OPEN)), view);
}

proptest! {
    #[test]
    fn a_state_is_read_as_it_was_written_and_continues(
        messages in prop::collection::vec(market_envelope(), 0..40),
        split in any::<prop::sample::Index>(),
    ) {
        let split = split.index(messages.len() + 1);
        let mut resumed = MarketState::decode(&state_of(&messages[..split]).encode()).unwrap();
        messages[split..].iter().for_each(|message| resumed.push(message));
        let whole = state_of(&messages);
        for message in messages.iter().take(5) {
            prop_assert_eq!(resumed.view(message.timestamp), whole.view(message.timestamp));
        }
        prop_assert_eq!(resumed.encode(), whole.encode());
    }

    #[test]
    fn the_state_of_a_symbol_does_not_depend_on_others(
        messages in prop::collection::vec(market_envelope(), 1..40),
        pick in any::<prop::sample::Index>(),
    ) {
        let symbol = messages[pick.index(messages.len())].event.symbol();
        let own: Vec<Envelope> = messages.iter().copied().filter(|m| m.event.symbol() == symbol).collect();
        let now = own[0].timestamp;
        let mut view = state_of(&messages).view(now);
        view.books.retain(|book| book.event.symbol() == symbol);
        view.candles.retain(|candle| candle.symbol == symbol);
        view.open_orders.retain(|(other, _)| *other == symbol);
        prop_assert_eq!(view, state_of(&own).view(now));
    }

    #[test]
    fn foreign_bytes_are_read_or_refused(
        messages in prop::collection::vec(any_envelope(), 0..4),
        at_byte in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        len in any::<prop::sample::Index>(),
    ) {
        let mut bytes = state_of(&messages).encode();
        let place = at_byte.index(bytes.len());
        bytes[place] = byte;
        bytes.truncate(len.index(bytes.len() + 1));
        if let Some(state) = MarketState::decode(&bytes) {
            let _ = state.view(at(OPEN));
            prop_assert_eq!(state.encode(), bytes);
        }
    }
}

#[test]
fn every_exchange_is_read() {
    for &exchange in Exchange::ALL {
        assert_eq!(Exchange::ALL[usize::from(exchange as u8)], exchange);
    }
}
