//! The JSON text of an envelope: exactly one text for each event.

use crate::{
    Envelope, Event, EventType, MarketData, OrderBook, Price, SCHEMA_VERSION, Symbol, Timestamp, Trade,
    digits,
};

/// Writes envelopes as JSON in the form that the contract defines (section 1.5): compact, keys in the contract's order,
/// prices with 2 to 4 decimals.
///
/// The encoder caches the text of the last second that it wrote, which is most of the cost of a timestamp. Reuse one
/// encoder for many messages; the output does not depend on it.
///
/// ```
/// use tradesim_schemas::{
///     Envelope, Event, Exchange, MessageEncoder, OrderBook, Price, Quantity, ReadOptions, Symbol, Timestamp, read,
/// };
///
/// let price = |text: &str| Price::parse(text.as_bytes()).expect("a price with 2 to 4 decimals");
/// let timestamp = Timestamp::parse(b"2026-02-18T14:30:00Z")?;
/// let book = OrderBook {
///     symbol: Symbol::new("AAPL").expect("1 to 10 characters"),
///     bid_price: price("178.49"),
///     ask_price: price("178.51"),
///     bid_size: Quantity::new(300).expect("at least one share"),
///     ask_size: Quantity::new(200).expect("at least one share"),
///     spread: price("0.02"),
///     mid_price: price("178.50"),
///     timestamp,
///     exchange: Exchange::Nasdaq,
/// };
/// let envelope = Envelope { timestamp, event: Event::OrderBook(book) };
///
/// let mut text = Vec::new();
/// MessageEncoder::new().write(&envelope, &mut text);
/// assert!(text.starts_with(br#"{"schema_version":1,"event_type":"orderbook","timestamp":"2026-02-18T14:30:00.000000Z","#));
///
/// // the text is read back to the same envelope
/// let message = read(&text, ReadOptions::default())?;
/// assert_eq!(message.to_envelope(), Some(envelope));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MessageEncoder {
    second: i64,
    text: [u8; Timestamp::TEXT_LEN],
}

/// An upper bound of the length of a message. Typical are 393 bytes, and every field has a limit.
const MESSAGE_BYTES_MAX: usize = 640;

impl MessageEncoder {
    /// Creates an encoder.
    pub fn new() -> MessageEncoder {
        let epoch = Timestamp::default();
        MessageEncoder { second: 0, text: epoch.text() }
    }

