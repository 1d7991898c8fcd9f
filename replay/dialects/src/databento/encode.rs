//! Events as records.

use std::sync::Arc;

use tradesim_schemas::{Event, Exchange, Interval, Symbol, Timestamp};

use super::{
    MBP_1, OHLCV_1D, OHLCV_1H, OHLCV_1M, TBBO, TRADES, instruments,
    record::{self, CandleType, Header},
};
use crate::{
    encode::{Encode, Frames, Input},
    market::Market,
    reference::Reference,
};

pub(super) fn new(reference: &Arc<Reference>) -> Box<dyn Encode> {
    Box::new(Encoder { reference: Arc::clone(reference), market: Market::new(reference) })
}

#[derive(Debug)]
struct Encoder {
    reference: Arc<Reference>,
    market: Market,
}

impl Encode for Encoder {
    fn encode(&mut self, input: &Input<'_>, out: &mut Frames) {
        let state = self.market.note(input);
        // the number has 32 bits on the wire, and wraps
        let sequence = input.seq.get() as u32;
        match input.event {
            Event::Trade(trade) if trade.status.is_execution() => {
                let header = header(&self.reference, trade.symbol, trade.exchange, trade.timestamp);
                out.push(TRADES, trade.symbol, |out| record::trade(trade, header, sequence, out));
                for channel in [TBBO, MBP_1] {
                    out.push(channel, trade.symbol, |out| {
                        record::trade_with_book(trade, state.book.as_ref(), header, sequence, out);
                    });
                }
            }
            Event::OrderBook(book) => {
                let header = header(&self.reference, book.symbol, book.exchange, book.timestamp);
                out.push(MBP_1, book.symbol, |out| record::quote(book, header, sequence, out));
            }
            Event::MarketData(candle) => {
                let (channel, kind) = match candle.interval {
                    Interval::OneMinute => (OHLCV_1M, CandleType::Minute),
                    Interval::OneHour => (OHLCV_1H, CandleType::Hour),
                    Interval::OneDay => (OHLCV_1D, CandleType::Day),
                    Interval::FiveMinutes | Interval::FifteenMinutes => return,
                };
                let header = header(&self.reference, candle.symbol, candle.exchange, candle.timestamp);
                out.push(channel, candle.symbol, |out| record::candle(candle, kind, header, out));
            }
            Event::Trade(_) => {}
        }
    }

    fn reset(&mut self) {
        self.market.reset();
    }
}

fn header(reference: &Reference, symbol: Symbol, exchange: Exchange, at: Timestamp) -> Header {
    Header { publisher: instruments::publisher(exchange), instrument: instruments::id(reference, symbol), at }
}
