//! The text of a message, as tradesim writes it, and the difference of two texts.

use serde::Serialize;
use tradesim_schemas::{EventType, Message, MessageEncoder, Payload, ReadOptions, SCHEMA_VERSION, read};

/// The limit of values that one difference names.
const FIELDS_SHOWN_MAX: usize = 4;
/// The limit of characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 64;

/// Returns the text that the topics restore for a message that was sent as `text`: the message re-encoded, if it is
/// valid.
pub(super) fn reworded(text: &[u8]) -> Option<Vec<u8>> {
    let message = read(text, ReadOptions::default()).ok()?;
    let mut out = Vec::with_capacity(text.len());
    match message.to_envelope() {
        Some(envelope) => MessageEncoder::new().write(&envelope, &mut out),
        None => write_any(&message, &mut out),
    }
    Some(out)
}

/// Writes a message that no [`tradesim_schemas::Envelope`] can represent, because of its symbol or its correlation
/// id.
pub(super) fn write_any(message: &Message<'_>, out: &mut Vec<u8>) {
    let envelope = AnyEnvelope {
        schema_version: SCHEMA_VERSION,
        event_type: message.event_type().as_str(),
        timestamp: message.timestamp.to_string(),
        payload: match &message.payload {
            Payload::Trade(trade) => AnyPayload::Trade {
                trade_id: trade.trade_id.to_string(),
                symbol: &trade.symbol,
                trade_type: trade.trade_type.as_str(),
                order_type: trade.order_type.as_str(),
                price: trade.price.to_string(),
                quantity: trade.quantity.get(),
                timestamp: trade.timestamp.to_string(),
                exchange: trade.exchange.as_str(),
                trader_id: trade.trader_id.to_string(),
                account_id: trade.account_id.to_string(),
                status: trade.status.as_str(),
                correlation_id: trade.correlation_id.as_deref(),
            },
            Payload::OrderBook(book) => AnyPayload::OrderBook {
                symbol: &book.symbol,
                bid_price: book.bid_price.to_string(),
                ask_price: book.ask_price.to_string(),
                bid_size: book.bid_size.get(),
                ask_size: book.ask_size.get(),
                spread: book.spread.to_string(),
                mid_price: book.mid_price.to_string(),
                timestamp: book.timestamp.to_string(),
                exchange: book.exchange.as_str(),
            },
            Payload::MarketData(candle) => AnyPayload::MarketData {
                symbol: &candle.symbol,
                open: candle.open.to_string(),
                high: candle.high.to_string(),
                low: candle.low.to_string(),
                close: candle.close.to_string(),
                volume: candle.volume,
                vwap: candle.vwap.to_string(),
                timestamp: candle.timestamp.to_string(),
                interval: candle.interval.as_str(),
                exchange: candle.exchange.as_str(),
            },
        },
    };
    serde_json::to_writer(out, &envelope).expect("texts and numbers can be written to memory");
}

#[derive(Serialize)]
struct AnyEnvelope<'a> {
    schema_version: u32,
    event_type: &'static str,
    timestamp: String,
    payload: AnyPayload<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AnyPayload<'a> {
    Trade {
        trade_id: String,
        symbol: &'a str,
        trade_type: &'static str,
        order_type: &'static str,
        price: String,
        quantity: u32,
        timestamp: String,
        exchange: &'static str,
        trader_id: String,
        account_id: String,
        status: &'static str,
        correlation_id: Option<&'a str>,
    },
    OrderBook {
        symbol: &'a str,
        bid_price: String,
        ask_price: String,
        bid_size: u32,
        ask_size: u32,
        spread: String,
        mid_price: String,
        timestamp: String,
        exchange: &'static str,
    },
    MarketData {
        symbol: &'a str,
        open: String,
        high: String,
        low: String,
        close: String,
        volume: u64,
        vwap: String,
        timestamp: String,
        interval: &'static str,
        exchange: &'static str,
    },
}

/// Describes a message for the user, such as "trade of AAPL at 2026-02-18T14:30:00.000000Z".
pub(super) fn described(text: &[u8]) -> String {
    match read(text, ReadOptions::default()) {
        Ok(message) => format!("{} of {} at {}", message.event_type(), message.symbol(), message.timestamp),
        Err(refusal) => format!("{} bytes that are not a message ({})", text.len(), refusal.reason),
    }
}

