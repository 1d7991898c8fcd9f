//! Events as messages of Alpaca.

use std::sync::Arc;

use tradesim_schemas::{Event, Exchange, Interval, MarketData, OrderBook, StreamSeq, Trade};

use super::{
    BARS, DAILY_BARS, QUOTES, TRADES,
    fields::{Encoding, Object},
};
use crate::{
    encode::{Encode, Frames, Input},
    market::{Market, SymbolState},
    reference::{Reference, Tape},
};

pub(super) fn json(reference: &Arc<Reference>) -> Box<dyn Encode> {
    Box::new(Encoder { encoding: Encoding::Json, market: Market::new(reference) })
}

pub(super) fn msgpack(reference: &Arc<Reference>) -> Box<dyn Encode> {
    Box::new(Encoder { encoding: Encoding::Msgpack, market: Market::new(reference) })
}

#[derive(Debug)]
struct Encoder {
    encoding: Encoding,
    market: Market,
}

impl Encode for Encoder {
    fn encode(&mut self, input: &Input<'_>, out: &mut Frames) {
        let encoding = self.encoding;
        let state = self.market.note(input);
        match input.event {
            Event::Trade(trade) if trade.status.is_execution() => {
                out.push(TRADES, trade.symbol, |out| print(encoding, trade, input.seq, state, out));
            }
            Event::OrderBook(book) => out.push(QUOTES, book.symbol, |out| quote(encoding, book, state, out)),
            Event::MarketData(candle) => {
                let (channel, kind) = match candle.interval {
                    Interval::OneMinute => (BARS, "b"),
                    Interval::OneDay => (DAILY_BARS, "d"),
                    Interval::FiveMinutes | Interval::FifteenMinutes | Interval::OneHour => return,
                };
                let executions = state.executions_of(candle);
                out.push(channel, candle.symbol, |out| bar(encoding, kind, candle, executions, out));
            }
            Event::Trade(_) => {}
        }
    }

    fn reset(&mut self) {
        self.market.reset();
    }
}

fn print(encoding: Encoding, trade: &Trade, seq: StreamSeq, state: &SymbolState, out: &mut Vec<u8>) {
    let tape = state.tape(trade.exchange);
    let mut conditions = [if tape == Tape::C { "@" } else { " " }, "", ""];
    let mut count = 1;
    for (applies, condition) in [(!state.is_core, "T"), (state.is_odd_lot(trade.quantity), "I")] {
        if applies {
            conditions[count] = condition;
            count += 1;
        }
    }
    let mut object = Object::begin(encoding, 9, out);
    // clients require it to be the first
    object.text("T", "t");
    object.text("S", trade.symbol.as_str());
    object.uint("i", seq.get());
    object.text("x", venue(trade.exchange));
    object.price("p", trade.price);
    object.uint("s", u64::from(trade.quantity.get()));
    object.texts("c", &conditions[..count]);
    object.text("z", letter(tape));
    object.time("t", trade.timestamp);
    object.end();
}

fn quote(encoding: Encoding, book: &OrderBook, state: &SymbolState, out: &mut Vec<u8>) {
    let venue = venue(book.exchange);
    let mut object = Object::begin(encoding, 11, out);
    object.text("T", "q");
    object.text("S", book.symbol.as_str());
    object.text("bx", venue);
    object.price("bp", book.bid_price);
    object.uint("bs", u64::from(book.bid_size.get()));
    object.text("ax", venue);
    object.price("ap", book.ask_price);
    object.uint("as", u64::from(book.ask_size.get()));
    object.texts("c", &["R"]);
    object.text("z", letter(state.tape(book.exchange)));
    object.time("t", book.timestamp);
    object.end();
}

fn bar(encoding: Encoding, kind: &str, candle: &MarketData, executions: u64, out: &mut Vec<u8>) {
    let mut object = Object::begin(encoding, 10, out);
    object.text("T", kind);
    object.text("S", candle.symbol.as_str());
    object.price("o", candle.open);
    object.price("h", candle.high);
    object.price("l", candle.low);
    object.price("c", candle.close);
    object.uint("v", candle.volume);
    object.time("t", candle.timestamp);
    // a bar without these two crashes the vendor's Python client
    object.uint("n", executions);
    object.price("vw", candle.vwap);
    object.end();
}

fn letter(tape: Tape) -> &'static str {
    match tape {
        Tape::A => "A",
        Tape::B => "B",
        Tape::C => "C",
    }
}

/// Returns the vendor's letter of an exchange.
fn venue(exchange: Exchange) -> &'static str {
    match exchange {
        Exchange::Nyse => "N",
        Exchange::Nasdaq => "Q",
        Exchange::Amex => "A",
        Exchange::Arca => "P",
        Exchange::Bats => "Z",
    }
}
