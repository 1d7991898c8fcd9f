//! A parsed message, as a view of the frame.

use std::borrow::Cow;

use super::{Reason, Refusal};
use crate::{
    AccountId, CorrelationId, Envelope, Event, EventType, Exchange, Interval, MarketData, OrderBook,
    OrderType, Price, Quantity, Symbol, Timestamp, Trade, TradeId, TradeStatus, TradeType, TraderId,
};

/// A parsed message. It can contain more than an [`Envelope`] can: any symbol of 1 to 10 characters and any
/// correlation id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The emission time.
    pub timestamp: Timestamp,
    /// The event.
    pub payload: Payload<'a>,
    /// The number of payload keys that the contract does not define. Keys inside the value of an unknown key do not count.
    pub unknown_fields: u32,
}

/// The payload of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the three event types")]
pub enum Payload<'a> {
    Trade(TradeMessage<'a>),
    OrderBook(OrderBookMessage<'a>),
    MarketData(MarketDataMessage<'a>),
}

/// A parsed trade; the fields are those of [`Trade`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are documented at Trade")]
pub struct TradeMessage<'a> {
    pub trade_id: TradeId,
    pub symbol: Cow<'a, str>,
    pub trade_type: TradeType,
    pub order_type: OrderType,
    pub price: Price,
    pub quantity: Quantity,
    pub timestamp: Timestamp,
    pub exchange: Exchange,
    pub trader_id: TraderId,
    pub account_id: AccountId,
    pub status: TradeStatus,
    pub correlation_id: Option<Cow<'a, str>>,
}

/// A parsed order book snapshot; the fields are those of [`OrderBook`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are documented at OrderBook")]
pub struct OrderBookMessage<'a> {
    pub symbol: Cow<'a, str>,
    pub bid_price: Price,
    pub ask_price: Price,
    pub bid_size: Quantity,
    pub ask_size: Quantity,
    pub spread: Price,
    pub mid_price: Price,
    pub timestamp: Timestamp,
    pub exchange: Exchange,
}

/// A parsed candle; the fields are those of [`MarketData`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are documented at MarketData")]
pub struct MarketDataMessage<'a> {
    pub symbol: Cow<'a, str>,
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
    pub volume: u64,
    pub vwap: Price,
    pub timestamp: Timestamp,
    pub interval: Interval,
    pub exchange: Exchange,
}

impl Message<'_> {
    /// Returns the event's type.
    pub const fn event_type(&self) -> EventType {
        match self.payload {
            Payload::Trade(_) => EventType::Trade,
            Payload::OrderBook(_) => EventType::OrderBook,
            Payload::MarketData(_) => EventType::MarketData,
        }
    }

    /// Returns the event's symbol.
    pub fn symbol(&self) -> &str {
        match &self.payload {
            Payload::Trade(trade) => &trade.symbol,
            Payload::OrderBook(book) => &book.symbol,
            Payload::MarketData(candle) => &candle.symbol,
        }
    }

    /// Converts the message to an envelope. Returns `None` if an envelope cannot represent it: for a correlation id in
    /// another form than tradesim's, and for a symbol that [`Symbol::new`] rejects. Unknown fields are dropped.
    pub fn to_envelope(&self) -> Option<Envelope> {
        let symbol = Symbol::new(self.symbol())?;
        let event = match &self.payload {
            Payload::Trade(trade) => Event::Trade(Trade {
                trade_id: trade.trade_id,
                symbol,
                trade_type: trade.trade_type,
                order_type: trade.order_type,
                price: trade.price,
                quantity: trade.quantity,
                timestamp: trade.timestamp,
                exchange: trade.exchange,
                trader_id: trade.trader_id,
                account_id: trade.account_id,
                status: trade.status,
                correlation_id: match &trade.correlation_id {
                    Some(text) => Some(CorrelationId::parse(text.as_bytes())?),
                    None => None,
                },
            }),
            Payload::OrderBook(book) => Event::OrderBook(OrderBook {
                symbol,
                bid_price: book.bid_price,
                ask_price: book.ask_price,
                bid_size: book.bid_size,
                ask_size: book.ask_size,
                spread: book.spread,
                mid_price: book.mid_price,
                timestamp: book.timestamp,
                exchange: book.exchange,
            }),
            Payload::MarketData(candle) => Event::MarketData(MarketData {
                symbol,
                open: candle.open,
                high: candle.high,
                low: candle.low,
                close: candle.close,
                volume: candle.volume,
                vwap: candle.vwap,
                timestamp: candle.timestamp,
                interval: candle.interval,
                exchange: candle.exchange,
            }),
        };
        Some(Envelope { timestamp: self.timestamp, event })
    }

    /// Checks the market rules that concern a single message (contract, sections 1.3 and 1.4): prices above zero, bid below
    /// ask, spread and mid derived from bid and ask, and open, close and vwap between low and high.
    ///
    /// # Errors
    /// Returns the first broken rule, with [`Reason::MarketRule`].
    pub fn check_market_rules(&self) -> Result<(), Refusal> {
        match &self.payload {
            Payload::Trade(trade) => positive("payload.price", trade.price),
            Payload::OrderBook(book) => book.check(),
            Payload::MarketData(candle) => candle.check(),
        }
        .map_err(|refusal| refusal.of(self.event_type()))
    }
}

impl OrderBookMessage<'_> {
    fn check(&self) -> Result<(), Refusal> {
        let (bid, ask) = (self.bid_price, self.ask_price);
        positive("payload.bid_price", bid)?;
        rule(bid < ask, "payload.bid_price", || format!("a bid below the ask of {ask}"), bid)?;
        let spread = ask.checked_sub(bid).expect("the bid is below the ask");
        rule(self.spread == spread, "payload.spread", || format!("ask - bid = {spread}"), self.spread)?;
        let mid = Price::mid(bid, ask);
        rule(
            self.mid_price == mid,
            "payload.mid_price",
            || format!("(bid + ask) / 2 = {mid}"),
            self.mid_price,
        )
    }
}

impl MarketDataMessage<'_> {
    fn check(&self) -> Result<(), Refusal> {
        let (low, high) = (self.low, self.high);
        positive("payload.low", low)?;
        rule(low <= high, "payload.low", || format!("a low of at most the high of {high}"), low)?;
        for (field, value) in
            [("payload.open", self.open), ("payload.close", self.close), ("payload.vwap", self.vwap)]
        {
            rule(low <= value && value <= high, field, || format!("a price from {low} to {high}"), value)?;
        }
        Ok(())
    }
}

fn positive(field: &str, price: Price) -> Result<(), Refusal> {
    rule(price.units() > 0, field, || "a price above zero".to_owned(), price)
}

fn rule(holds: bool, field: &str, expected: impl Fn() -> String, found: Price) -> Result<(), Refusal> {
    if holds {
        return Ok(());
    }
    Err(Refusal::value(Reason::MarketRule, field, &expected(), &found.to_string()))
}
