//! Avro values in the Confluent wire format: a zero byte, the schema's id (4 bytes, big-endian), the datum.
//!
//! Written by hand, straight from a [`Message`], because this is the bridge's hot path. The layout is that of the
//! files in `schemas/avro`; the tests compare it, byte for byte, with apache-avro's output for those files, and CI
//! with fastavro's.
//!
//! Source: Apache Avro 1.12 specification, "Binary Encoding"; Confluent's documentation of the wire format.

#[cfg(test)]
mod tests;

use tradesim_schemas::{
    AccountId, Message, Payload, Price, SCHEMA_VERSION, Timestamp, TradeId, TraderId,
    contract::AVRO_SOURCE,
    reader::{MarketDataMessage, OrderBookMessage, TradeMessage},
};

/// The first byte of every value in the Confluent wire format.
pub const MAGIC: u8 = 0;

/// The number of bytes before the datum: [`MAGIC`] and the schema's id.
pub const HEADER_BYTES: usize = 5;

/// The number of bytes that are reserved at once: more than any value takes whose symbol and correlation id have the
/// usual length.
const USUAL_BYTES: usize = 192;

/// Appends a message as the value of a Kafka record. Nothing is allocated except room in `out`.
///
/// The envelope's time is not part of the value, nor are unknown fields of the payload.
#[inline]
pub fn write_confluent(message: &Message<'_>, schema_id: u32, out: &mut Vec<u8>) {
    out.reserve(USUAL_BYTES);
    let [a, b, c, d] = schema_id.to_be_bytes();
    out.extend_from_slice(&[MAGIC, a, b, c, d]);
    match &message.payload {
        Payload::Trade(trade) => put_trade(trade, out),
        Payload::OrderBook(book) => put_order_book(book, out),
        Payload::MarketData(candle) => put_market_data(candle, out),
    }
    out.extend_from_slice(&TAIL);
}

fn put_trade(trade: &TradeMessage<'_>, out: &mut Vec<u8>) {
    put_trade_id(&trade.trade_id, out);
    put_string(&trade.symbol, out);
    out.extend_from_slice(&[branch(trade.trade_type as u8), branch(trade.order_type as u8)]);
    put_price(trade.price, out);
    put_long(i64::from(trade.quantity.get()), out);
    put_timestamp(trade.timestamp, out);
    out.push(branch(trade.exchange as u8));
    put_trader_and_account(trade.trader_id, trade.account_id, out);
    out.push(branch(trade.status as u8));
    match &trade.correlation_id {
        None => out.push(branch(0)),
        Some(id) => {
            out.push(branch(1));
            put_string(id, out);
        }
    }
}

fn put_order_book(book: &OrderBookMessage<'_>, out: &mut Vec<u8>) {
    put_string(&book.symbol, out);
    put_price(book.bid_price, out);
    put_price(book.ask_price, out);
    put_long(i64::from(book.bid_size.get()), out);
    put_long(i64::from(book.ask_size.get()), out);
    put_price(book.spread, out);
    put_price(book.mid_price, out);
    put_timestamp(book.timestamp, out);
    put_string(book.exchange.as_str(), out);
}

fn put_market_data(candle: &MarketDataMessage<'_>, out: &mut Vec<u8>) {
    put_string(&candle.symbol, out);
    put_price(candle.open, out);
    put_price(candle.high, out);
    put_price(candle.low, out);
    put_price(candle.close, out);
    put_long(i64::try_from(candle.volume).expect("a volume is below 2⁶³"), out);
    put_price(candle.vwap, out);
    put_timestamp(candle.timestamp, out);
    put_string(candle.interval.as_str(), out);
    put_string(candle.exchange.as_str(), out);
}

/// The last two fields of every record, `schema_version` and `source`. The reader accepts one version only, and no
/// envelope names the program that made it, so they are the same in all of them.
const TAIL: [u8; 2 + AVRO_SOURCE.len()] = {
    let mut tail = [0; 2 + AVRO_SOURCE.len()];
    tail[0] = branch(SCHEMA_VERSION as u8);
    tail[1] = branch(AVRO_SOURCE.len() as u8);
    let mut at = 0;
    while at < AVRO_SOURCE.len() {
        tail[2 + at] = AVRO_SOURCE.as_bytes()[at];
        at += 1;
    }
    tail
};

/// Encodes a number below 64 as an Avro int or long, which takes one byte: the index of an enum's symbol or of a
/// union's branch, or the length of a short string.
const fn branch(place: u8) -> u8 {
    assert!(place < 64, "one byte holds 6 bits and the sign");
    place << 1
}

/// Appends a long: zigzag, then seven bits per byte, the lowest first.
#[inline]
fn put_long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = [0; 10];
    let mut len = 0;
    while rest >= 0x80 {
        bytes[len] = rest as u8 | 0x80;
        rest >>= 7;
        len += 1;
    }
    bytes[len] = rest as u8;
    out.extend_from_slice(&bytes[..=len]);
}

#[inline]
fn put_timestamp(timestamp: Timestamp, out: &mut Vec<u8>) {
    put_long(timestamp.micros(), out);
}

#[inline]
fn put_string(text: &str, out: &mut Vec<u8>) {
    put_long(text.len() as i64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a decimal(12,4) on bytes: the unscaled value in two's complement, big-endian, in as few bytes as possible.
#[inline]
fn put_price(price: Price, out: &mut Vec<u8>) {
    // a price is never negative, so that only the sign bit must stay free
    let units = price.units() as u64;
    let len = (64 - units.leading_zeros() as usize) / 8 + 1;
    let [a, b, c, d, e, f, g, h] = (units << (8 * (8 - len))).to_be_bytes();
    let bytes = [branch(len as u8), a, b, c, d, e, f, g, h];
    out.extend_from_slice(&bytes[..=len]);
}

#[inline]
fn put_trade_id(id: &TradeId, out: &mut Vec<u8>) {
    out.push(branch(TradeId::TEXT_LEN as u8));
    id.write(out);
}

/// Appends "TRD-00157" and "ACC-0031", which are adjacent.
#[inline]
fn put_trader_and_account(trader: TraderId, account: AccountId, out: &mut Vec<u8>) {
    let mut bytes = *b"\x12TRD-00000\x10ACC-0000";
    put_digits(trader.number(), &mut bytes[5..10]);
    put_digits(u32::from(account.number()), &mut bytes[15..19]);
    out.extend_from_slice(&bytes);
}

#[inline]
fn put_digits(mut number: u32, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
