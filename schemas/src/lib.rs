//! The types that every part of tradesim shares: events, prices, times, ids, the JSON text of a message, and the content
//! digest of a sequence of messages.
//!
//! This crate does not read a clock, a file or a socket, and does not draw random numbers.
#![deny(missing_docs)]

pub mod contract;
pub mod ddl;
mod digest;
pub mod digits;
mod duration;
mod envelope;
mod event;
mod ids;
mod market_state;
mod open_orders;
pub mod pattern;
mod price;
pub mod reader;
mod seq;
mod sha256;
mod symbol;
#[cfg(feature = "proptest")]
pub mod testing;
pub mod text;
mod time;

pub use digest::{
    ByteHash, ContentDigest, ContentHasher, DIGEST_PREFIX, ParseDigestError, Piece, PieceError, SliceHasher,
    Subtree, append_message,
};
pub use duration::{ParseDurationError, parse_duration};
pub use envelope::MessageEncoder;
pub use event::{
    Envelope, Event, EventType, Exchange, Interval, MarketData, OrderBook, OrderType, Quantity, Record,
    Trade, TradeStatus, TradeType,
};
pub use ids::{AccountId, ArchiveKey, CorrelationId, OrderRef, SymbolIds, TradeId, TraderId};
pub use market_state::{MarketState, MarketView, OpenCandle};
pub use open_orders::{Coverage, OpenOrder, OpenOrders, OrdersBackwards, OrdersFound};
pub use price::Price;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use reader::fuzzing;
pub use reader::{Message, Payload, ReadOptions, Reason, Refusal, read};
pub use seq::{RecordSeq, StreamSeq};
pub use sha256::sha256;
pub use symbol::Symbol;
pub use time::{
    ExchangeTime, ParseExchangeTimeError, ParseTimeSpecError, ParseTimestampError, TimeSpec, Timestamp,
};

/// The `schema_version` of every message that is written, and the only one that is accepted.
pub const SCHEMA_VERSION: u32 = 1;