/// Returns the type and symbol of a message, if it is valid.
pub(super) fn kind_and_symbol(text: &[u8]) -> Option<(EventType, String)> {
    let message = read(text, ReadOptions::default()).ok()?;
    Some((message.event_type(), message.symbol().to_owned()))
}

/// Describes the difference between the text from the topics and the archive's: the fields with both values, or the
/// offset of the first byte.
pub(super) fn difference(found: &[u8], expected: &[u8]) -> String {
    let fields = |text: &[u8]| {
        let value: serde_json::Value = serde_json::from_slice(text).ok()?;
        let mut fields = Vec::new();
        flatten("", &value, &mut fields);
        Some(fields)
    };
    let (Some(found_fields), Some(expected_fields)) = (fields(found), fields(expected)) else {
        return first_byte(found, expected);
    };
    let mut differences = Vec::new();
    for (name, value) in &expected_fields {
        match found_fields.iter().find(|(found, _)| found == name) {
            Some((_, found)) if found == value => {}
            Some((_, found)) => {
                differences.push(format!("{name} is {}, not {}", shown(found), shown(value)));
            }
            None => differences.push(format!("{name} is missing")),
        }
    }
    for (name, _) in &found_fields {
        if !expected_fields.iter().any(|(expected, _)| expected == name) {
            differences.push(format!("{name} is not in the archive"));
        }
    }
    if differences.is_empty() {
        return first_byte(found, expected);
    }
    let more = differences.len().saturating_sub(FIELDS_SHOWN_MAX);
    differences.truncate(FIELDS_SHOWN_MAX);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}{more}", differences.join(", "))
}

/// Flattens the fields: those of the envelope, and those of the payload with `payload.` before their names.
fn flatten(prefix: &str, value: &serde_json::Value, fields: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&name, value, fields);
            }
        }
        other => fields.push((prefix.to_owned(), other.to_string())),
    }
}

fn shown(value: &str) -> String {
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &value[..at]),
        None => value.to_owned(),
    }
}

fn first_byte(found: &[u8], expected: &[u8]) -> String {
    let same = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
    format!("its {} bytes differ from the archive's {} from byte {same} on", found.len(), expected.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tradesim_schemas::testing;

    use super::*;

    const TRADE: &str = r#"{"schema_version":1,"event_type":"trade","timestamp":"2026-02-18T14:30:00.366511Z","payload":{"trade_id":"97ece17a-80a4-467a-9cf4-b892bafabcb3","symbol":"AAPL","trade_type":"BUY","order_type":"MARKET","price":"179.14","quantity":200,"timestamp":"2026-02-18T14:30:00.366511Z","exchange":"NASDAQ","trader_id":"TRD-00157","account_id":"ACC-0031","status":"NEW","correlation_id":"corr-b159fbda03058a34"}}"#;

    #[test]
    fn a_message_that_no_envelope_holds_is_written_in_the_same_layout() {
        for (ours, other) in [("corr-b159fbda03058a34", "order \\\"7\\\" ü"), ("AAPL", "ÄÖÜ日本語日本語日")]
        {
            let text = TRADE.replace(ours, other);
            assert!(read(text.as_bytes(), ReadOptions::default()).unwrap().to_envelope().is_none());
            assert_eq!(String::from_utf8(reworded(text.as_bytes()).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn another_wording_of_a_message_becomes_ours() {
        let spaced = TRADE.replace(":1,", " : 1 ,").replace("\"179.14\"", "\"179.1400\"");
        assert_eq!(reworded(spaced.as_bytes()).as_deref(), Some(TRADE.as_bytes()));
        assert_eq!(reworded(b"no message"), None);
    }

    #[test]
    fn a_difference_names_the_fields() {
        let altered = TRADE.replace("179.14", "179.15").replace("\"NEW\"", "\"FILLED\"");
        assert_eq!(
            difference(altered.as_bytes(), TRADE.as_bytes()),
            r#"payload.price is "179.15", not "179.14", payload.status is "FILLED", not "NEW""#
        );
        assert_eq!(difference(b"abcd", b"abxd!"), "its 4 bytes differ from the archive's 5 from byte 2 on");
    }

    proptest! {
        #[test]
        fn the_slow_way_writes_what_the_fast_one_does(envelope in testing::any_envelope()) {
            let text = envelope.to_json();
            let message = read(text.as_bytes(), ReadOptions::default()).unwrap();
            let mut slow = Vec::new();
            write_any(&message, &mut slow);
            prop_assert_eq!(String::from_utf8(slow).unwrap(), text);
        }
    }
}
