//! The general path: accepts any layout, and reports what is wrong.

use std::borrow::Cow;

use super::{
    MarketDataMessage, Message, OrderBookMessage, Payload, Reason, Refusal, TradeMessage,
    json::{Parser, Value, first_duplicate, integer},
    refusal::shortened,
};
use crate::{
    AccountId, EventType, Exchange, Interval, OrderType, Price, Quantity, SCHEMA_VERSION, Symbol, Timestamp,
    TradeId, TradeStatus, TradeType, TraderId,
};

/// Declares the keys of one kind of object. `$prefix` is the object's path in the message.
macro_rules! keys {
    ($(#[$meta:meta])* $name:ident in $prefix:literal { $($key:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        enum $name { $($key,)+ }

        impl $name {
            const PATHS: &[&str] = &[$(concat!($prefix, $text)),+];

            const ALL: &[($name, &str)] = &[$(($name::$key, $text)),+];

            /// Returns the key with this text. Most programs write keys in a fixed order, so the key at `guess` is tried
            /// first.
            fn parse_near(text: &str, guess: usize) -> Option<$name> {
                match $name::ALL.get(guess) {
                    Some(&(key, name)) if name == text => Some(key),
                    _ => $name::parse(text),
                }
            }

            fn parse(text: &str) -> Option<$name> {
                match text {
                    $($text => Some($name::$key),)+
                    _ => None,
                }
            }

            const fn path(self) -> &'static str {
                $name::PATHS[self as usize]
            }
        }
    };
}

keys! {
    /// The envelope's keys.
    EnvelopeKey in "" {
        SchemaVersion = "schema_version",
        EventType = "event_type",
        Timestamp = "timestamp",
        Payload = "payload",
    }
}

keys! {
    /// The keys of all three payloads, because `event_type` may come after the payload.
    PayloadKey in "payload." {
        TradeId = "trade_id",
        Symbol = "symbol",
        TradeType = "trade_type",
        OrderType = "order_type",
        Price = "price",
        Quantity = "quantity",
        Timestamp = "timestamp",
        Exchange = "exchange",
        TraderId = "trader_id",
        AccountId = "account_id",
        Status = "status",
        CorrelationId = "correlation_id",
        BidPrice = "bid_price",
        AskPrice = "ask_price",
        BidSize = "bid_size",
        AskSize = "ask_size",
        Spread = "spread",
        MidPrice = "mid_price",
        Open = "open",
        High = "high",
        Low = "low",
        Close = "close",
        Volume = "volume",
        Vwap = "vwap",
        Interval = "interval",
    }
}

/// The values of an object's known keys, and its unknown keys.
struct Members<'a, const N: usize> {
    values: [Option<Value<'a>>; N],
    unknown: Vec<Cow<'a, str>>,
}

impl<'a, const N: usize> Members<'a, N> {
    fn new() -> Members<'a, N> {
        Members { values: [const { None }; N], unknown: Vec::new() }
    }
}

/// The members of the envelope and of the payload.
struct Parts<'a> {
    envelope: Members<'a, { EnvelopeKey::PATHS.len() }>,
    payload: Members<'a, { PayloadKey::PATHS.len() }>,
}

/// Reads a frame in any layout.
pub(super) fn message(frame: &[u8]) -> Result<Message<'_>, Refusal> {
    let text = std::str::from_utf8(frame).map_err(|error| {
        let detail = format!("the frame is not UTF-8 from byte {}", error.valid_up_to());
        Refusal::new(Reason::NotUtf8, None, detail)
    })?;
    let mut parts = split(text)?;
    let stated = match &parts.envelope.values[EnvelopeKey::EventType as usize] {
        Some(Value::String(text)) => EventType::parse(text.as_bytes()),
        _ => None,
    };
    envelope_and_payload(&mut parts, stated).map_err(|refusal| Refusal { event_type: stated, ..refusal })
}

