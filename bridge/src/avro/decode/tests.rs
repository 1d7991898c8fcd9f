use apache_avro::{
    Decimal, Schema as AvroSchema, types::Value as AvroValue, writer::datum::GenericDatumWriter,
};
use proptest::prelude::*;
use tradesim_schemas::{ReadOptions, read, testing};

use super::*;
use crate::avro::write_confluent;

/// Returns a decoder that knows the schemas of the event types by the ids 1 to 3.
fn ours() -> Decoder {
    let mut decoder = Decoder::new();
    for &kind in EventType::ALL {
        decoder.learn(id(kind), Some(kind.avro_schema()));
    }
    decoder
}

fn id(kind: EventType) -> u32 {
    1 + kind as u32
}

#[track_caller]
fn comes_back(text: &str) {
    let message = read(text.as_bytes(), ReadOptions::default()).unwrap();
    let mut value = Vec::new();
    write_confluent(&message, id(message.event_type()), &mut value);
    let decoder = ours();
    let decoded = decoder.decode(message.event_type(), message.timestamp, Some(&value)).unwrap();
    assert_eq!(decoded, Message { unknown_fields: 0, ..message.clone() });
}

/// Encodes a book with apache-avro, with the schema's text changed by `change`.
fn book(
    change: impl Fn(String) -> String,
    extra: Vec<(&str, AvroValue)>,
    without: &[&str],
) -> (String, Vec<u8>) {
    let schema = change(EventType::OrderBook.avro_schema().to_owned());
    let decimal = |units: i32| AvroValue::Decimal(Decimal::from(units.to_be_bytes()));
    let mut fields = vec![
        ("symbol", AvroValue::String("AAPL".to_owned())),
        ("bid_price", decimal(1_785_000)),
        ("ask_price", decimal(1_785_200)),
        ("bid_size", AvroValue::Int(100)),
        ("ask_size", AvroValue::Int(300)),
        ("spread", decimal(200)),
        ("mid_price", decimal(1_785_100)),
        ("timestamp", AvroValue::TimestampMicros(1_771_425_000_000_001)),
        ("exchange", AvroValue::String("NASDAQ".to_owned())),
        ("schema_version", AvroValue::Int(1)),
        ("source", AvroValue::String("trade-generator".to_owned())),
    ];
    fields.retain(|(name, _)| !without.contains(name));
    fields.splice(0..0, extra);
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let parsed = AvroSchema::parse_str(&schema).unwrap();
    let writer = GenericDatumWriter::builder(&parsed).build().unwrap();
    let datum = writer.write_value_to_vec(AvroValue::Record(fields)).unwrap();
    (schema, [&[0, 0, 0, 0, 9][..], &datum].concat())
}

#[track_caller]
fn decode_book(schema: &str, value: &[u8]) -> Result<(), DecodeError> {
    let mut decoder = Decoder::new();
    assert_eq!(decoder.unknown_schema(EventType::OrderBook, value), Some(9));
    decoder.learn(9, Some(schema));
    assert_eq!(decoder.unknown_schema(EventType::OrderBook, value), None);
    let message = decoder.decode(EventType::OrderBook, Timestamp::MIN, Some(value))?;
    let Payload::OrderBook(book) = &message.payload else { panic!("{message:?}") };
    assert_eq!(
        (&*book.symbol, book.bid_price.units(), book.mid_price.units()),
        ("AAPL", 1_785_000, 1_785_100)
    );
    assert_eq!((book.bid_size.get(), book.ask_size.get(), book.exchange), (100, 300, Exchange::Nasdaq));
    assert_eq!(book.timestamp.micros(), 1_771_425_000_000_001);
    Ok(())
}

proptest! {
    #[test]
    fn what_the_bridge_writes_is_read_back(envelope in testing::any_envelope()) {
        comes_back(&envelope.to_json());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0usize..3) {
        let kind = EventType::ALL[kind];
        let value = [&[0, 0, 0, 0, id(kind) as u8][..], &bytes].concat();
        let _ = ours().decode(kind, Timestamp::MIN, Some(&value));
        let _ = ours().decode(kind, Timestamp::MIN, Some(&bytes));
    }

    #[test]
    fn a_flipped_bit_is_another_message_or_an_error(
        envelope in testing::any_envelope(),
        at in any::<proptest::sample::Index>(),
        bit in 0u8..8,
    ) {
        let text = envelope.to_json();
        let message = read(text.as_bytes(), ReadOptions::default()).unwrap();
        let kind = message.event_type();
        let mut value = Vec::new();
        write_confluent(&message, id(kind), &mut value);
        let at = at.index(value.len());
        value[at] ^= 1 << bit;
        let decoder = ours();
        if let Ok(decoded) = decoder.decode(kind, message.timestamp, Some(&value)) {
            // values that no message contains are checked as well, so that nothing passes unnoticed
            prop_assert_ne!(decoded, message);
        }
    }
}