    /// Appends the envelope's text to `out`.
    pub fn write(&mut self, envelope: &Envelope, out: &mut Vec<u8>) {
        out.reserve(MESSAGE_BYTES_MAX);
        debug_assert_eq!(SCHEMA_VERSION, 1);
        match &envelope.event {
            Event::Trade(trade) => {
                out.extend_from_slice(br#"{"schema_version":1,"event_type":"trade","timestamp":""#);
                self.time(envelope.timestamp, out);
                self.trade(trade, out);
            }
            Event::OrderBook(book) => {
                out.extend_from_slice(br#"{"schema_version":1,"event_type":"orderbook","timestamp":""#);
                self.time(envelope.timestamp, out);
                self.order_book(book, out);
            }
            Event::MarketData(candle) => {
                out.extend_from_slice(br#"{"schema_version":1,"event_type":"marketdata","timestamp":""#);
                self.time(envelope.timestamp, out);
                self.market_data(candle, out);
            }
        }
    }

    fn trade(&mut self, trade: &Trade, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"","payload":{"trade_id":""#);
        trade.trade_id.write(out);
        out.extend_from_slice(br#"","symbol":""#);
        escaped(&trade.symbol, out);
        out.extend_from_slice(br#"","trade_type":""#);
        out.extend_from_slice(trade.trade_type.as_str().as_bytes());
        out.extend_from_slice(br#"","order_type":""#);
        out.extend_from_slice(trade.order_type.as_str().as_bytes());
        price(br#"","price":""#, trade.price, out);
        out.extend_from_slice(br#"","quantity":"#);
        digits::write_u32(trade.quantity.get(), out);
        out.extend_from_slice(br#","timestamp":""#);
        self.time(trade.timestamp, out);
        out.extend_from_slice(br#"","exchange":""#);
        out.extend_from_slice(trade.exchange.as_str().as_bytes());
        out.extend_from_slice(br#"","trader_id":"TRD-"#);
        out.extend_from_slice(&digits::five(trade.trader_id.number()));
        out.extend_from_slice(br#"","account_id":"ACC-"#);
        out.extend_from_slice(&digits::four(u32::from(trade.account_id.number())));
        out.extend_from_slice(br#"","status":""#);
        out.extend_from_slice(trade.status.as_str().as_bytes());
        match trade.correlation_id {
            Some(id) => {
                out.extend_from_slice(br#"","correlation_id":""#);
                id.write(out);
                out.extend_from_slice(br#""}}"#);
            }
            None => out.extend_from_slice(br#"","correlation_id":null}}"#),
        }
    }

    fn order_book(&mut self, book: &OrderBook, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"","payload":{"symbol":""#);
        escaped(&book.symbol, out);
        price(br#"","bid_price":""#, book.bid_price, out);
        price(br#"","ask_price":""#, book.ask_price, out);
        out.extend_from_slice(br#"","bid_size":"#);
        digits::write_u32(book.bid_size.get(), out);
        out.extend_from_slice(br#","ask_size":"#);
        digits::write_u32(book.ask_size.get(), out);
        price(br#","spread":""#, book.spread, out);
        price(br#"","mid_price":""#, book.mid_price, out);
        out.extend_from_slice(br#"","timestamp":""#);
        self.time(book.timestamp, out);
        out.extend_from_slice(br#"","exchange":""#);
        out.extend_from_slice(book.exchange.as_str().as_bytes());
        out.extend_from_slice(br#""}}"#);
    }

    fn market_data(&mut self, candle: &MarketData, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"","payload":{"symbol":""#);
        escaped(&candle.symbol, out);
        price(br#"","open":""#, candle.open, out);
        price(br#"","high":""#, candle.high, out);
        price(br#"","low":""#, candle.low, out);
        price(br#"","close":""#, candle.close, out);
        out.extend_from_slice(br#"","volume":"#);
        digits::write_u64(candle.volume, out);
        price(br#","vwap":""#, candle.vwap, out);
        out.extend_from_slice(br#"","timestamp":""#);
        self.time(candle.timestamp, out);
        out.extend_from_slice(br#"","interval":""#);
        out.extend_from_slice(candle.interval.as_str().as_bytes());
        out.extend_from_slice(br#"","exchange":""#);
        out.extend_from_slice(candle.exchange.as_str().as_bytes());
        out.extend_from_slice(br#""}}"#);
    }

    #[inline]
    fn time(&mut self, timestamp: Timestamp, out: &mut Vec<u8>) {
        const SECOND: i64 = 1_000_000;
        let second = timestamp.micros().div_euclid(SECOND);
        if second != self.second {
            self.second = second;
            self.text = timestamp.text();
        }
        let micros = timestamp.micros().rem_euclid(SECOND) as u32;
        self.text[20..22].copy_from_slice(&digits::two(micros / 10_000));
        self.text[22..24].copy_from_slice(&digits::two(micros / 100 % 100));
        self.text[24..26].copy_from_slice(&digits::two(micros % 100));
        out.extend_from_slice(&self.text);
    }
}

impl Default for MessageEncoder {
    fn default() -> MessageEncoder {
        MessageEncoder::new()
    }
}

#[inline]
fn price(key: &[u8], value: Price, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    value.write(out);
}

/// Appends a symbol as the content of a JSON string. Nearly all need no escapes.
#[inline]
fn escaped(symbol: &Symbol, out: &mut Vec<u8>) {
    let bytes = symbol.as_bytes();
    if bytes.iter().all(|&byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.extend_from_slice(bytes);
    } else {
        let quoted = serde_json::to_string(symbol.as_str()).expect("a str is always representable");
        out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
    }
}

impl Envelope {
    /// Returns the envelope as JSON. [`MessageEncoder`] is faster for many messages.
    pub fn to_json(&self) -> String {
        let mut out = Vec::with_capacity(MESSAGE_BYTES_MAX);
        MessageEncoder::new().write(self, &mut out);
        String::from_utf8(out).expect("a message is written in UTF-8")
    }

    /// Returns the event's type.
    pub const fn event_type(&self) -> EventType {
        self.event.event_type()
    }
}