/// Parses the text into the members of envelope and payload.
fn split(text: &str) -> Result<Parts<'_>, Refusal> {
    let mut parts = Parts { envelope: Members::new(), payload: Members::new() };
    let mut parser = Parser::new(text);
    let mut twice: Option<String> = None;
    let syntax = |error: super::json::Syntax| {
        let found = match text[error.at..].chars().next() {
            Some(character) => format!("{character:?}"),
            None => "the end of the text".to_owned(),
        };
        let detail = format!("not JSON at byte {}: expected {}, found {found}", error.at, error.expected);
        Refusal::new(Reason::NotJson, None, detail)
    };
    if parser.peek() != Some(b'{') {
        let value = parser.value(1).and_then(|value| parser.end().map(|()| value)).map_err(syntax)?;
        return Err(Refusal::value(Reason::BadType, "message", "an object", &shown(&value)));
    }
    let Parts { envelope, payload } = &mut parts;
    let mut guess = 0;
    parser
        .object(|parser, key| {
            let Some(known) = EnvelopeKey::parse_near(&key, guess) else {
                envelope.unknown.push(key);
                return parser.value(2).map(drop);
            };
            guess = known as usize + 1;
            let value = if matches!(known, EnvelopeKey::Payload) && parser.peek() == Some(b'{') {
                if envelope.values[known as usize].is_some() {
                    parser.value(2)?
                } else {
                    payload_members(parser, payload, &mut twice)?;
                    Value::Object("")
                }
            } else {
                parser.value(2)?
            };
            if envelope.values[known as usize].replace(value).is_some() {
                twice.get_or_insert_with(|| known.path().to_owned());
            }
            Ok(())
        })
        .and_then(|()| parser.end())
        .map_err(syntax)?;
    let twice = twice
        .or_else(|| first_duplicate(&mut envelope.unknown).map(shortened))
        .or_else(|| first_duplicate(&mut payload.unknown).map(|key| format!("payload.{}", shortened(key))))
        .or_else(|| parser.into_duplicate().map(|key| shortened(&key)));
    if let Some(key) = twice {
        let detail = format!("the key {key:?} appears twice in one object");
        let mut refusal = Refusal::new(Reason::DuplicateKey, Some(key), detail);
        if let Some(Value::String(text)) = &envelope.values[EnvelopeKey::EventType as usize] {
            refusal.event_type = EventType::parse(text.as_bytes());
        }
        return Err(refusal);
    }
    Ok(parts)
}

fn payload_members<'a>(
    parser: &mut Parser<'a>,
    payload: &mut Members<'a, { PayloadKey::PATHS.len() }>,
    twice: &mut Option<String>,
) -> Result<(), super::json::Syntax> {
    let mut guess = 0;
    parser.object(|parser, key| {
        let value = parser.value(3)?;
        match PayloadKey::parse_near(&key, guess) {
            Some(known) => {
                guess = known as usize + 1;
                if payload.values[known as usize].replace(value).is_some() {
                    twice.get_or_insert_with(|| known.path().to_owned());
                }
            }
            None => payload.unknown.push(key),
        }
        Ok(())
    })
}

fn envelope_and_payload<'a>(
    parts: &mut Parts<'a>,
    stated: Option<EventType>,
) -> Result<Message<'a>, Refusal> {
    let Parts { envelope, payload } = parts;
    let values = &mut envelope.values;
    // a later version may have other keys, so the version is checked first if there is one
    if let Some(value) = &values[EnvelopeKey::SchemaVersion as usize] {
        schema_version(value)?;
    }
    if let Some(key) = envelope.unknown.first() {
        let key = shortened(key);
        let detail = format!("unknown envelope key {key:?}");
        return Err(Refusal::new(Reason::UnknownEnvelopeKey, Some(key), detail));
    }
    for (value, path) in values.iter().zip(EnvelopeKey::PATHS) {
        if value.is_none() {
            return Err(Refusal::missing(path));
        }
    }
    let mut take = |key: EnvelopeKey| values[key as usize].take().expect("every key is present");
    let path = EnvelopeKey::EventType.path();
    let name = text(take(EnvelopeKey::EventType), path, EVENT_TYPES)?;
    let Some(event_type) = stated else {
        return Err(Refusal::value(Reason::UnknownEventType, path, EVENT_TYPES, &quoted(&name)));
    };
    let path = EnvelopeKey::Timestamp.path();
    let timestamp = parsed(take(EnvelopeKey::Timestamp), path, TIMESTAMP, timestamp)?;
    let value = take(EnvelopeKey::Payload);
    if !matches!(value, Value::Object(_)) {
        return Err(Refusal::value(
            Reason::BadType,
            EnvelopeKey::Payload.path(),
            "an object",
            &shown(&value),
        ));
    }
    let unknown = payload.unknown.len();
    let mut fields = Fields { values: &mut payload.values };
    let payload = match event_type {
        EventType::Trade => fields.trade()?,
        EventType::OrderBook => fields.order_book()?,
        EventType::MarketData => fields.market_data()?,
    };
    // the keys of other event types are unknown here
    let foreign = fields.values.iter().filter(|value| value.is_some()).count();
    let unknown_fields = u32::try_from(unknown + foreign).expect("a frame has fewer keys than bytes");
    Ok(Message { timestamp, payload, unknown_fields })
}

