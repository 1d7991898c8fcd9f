use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    Envelope, EventType, MessageEncoder,
    testing::{OracleEnvelope, any_envelope, foreign_text, market_envelope, mutated_text},
};

const STRICT: ReadOptions = ReadOptions { bytes_max: ReadOptions::BYTES_MAX, strict: true };

const TRADE: &str = concat!(
    r#"{"schema_version":1,"event_type":"trade","timestamp":"2026-02-18T14:30:00.000001Z","payload":{"#,
    r#""trade_id":"bd38d1ee-b913-4d5b-8acb-8aa8d38bcc4e","symbol":"AAPL","trade_type":"BUY","order_type":"LIMIT","#,
    r#""price":"178.50","quantity":100,"timestamp":"2026-02-18T14:30:00.000001Z","exchange":"NASDAQ","#,
    r#""trader_id":"TRD-00042","account_id":"ACC-0008","status":"NEW","correlation_id":"corr-c07880dd056584f0"}}"#
);
const BOOK: &str = concat!(
    r#"{"schema_version":1,"event_type":"orderbook","timestamp":"2026-02-18T14:30:00.000000Z","payload":{"#,
    r#""symbol":"AAPL","bid_price":"178.49","ask_price":"178.50","bid_size":100,"ask_size":300,"spread":"0.01","#,
    r#""mid_price":"178.495","timestamp":"2026-02-18T14:30:00.000000Z","exchange":"NASDAQ"}}"#
);
const CANDLE: &str = concat!(
    r#"{"schema_version":1,"event_type":"marketdata","timestamp":"2026-02-18T14:31:00.000000Z","payload":{"#,
    r#""symbol":"AAPL","open":"178.50","high":"178.60","low":"178.40","close":"178.55","volume":1200,"#,
    r#""vwap":"178.5125","timestamp":"2026-02-18T14:30:00.000000Z","interval":"1m","exchange":"NASDAQ"}}"#
);

/// The JSON Schemas, compiled by the `jsonschema` crate.
static JUDGE: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = |text: &str| serde_json::from_str::<Value>(text).expect("a schema is JSON");
    let mut registry = jsonschema::Registry::new();
    for &event_type in EventType::ALL {
        let uri = format!("urn:tradesim:schema:{event_type}");
        registry = registry.add(uri, schema(event_type.json_schema())).expect("a resource");
    }
    let registry = registry.prepare().expect("no reference is left open");
    jsonschema::options()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&schema(crate::contract::ENVELOPE_JSON_SCHEMA))
        .expect("the envelope's schema")
});

fn judged_valid(frame: &[u8]) -> bool {
    serde_json::from_slice(frame).is_ok_and(|value: Value| JUDGE.is_valid(&value))
}

fn general_of(frame: &[u8]) -> Result<Message<'_>, Refusal> {
    general::message(frame)
}

#[track_caller]
fn refused(frame: impl AsRef<[u8]>, reason: Reason, text: &str) {
    let refusal = read(frame.as_ref(), STRICT).expect_err("the frame breaks the contract");
    assert_eq!((refusal.reason, refusal.to_string().as_str()), (reason, text));
}

/// `text` with the first `from` replaced by `to`.
#[track_caller]
fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[track_caller]
fn refused_as(from: &str, to: &str, reason: Reason, text: &str) {
    let base =
        [TRADE, BOOK, CANDLE].into_iter().find(|base| base.contains(from)).expect("a text that has it");
    refused(changed(base, from, to), reason, text);
}

#[test]
fn our_own_texts_are_scanned() {
    for text in [TRADE, BOOK, CANDLE] {
        let message = scan::message(text.as_bytes()).expect("our own layout");
        assert_eq!(message.to_envelope().expect("our own ids").to_json(), text);
        assert_eq!(general_of(text.as_bytes()), Ok(message.clone()));
        assert_eq!(read(text.as_bytes(), STRICT), Ok(message));
        assert!(judged_valid(text.as_bytes()));
    }
}

