//! The three event types and the envelope that carries them.

use std::{fmt, str::FromStr};

use crate::{AccountId, CorrelationId, OrderRef, Price, Symbol, Timestamp, TradeId, TraderId};

/// Declares an enum of the contract: its values in their order, and their texts.
macro_rules! contract_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$value_meta:meta])* $value:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$value_meta])* $value,)+ }

        impl $name {
            /// All values, in the contract's order.
            pub const ALL: &[$name] = &[$($name::$value),+];

            /// The text in JSON, Avro and the archive.
            #[inline]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$value => $text),+ }
            }

            /// The value with this text.
            #[inline]
            pub fn parse(text: &[u8]) -> Option<$name> {
                $(if text == $text.as_bytes() { return Some($name::$value); })+
                None
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownValue;

            fn from_str(text: &str) -> Result<$name, UnknownValue> {
                $name::parse(text.as_bytes()).ok_or(UnknownValue { expected: &[$($text),+] })
            }
        }
    };
}

/// The text names no value of the enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {}", expected.join(", "))]
pub struct UnknownValue {
    expected: &'static [&'static str],
}

contract_enum! {
    /// What an envelope carries.
    EventType {
        /// An event in the life of an order.
        Trade = "trade",
        /// A snapshot of the top of the book.
        OrderBook = "orderbook",
        /// A candle.
        MarketData = "marketdata",
    }
}

contract_enum! {
    /// The side of an order.
    TradeType {
        /// To buy.
        Buy = "BUY",
        /// To sell.
        Sell = "SELL",
    }
}

contract_enum! {
    /// The type of an order.
    OrderType {
        /// Filled at the quote it meets.
        Market = "MARKET",
        /// Filled at its limit or better.
        Limit = "LIMIT",
        /// A stop order.
        Stop = "STOP",
        /// A stop order with a limit.
        StopLimit = "STOP_LIMIT",
    }
}

contract_enum! {
    /// Where in its life an order stands.
    TradeStatus {
        /// Accepted; the first event of every order.
        New = "NEW",
        /// Executed in part.
        PartiallyFilled = "PARTIALLY_FILLED",
        /// Executed, in whole or to the rest.
        Filled = "FILLED",
        /// Withdrawn.
        Cancelled = "CANCELLED",
        /// Refused.
        Rejected = "REJECTED",
    }
}

impl TradeStatus {
    /// Whether this event executed shares.
    pub const fn is_execution(self) -> bool {
        matches!(self, TradeStatus::PartiallyFilled | TradeStatus::Filled)
    }

    /// Whether nothing may follow.
    pub const fn is_terminal(self) -> bool {
        matches!(self, TradeStatus::Filled | TradeStatus::Cancelled | TradeStatus::Rejected)
    }
}

contract_enum! {
    /// A trading venue.
    Exchange {
        /// New York Stock Exchange: core session only.
        Nyse = "NYSE",
        /// Nasdaq.
        Nasdaq = "NASDAQ",
        /// NYSE American: from 07:00.
        Amex = "AMEX",
        /// NYSE Arca.
        Arca = "ARCA",
        /// Cboe BZX, formerly BATS.
        Bats = "BATS",
    }
}

contract_enum! {
    /// The length of a candle.
    Interval {
        /// One minute.
        OneMinute = "1m",
        /// Five minutes.
        FiveMinutes = "5m",
        /// Fifteen minutes.
        FifteenMinutes = "15m",
        /// One hour.
        OneHour = "1h",
        /// From 04:00 to the end of the late session.
        OneDay = "1d",
    }
}

/// A count of shares: 1 to 2³¹−1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u32);

impl Quantity {
    /// The largest quantity, 2³¹−1.
    pub const MAX: Quantity = Quantity(i32::MAX as u32);

    /// A quantity, or `None` outside `1..=2³¹−1`.
    #[inline]
    pub const fn new(shares: u32) -> Option<Quantity> {
        if shares >= 1 && shares <= Quantity::MAX.0 { Some(Quantity(shares)) } else { None }
    }

    /// The number of shares.
    #[inline]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An event in the life of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Unique.
    pub trade_id: TradeId,
    /// The symbol.
    pub symbol: Symbol,
    /// The side.
    pub trade_type: TradeType,
    /// The order's type.
    pub order_type: OrderType,
    /// For NEW the limit, the stop or the quote that is met; for executions the price of the execution.
    pub price: Price,
    /// For executions the shares executed, otherwise the order's.
    pub quantity: Quantity,
    /// Event time.
    pub timestamp: Timestamp,
    /// The venue of the print.
    pub exchange: Exchange,
    /// The trader.
    pub trader_id: TraderId,
    /// The trader's account.
    pub account_id: AccountId,
    /// Where in its life the order stands.
    pub status: TradeStatus,
    /// Shared by all events of the order.
    pub correlation_id: Option<CorrelationId>,
}

/// The top of a symbol's book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderBook {
    /// The symbol.
    pub symbol: Symbol,
    /// The best bid.
    pub bid_price: Price,
    /// The best ask.
    pub ask_price: Price,
    /// Shares at the best bid.
    pub bid_size: Quantity,
    /// Shares at the best ask.
    pub ask_size: Quantity,
    /// `ask_price - bid_price`.
    pub spread: Price,
    /// `(bid_price + ask_price) / 2`, rounded half up to 0.0001.
    pub mid_price: Price,
    /// Event time.
    pub timestamp: Timestamp,
    /// The venue.
    pub exchange: Exchange,
}

/// A candle: open, high, low, close and volume of one interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketData {
    /// The symbol.
    pub symbol: Symbol,
    /// Price of the first execution.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Price of the last execution.
    pub close: Price,
    /// Shares executed, 1 to 2⁶³−1.
    pub volume: u64,
    /// Volume-weighted average price, rounded half up to 0.0001.
    pub vwap: Price,
    /// Start of the interval.
    pub timestamp: Timestamp,
    /// Length of the interval.
    pub interval: Interval,
    /// The symbol's listing.
    pub exchange: Exchange,
}

/// An event of one of the three types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An event in the life of an order.
    Trade(Trade),
    /// The top of a symbol's book.
    OrderBook(OrderBook),
    /// A candle.
    MarketData(MarketData),
}

impl Event {
    /// The event's type.
    pub const fn event_type(&self) -> EventType {
        match self {
            Event::Trade(_) => EventType::Trade,
            Event::OrderBook(_) => EventType::OrderBook,
            Event::MarketData(_) => EventType::MarketData,
        }
    }

    /// The event's symbol.
    pub const fn symbol(&self) -> Symbol {
        match self {
            Event::Trade(trade) => trade.symbol,
            Event::OrderBook(book) => book.symbol,
            Event::MarketData(candle) => candle.symbol,
        }
    }
}

/// An event and the scheduled instant of its emission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The scheduled instant of emission, in virtual time.
    pub timestamp: Timestamp,
    /// The payload.
    pub event: Event,
}

/// An envelope and its place in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The ordinal in the recording, from 0. A cut keeps the numbers of the whole.
    pub seq: u64,
    /// Which of a merged archive's origins the ids derive from; 0 unless merged.
    pub origin: u16,
    /// What a simulated trade's ids derive from; `None` for other events and for ids that are stored as they are.
    pub order: Option<OrderRef>,
    /// The message.
    pub envelope: Envelope,
}