const EVENT_TYPES: &str = "one of trade, orderbook, marketdata";
const TIMESTAMP: &str =
    "an RFC 3339 time in UTC with at most six fractional digits and a year of 0001 to 9999";
const PRICE: &str = "a decimal in quotes, with at most 8 digits before the point and 2 to 4 after it";

fn timestamp(text: &[u8]) -> Option<Timestamp> {
    Timestamp::parse(text).ok()
}

fn schema_version(value: &Value<'_>) -> Result<(), Refusal> {
    let path = EnvelopeKey::SchemaVersion.path();
    let version = whole(value, path, i128::MAX)?;
    if version == i128::from(SCHEMA_VERSION) {
        return Ok(());
    }
    let (expected, found) = (format!("version {SCHEMA_VERSION}"), shown(value));
    Err(Refusal::value(Reason::UnsupportedSchemaVersion, path, &expected, &found))
}

/// Reads an integer from 1 to `max`.
fn whole(value: &Value<'_>, path: &str, max: i128) -> Result<i128, Refusal> {
    let expected = || {
        if max == i128::MAX {
            "an integer of at least 1".to_owned()
        } else {
            format!("an integer from 1 to {max}")
        }
    };
    let refused = |reason| Refusal::value(reason, path, &expected(), &shown(value));
    let Value::Number(number) = value else { return Err(refused(Reason::BadType)) };
    match integer(number) {
        None => Err(refused(Reason::BadType)),
        Some(value) if (1..=max).contains(&value) => Ok(value),
        Some(_) => Err(refused(Reason::BadValue)),
    }
}

fn text<'a>(value: Value<'a>, path: &str, expected: &str) -> Result<Cow<'a, str>, Refusal> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(Refusal::value(Reason::BadType, path, expected, &shown(&other))),
    }
}

fn parsed<T>(
    value: Value<'_>,
    path: &str,
    expected: &str,
    parse: fn(&[u8]) -> Option<T>,
) -> Result<T, Refusal> {
    let text = text(value, path, expected)?;
    parse(text.as_bytes()).ok_or_else(|| Refusal::value(Reason::BadValue, path, expected, &quoted(&text)))
}

fn quoted(text: &str) -> String {
    format!("{:?}", shortened(text))
}

fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Number(text) | Value::Array(text) | Value::Object(text) => shortened(text),
    }
}

/// Takes the fields of one payload from its members.
struct Fields<'p, 'a> {
    values: &'p mut [Option<Value<'a>>; PayloadKey::PATHS.len()],
}