#[test]
fn frames_that_are_no_json_object_are_refused() {
    let small = ReadOptions { bytes_max: 10, ..STRICT };
    let refusal = read(TRADE.as_bytes(), small).expect_err("too large");
    assert_eq!(refusal.reason, Reason::TooLarge);
    assert_eq!(
        refusal.to_string(),
        format!("the frame has {} bytes, more than the limit of 10", TRADE.len())
    );
    refused(b"\"\xff\"", Reason::NotUtf8, "the frame is not UTF-8 from byte 1");
    refused("", Reason::NotJson, "not JSON at byte 0: expected a value, found the end of the text");
    refused("[1]", Reason::BadType, "message: expected an object, found [1]");
    refused(" 12 ", Reason::BadType, "message: expected an object, found 12");
    refused("[1", Reason::NotJson, "not JSON at byte 2: expected `,` or `]`, found the end of the text");
    refused(
        format!("\u{feff}{TRADE}"),
        Reason::NotJson,
        "not JSON at byte 0: expected a value, found '\\u{feff}'",
    );
    let trailing = format!("{TRADE} x");
    let text = format!("not JSON at byte {}: expected the end of the text, found 'x'", TRADE.len() + 1);
    refused(trailing, Reason::NotJson, &text);
}

#[test]
fn the_envelope_has_four_keys() {
    refused("{}", Reason::MissingField, "schema_version is missing");
    let found = r#"schema_version: expected an integer of at least 1, found "1""#;
    refused_as("\"schema_version\":1", "\"schema_version\":\"1\"", Reason::BadType, found);
    let found = "schema_version: expected an integer of at least 1, found 0";
    refused_as("\"schema_version\":1", "\"schema_version\":0", Reason::BadValue, found);
    let found = "schema_version: expected version 1, found 2.0";
    refused_as("\"schema_version\":1", "\"schema_version\":2.0", Reason::UnsupportedSchemaVersion, found);
    refused_as("{\"sch", "{\"x\":1,\"sch", Reason::UnknownEnvelopeKey, "unknown envelope key \"x\"");
    let found = "event_type: expected one of trade, orderbook, marketdata, found \"trades\"";
    refused_as("\"trade\"", "\"trades\"", Reason::UnknownEventType, found);
    let found = "event_type: expected one of trade, orderbook, marketdata, found null";
    refused_as("\"trade\"", "null", Reason::BadType, found);
    let twice = "the key \"payload.symbol\" appears twice in one object";
    refused_as("\"symbol\"", "\"s\\u0079mbol\":\"A\",\"symbol\"", Reason::DuplicateKey, twice);
    let twice = "the key \"a\" appears twice in one object";
    refused_as("\"symbol\"", "\"x\":[{\"a\":1,\"\\u0061\":2}],\"symbol\"", Reason::DuplicateKey, twice);
}

#[test]
fn fields_are_refused_by_name_and_value() {
    let price = "a decimal in quotes, with at most 8 digits before the point and 2 to 4 after it";
    for (found, reason) in [("\"1.5\"", Reason::BadValue), ("178.50", Reason::BadType)] {
        let text = format!("payload.price: expected {price}, found {found}");
        refused_as("\"178.50\"", found, reason, &text);
    }
    for (found, reason) in [
        ("0", Reason::BadValue),
        ("2147483648", Reason::BadValue),
        ("1e400", Reason::BadValue),
        ("-1e99999999999999999999", Reason::BadValue),
        ("1.5", Reason::BadType),
        ("1e-99999999999999999999", Reason::BadType),
        ("true", Reason::BadType),
    ] {
        let text = format!("payload.quantity: expected an integer from 1 to 2147483647, found {found}");
        refused_as("100", found, reason, &text);
    }
    refused_as(
        ",\"correlation_id\":\"corr-c07880dd056584f0\"",
        "",
        Reason::MissingField,
        "payload.correlation_id is missing",
    );
    let long = format!("\"{}\"", "x".repeat(100));
    let text = format!("payload.symbol: expected 1 to 10 characters, found \"{}…\"", "x".repeat(64));
    refused_as("\"AAPL\"", &long, Reason::BadValue, &text);
}

