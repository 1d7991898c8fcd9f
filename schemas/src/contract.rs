//! The contract as data: the JSON Schemas, the Avro schemas, and the names of topics and subjects.

use crate::EventType;

#[cfg(test)]
mod tests;

/// The JSON Schema (draft 2020-12) of an envelope. It references the schemas of the payloads by their `$id`.
pub const ENVELOPE_JSON_SCHEMA: &str = include_str!("../json/envelope.schema.json");

/// The namespace of the Avro records and enums.
pub const AVRO_NAMESPACE: &str = "com.tradeplatform.events";

/// The default of an Avro record's `source` field.
pub const AVRO_SOURCE: &str = "trade-generator";

impl EventType {
    /// Returns the JSON Schema (draft 2020-12) of this type's payload.
    pub const fn json_schema(self) -> &'static str {
        match self {
            EventType::Trade => include_str!("../json/trade.schema.json"),
            EventType::OrderBook => include_str!("../json/orderbook.schema.json"),
            EventType::MarketData => include_str!("../json/marketdata.schema.json"),
        }
    }

    /// Returns the Avro schema of this type's record.
    pub const fn avro_schema(self) -> &'static str {
        match self {
            EventType::Trade => include_str!("../avro/trade.avsc"),
            EventType::OrderBook => include_str!("../avro/orderbook.avsc"),
            EventType::MarketData => include_str!("../avro/marketdata.avsc"),
        }
    }

    /// Returns the name of this type's Avro record, without its namespace.
    pub const fn record_name(self) -> &'static str {
        match self {
            EventType::Trade => "Trade",
            EventType::OrderBook => "OrderBook",
            EventType::MarketData => "MarketData",
        }
    }

    /// Returns the name of the Kafka topic, without a prefix.
    pub const fn topic(self) -> &'static str {
        match self {
            EventType::Trade => "raw.trades",
            EventType::OrderBook => "raw.orderbook",
            EventType::MarketData => "raw.marketdata",
        }
    }

    /// Returns the schema registry's subject, without a prefix: the topic and `-value` (TopicNameStrategy).
    pub const fn subject(self) -> &'static str {
        match self {
            EventType::Trade => "raw.trades-value",
            EventType::OrderBook => "raw.orderbook-value",
            EventType::MarketData => "raw.marketdata-value",
        }
    }

    /// Returns the names of the payload's fields in the contract's order. In Avro, `schema_version` and `source` follow.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            EventType::Trade => &[
                "trade_id",
                "symbol",
                "trade_type",
                "order_type",
                "price",
                "quantity",
                "timestamp",
                "exchange",
                "trader_id",
                "account_id",
                "status",
                "correlation_id",
            ],
            EventType::OrderBook => &[
                "symbol",
                "bid_price",
                "ask_price",
                "bid_size",
                "ask_size",
                "spread",
                "mid_price",
                "timestamp",
                "exchange",
            ],
            EventType::MarketData => &[
                "symbol",
                "open",
                "high",
                "low",
                "close",
                "volume",
                "vwap",
                "timestamp",
                "interval",
                "exchange",
            ],
        }
    }
}
