//! Decodes the value of a Kafka record to the message that it contains, with the schema that it was written with.
//!
//! This shares no code with the bridge's writer, and accepts any schema that Avro's resolution rules convert to that
//! of the event type: fields are found by name, unknown ones are skipped, and those that have a default may be
//! missing.

use std::{borrow::Cow, collections::BTreeMap, str, sync::Arc};

use tradesim_schemas::{
    AccountId, EventType, Exchange, Interval, Message, OrderType, Payload, Price, Quantity, SCHEMA_VERSION,
    Timestamp, TradeId, TradeStatus, TradeType, TraderId,
    contract::AVRO_SOURCE,
    reader::{MarketDataMessage, OrderBookMessage, TradeMessage},
};

use super::{
    datum::{Datum, DatumError, split},
    plan::{Mismatch, Plan, Value},
    schema::{Schema, SchemaError},
};

#[cfg(test)]
mod tests;

/// The limit of characters of a symbol, by the contract.
const SYMBOL_CHARS_MAX: usize = 10;

/// A value that cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("the value is missing")]
    NoValue,
    #[error("the value is not in the Confluent wire format")]
    NotConfluent,
    #[error("the registry has no schema {id}")]
    UnknownSchema { id: u32 },
    #[error("schema {id} is incompatible: {source}")]
    NotASchema { id: u32, source: SchemaError },
    #[error("schema {id} is incompatible: {source}")]
    OtherSchema { id: u32, source: Mismatch },
    #[error(transparent)]
    Datum(#[from] DatumError),
    #[error("it contains too many unknown values")]
    TooMany,
    #[error("{field} is {found}")]
    Value { field: &'static str, found: String },
}

/// The schemas that were met so far, each with its reading plan.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// By id, and by the event type of the topic.
    plans: BTreeMap<(u32, EventType), Result<Plan, DecodeError>>,
}

impl Decoder {
    pub(crate) fn new() -> Decoder {
        Decoder { plans: BTreeMap::new() }
    }

    /// Returns the id of the schema that a value was written with, if it is not known yet.
    pub(crate) fn unknown_schema(&self, kind: EventType, value: &[u8]) -> Option<u32> {
        let (id, _) = split(value)?;
        (!self.plans.contains_key(&(id, kind))).then_some(id)
    }

    /// Stores the registry's answer about an id: the schema's text, or `None` if the registry does not have it.
    pub(crate) fn learn(&mut self, id: u32, text: Option<&str>) {
        let schema = text.ok_or(DecodeError::UnknownSchema { id }).and_then(|text| {
            Schema::parse(text).map(Arc::new).map_err(|source| DecodeError::NotASchema { id, source })
        });
        for &kind in EventType::ALL {
            let plan = schema.clone().and_then(|schema| {
                Plan::new(kind, schema).map_err(|source| DecodeError::OtherSchema { id, source })
            });
            self.plans.insert((id, kind), plan);
        }
    }

    /// Returns the message that a value contains, with the given envelope time.
    pub(crate) fn decode<'a>(
        &'a self,
        kind: EventType,
        emitted: Timestamp,
        value: Option<&'a [u8]>,
    ) -> Result<Message<'a>, DecodeError> {
        let (id, datum) = split(value.ok_or(DecodeError::NoValue)?).ok_or(DecodeError::NotConfluent)?;
        let plan = match self.plans.get(&(id, kind)) {
            Some(plan) => plan.as_ref().map_err(Clone::clone)?,
            None => return Err(DecodeError::UnknownSchema { id }),
        };
        let mut datum = Datum::new(datum);
        let values = plan.read(&mut datum)?;
        datum.end()?;
        let fields = Fields { names: kind.fields(), values: &values };
        fields.check_tail()?;
        let payload = match kind {
            EventType::Trade => Payload::Trade(fields.trade()?),
            EventType::OrderBook => Payload::OrderBook(fields.order_book()?),
            EventType::MarketData => Payload::MarketData(fields.market_data()?),
        };
        Ok(Message { timestamp: emitted, payload, unknown_fields: 0 })
    }
}

/// The values of a record, in the order of the event type's schema: the payload's fields, `schema_version`, `source`.
struct Fields<'a, 'v> {
    names: &'static [&'static str],
    values: &'v [Value<'a>],
}