#[test]
fn market_rules_are_checked_only_strictly() {
    for (base, from, to, text) in [
        (TRADE, "178.50", "0.00", "payload.price: expected a price above zero, found 0.00"),
        (
            BOOK,
            "178.49\"",
            "178.50\"",
            "payload.bid_price: expected a bid below the ask of 178.50, found 178.50",
        ),
        (BOOK, "0.01", "0.02", "payload.spread: expected ask - bid = 0.01, found 0.02"),
        (BOOK, "178.495", "178.49", "payload.mid_price: expected (bid + ask) / 2 = 178.495, found 178.49"),
        (
            CANDLE,
            "178.60",
            "178.39",
            "payload.low: expected a low of at most the high of 178.39, found 178.40",
        ),
        (CANDLE, "178.5125", "178.61", "payload.vwap: expected a price from 178.40 to 178.60, found 178.61"),
        (CANDLE, "178.40", "0.00", "payload.low: expected a price above zero, found 0.00"),
    ] {
        let frame = changed(base, from, to);
        assert!(read(frame.as_bytes(), ReadOptions::default()).is_ok());
        refused(frame, Reason::MarketRule, text);
    }
}

#[test]
fn deep_nesting_and_hostile_keys_are_bounded() {
    let nested = |levels: usize| {
        let value = format!("\"x\":{}{},\"symbol\"", "[".repeat(levels), "]".repeat(levels));
        changed(TRADE, "\"symbol\"", &value)
    };
    let levels = DEPTH_MAX as usize - 2;
    assert_eq!(read(nested(levels).as_bytes(), STRICT).map(|message| message.unknown_fields), Ok(1));
    assert!(serde_json::from_str::<Value>(&nested(levels)).is_ok());
    assert!(serde_json::from_str::<Value>(&nested(levels + 1)).is_err());
    for levels in [levels + 1, 1_000_000] {
        let refusal = read(nested(levels).as_bytes(), STRICT).map(drop).expect_err("too deep");
        assert_eq!(refusal.reason, Reason::NotJson);
    }
    let keys: String = (0..300_000).map(|key| format!("\"k{key}\":0,")).collect();
    let many = changed(TRADE, "\"symbol\"", &format!("{keys}\"symbol\""));
    assert_eq!(read(many.as_bytes(), STRICT).map(|message| message.unknown_fields), Ok(300_000));
}

#[test]
fn integers_are_read_exactly() {
    for (text, value) in [
        ("0", Some(0)),
        ("-0.0e5", Some(0)),
        ("0e99999999999999999999", Some(0)),
        ("100", Some(100)),
        ("100.0", Some(100)),
        ("1e2", Some(100)),
        ("1.5e1", Some(15)),
        ("1500E-2", Some(15)),
        ("150.00e-1", Some(15)),
        ("-2e0", Some(-2)),
        ("9223372036854775807.0", Some(i64::MAX as i128)),
        ("0.00000000000000000001e20", Some(1)),
        ("1.00000000000000000001", None),
        ("1e-1", None),
        ("15e-1", None),
        ("1e999999", Some(i128::MAX)),
        ("-1e999999", Some(i128::MIN)),
    ] {
        assert_eq!(json::integer(text), value, "{text}");
    }
}

