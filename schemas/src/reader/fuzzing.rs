//! The entry point of the fuzz target `envelope` (fuzz/README.md). Tests run it over the target's corpus. It is not part of
//! the public API.

use serde_json::Value;

use super::{Message, ReadOptions, Reason, general, read, scan};
use crate::EventType;

/// Reads a frame with the fast path, the general reader and serde_json, and compares the results.
///
/// # Panics
/// Panics if two of them disagree, or if a message changes when it is written and read again.
pub fn envelope(frame: &[u8]) {
    let general = general::message(frame);
    if let Some(scanned) = scan::message(frame) {
        assert_eq!(general.as_ref(), Ok(&scanned), "the fast path and the general reader");
    }
    let value = serde_json::from_slice::<Value>(frame);
    match (&general, &value) {
        (Ok(message), Ok(value)) => same(message, value),
        // an unknown field may contain a number that does not fit into any type of serde_json
        (Ok(_), Err(error)) => assert!(error.to_string().starts_with("number out of range"), "{error}"),
        (Err(refusal), _) if refusal.reason == Reason::NotUtf8 => assert!(str::from_utf8(frame).is_err()),
        (Err(refusal), Ok(_)) => {
            assert_ne!(refusal.reason, Reason::NotJson, "serde_json accepts it: {refusal}")
        }
        (Err(_), Err(_)) => {}
    }
    if let Ok(message) = &general {
        survives_writing(message);
    }
    let default = ReadOptions::default();
    assert_eq!(read(frame, default), general);
    if let Ok(strict) = read(frame, ReadOptions { strict: true, ..default }) {
        assert_eq!(general, Ok(strict), "strict reading changes a message");
    }
}

/// Compares a message with the value that serde_json reads. (Duplicate keys are refused before, so each key is unique.)
fn same(message: &Message<'_>, value: &Value) {
    assert_eq!(value["event_type"], message.event_type().as_str());
    let payload = value["payload"].as_object().expect("a payload is an object");
    assert_eq!(payload["symbol"], message.symbol());
    let fields = match message.event_type() {
        EventType::Trade => 12,
        EventType::OrderBook => 9,
        EventType::MarketData => 10,
    };
    assert_eq!(payload.len(), fields + message.unknown_fields as usize);
    assert_eq!(value.as_object().map(serde_json::Map::len), Some(4));
}

fn survives_writing(message: &Message<'_>) {
    let Some(envelope) = message.to_envelope() else { return };
    let text = envelope.to_json();
    let again = scan::message(text.as_bytes()).expect("our own layout");
    assert_eq!(again.to_envelope(), Some(envelope), "{text}");
    assert_eq!(again.payload, message.payload, "{text}");
}