#[test]
fn foreign_correlation_ids_and_symbols_come_back() {
    let text = r#"{"schema_version":1,"event_type":"trade","timestamp":"2026-02-18T14:30:00.366511Z","payload":{"trade_id":"97ece17a-80a4-467a-9cf4-b892bafabcb3","symbol":"日本語","trade_type":"BUY","order_type":"MARKET","price":"179.14","quantity":200,"timestamp":"2026-02-18T14:30:00.366511Z","exchange":"NASDAQ","trader_id":"TRD-00157","account_id":"ACC-0031","status":"NEW","correlation_id":"order 7"}}"#;
    comes_back(text);
    comes_back(&text.replace("\"order 7\"", "null"));
}

#[test]
fn our_own_schema_is_read_as_it_is() {
    let (schema, value) = book(|schema| schema, Vec::new(), &[]);
    assert_eq!(decode_book(&schema, &value), Ok(()));
}

#[test]
fn fields_that_we_do_not_know_are_skipped_whatever_their_type() {
    let added = r#""fields": [
        {"name": "a", "type": {"type": "array", "items": "string"}},
        {"name": "b", "type": {"type": "map", "values": ["null", "double"]}},
        {"name": "c", "type": {"type": "record", "name": "Inner", "fields": [
            {"name": "x", "type": "float"}, {"name": "y", "type": {"type": "fixed", "name": "F", "size": 3}},
            {"name": "z", "type": {"type": "enum", "name": "E", "symbols": ["P", "Q"]}},
            {"name": "again", "type": ["null", "Inner"], "default": null}
        ]}},
        {"name": "d", "type": "boolean"},"#;
    let inner = |again| {
        AvroValue::Record(vec![
            ("x".to_owned(), AvroValue::Float(1.5)),
            ("y".to_owned(), AvroValue::Fixed(3, vec![1, 2, 3])),
            ("z".to_owned(), AvroValue::Enum(1, "Q".to_owned())),
            ("again".to_owned(), again),
        ])
    };
    let nothing = AvroValue::Union(0, Box::new(AvroValue::Null));
    let once_more = AvroValue::Union(1, Box::new(inner(nothing.clone())));
    let number = AvroValue::Union(1, Box::new(AvroValue::Double(0.5)));
    let extra = vec![
        ("a", AvroValue::Array(vec![AvroValue::String("one".to_owned()), AvroValue::String(String::new())])),
        ("b", AvroValue::Map([("k".to_owned(), number), ("l".to_owned(), nothing.clone())].into())),
        ("c", inner(once_more)),
        ("d", AvroValue::Boolean(true)),
    ];
    let (schema, value) = book(|schema| schema.replacen("\"fields\": [", added, 1), extra, &[]);
    assert_eq!(decode_book(&schema, &value), Ok(()));
}

#[test]
fn fields_with_a_default_may_be_missing_and_others_not() {
    let without = |names: &'static [&'static str]| {
        move |schema: String| {
            let mut json: serde_json::Value = serde_json::from_str(&schema).unwrap();
            let fields = json["fields"].as_array_mut().unwrap();
            fields.retain(|field| !names.contains(&field["name"].as_str().unwrap()));
            json.to_string()
        }
    };
    let (schema, value) =
        book(without(&["schema_version", "source"]), Vec::new(), &["schema_version", "source"]);
    assert_eq!(decode_book(&schema, &value), Ok(()));
    let (schema, value) = book(without(&["spread"]), Vec::new(), &["spread"]);
    let error = decode_book(&schema, &value).unwrap_err();
    assert_eq!(error.to_string(), "schema 9 is incompatible: it lacks spread, which has no default");
}

#[test]
fn types_that_cannot_become_ours_are_refused_with_their_field() {
    for (from, to, text) in [
        (
            "\"scale\": 4",
            "\"scale\": 2",
            "its bid_price is bytes, decimal(12,2), which cannot be read as bytes, decimal(12,4)",
        ),
        (
            "timestamp-micros",
            "timestamp-millis",
            "its timestamp is long, timestamp-millis, which cannot be read as long, timestamp-micros",
        ),
        (
            "\"OrderBook\"",
            "\"Book\"",
            "it is of com.tradeplatform.events.Book, not of com.tradeplatform.events.OrderBook",
        ),
        ("\"type\": \"int\"", "\"type\": \"double\"", "its bid_size is double, which cannot be read as int"),
    ] {
        let schema = EventType::OrderBook.avro_schema().replace(from, to);
        let mut decoder = Decoder::new();
        decoder.learn(9, Some(&schema));
        let error = decoder.decode(EventType::OrderBook, Timestamp::MIN, Some(&[0, 0, 0, 0, 9])).unwrap_err();
        assert_eq!(error.to_string(), format!("schema 9 is incompatible: {text}"));
    }
}

