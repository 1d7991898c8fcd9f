//! Applies faults to the content of messages. The reason code of the refusal depends only on the kind and the variant.

use tradesim_schemas::{ReadOptions, Reason};

use super::{draw::Hit, plan::FaultKind};

/// Invalid prices.
const PRICES: [&str; 5] = ["-1.00", "12.5", "NaN", "1e3", "123456789.00"];

/// The keys of the prices that are replaced. Every event has one of them.
const PRICE_KEYS: [&str; 3] = ["\"price\":\"", "\"bid_price\":\"", "\"open\":\""];

/// Replaces a message that does not have the layout of tradesim.
const TEMPLATE: &str = "{\"schema_version\":1,\"event_type\":\"trade\",\"timestamp\":\"2026-01-02T15:00:00.000000Z\",\
    \"payload\":{\"trade_id\":\"00000000-0000-4000-8000-000000000000\",\"symbol\":\"AAPL\",\"trade_type\":\"BUY\",\
    \"order_type\":\"MARKET\",\"price\":\"1.00\",\"quantity\":1,\"timestamp\":\"2026-01-02T15:00:00.000000Z\",\
    \"exchange\":\"NASDAQ\",\"trader_id\":\"TRD-00000\",\"account_id\":\"ACC-0000\",\"status\":\"NEW\",\
    \"correlation_id\":null}}";

/// Returns the reason code with which a reader refuses the message, if the fault is in its content.
pub(super) fn reason(hit: &Hit) -> Option<Reason> {
    Some(match hit.kind {
        FaultKind::Corrupt if hit.variant & 1 == 0 => Reason::NotUtf8,
        FaultKind::Corrupt => Reason::NotJson,
        FaultKind::SchemaVersion => Reason::UnsupportedSchemaVersion,
        FaultKind::EventType => Reason::UnknownEventType,
        FaultKind::Price => Reason::BadValue,
        FaultKind::Oversize => Reason::TooLarge,
        _ => return None,
    })
}

/// Appends the message with its fault. A fault that is not in the content leaves it unchanged.
pub(super) fn forge(hit: &Hit, message: &[u8], out: &mut Vec<u8>) {
    match hit.kind {
        FaultKind::Corrupt => corrupt(hit.variant, message, out),
        FaultKind::SchemaVersion => {
            replace(message, "{\"schema_version\":", "1", &(2 + hit.variant % 98).to_string(), out);
        }
        FaultKind::EventType => replace_until(message, "\"event_type\":\"", "quote", out),
        FaultKind::Price => {
            let price = PRICES[(hit.variant % PRICES.len() as u64) as usize];
            let key =
                PRICE_KEYS.into_iter().find(|key| find(message, key).is_some()).unwrap_or(PRICE_KEYS[0]);
            replace_until(message, key, price, out);
        }
        FaultKind::Oversize => {
            // padding with white space, so that only the size is wrong
            out.extend_from_slice(message);
            let len = out.len() + (ReadOptions::BYTES_MAX + 1).saturating_sub(message.len());
            out.resize(len, b' ');
        }
        _ => out.extend_from_slice(message),
    }
}

/// Replaces one to four bytes with bytes that are not valid in UTF-8, or not valid in JSON.
fn corrupt(variant: u64, message: &[u8], out: &mut Vec<u8>) {
    let bad = if variant & 1 == 0 { 0xff } else { 0x01 };
    let start = out.len();
    match std::str::from_utf8(message) {
        Ok(text) if text.is_ascii() && !text.is_empty() => out.extend_from_slice(message),
        // a part of a multi-byte character must not be replaced if the text is to stay UTF-8
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

/// Replaces `old` after the key with `new`, in the message or, if it lacks the key, in the template.
fn replace(message: &[u8], key: &str, old: &str, new: &str, out: &mut Vec<u8>) {
    let message = ours(message, key);
    let at = find(message, key).expect("the message has the key");
    out.extend_from_slice(&message[..at]);
    out.extend_from_slice(new.as_bytes());
    out.extend_from_slice(&message[at + old.len()..]);
}

/// Replaces the string after the key.
fn replace_until(message: &[u8], key: &str, new: &str, out: &mut Vec<u8>) {
    let message = ours(message, key);
    let at = find(message, key).expect("the message has the key");
    let end = message[at..].iter().position(|byte| *byte == b'"').map_or(message.len(), |len| at + len);
    out.extend_from_slice(&message[..at]);
    out.extend_from_slice(new.as_bytes());
    out.extend_from_slice(&message[end..]);
}

/// Returns the message if it is valid and contains the key in the layout of tradesim, or else the template.
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
    fn every_fault_in_the_content_is_refused_for_the_listed_reason() {
        for kind in [
            FaultKind::Corrupt,
            FaultKind::SchemaVersion,
            FaultKind::EventType,
            FaultKind::Price,
            FaultKind::Oversize,
        ] {
            for message in [TEMPLATE, BOOK, CANDLE, "", "{", "plain", "{\"é\":1}"] {
                for variant in (0..64).chain((0..400).map(|at| at << 7 | at & 1)) {
                    if kind == FaultKind::Oversize && variant > 0 {
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
            let hit = Hit { kind: FaultKind::Drop, variant: 9, lasts: Duration::ZERO, bytes_per_second: 1 };
            let mut text = Vec::new();
            forge(&hit, message.as_bytes(), &mut text);
            assert_eq!((text.as_slice(), reason(&hit)), (message.as_bytes(), None));
        }
    }
}