impl<'a> Fields<'a, '_> {
    fn trade(&self) -> Result<TradeMessage<'a>, DecodeError> {
        Ok(TradeMessage {
            trade_id: self.parsed(0, TradeId::parse)?,
            symbol: self.symbol(1)?,
            trade_type: self.parsed(2, TradeType::parse)?,
            order_type: self.parsed(3, OrderType::parse)?,
            price: self.price(4)?,
            quantity: self.quantity(5)?,
            timestamp: self.timestamp(6)?,
            exchange: self.parsed(7, Exchange::parse)?,
            trader_id: self.parsed(8, TraderId::parse)?,
            account_id: self.parsed(9, AccountId::parse)?,
            status: self.parsed(10, TradeStatus::parse)?,
            correlation_id: match self.values[11] {
                Value::Absent => None,
                _ => Some(Cow::Borrowed(self.text(11)?)),
            },
        })
    }

    fn order_book(&self) -> Result<OrderBookMessage<'a>, DecodeError> {
        Ok(OrderBookMessage {
            symbol: self.symbol(0)?,
            bid_price: self.price(1)?,
            ask_price: self.price(2)?,
            bid_size: self.quantity(3)?,
            ask_size: self.quantity(4)?,
            spread: self.price(5)?,
            mid_price: self.price(6)?,
            timestamp: self.timestamp(7)?,
            exchange: self.parsed(8, Exchange::parse)?,
        })
    }

    fn market_data(&self) -> Result<MarketDataMessage<'a>, DecodeError> {
        Ok(MarketDataMessage {
            symbol: self.symbol(0)?,
            open: self.price(1)?,
            high: self.price(2)?,
            low: self.price(3)?,
            close: self.price(4)?,
            volume: self.checked(5, |volume| u64::try_from(volume).ok().filter(|volume| *volume >= 1))?,
            vwap: self.price(6)?,
            timestamp: self.timestamp(7)?,
            interval: self.parsed(8, Interval::parse)?,
            exchange: self.parsed(9, Exchange::parse)?,
        })
    }

    /// Checks the fields that are not part of the payload of an envelope: the bridge always writes the same values.
    fn check_tail(&self) -> Result<(), DecodeError> {
        let at = self.names.len();
        match self.values[at] {
            Value::Default => {}
            Value::Number(version) if version == i64::from(SCHEMA_VERSION) => {}
            found => return Err(DecodeError::Value { field: "schema_version", found: found.to_string() }),
        }
        match self.values[at + 1] {
            Value::Default => Ok(()),
            Value::Text(source) if source == AVRO_SOURCE.as_bytes() => Ok(()),
            found => Err(DecodeError::Value { field: "source", found: found.to_string() }),
        }
    }

    fn bad(&self, index: usize) -> DecodeError {
        DecodeError::Value { field: self.names[index], found: self.values[index].to_string() }
    }

    #[inline]
    fn parsed<T>(&self, index: usize, parse: impl Fn(&[u8]) -> Option<T>) -> Result<T, DecodeError> {
        match self.values[index] {
            Value::Text(text) => parse(text).ok_or_else(|| self.bad(index)),
            _ => Err(self.bad(index)),
        }
    }

    #[inline]
    fn text(&self, index: usize) -> Result<&'a str, DecodeError> {
        match self.values[index] {
            Value::Text(text) => str::from_utf8(text).map_err(|_| self.bad(index)),
            _ => Err(self.bad(index)),
        }
    }

    #[inline]
    fn symbol(&self, index: usize) -> Result<Cow<'a, str>, DecodeError> {
        let text = self.text(index)?;
        // a character has at least one byte
        let fits = text.len() <= SYMBOL_CHARS_MAX || text.chars().count() <= SYMBOL_CHARS_MAX;
        if fits && !text.is_empty() { Ok(Cow::Borrowed(text)) } else { Err(self.bad(index)) }
    }

    #[inline]
    fn checked<T>(&self, index: usize, check: impl Fn(i64) -> Option<T>) -> Result<T, DecodeError> {
        match self.values[index] {
            Value::Number(number) => check(number).ok_or_else(|| self.bad(index)),
            _ => Err(self.bad(index)),
        }
    }

    #[inline]
    fn price(&self, index: usize) -> Result<Price, DecodeError> {
        self.checked(index, Price::from_units)
    }

    #[inline]
    fn quantity(&self, index: usize) -> Result<Quantity, DecodeError> {
        self.checked(index, |shares| u32::try_from(shares).ok().and_then(Quantity::new))
    }

    #[inline]
    fn timestamp(&self, index: usize) -> Result<Timestamp, DecodeError> {
        self.checked(index, Timestamp::from_micros)
    }
}
