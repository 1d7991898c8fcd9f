//! Messages as lists of fields, for comparing them.

use serde::Serialize;
use tradesim_archive::Row;
use tradesim_schemas::{Event, MarketData, MessageEncoder, OrderBook, Trade};

use super::{envelope, event};

/// A field that differs between two messages. `None` means that the message lacks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FieldDifference {
    pub(super) field: &'static str,
    pub(super) a: Option<String>,
    pub(super) b: Option<String>,
}

/// Returns a message as text. Bytes that are not UTF-8 become replacement characters.
pub(super) fn message(row: &Row) -> String {
    match envelope(row) {
        Ok(envelope) => {
            let mut text = Vec::new();
            MessageEncoder::new().write(&envelope, &mut text);
            String::from_utf8(text).expect("a message is written in UTF-8")
        }
        Err(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Returns the fields in which two messages differ, in the order of the contract. Frames without an event, or whose known fields
/// are equal, differ in `text`.
pub(super) fn differing_fields(a: &Row, b: &Row) -> Vec<FieldDifference> {
    let (a_fields, b_fields) = (fields(a), fields(b));
    let value = |fields: &[(&'static str, String)], name: &str| {
        fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone())
    };
    let mut names: Vec<&'static str> = a_fields.iter().map(|(name, _)| *name).collect();
    names.extend(b_fields.iter().map(|(name, _)| *name).filter(|name| value(&a_fields, name).is_none()));
    let mut differences: Vec<FieldDifference> = names
        .into_iter()
        .map(|field| FieldDifference { field, a: value(&a_fields, field), b: value(&b_fields, field) })
        .filter(|difference| difference.a != difference.b)
        .collect();
    if differences.is_empty() {
        differences.push(FieldDifference { field: "text", a: Some(message(a)), b: Some(message(b)) });
    }
    differences
}

fn fields(row: &Row) -> Vec<(&'static str, String)> {
    let Some(event) = event(row) else { return Vec::new() };
    let mut fields = vec![("event_type", event.event_type().to_string())];
    if let Ok(envelope) = envelope(row) {
        fields.push(("timestamp", envelope.timestamp.to_string()));
    }
    fields.extend(match event {
        Event::Trade(trade) => trade_fields(trade),
        Event::OrderBook(book) => book_fields(book),
        Event::MarketData(candle) => candle_fields(candle),
    });
    fields
}

fn trade_fields(trade: &Trade) -> Vec<(&'static str, String)> {
    vec![
        ("payload.trade_id", trade.trade_id.to_string()),
        ("payload.symbol", trade.symbol.to_string()),
        ("payload.trade_type", trade.trade_type.to_string()),
        ("payload.order_type", trade.order_type.to_string()),
        ("payload.price", trade.price.to_string()),
        ("payload.quantity", trade.quantity.to_string()),
        ("payload.timestamp", trade.timestamp.to_string()),
        ("payload.exchange", trade.exchange.to_string()),
        ("payload.trader_id", trade.trader_id.to_string()),
        ("payload.account_id", trade.account_id.to_string()),
        ("payload.status", trade.status.to_string()),
        ("payload.correlation_id", trade.correlation_id.map_or("null".to_owned(), |id| id.to_string())),
    ]
}

fn book_fields(book: &OrderBook) -> Vec<(&'static str, String)> {
    vec![
        ("payload.symbol", book.symbol.to_string()),
        ("payload.bid_price", book.bid_price.to_string()),
        ("payload.ask_price", book.ask_price.to_string()),
        ("payload.bid_size", book.bid_size.to_string()),
        ("payload.ask_size", book.ask_size.to_string()),
        ("payload.spread", book.spread.to_string()),
        ("payload.mid_price", book.mid_price.to_string()),
        ("payload.timestamp", book.timestamp.to_string()),
        ("payload.exchange", book.exchange.to_string()),
    ]
}

fn candle_fields(candle: &MarketData) -> Vec<(&'static str, String)> {
    vec![
        ("payload.symbol", candle.symbol.to_string()),
        ("payload.open", candle.open.to_string()),
        ("payload.high", candle.high.to_string()),
        ("payload.low", candle.low.to_string()),
        ("payload.close", candle.close.to_string()),
        ("payload.volume", candle.volume.to_string()),
        ("payload.vwap", candle.vwap.to_string()),
        ("payload.timestamp", candle.timestamp.to_string()),
        ("payload.interval", candle.interval.to_string()),
        ("payload.exchange", candle.exchange.to_string()),
    ]
}