#[test]
fn foreign_ids_and_symbols_are_read_but_fit_no_envelope() {
    let frame = changed(TRADE, "corr-c07880dd056584f0", "order 7 \\u00e9");
    let message = read(frame.as_bytes(), STRICT).expect("any text is a correlation id");
    let Payload::Trade(trade) = &message.payload else { panic!("a trade") };
    assert_eq!(trade.correlation_id.as_deref(), Some("order 7 é"));
    assert_eq!(message.to_envelope(), None);
    let frame = changed(TRADE, "AAPL", "éééééééééé");
    let message = read(frame.as_bytes(), STRICT).expect("ten characters");
    assert_eq!((message.symbol(), message.to_envelope()), ("éééééééééé", None));
    // control characters: an archive stores such a message as a raw frame
    for escaped in ["A\\u0000B", "\\u001b[2J", "A\\nB", "A\u{7f}", "A\u{9b}31m"] {
        let frame = changed(TRADE, "AAPL", escaped);
        let message = read(frame.as_bytes(), STRICT).expect("at most ten characters");
        assert_eq!(message.to_envelope(), None, "{escaped}");
    }
}

#[test]
fn the_year_0000_is_a_bad_value() {
    let time = "2026-02-18T14:30:00.000001Z";
    let year = |year: &str| time.replace("2026", year);
    // the envelope's time and the payload's are checked in the same way, in our own layout and in any other
    for place in [0, 1] {
        let at = TRADE.match_indices(time).nth(place).expect("a trade states its time twice").0;
        for space in ["", " "] {
            let with = |text: &str| format!("{}{}{}{space}", &TRADE[..at], text, &TRADE[at + time.len()..]);
            for good in ["0001", "9999"] {
                read(with(&year(good)).as_bytes(), STRICT).expect(good);
            }
            let refusal = read(with(&year("0000")).as_bytes(), STRICT).map(drop).expect_err("the year 0000");
            assert_eq!(refusal.reason, Reason::BadValue);
            assert!(refusal.to_string().contains("a year of 0001 to 9999"), "{refusal}");
        }
    }
}

/// The known differences between the reader and the judge, with their reasons. Otherwise their verdicts are equal.
///
/// - Duplicate keys: the contract refuses them; `serde_json::Value` keeps the last one, so the judge never sees two.
/// - Numbers outside the range of `f64`, under an unknown key: JSON allows them; serde_json rejects them while parsing.
/// - Integers above 2⁵³ with a point or an exponent, and fractions below the precision of `f64`: the reader is exact, the
///   judge sees the nearest float.
#[test]
fn known_differences_from_the_json_schemas_are_these() {
    for (from, to, read_valid, judge_valid) in [
        ("\"AAPL\"", "\"AAPL\",\"symbol\":\"AAPL\"", false, true),
        ("\"AAPL\"", "\"AAPL\",\"x\":{\"a\":1,\"a\":1}", false, true),
        ("\"AAPL\"", "\"AAPL\",\"x\":1e400", true, false),
        (":100", ":100.00000000000000000001", false, true),
    ] {
        let frame = changed(TRADE, from, to);
        assert_eq!(read(frame.as_bytes(), ReadOptions::default()).is_ok(), read_valid, "{to}");
        assert_eq!(judged_valid(frame.as_bytes()), judge_valid, "{to}");
    }
    let frame = changed(CANDLE, "1200", "9223372036854775807.0");
    assert!(read(frame.as_bytes(), ReadOptions::default()).is_ok());
    assert!(!judged_valid(frame.as_bytes()));
}

/// Compares the verdicts of the reader and the judge. Returns true if both accept the frame.
fn compare(frame: &[u8]) -> Result<bool, TestCaseError> {
    let general = general_of(frame);
    if let Some(scanned) = scan::message(frame) {
        prop_assert_eq!(&general, &Ok(scanned));
    }
    prop_assert_eq!(&read(frame, ReadOptions::default()), &general);
    match &general {
        Err(refusal) if refusal.reason == Reason::DuplicateKey => {}
        _ if rounds_an_integer(frame) => {}
        result => prop_assert_eq!(result.is_ok(), judged_valid(frame), "{:?}", result),
    }
    Ok(general.is_ok())
}

