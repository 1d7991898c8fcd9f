//! The three event types and the envelope that carries them.

use std::fmt;

use crate::{AccountId, CorrelationId, OrderRef, Price, RecordSeq, Symbol, Timestamp, TradeId, TraderId};

/// Declares an enum of the contract: its values, in the contract's order, and their texts.
macro_rules! contract_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$value_meta:meta])* $value:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$value_meta])* $value,)+ }

        impl $name {
            /// All values, in the contract's order.
            pub const ALL: &[$name] = &[$($name::$value),+];

            /// Returns the text in JSON, Avro and the archive.
            #[inline]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$value => $text),+ }
            }

            /// Returns the value with this text, or `None`.
            #[inline]
            pub fn parse(text: &[u8]) -> Option<$name> {
                $(if text == $text.as_bytes() { return Some($name::$value); })+
                None
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::event::UnknownValue;

            fn from_str(text: &str) -> Result<$name, $crate::event::UnknownValue> {
                let expected = &[$($text),+];
                $name::parse(text.as_bytes()).ok_or($crate::event::UnknownValue { expected })
            }
        }
    };
}
pub(crate) use contract_enum;

/// The error of a text that is not a value of the enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {}", expected.join(", "))]
pub struct UnknownValue {
    pub(crate) expected: &'static [&'static str],
}

contract_enum! {
    /// The type of the event in an envelope.
    EventType {
        /// An event in the life of an order: see [`Trade`].
        Trade = "trade",
        /// A snapshot of the best bid and ask: see [`OrderBook`].
        OrderBook = "orderbook",
        /// A candle: see [`MarketData`].
        MarketData = "marketdata",
    }
}

contract_enum! {
    /// The side of an order.
    TradeType {
        /// Buy.
        Buy = "BUY",
        /// Sell.
        Sell = "SELL",
    }
}

contract_enum! {
    /// The type of an order.
    OrderType {
        /// Executed at the current quote.
        Market = "MARKET",
        /// Executed at its limit or better.
        Limit = "LIMIT",
        /// A stop order, without a limit of its own.
        Stop = "STOP",
        /// A stop order with a limit.
        StopLimit = "STOP_LIMIT",
    }
}

contract_enum! {
    /// The status of an order after an event.
    TradeStatus {
        /// Accepted; the first event of every order.
        New = "NEW",
        /// A part of the order was executed.
        PartiallyFilled = "PARTIALLY_FILLED",
        /// The whole order, or the rest of it, was executed.
        Filled = "FILLED",
        /// Withdrawn before it was executed.
        Cancelled = "CANCELLED",
        /// Not accepted.
        Rejected = "REJECTED",
    }
}

impl TradeStatus {
    /// Returns true if shares were executed.
    pub const fn is_execution(self) -> bool {
        matches!(self, TradeStatus::PartiallyFilled | TradeStatus::Filled)
    }

    /// Returns true if this is the last event of its order.
    pub const fn is_terminal(self) -> bool {
        matches!(self, TradeStatus::Filled | TradeStatus::Cancelled | TradeStatus::Rejected)
    }
}

contract_enum! {
    /// A trading venue.
    Exchange {
        /// New York Stock Exchange: core session only.
        Nyse = "NYSE",
        /// Nasdaq: all day.
        Nasdaq = "NASDAQ",
        /// NYSE American: from 07:00.
        Amex = "AMEX",
        /// NYSE Arca: all day.
        Arca = "ARCA",
        /// Cboe BZX, formerly BATS: all day.
        Bats = "BATS",
    }
}