#[test]
fn a_wider_type_is_read_from_a_narrower_one() {
    // volume is a long in the event type's schema
    let schema = EventType::MarketData
        .avro_schema()
        .replace("\"type\": \"long\",\n      \"doc\"", "\"type\": \"int\",\n      \"doc\"");
    assert_ne!(schema, EventType::MarketData.avro_schema());
    let parsed = Schema::parse(&schema).unwrap();
    assert!(Plan::new(EventType::MarketData, Arc::new(parsed)).is_ok());
}

#[test]
fn a_claim_of_endless_nothing_ends() {
    let schema = EventType::OrderBook.avro_schema().replacen(
        "\"fields\": [",
        r#""fields": [{"name": "a", "type": {"type": "array", "items": "null"}},"#,
        1,
    );
    let (_, value) = book(|schema| schema, Vec::new(), &[]);
    let endless = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00];
    let value = [&value[..5], &endless, &value[5..]].concat();
    assert_eq!(decode_book(&schema, &value), Ok(()));
}

#[test]
fn values_that_nest_without_end_are_refused() {
    let added = r#""fields": [{"name": "a", "type": {"type": "record", "name": "List", "fields": [
        {"name": "next", "type": ["null", "List"]}]}},"#;
    let schema = EventType::OrderBook.avro_schema().replacen("\"fields\": [", added, 1);
    let value = [&[0, 0, 0, 0, 9][..], &[2; 100_000]].concat();
    assert_eq!(decode_book(&schema, &value), Err(DatumError::TooDeep.into()));
}

#[test]
fn values_that_repeat_without_end_are_refused_in_no_time() {
    // records that contain six of the previous record each, fourteen times over: 78 billion values without any bytes
    let record = |level: usize| {
        let fields: Vec<String> =
            (0..6).map(|place| format!(r#"{{"name":"f{place}","type":"L{}"}}"#, level - 1)).collect();
        format!(
            r#"{{"name":"l{level}","type":{{"type":"record","name":"L{level}","fields":[{}]}}}},"#,
            fields.join(",")
        )
    };
    let check = |levels: usize, expected: Result<(), DecodeError>| {
        let least = r#"{"name":"l0","type":{"type":"record","name":"L0","fields":[]}},"#.to_owned();
        let added: String = std::iter::once(least).chain((1..=levels).map(record)).collect();
        let schema =
            EventType::OrderBook.avro_schema().replacen("\"fields\": [", &format!("\"fields\": [{added}"), 1);
        let (_, value) = book(|schema| schema, Vec::new(), &[]);
        assert_eq!(decode_book(&schema, &value), expected);
    };
    check(5, Ok(()));
    check(14, Err(DecodeError::TooMany));
}

#[test]
fn what_stands_in_no_message_is_checked_as_well() {
    for (name, value, text) in [
        ("schema_version", AvroValue::Int(2), "schema_version is 2"),
        ("source", AvroValue::String("me".to_owned()), "source is \"me\""),
    ] {
        let (schema, value) = {
            let (schema, _) = book(|schema| schema, Vec::new(), &[]);
            let mut json: serde_json::Value = serde_json::from_str(&schema).unwrap();
            // first in the schema, so that it can be first in the bytes
            let fields = json["fields"].as_array_mut().unwrap();
            let at = fields.iter().position(|field| field["name"] == name).unwrap();
            let field = fields.remove(at);
            fields.insert(0, field);
            let schema = json.to_string();
            let changed = schema.clone();
            book(move |_| changed.clone(), vec![(name, value)], &[name])
        };
        assert_eq!(decode_book(&schema, &value).unwrap_err().to_string(), text);
    }
}

#[test]
fn what_is_no_value_is_refused() {
    let decoder = ours();
    let decode = |value: Option<&[u8]>| decoder.decode(EventType::Trade, Timestamp::MIN, value).unwrap_err();
    assert_eq!(decode(None), DecodeError::NoValue);
    assert_eq!(decode(Some(&[])), DecodeError::NotConfluent);
    assert_eq!(decode(Some(&[1, 0, 0, 0, 1])), DecodeError::NotConfluent);
    assert_eq!(decode(Some(&[0, 0, 0, 0, 1])), DatumError::Short.into());
    assert_eq!(decode(Some(&[0, 0, 0, 0, 77])), DecodeError::UnknownSchema { id: 77 });
    let text = decode(Some(&[0, 0, 0, 0, 2])).to_string();
    assert_eq!(
        text,
        "schema 2 is incompatible: it is of com.tradeplatform.events.OrderBook, not of com.tradeplatform.events.Trade"
    );
}
