//! The envelope as most Rust programs would write it: owned structs and derived serialization.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{Envelope, Event, MarketData, OrderBook, Price, SCHEMA_VERSION, Symbol, Timestamp, Trade};

/// An envelope of owned, idiomatic types. [`serde_json::to_string`] must return the contract's text for it.
#[derive(Clone, Debug, Serialize)]
pub struct OracleEnvelope {
    schema_version: u32,
    event_type: String,
    #[serde(serialize_with = "micros")]
    timestamp: DateTime<Utc>,
    payload: OraclePayload,
}

/// A payload of owned, idiomatic types.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the variants are the three event types")]
pub enum OraclePayload {
    Trade(OracleTrade),
    OrderBook(OracleOrderBook),
    MarketData(OracleMarketData),
}

/// A trade of owned, idiomatic types.
#[derive(Clone, Debug, Serialize)]
pub struct OracleTrade {
    trade_id: Uuid,
    symbol: String,
    trade_type: String,
    order_type: String,
    price: Decimal,
    quantity: u32,
    #[serde(serialize_with = "micros")]
    timestamp: DateTime<Utc>,
    exchange: String,
    trader_id: String,
    account_id: String,
    status: String,
    correlation_id: Option<String>,
}

/// An order book snapshot of owned, idiomatic types.
#[derive(Clone, Debug, Serialize)]
pub struct OracleOrderBook {
    symbol: String,
    bid_price: Decimal,
    ask_price: Decimal,
    bid_size: u32,
    ask_size: u32,
    spread: Decimal,
    mid_price: Decimal,
    #[serde(serialize_with = "micros")]
    timestamp: DateTime<Utc>,
    exchange: String,
}

/// A candle of owned, idiomatic types.
#[derive(Clone, Debug, Serialize)]
pub struct OracleMarketData {
    symbol: String,
    open: Decimal,
    high: Decimal,
    low: Decimal,
    close: Decimal,
    volume: u64,
    vwap: Decimal,
    #[serde(serialize_with = "micros")]
    timestamp: DateTime<Utc>,
    interval: String,
    exchange: String,
}

impl OracleEnvelope {
    /// Returns the envelope's text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain structs have a text")
    }
}

fn micros<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

fn time(timestamp: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(timestamp.micros()).expect("chrono's range is wider")
}

/// Returns the price as a decimal with 2 to 4 places, as few as possible.
fn decimal(price: Price) -> Decimal {
    let mut decimal = Decimal::new(price.units(), 4).normalize();
    if decimal.scale() < 2 {
        decimal.rescale(2);
    }
    decimal
}

fn string(symbol: Symbol) -> String {
    symbol.as_str().to_owned()
}

impl From<&Envelope> for OracleEnvelope {
    fn from(envelope: &Envelope) -> OracleEnvelope {
        OracleEnvelope {
            schema_version: SCHEMA_VERSION,
            event_type: envelope.event_type().to_string(),
            timestamp: time(envelope.timestamp),
            payload: match &envelope.event {
                Event::Trade(trade) => OraclePayload::Trade(trade.into()),
                Event::OrderBook(book) => OraclePayload::OrderBook(book.into()),
                Event::MarketData(candle) => OraclePayload::MarketData(candle.into()),
            },
        }
    }
}

impl From<&Trade> for OracleTrade {
    fn from(trade: &Trade) -> OracleTrade {
        OracleTrade {
            trade_id: Uuid::from_bytes(*trade.trade_id.as_bytes()),
            symbol: string(trade.symbol),
            trade_type: trade.trade_type.to_string(),
            order_type: trade.order_type.to_string(),
            price: decimal(trade.price),
            quantity: trade.quantity.get(),
            timestamp: time(trade.timestamp),
            exchange: trade.exchange.to_string(),
            trader_id: trade.trader_id.to_string(),
            account_id: trade.account_id.to_string(),
            status: trade.status.to_string(),
            correlation_id: trade.correlation_id.map(|id| id.to_string()),
        }
    }
}

impl From<&OrderBook> for OracleOrderBook {
    fn from(book: &OrderBook) -> OracleOrderBook {
        OracleOrderBook {
            symbol: string(book.symbol),
            bid_price: decimal(book.bid_price),
            ask_price: decimal(book.ask_price),
            bid_size: book.bid_size.get(),
            ask_size: book.ask_size.get(),
            spread: decimal(book.spread),
            mid_price: decimal(book.mid_price),
            timestamp: time(book.timestamp),
            exchange: book.exchange.to_string(),
        }
    }
}

impl From<&MarketData> for OracleMarketData {
    fn from(candle: &MarketData) -> OracleMarketData {
        OracleMarketData {
            symbol: string(candle.symbol),
            open: decimal(candle.open),
            high: decimal(candle.high),
            low: decimal(candle.low),
            close: decimal(candle.close),
            volume: candle.volume,
            vwap: decimal(candle.vwap),
            timestamp: time(candle.timestamp),
            interval: candle.interval.to_string(),
            exchange: candle.exchange.to_string(),
        }
    }
}
