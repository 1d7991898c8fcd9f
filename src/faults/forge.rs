//! What a fault makes of a message. Which reason a reader gives for refusing it follows from kind and variant alone.

use tradesim_schemas::{ReadOptions, Reason};

use super::{draw::Hit, plan::Kind};

/// Prices that are none.
const PRICES: [&str; 5] = ["-1.00", "12.5", "NaN", "1e3", "123456789.00"];

/// Which prices of our own text are spoiled: one of them stands in every event.
const PRICE_KEYS: [&str; 3] = ["\"price\":\"", "\"bid_price\":\"", "\"open\":\""];

/// A message of ours, in the place of one that has not our layout.
const TEMPLATE: &str = "{\"schema_version\":1,\"event_type\":\"trade\",\"timestamp\":\"2026-01-02T15:00:00.000000Z\",\
    \"payload\":{\"trade_id\":\"00000000-0000-4000-8000-000000000000\",\"symbol\":\"AAPL\",\"trade_type\":\"BUY\",\
    \"order_type\":\"MARKET\",\"price\":\"1.00\",\"quantity\":1,\"timestamp\":\"2026-01-02T15:00:00.000000Z\",\
    \"exchange\":\"NASDAQ\",\"trader_id\":\"TRD-00000\",\"account_id\":\"ACC-0000\",\"status\":\"NEW\",\
    \"correlation_id\":null}}";

/// Why a reader refuses the message, if its content is at fault.
pub(crate) fn reason(hit: &Hit) -> Option<Reason> {
    Some(match hit.kind {
        Kind::Corrupt if hit.variant & 1 == 0 => Reason::NotUtf8,
        Kind::Corrupt => Reason::NotJson,
        Kind::SchemaVersion => Reason::UnsupportedSchemaVersion,
        Kind::EventType => Reason::UnknownEventType,
        Kind::Price => Reason::BadValue,
        Kind::Oversize => Reason::TooLarge,
        _ => return None,
    })
}

/// Appends the message with its fault; the message itself where the fault is not one of content.
pub(crate) fn forge(hit: &Hit, message: &[u8], out: &mut Vec<u8>) {
    match hit.kind {
        Kind::Corrupt => corrupt(hit.variant, message, out),
        Kind::SchemaVersion => {
            replace(message, "{\"schema_version\":", "1", &(2 + hit.variant % 98).to_string(), out);
        }
        Kind::EventType => replace_until(message, "\"event_type\":\"", "quote", out),
        Kind::Price => {
            let price = PRICES[(hit.variant % PRICES.len() as u64) as usize];
            let key =
                PRICE_KEYS.into_iter().find(|key| find(message, key).is_some()).unwrap_or(PRICE_KEYS[0]);
            replace_until(message, key, price, out);
        }
        Kind::Oversize => {
            // white space behind it, so that its size alone is at fault
            out.extend_from_slice(message);
            let len = out.len() + (ReadOptions::BYTES_MAX + 1).saturating_sub(message.len());
            out.resize(len, b' ');
        }
        _ => out.extend_from_slice(message),
    }
}

/// One to four bytes become such as no UTF-8 text has, or no JSON text.
fn corrupt(variant: u64, message: &[u8], out: &mut Vec<u8>) {
    let bad = if variant & 1 == 0 { 0xff } else { 0x01 };
    let start = out.len();
    match std::str::from_utf8(message) {
        Ok(text) if text.is_ascii() && !text.is_empty() => out.extend_from_slice(message),
        // bytes of a longer character must not be torn where UTF-8 is to be left
        _ => out.extend_from_slice(TEMPLATE.as_bytes()),
    }
    let len = out.len() - start;
    let count = 1 + (variant >> 1) as usize % 4;
    let at = start + (variant >> 8) as usize % len;
    let end = (at + count).min(start + len);
    out[at..end].fill(bad);
}

fn find(message: &[u8], key: &str) -> Option<usize> {
    message.windows(key.len()).position(|window| window == key.as_bytes()).map(|at| at + key.len())
}

/// Replaces `old` behind the key by `new`; where that is not there, the same in a message of ours.
fn replace(message: &[u8], key: &str, old: &str, new: &str, out: &mut Vec<u8>) {
    let message = ours(message, key);
    let at = find(message, key).expect("it is ours");
    out.extend_from_slice(&message[..at]);
    out.extend_from_slice(new.as_bytes());
    out.extend_from_slice(&message[at + old.len()..]);
}

/// Replaces the string behind the key.
fn replace_until(message: &[u8], key: &str, new: &str, out: &mut Vec<u8>) {
    let message = ours(message, key);
    let at = find(message, key).expect("it is ours");
    let end = message[at..].iter().position(|byte| *byte == b'"').map_or(message.len(), |len| at + len);
    out.extend_from_slice(&message[..at]);
    out.extend_from_slice(new.as_bytes());
    out.extend_from_slice(&message[end..]);
}

/// The message, if it is one that is read and holds the key in our layout.
fn ours<'a>(message: &'a [u8], key: &str) -> &'a [u8] {
    let is_ours = message.starts_with(b"{\"schema_version\":1,\"event_type\":\"")
        && find(message, key).is_some()
        && tradesim_schemas::read(message, ReadOptions::default()).is_ok();
    if is_ours { message } else { TEMPLATE.as_bytes() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tradesim_schemas::read;

    use super::*;

    const BOOK: &str = r#"{"schema_version":1,"event_type":"orderbook","timestamp":"2026-02-18T14:30:00.366511Z","payload":{"symbol":"AAPL","bid_price":"178.50","ask_price":"178.52","bid_size":1,"ask_size":2,"spread":"0.02","mid_price":"178.51","timestamp":"2026-02-18T14:30:00.366511Z","exchange":"NASDAQ"}}"#;
    const CANDLE: &str = r#"{"schema_version":1,"event_type":"marketdata","timestamp":"2026-02-18T14:30:00.000000Z","payload":{"symbol":"AAPL","open":"1.00","high":"1.00","low":"1.00","close":"1.00","volume":1,"vwap":"1.00","timestamp":"2026-02-18T14:29:00.000000Z","interval":"1m","exchange":"NASDAQ"}}"#;

    #[test]
    fn every_fault_of_content_is_refused_for_the_reason_that_is_listed() {
        for kind in [Kind::Corrupt, Kind::SchemaVersion, Kind::EventType, Kind::Price, Kind::Oversize] {
            for message in [TEMPLATE, BOOK, CANDLE, "", "{", "plain", "{\"é\":1}"] {
                for variant in (0..64).chain((0..400).map(|at| at << 7 | at & 1)) {
                    if kind == Kind::Oversize && variant > 0 {
                        continue;
                    }
                    let hit = Hit { kind, variant, lasts: Duration::ZERO, bytes_per_second: 1 };
                    let mut forged = Vec::new();
                    forge(&hit, message.as_bytes(), &mut forged);
                    let refusal = read(&forged, ReadOptions::default()).unwrap_err();
                    assert_eq!(Some(refusal.reason), reason(&hit), "{kind:?} {variant} {message}: {refusal}");
                }
            }
        }
    }

    #[test]
    fn other_faults_leave_the_text_alone() {
        for message in [TEMPLATE, BOOK, CANDLE] {
            read(message.as_bytes(), ReadOptions::default()).unwrap();
            let hit = Hit { kind: Kind::Drop, variant: 9, lasts: Duration::ZERO, bytes_per_second: 1 };
            let mut text = Vec::new();
            forge(&hit, message.as_bytes(), &mut text);
            assert_eq!((text.as_slice(), reason(&hit)), (message.as_bytes(), None));
        }
    }
}
