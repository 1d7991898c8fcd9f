//! Events as messages of Massive.

use std::sync::Arc;

use tradesim_schemas::{Event, Exchange, Interval, MarketData, OrderBook, StreamSeq, Symbol, Trade};

use super::{MINUTES, QUOTES, TRADES};
use crate::{
    encode::{Encode, Frames, Input},
    json,
    market::{Market, SymbolState},
    reference::{Reference, Tape},
};

/// The condition of a print outside the core session ("Form T/Extended Hours").
const EXTENDED_HOURS: &[u8] = b"12";

/// The condition of a print of less than a round lot ("Odd Lot Trade").
const ODD_LOT: &[u8] = b"37";

const MINUTE_MS: i64 = 60_000;

pub(super) fn new(reference: &Arc<Reference>) -> Box<dyn Encode> {
    Box::new(Encoder { market: Market::new(reference) })
}

#[derive(Debug)]
struct Encoder {
    market: Market,
}

impl Encode for Encoder {
    fn encode(&mut self, input: &Input<'_>, out: &mut Frames) {
        let state = self.market.note(input);
        match input.event {
            Event::Trade(trade) if trade.status.is_execution() => {
                out.push(TRADES, trade.symbol, |out| print(trade, input.seq, state, out));
            }
            Event::OrderBook(book) => {
                out.push(QUOTES, book.symbol, |out| quote(book, input.seq, state, out));
            }
            Event::MarketData(candle) if candle.interval == Interval::OneMinute => {
                out.push(MINUTES, candle.symbol, |out| minute(candle, state, out));
            }
            Event::Trade(_) | Event::MarketData(_) => {}
        }
    }

    fn reset(&mut self) {
        self.market.reset();
    }
}

fn print(trade: &Trade, seq: StreamSeq, state: &SymbolState, out: &mut Vec<u8>) {
    begin(r#"[{"ev":"T","sym":"#, trade.symbol, out);
    put(r#","x":"#, exchange(trade.exchange), out);
    out.extend_from_slice(br#","i":""#);
    json::uint(seq.get(), out);
    put(r#"","z":"#, tape(state, trade.exchange), out);
    out.extend_from_slice(br#","p":"#);
    json::price(trade.price, out);
    let quantity = u64::from(trade.quantity.get());
    put(r#","s":"#, quantity, out);
    put(r#","ds":""#, quantity, out);
    out.extend_from_slice(br#"","c":["#);
    let conditions =
        [(!state.is_core).then_some(EXTENDED_HOURS), state.is_odd_lot(trade.quantity).then_some(ODD_LOT)];
    for (index, condition) in conditions.into_iter().flatten().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(condition);
    }
    out.extend_from_slice(br#"],"t":"#);
    json::millis(trade.timestamp, out);
    out.extend_from_slice(br#","pt":"#);
    json::millis(trade.timestamp, out);
    put(r#","q":"#, seq.get(), out);
    out.extend_from_slice(b"}]");
}

fn quote(book: &OrderBook, seq: StreamSeq, state: &SymbolState, out: &mut Vec<u8>) {
    let venue = exchange(book.exchange);
    begin(r#"[{"ev":"Q","sym":"#, book.symbol, out);
    put(r#","bx":"#, venue, out);
    out.extend_from_slice(br#","bp":"#);
    json::price(book.bid_price, out);
    put(r#","bs":"#, u64::from(book.bid_size.get()), out);
    put(r#","ax":"#, venue, out);
    out.extend_from_slice(br#","ap":"#);
    json::price(book.ask_price, out);
    put(r#","as":"#, u64::from(book.ask_size.get()), out);
    out.extend_from_slice(br#","c":1,"i":[],"t":"#);
    json::millis(book.timestamp, out);
    put(r#","q":"#, seq.get(), out);
    put(r#","z":"#, tape(state, book.exchange), out);
    out.extend_from_slice(b"}]");
}

/// Returns the vendor's number of a tape.
fn tape(state: &SymbolState, exchange: Exchange) -> u64 {
    match state.tape(exchange) {
        Tape::A => 1,
        Tape::B => 2,
        Tape::C => 3,
    }
}

fn minute(candle: &MarketData, state: &SymbolState, out: &mut Vec<u8>) {
    begin(r#"[{"ev":"AM","sym":"#, candle.symbol, out);
    put(r#","v":"#, candle.volume, out);
    put(r#","av":"#, state.volume, out);
    out.extend_from_slice(br#","op":"#);
    match state.core_open {
        Some(open) => json::price(open, out),
        // not open yet
        None => out.push(b'0'),
    }
    let prices = [
        (r#","vw":"#, candle.vwap),
        (r#","o":"#, candle.open),
        (r#","c":"#, candle.close),
        (r#","h":"#, candle.high),
        (r#","l":"#, candle.low),
        // a stream of candles alone has no average of the day
        (r#","a":"#, state.vwap().unwrap_or(candle.vwap)),
    ];
    for (key, price) in prices {
        out.extend_from_slice(key.as_bytes());
        json::price(price, out);
    }
    put(r#","z":"#, candle.volume.checked_div(state.executions_of(candle)).unwrap_or(0), out);
    out.extend_from_slice(br#","s":"#);
    json::millis(candle.timestamp, out);
    out.extend_from_slice(br#","e":"#);
    json::int(candle.timestamp.micros().div_euclid(1_000) + MINUTE_MS, out);
    out.extend_from_slice(b"}]");
}

#[inline]
fn begin(start: &str, symbol: Symbol, out: &mut Vec<u8>) {
    out.extend_from_slice(start.as_bytes());
    json::text(symbol.as_str(), out);
}

// inlined, so that the length of each key is known where it is copied
#[inline]
fn put(key: &str, value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(key.as_bytes());
    json::uint(value, out);
}

/// Returns the vendor's number of an exchange.
fn exchange(exchange: Exchange) -> u64 {
    match exchange {
        Exchange::Amex => 1,
        Exchange::Nyse => 10,
        Exchange::Arca => 11,
        Exchange::Nasdaq => 12,
        Exchange::Bats => 19,
    }
}
