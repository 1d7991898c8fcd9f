use serde_json::{Value, json};

use super::*;
use crate::{Exchange, Interval, OrderType, Quantity, SCHEMA_VERSION, Symbol, TradeStatus, TradeType, read};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("a schema is JSON")
}

fn names<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(T::to_string).collect()
}

const PRICE_PATTERN: &str = r"^[0-9]{1,8}\.[0-9]{2,4}$";

/// Derives from the Rust types the JSON Schema of a field (without its description), its Avro type and its Avro default.
fn expected(event_type: EventType, field: &str) -> (Value, Value, Option<Value>) {
    let enumeration = |record: &str, values: Vec<String>, avro_enum: bool| {
        let avro = if avro_enum {
            json!({"type": "enum", "name": record, "symbols": values})
        } else {
            json!("string")
        };
        (json!({"type": "string", "enum": values}), avro, None)
    };
    let text = |pattern: &str| (json!({"type": "string", "pattern": pattern}), json!("string"), None);
    let trade = event_type == EventType::Trade;
    match field {
        "trade_id" => {
            let pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";
            (json!({"type": "string", "format": "uuid", "pattern": pattern}), json!("string"), None)
        }
        "symbol" => {
            (json!({"type": "string", "minLength": 1, "maxLength": Symbol::CHARS_MAX}), json!("string"), None)
        }
        "trade_type" => enumeration("TradeType", names(TradeType::ALL), true),
        "order_type" => enumeration("OrderType", names(OrderType::ALL), true),
        "status" => enumeration("TradeStatus", names(TradeStatus::ALL), true),
        "exchange" => enumeration("Exchange", names(Exchange::ALL), trade),
        "interval" => {
            let (json, avro, _) = enumeration("", names(Interval::ALL), false);
            (json, avro, Some(json!(Interval::OneMinute.as_str())))
        }
        "quantity" | "bid_size" | "ask_size" => {
            let max = Quantity::MAX.get();
            (json!({"type": "integer", "minimum": 1, "maximum": max}), json!("int"), None)
        }
        "volume" => (json!({"type": "integer", "minimum": 1, "maximum": i64::MAX}), json!("long"), None),
        "timestamp" => {
            let pattern = r"^([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,6})?(Z|\+00:00)$";
            let json = json!({"type": "string", "format": "date-time", "pattern": pattern});
            (json, json!({"type": "long", "logicalType": "timestamp-micros"}), None)
        }
        "trader_id" => text("^TRD-[0-9]{5}$"),
        "account_id" => text("^ACC-[0-9]{4}$"),
        "correlation_id" => {
            (json!({"type": ["string", "null"]}), json!(["null", "string"]), Some(Value::Null))
        }
        "price" | "bid_price" | "ask_price" | "spread" | "mid_price" | "open" | "high" | "low" | "close"
        | "vwap" => {
            let avro = json!({"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 4});
            (json!({"type": "string", "pattern": PRICE_PATTERN}), avro, None)
        }
        other => panic!("no rule for {other}"),
    }
}

/// Removes a description, which must not be empty.
fn take_description(object: &mut Value, key: &str) {
    let description = object.as_object_mut().and_then(|members| members.remove(key));
    let description = description.as_ref().and_then(Value::as_str).unwrap_or_default();
    assert!(description.len() > 8, "{key} is too short in {object}");
}

fn check_order(text: &str, quoted: impl Iterator<Item = String>) {
    let mut at = 0;
    for key in quoted {
        let offset = text[at..].find(&key).unwrap_or_else(|| panic!("{key} is out of order"));
        at += offset + key.len();
    }
}

#[test]
fn json_schemas_say_what_the_rust_types_say() {
    for &event_type in EventType::ALL {
        let mut schema = parsed(event_type.json_schema());
        assert!(jsonschema::meta::is_valid(&schema));
        assert_eq!(schema["$id"], format!("urn:tradesim:schema:{event_type}"));
        assert_eq!(schema["title"], event_type.record_name());
        assert_eq!(schema["type"], "object");
        assert_eq!(schema["required"], json!(event_type.fields()));
        assert!(schema.get("additionalProperties").is_none(), "unknown payload keys are accepted");
        take_description(&mut schema, "description");
        // serde_json's map does not preserve the order of keys, the text does
        check_order(
            event_type.json_schema(),
            event_type.fields().iter().map(|key| format!("\n    \"{key}\": {{")),
        );
        let properties = schema["properties"].as_object_mut().expect("properties");
        assert_eq!(properties.len(), event_type.fields().len());
        for &field in event_type.fields() {
            let property = &mut properties[field];
            take_description(property, "description");
            assert_eq!(*property, expected(event_type, field).0, "{event_type}.{field}");
        }
    }
}

#[test]
fn the_envelope_schema_says_what_the_reader_demands() {
    let schema = parsed(ENVELOPE_JSON_SCHEMA);
    assert!(jsonschema::meta::is_valid(&schema));
    assert_eq!(schema["required"], json!(["schema_version", "event_type", "timestamp", "payload"]));
    assert_eq!(schema["additionalProperties"], false);
    let mut properties = schema["properties"].clone();
    for field in ["schema_version", "event_type", "timestamp", "payload"] {
        take_description(&mut properties[field], "description");
    }
    assert_eq!(
        properties,
        json!({
            "schema_version": {"type": "integer", "const": SCHEMA_VERSION},
            "event_type": {"type": "string", "enum": names(EventType::ALL)},
            "timestamp": expected(EventType::Trade, "timestamp").0,
            "payload": {"type": "object"},
        })
    );
    let picks = EventType::ALL.iter().map(|event_type| {
        json!({
            "if": {"properties": {"event_type": {"const": event_type.as_str()}}, "required": ["event_type"]},
            "then": {"properties": {"payload": {"$ref": format!("urn:tradesim:schema:{event_type}")}}},
        })
    });
    assert_eq!(schema["allOf"], Value::Array(picks.collect()));
}

#[test]
fn avro_schemas_say_what_the_rust_types_say() {
    for &event_type in EventType::ALL {
        let mut schema = parsed(event_type.avro_schema());
        take_description(&mut schema, "doc");
        assert_eq!(schema["type"], "record");
        assert_eq!(schema["name"], event_type.record_name());
        assert_eq!(schema["namespace"], AVRO_NAMESPACE);
        let mut rules: Vec<_> = event_type
            .fields()
            .iter()
            .map(|&field| {
                let (_, avro, default) = expected(event_type, field);
                (field, avro, default)
            })
            .collect();
        rules.push(("schema_version", json!("int"), Some(json!(SCHEMA_VERSION))));
        rules.push(("source", json!("string"), Some(json!(AVRO_SOURCE))));
        let fields = schema["fields"].as_array_mut().expect("fields");
        assert_eq!(fields.len(), rules.len());
        for (field, (name, avro, default)) in fields.iter_mut().zip(rules) {
            take_description(field, "doc");
            if avro["type"] == "enum" {
                take_description(&mut field["type"], "doc");
            }
            let mut rule = json!({"name": name, "type": avro});
            if let Some(default) = default {
                rule["default"] = default;
            }
            assert_eq!(*field, rule, "{event_type}.{name}");
        }
    }
}

#[test]
fn avro_accepts_the_schemas_with_their_logical_types() {
    use apache_avro::Schema;
    for &event_type in EventType::ALL {
        let schema = Schema::parse_str(event_type.avro_schema()).expect("a valid Avro schema");
        let Schema::Record(record) = &schema else { panic!("{event_type} is not a record") };
        assert_eq!(record.name.to_string(), format!("{AVRO_NAMESPACE}.{}", event_type.record_name()));
        let of = |name: &str| &record.fields.iter().find(|field| field.name == name).expect("a field").schema;
        assert!(matches!(of("timestamp"), Schema::TimestampMicros));
        let price = if event_type == EventType::MarketData { "vwap" } else { "mid_price" };
        let price = if event_type == EventType::Trade { "price" } else { price };
        let Schema::Decimal(decimal) = of(price) else { panic!("{price} is not a decimal") };
        assert_eq!((decimal.precision, decimal.scale), (12, 4));
    }
}

#[test]
fn the_writer_keeps_the_order_and_the_reader_demands_every_field() {
    use proptest::{
        strategy::{Strategy, ValueTree},
        test_runner::TestRunner,
    };
    let mut runner = TestRunner::deterministic();
    let mut seen = [0; 3];
    for _ in 0..60 {
        let envelope = crate::testing::any_envelope().new_tree(&mut runner).expect("an envelope").current();
        let event_type = envelope.event_type();
        seen[event_type as usize] += 1;
        let text = envelope.to_json();
        check_order(&text, event_type.fields().iter().map(|field| format!("\"{field}\":")));
        let whole = parsed(&text);
        assert_eq!(
            whole["payload"].as_object().map(|payload| payload.len()),
            Some(event_type.fields().len())
        );
        for &field in event_type.fields() {
            let mut cut = whole.clone();
            cut["payload"].as_object_mut().expect("a payload").remove(field);
            let cut = cut.to_string();
            let refusal = read(cut.as_bytes(), Default::default()).expect_err("a field is missing");
            assert_eq!(refusal.reason, crate::Reason::MissingField);
            assert_eq!(refusal.field.as_deref(), Some(format!("payload.{field}").as_str()));
            assert_eq!(refusal.event_type, Some(event_type));
        }
    }
    assert!(seen.iter().all(|&count| count > 0), "{seen:?}");
}

#[test]
fn subjects_follow_their_topics() {
    for &event_type in EventType::ALL {
        assert_eq!(event_type.subject(), format!("{}-value", event_type.topic()));
    }
}
