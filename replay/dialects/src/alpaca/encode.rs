//! Events as messages of Alpaca.

use std::sync::Arc;

use tradesim_schemas::{Event, Exchange, Interval, MarketData, OrderBook, Symbol, Trade};

use super::{
    BARS, DAILY_BARS, QUOTES, TRADES,
    fields::{Encoding, Value, write},
};
use crate::{
    encode::{Encode, Frames, Input},
    market::Market,
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
        let state = self.market.note(input);
        match input.event {
            Event::Trade(trade) if trade.status.is_execution() => {
                out.push(TRADES, trade.symbol, |out| self.trade(trade, input, out));
            }
            Event::OrderBook(book) => out.push(QUOTES, book.symbol, |out| self.quote(book, out)),
            Event::MarketData(candle) => {
                let (channel, kind) = match candle.interval {
                    Interval::OneMinute => (BARS, "b"),
                    Interval::OneDay => (DAILY_BARS, "d"),
                    Interval::FiveMinutes | Interval::FifteenMinutes | Interval::OneHour => return,
                };
                let executions = state.executions_of(candle);
                out.push(channel, candle.symbol, |out| self.bar(kind, candle, executions, out));
            }
            Event::Trade(_) => {}
        }
    }

    fn reset(&mut self) {
        self.market.reset();
    }
}

impl Encoder {
    fn trade(&self, trade: &Trade, input: &Input<'_>, out: &mut Vec<u8>) {
        let reference = &self.market.reference;
        let tape = reference.tape(trade.symbol, trade.exchange);
        let mut conditions = [if tape == Tape::C { "@" } else { " " }, "", ""];
        let mut count = 1;
        let special = [
            (!reference.is_core(input.recorded_at), "T"),
            (trade.quantity.get() < reference.round_lot(trade.symbol), "I"),
        ];
        for (applies, condition) in special {
            if applies {
                conditions[count] = condition;
                count += 1;
            }
        }
        let fields = [
            // clients require it to be the first
            ("T", Value::Text("t")),
            ("S", Value::Text(trade.symbol.as_str())),
            ("i", Value::Uint(input.seq.get())),
            ("x", Value::Text(venue(trade.exchange))),
            ("p", Value::Price(trade.price)),
            ("s", Value::Uint(u64::from(trade.quantity.get()))),
            ("c", Value::Texts(&conditions[..count])),
            ("z", Value::Text(letter(tape))),
            ("t", Value::Time(trade.timestamp)),
        ];
        write(self.encoding, &fields, out);
    }

    fn quote(&self, book: &OrderBook, out: &mut Vec<u8>) {
        let venue = venue(book.exchange);
        let fields = [
            ("T", Value::Text("q")),
            ("S", Value::Text(book.symbol.as_str())),
            ("bx", Value::Text(venue)),
            ("bp", Value::Price(book.bid_price)),
            ("bs", Value::Uint(u64::from(book.bid_size.get()))),
            ("ax", Value::Text(venue)),
            ("ap", Value::Price(book.ask_price)),
            ("as", Value::Uint(u64::from(book.ask_size.get()))),
            ("c", Value::Texts(&["R"])),
            ("z", Value::Text(self.tape(book.symbol, book.exchange))),
            ("t", Value::Time(book.timestamp)),
        ];
        write(self.encoding, &fields, out);
    }

    fn bar(&self, kind: &str, candle: &MarketData, executions: u64, out: &mut Vec<u8>) {
        let fields = [
            ("T", Value::Text(kind)),
            ("S", Value::Text(candle.symbol.as_str())),
            ("o", Value::Price(candle.open)),
            ("h", Value::Price(candle.high)),
            ("l", Value::Price(candle.low)),
            ("c", Value::Price(candle.close)),
            ("v", Value::Uint(candle.volume)),
            ("t", Value::Time(candle.timestamp)),
            // a bar without these two crashes the vendor's Python client
            ("n", Value::Uint(executions)),
            ("vw", Value::Price(candle.vwap)),
        ];
        write(self.encoding, &fields, out);
    }

    fn tape(&self, symbol: Symbol, exchange: Exchange) -> &'static str {
        letter(self.market.reference.tape(symbol, exchange))
    }
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