/// Returns true if the text contains a number that the judge rounds to an integer, or to a different integer.
fn rounds_an_integer(frame: &[u8]) -> bool {
    let text = String::from_utf8_lossy(frame);
    text.split(|character: char| !matches!(character, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'))
        .filter(|token| token.contains(['.', 'e', 'E']) && !token.starts_with('+'))
        .filter_map(|token| Some((token, token.parse::<f64>().ok()?)))
        .any(|(token, float)| float.fract() == 0.0 && json::integer(token) != Some(float as i128))
}

#[test]
fn rounded_integers_are_told_from_exact_ones() {
    for (frame, rounds) in [
        ("{\"volume\":449206349004906.975}", true),
        ("{\"volume\":9223372036854775807.0}", true),
        ("{\"volume\":44920634900.975}", false),
        ("{\"volume\":1200.0,\"price\":\"1.50\",\"x\":1e3}", false),
    ] {
        assert_eq!(rounds_an_integer(frame.as_bytes()), rounds, "{frame}");
    }
}

fn typed(frame: &[u8]) -> Result<Option<Envelope>, Refusal> {
    read(frame, ReadOptions::default()).map(|message| message.to_envelope())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_encoder_writes_what_serde_json_writes(envelopes in prop::collection::vec(any_envelope(), 1..4)) {
        let mut encoder = MessageEncoder::new();
        for envelope in envelopes {
            let mut text = Vec::new();
            encoder.write(&envelope, &mut text);
            let text = String::from_utf8(text).expect("UTF-8");
            prop_assert_eq!(text, OracleEnvelope::from(&envelope).to_json());
        }
    }

    #[test]
    fn own_texts_are_read_back(envelope in any_envelope()) {
        let text = envelope.to_json();
        prop_assert_eq!(typed(text.as_bytes()), Ok(Some(envelope)));
        prop_assert!(compare(text.as_bytes())?);
    }

    #[test]
    fn foreign_layouts_are_read((envelope, text, unknown) in foreign_text()) {
        let message = read(text.as_bytes(), ReadOptions::default());
        prop_assert_eq!(message.as_ref().map(|message| message.unknown_fields), Ok(unknown));
        prop_assert_eq!(typed(text.as_bytes()), Ok(Some(envelope)));
        prop_assert!(compare(text.as_bytes())?);
    }

    #[test]
    fn mutated_messages_get_the_judge_s_verdict(frame in mutated_text()) {
        compare(&frame)?;
    }

    #[test]
    fn scan_and_general_path_agree_on_damaged_own_texts(
        envelope in any_envelope(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"0123456789.\"\\{},:eZ-".to_vec())],
        kind in 0..3,
    ) {
        let mut frame = envelope.to_json().into_bytes();
        let at = at.index(frame.len());
        match kind {
            0 => frame[at] = byte,
            1 => frame.insert(at, byte),
            _ => drop(frame.remove(at)),
        }
        compare(&frame)?;
    }

    #[test]
    fn events_by_the_market_s_rules_pass_strictly(envelope in market_envelope()) {
        let text = envelope.to_json();
        prop_assert!(read(text.as_bytes(), STRICT).is_ok());
    }
}

#[test]
fn most_mutations_make_a_message_invalid() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut reasons = std::collections::BTreeMap::new();
    for _ in 0..4_000 {
        let frame = mutated_text().new_tree(&mut runner).expect("a text").current();
        let reason = read(&frame, STRICT).err().map(|refusal| refusal.reason);
        *reasons.entry(reason).or_insert(0) += 1;
    }
    assert!(reasons.get(&None).is_none_or(|&valid| valid < 1_000), "{reasons:?}");
    for reason in Reason::ALL.iter().filter(|&&reason| reason != Reason::TooLarge) {
        assert!(reasons.contains_key(&Some(*reason)), "{reason} is never reached: {reasons:?}");
    }
}
