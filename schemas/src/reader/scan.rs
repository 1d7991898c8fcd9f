//! The fast path: reads our own layout byte by byte, without an allocation. Any other text is left to the general path,
//! so this module never refuses a message.

use std::borrow::Cow;

use super::{MarketDataMessage, Message, OrderBookMessage, Payload, TradeMessage};
use crate::{
    AccountId, CorrelationId, Exchange, Interval, OrderType, Price, Quantity, Symbol, Timestamp, TradeId,
    TradeStatus, TradeType, TraderId,
};

/// Reads a message in our own layout. Returns `None` for any other text.
pub(super) fn message(frame: &[u8]) -> Option<Message<'_>> {
    let mut cursor = Cursor { rest: frame };
    cursor.literal(br#"{"schema_version":1,"event_type":""#)?;
    let event_type = cursor.until_quote(10)?;
    cursor.literal(br#"","timestamp":""#)?;
    let time_text = cursor.take(Timestamp::TEXT_LEN)?;
    let timestamp = Timestamp::parse(time_text).ok()?;
    let time = Time { text: time_text, timestamp };
    cursor.literal(br#"","payload":{""#)?;
    let payload = match event_type {
        b"trade" => Payload::Trade(cursor.trade(time)?),
        b"orderbook" => Payload::OrderBook(cursor.order_book(time)?),
        b"marketdata" => Payload::MarketData(cursor.market_data(time)?),
        _ => return None,
    };
    cursor.rest.is_empty().then_some(Message { timestamp, payload, unknown_fields: 0 })
}

/// The envelope's time. The payload's time is usually the same text, which then needs no parsing.
#[derive(Clone, Copy)]
struct Time<'a> {
    text: &'a [u8],
    timestamp: Timestamp,
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    #[inline]
    fn literal<const N: usize>(&mut self, text: &[u8; N]) -> Option<()> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        (head == text).then_some(())
    }

    #[inline]
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }

    /// Returns the bytes before the next quote, at most `len_max`.
    #[inline]
    fn until_quote(&mut self, len_max: usize) -> Option<&'a [u8]> {
        let len = self.rest.iter().take(len_max + 1).position(|&byte| byte == b'"')?;
        self.take(len)
    }

    #[inline]
    fn price(&mut self) -> Option<Price> {
        Price::parse(self.until_quote(13)?)
    }

    /// Reads an integer without sign, leading zeros, fraction or exponent. (After a fraction or an exponent, the literal that
    /// is expected next does not match.)
    #[inline]
    fn integer(&mut self) -> Option<u64> {
        let mut value = 0u64;
        let mut len = 0;
        while let Some(&byte @ b'0'..=b'9') = self.rest.get(len) {
            if len == 18 {
                return None;
            }
            value = value * 10 + u64::from(byte - b'0');
            len += 1;
        }
        if len == 0 || self.rest[0] == b'0' {
            return None;
        }
        self.rest = &self.rest[len..];
        Some(value)
    }

    #[inline]
    fn quantity(&mut self) -> Option<Quantity> {
        Quantity::new(u32::try_from(self.integer()?).ok()?)
    }

    #[inline]
    fn timestamp(&mut self, time: Time<'_>) -> Option<Timestamp> {
        let text = self.take(Timestamp::TEXT_LEN)?;
        if text == time.text { Some(time.timestamp) } else { Timestamp::parse(text).ok() }
    }

    /// Reads a symbol without escapes. Its length in bytes is limited so that it cannot have too many characters.
    #[inline]
    fn symbol(&mut self) -> Option<Cow<'a, str>> {
        let bytes = self.until_quote(Symbol::CHARS_MAX)?;
        if bytes.is_empty() || bytes.iter().any(|&byte| byte < 0x20 || byte == b'\\') {
            return None;
        }
        std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
    }

    #[inline]
    fn exchange(&mut self) -> Option<Exchange> {
        Exchange::parse(self.until_quote(6)?)
    }

    fn trade(&mut self, time: Time<'_>) -> Option<TradeMessage<'a>> {
        self.literal(br#"trade_id":""#)?;
        let trade_id = TradeId::parse(self.take(TradeId::TEXT_LEN)?)?;
        self.literal(br#"","symbol":""#)?;
        let symbol = self.symbol()?;
        self.literal(br#"","trade_type":""#)?;
        let trade_type = TradeType::parse(self.until_quote(4)?)?;
        self.literal(br#"","order_type":""#)?;
        let order_type = OrderType::parse(self.until_quote(10)?)?;
        self.literal(br#"","price":""#)?;
        let price = self.price()?;
        self.literal(br#"","quantity":"#)?;
        let quantity = self.quantity()?;
        self.literal(br#","timestamp":""#)?;
        let timestamp = self.timestamp(time)?;
        self.literal(br#"","exchange":""#)?;
        let exchange = self.exchange()?;
        self.literal(br#"","trader_id":""#)?;
        let trader_id = TraderId::parse(self.take(9)?)?;
        self.literal(br#"","account_id":""#)?;
        let account_id = AccountId::parse(self.take(8)?)?;
        self.literal(br#"","status":""#)?;
        let status = TradeStatus::parse(self.until_quote(16)?)?;
        self.literal(br#"","correlation_id":"#)?;
        let correlation_id = if self.rest.first() == Some(&b'"') {
            self.take(1)?;
            let text = self.take(CorrelationId::TEXT_LEN)?;
            CorrelationId::parse(text)?;
            self.literal(br#""}}"#)?;
            Some(Cow::Borrowed(std::str::from_utf8(text).ok()?))
        } else {
            self.literal(b"null}}")?;
            None
        };
        Some(TradeMessage {
            trade_id,
            symbol,
            trade_type,
            order_type,
            price,
            quantity,
            timestamp,
            exchange,
            trader_id,
            account_id,
            status,
            correlation_id,
        })
    }

    fn order_book(&mut self, time: Time<'_>) -> Option<OrderBookMessage<'a>> {
        self.literal(br#"symbol":""#)?;
        let symbol = self.symbol()?;
        self.literal(br#"","bid_price":""#)?;
        let bid_price = self.price()?;
        self.literal(br#"","ask_price":""#)?;
        let ask_price = self.price()?;
        self.literal(br#"","bid_size":"#)?;
        let bid_size = self.quantity()?;
        self.literal(br#","ask_size":"#)?;
        let ask_size = self.quantity()?;
        self.literal(br#","spread":""#)?;
        let spread = self.price()?;
        self.literal(br#"","mid_price":""#)?;
        let mid_price = self.price()?;
        self.literal(br#"","timestamp":""#)?;
        let timestamp = self.timestamp(time)?;
        self.literal(br#"","exchange":""#)?;
        let exchange = self.exchange()?;
        self.literal(br#""}}"#)?;
        Some(OrderBookMessage {
            symbol,
            bid_price,
            ask_price,
            bid_size,
            ask_size,
            spread,
            mid_price,
            timestamp,
            exchange,
        })
    }

    fn market_data(&mut self, time: Time<'_>) -> Option<MarketDataMessage<'a>> {
        self.literal(br#"symbol":""#)?;
        let symbol = self.symbol()?;
        self.literal(br#"","open":""#)?;
        let open = self.price()?;
        self.literal(br#"","high":""#)?;
        let high = self.price()?;
        self.literal(br#"","low":""#)?;
        let low = self.price()?;
        self.literal(br#"","close":""#)?;
        let close = self.price()?;
        self.literal(br#"","volume":"#)?;
        let volume = self.integer()?;
        self.literal(br#","vwap":""#)?;
        let vwap = self.price()?;
        self.literal(br#"","timestamp":""#)?;
        let timestamp = self.timestamp(time)?;
        self.literal(br#"","interval":""#)?;
        let interval = Interval::parse(self.until_quote(3)?)?;
        self.literal(br#"","exchange":""#)?;
        let exchange = self.exchange()?;
        self.literal(br#""}}"#)?;
        Some(MarketDataMessage {
            symbol,
            open,
            high,
            low,
            close,
            volume,
            vwap,
            timestamp,
            interval,
            exchange,
        })
    }
}
