//! Messages with one or two faults. Some mutations leave a message valid; the judge of a test decides.

use proptest::prelude::*;

use super::{
    Json, Noise, any_envelope,
    layout::{any_json, envelope_members, shuffle},
};

/// Returns a strategy for the text of a valid message after one or two mutations of its tree, or one of its bytes.
pub fn mutated_text() -> impl Strategy<Value = Vec<u8>> {
    (any_envelope(), Noise::any(), Noise::any()).prop_map(|(envelope, mut noise, mut faults)| {
        let mut members = envelope_members(&envelope, &mut noise);
        let of_bytes = faults.below(5) == 4;
        if !of_bytes {
            for _ in 0..=faults.below(2) {
                mutate(&mut members, &mut faults);
            }
        }
        if faults.below(2) == 1 {
            shuffle(&mut members, &mut noise);
        }
        let mut text = String::new();
        Json::Object(members).write(&mut noise, &mut text);
        let mut bytes = text.into_bytes();
        if of_bytes {
            mutate_bytes(&mut bytes, &mut faults);
        }
        bytes
    })
}

/// Values that are invalid, or nearly so, in some field.
const STRINGS: &[&str] = &[
    "",
    "trade",
    "orderbook",
    "marketdata",
    "TRADE",
    "buy",
    "1.5",
    "1.50",
    "01.50",
    "1.50000",
    "123456789.00",
    "99999999.9999",
    "-1.00",
    "1.00\n",
    "٣.٠٠",
    "ABCDEFGHIJ",
    "ABCDEFGHIJK",
    "ééééééééé\u{1f600}",
    "TRD-1",
    "TRD-00001",
    "ACC-0001",
    "ACC-00001",
    "2026-02-18T14:30:00Z",
    "2026-02-18T14:30:00.1234567Z",
    "2026-02-18T14:30:00+01:00",
    "2026-02-18T14:30:00-00:00",
    "2026-02-18t14:30:00z",
    "2026-02-30T14:30:00Z",
    "2024-02-29T23:59:59.5+00:00",
    "2026-12-31T23:59:60Z",
    "2026-02-18 14:30:00Z",
    "0000-01-01T00:00:00Z",
    "550E8400-E29B-41D4-A716-446655440000",
    "550e8400-e29b-11d4-a716-446655440000",
    "550e8400-e29b-41d4-a716-446655440000",
    "5m",
    "NASDAQ",
    "STOP_LIMIT",
    "FILLED",
];

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "-1",
    "1",
    "1.0",
    "1.5",
    "2",
    "1e0",
    "10e-1",
    "100e-3",
    "2147483647",
    "2147483648",
    "2147483647.0",
    "2147483647.5",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "1e3",
];

fn mutate(members: &mut Vec<(String, Json)>, faults: &mut Noise) {
    let payload_too = members.iter_mut().find_map(|(key, value)| match value {
        Json::Object(payload) if key == "payload" => Some(payload),
        _ => None,
    });
    let object = match payload_too {
        Some(payload) if faults.below(4) != 3 && !payload.is_empty() => payload,
        _ => members,
    };
    if object.is_empty() {
        return;
    }
    let at = faults.below(object.len());
    match faults.below(8) {
        0 => {
            object.remove(at);
        }
        1 => {
            let twin = object[at].clone();
            object.push(twin);
        }
        2 => object.push((
            ["extra", "Symbol", "open", "schema_version", ""][faults.below(5)].to_owned(),
            Json::Null,
        )),
        3 => object[at].1 = any_json(faults, 2),
        4 | 5 => object[at].1 = Json::String(STRINGS[faults.below(STRINGS.len())].to_owned()),
        6 => object[at].1 = Json::Number(NUMBERS[faults.below(NUMBERS.len())].to_owned()),
        _ => object[at].0.push('_'),
    }
}

fn mutate_bytes(bytes: &mut Vec<u8>, faults: &mut Noise) {
    let at = faults.below(bytes.len());
    match faults.below(4) {
        0 => bytes.truncate(at),
        1 => {
            bytes.remove(at);
        }
        2 => bytes.insert(at, b"{}[],:\"\\0-. x\xff"[faults.below(14)]),
        _ => bytes[at] = faults.below(256) as u8,
    }
}