impl<'a> Fields<'_, 'a> {
    fn take(&mut self, key: PayloadKey) -> Result<Value<'a>, Refusal> {
        self.values[key as usize].take().ok_or_else(|| Refusal::missing(key.path()))
    }

    fn parsed<T>(
        &mut self,
        key: PayloadKey,
        expected: &str,
        parse: fn(&[u8]) -> Option<T>,
    ) -> Result<T, Refusal> {
        parsed(self.take(key)?, key.path(), expected, parse)
    }

    fn price(&mut self, key: PayloadKey) -> Result<Price, Refusal> {
        self.parsed(key, PRICE, Price::parse)
    }

    fn quantity(&mut self, key: PayloadKey) -> Result<Quantity, Refusal> {
        let shares = whole(&self.take(key)?, key.path(), i128::from(Quantity::MAX.get()))?;
        Ok(Quantity::new(shares as u32).expect("a checked quantity"))
    }

    fn timestamp(&mut self) -> Result<Timestamp, Refusal> {
        self.parsed(PayloadKey::Timestamp, TIMESTAMP, timestamp)
    }

    fn exchange(&mut self) -> Result<Exchange, Refusal> {
        self.parsed(PayloadKey::Exchange, "one of NYSE, NASDAQ, AMEX, ARCA, BATS", Exchange::parse)
    }

    fn symbol(&mut self) -> Result<Cow<'a, str>, Refusal> {
        let (path, expected) = (PayloadKey::Symbol.path(), "1 to 10 characters");
        let symbol = text(self.take(PayloadKey::Symbol)?, path, expected)?;
        // the length in bytes decides nearly every case, without counting the characters of a long text
        let fits = !symbol.is_empty()
            && (symbol.len() <= Symbol::CHARS_MAX || symbol.chars().nth(Symbol::CHARS_MAX).is_none());
        if fits {
            Ok(symbol)
        } else {
            Err(Refusal::value(Reason::BadValue, path, expected, &quoted(&symbol)))
        }
    }

    fn correlation_id(&mut self) -> Result<Option<Cow<'a, str>>, Refusal> {
        match self.take(PayloadKey::CorrelationId)? {
            Value::Null => Ok(None),
            value => text(value, PayloadKey::CorrelationId.path(), "a string or null").map(Some),
        }
    }

    fn trade(&mut self) -> Result<Payload<'a>, Refusal> {
        const STATUS: &str = "one of NEW, PARTIALLY_FILLED, FILLED, CANCELLED, REJECTED";
        Ok(Payload::Trade(TradeMessage {
            trade_id: self.parsed(
                PayloadKey::TradeId,
                "a version 4 UUID in lower case with dashes",
                TradeId::parse,
            )?,
            symbol: self.symbol()?,
            trade_type: self.parsed(PayloadKey::TradeType, "one of BUY, SELL", TradeType::parse)?,
            order_type: self.parsed(
                PayloadKey::OrderType,
                "one of MARKET, LIMIT, STOP, STOP_LIMIT",
                OrderType::parse,
            )?,
            price: self.price(PayloadKey::Price)?,
            quantity: self.quantity(PayloadKey::Quantity)?,
            timestamp: self.timestamp()?,
            exchange: self.exchange()?,
            trader_id: self.parsed(PayloadKey::TraderId, "TRD- and five digits", TraderId::parse)?,
            account_id: self.parsed(PayloadKey::AccountId, "ACC- and four digits", AccountId::parse)?,
            status: self.parsed(PayloadKey::Status, STATUS, TradeStatus::parse)?,
            correlation_id: self.correlation_id()?,
        }))
    }

    fn order_book(&mut self) -> Result<Payload<'a>, Refusal> {
        Ok(Payload::OrderBook(OrderBookMessage {
            symbol: self.symbol()?,
            bid_price: self.price(PayloadKey::BidPrice)?,
            ask_price: self.price(PayloadKey::AskPrice)?,
            bid_size: self.quantity(PayloadKey::BidSize)?,
            ask_size: self.quantity(PayloadKey::AskSize)?,
            spread: self.price(PayloadKey::Spread)?,
            mid_price: self.price(PayloadKey::MidPrice)?,
            timestamp: self.timestamp()?,
            exchange: self.exchange()?,
        }))
    }

    fn market_data(&mut self) -> Result<Payload<'a>, Refusal> {
        Ok(Payload::MarketData(MarketDataMessage {
            symbol: self.symbol()?,
            open: self.price(PayloadKey::Open)?,
            high: self.price(PayloadKey::High)?,
            low: self.price(PayloadKey::Low)?,
            close: self.price(PayloadKey::Close)?,
            volume: {
                let path = PayloadKey::Volume.path();
                let volume = whole(&self.take(PayloadKey::Volume)?, path, i128::from(i64::MAX))?;
                u64::try_from(volume).expect("a checked volume")
            },
            vwap: self.price(PayloadKey::Vwap)?,
            timestamp: self.timestamp()?,
            interval: self.parsed(PayloadKey::Interval, "one of 1m, 5m, 15m, 1h, 1d", Interval::parse)?,
            exchange: self.exchange()?,
        }))
    }
}