contract_enum! {
    /// The length of a candle's interval.
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

/// A number of shares: 1 to 2³¹−1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u32);

impl Quantity {
    /// The largest quantity, 2³¹−1.
    pub const MAX: Quantity = Quantity(i32::MAX as u32);

    /// Creates a quantity, or returns `None` outside `1..=2³¹−1`.
    #[inline]
    pub const fn new(shares: u32) -> Option<Quantity> {
        if shares >= 1 && shares <= Quantity::MAX.0 { Some(Quantity(shares)) } else { None }
    }

    /// Returns the number of shares.
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

/// An event in the life of an order (contract, section 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// A unique id for each event.
    pub trade_id: TradeId,
    /// The ticker symbol.
    pub symbol: Symbol,
    /// The side of the order.
    pub trade_type: TradeType,
    /// The type of the order.
    pub order_type: OrderType,
    /// For executions, the price of the execution; otherwise the order's limit or stop price, or for MARKET its quote.
    pub price: Price,
    /// For executions, the number of shares executed; otherwise the order's number of shares.
    pub quantity: Quantity,
    /// Event time.
    pub timestamp: Timestamp,
    /// The venue at which the event happened.
    pub exchange: Exchange,
    /// The trader who sent the order.
    pub trader_id: TraderId,
    /// The trader's account.
    pub account_id: AccountId,
    /// The status of the order after the event.
    pub status: TradeStatus,
    /// An id that all events of the order share.
    pub correlation_id: Option<CorrelationId>,
}

/// A snapshot of a symbol's best bid and ask (contract, section 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderBook {
    /// The ticker symbol.
    pub symbol: Symbol,
    /// The best bid.
    pub bid_price: Price,
    /// The best ask.
    pub ask_price: Price,
    /// The number of shares at the best bid.
    pub bid_size: Quantity,
    /// The number of shares at the best ask.
    pub ask_size: Quantity,
    /// `ask_price - bid_price`.
    pub spread: Price,
    /// `(bid_price + ask_price) / 2`, rounded half up to 0.0001.
    pub mid_price: Price,
    /// Event time.
    pub timestamp: Timestamp,
    /// The symbol's listing venue.
    pub exchange: Exchange,
}

/// A candle: open, high, low, close and volume of one interval (contract, section 1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketData {
    /// The ticker symbol.
    pub symbol: Symbol,
    /// The price of the first execution.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The price of the last execution.
    pub close: Price,
    /// The number of shares executed, 1 to 2⁶³−1.
    pub volume: u64,
    /// The volume-weighted average price, rounded half up to 0.0001.
    pub vwap: Price,
    /// The start of the interval.
    pub timestamp: Timestamp,
    /// The length of the interval.
    pub interval: Interval,
    /// The symbol's listing venue.
    pub exchange: Exchange,
}

/// An event of one of the three types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An event in the life of an order.
    Trade(Trade),
    /// A snapshot of the best bid and ask.
    OrderBook(OrderBook),
    /// A candle.
    MarketData(MarketData),
}

impl Event {
    /// Returns the event's type.
    pub const fn event_type(&self) -> EventType {
        match self {
            Event::Trade(_) => EventType::Trade,
            Event::OrderBook(_) => EventType::OrderBook,
            Event::MarketData(_) => EventType::MarketData,
        }
    }

    /// Returns the event time.
    pub const fn timestamp(&self) -> Timestamp {
        match self {
            Event::Trade(trade) => trade.timestamp,
            Event::OrderBook(book) => book.timestamp,
            Event::MarketData(candle) => candle.timestamp,
        }
    }

    /// Returns the event's symbol.
    pub const fn symbol(&self) -> Symbol {
        match self {
            Event::Trade(trade) => trade.symbol,
            Event::OrderBook(book) => book.symbol,
            Event::MarketData(candle) => candle.symbol,
        }
    }
}

/// An event and its emission time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The emission time: when the message is scheduled to be sent, in the time of the recording.
    pub timestamp: Timestamp,
    /// The event.
    pub event: Event,
}

/// An envelope as a row of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The record sequence number, from 0. A cut keeps the numbers of the whole recording.
    pub seq: RecordSeq,
    /// The index of the origin from which the ids derive; 0 except in merged archives.
    pub origin: u16,
    /// The order reference from which a simulated trade's ids derive; `None` for other events and for stored ids.
    pub order: Option<OrderRef>,
    /// The message.
    pub envelope: Envelope,
}
