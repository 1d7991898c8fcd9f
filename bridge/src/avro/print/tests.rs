use tradesim_schemas::{EventType, ReadOptions, read};

use super::*;
use crate::avro::{HEADER_BYTES, write_confluent};

#[test]
fn decimals_keep_their_places() {
    for (bytes, scale, text) in [
        (&[0][..], 4, "0.0000"),
        (&[0xff], 4, "-0.0001"),
        (&[0x00, 0x80], 0, "128"),
        (&[0x1b, 0x55, 0xa8], 4, "179.1400"),
        (&[0xe8, 0xd4, 0xa5, 0x0f, 0xff], 2, "-995116277.77"),
    ] {
        assert_eq!(decimal_text(bytes, scale).as_deref(), Some(text), "{bytes:x?}");
    }
    assert_eq!(decimal_text(&[], 4), None);
    assert_eq!(decimal_text(&[1; 17], 4), None);
}

#[test]
fn a_value_of_ours_is_shown_with_its_fields() {
    let text = r#"{"schema_version":1,"event_type":"trade","timestamp":"2026-02-18T14:30:00.366511Z","payload":{"trade_id":"97ece17a-80a4-467a-9cf4-b892bafabcb3","symbol":"AAPL","trade_type":"BUY","order_type":"MARKET","price":"179.14","quantity":200,"timestamp":"2026-02-18T14:30:00.366511Z","exchange":"NASDAQ","trader_id":"TRD-00157","account_id":"ACC-0031","status":"NEW","correlation_id":null}}"#;
    let message = read(text.as_bytes(), ReadOptions::default()).unwrap();
    let mut bytes = Vec::new();
    write_confluent(&message, 1, &mut bytes);
    let schema = Schema::parse(EventType::Trade.avro_schema()).unwrap();
    let value = decode(&bytes[HEADER_BYTES..], &schema).unwrap();
    let expected = json!({
        "trade_id": "97ece17a-80a4-467a-9cf4-b892bafabcb3",
        "symbol": "AAPL",
        "trade_type": "BUY",
        "order_type": "MARKET",
        "price": "179.1400",
        "quantity": 200,
        "timestamp": "2026-02-18T14:30:00.366511Z",
        "exchange": "NASDAQ",
        "trader_id": "TRD-00157",
        "account_id": "ACC-0031",
        "status": "NEW",
        "correlation_id": null,
        "schema_version": 1,
        "source": "trade-generator",
    });
    assert_eq!(value, expected);
    let cut = decode(&bytes[HEADER_BYTES..bytes.len() - 1], &schema);
    assert_eq!(cut, Err(DatumError::Short.into()));
    bytes.push(0);
    let long = decode(&bytes[HEADER_BYTES..], &schema);
    assert_eq!(long, Err(DatumError::Trailing { bytes: 1 }.into()));
}

fn shown(schema: &str, bytes: &[u8]) -> Result<Value, String> {
    decode(bytes, &parse(schema).map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}

#[test]
fn every_type_is_shown() {
    let record = r#"{"type":"record","name":"a.R","fields":[
        {"name":"n","type":"null"},{"name":"b","type":"boolean"},{"name":"i","type":{"type":"int","logicalType":"date"}},
        {"name":"l","type":"long"},{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"x","type":"bytes"},
        {"name":"h","type":{"type":"fixed","name":"H","size":2}},{"name":"g","type":"H"},
        {"name":"c","type":{"type":"fixed","name":"C","size":2,"logicalType":"decimal","precision":4,"scale":2}},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},
        {"name":"a","type":{"type":"array","items":["null","string"]}},
        {"name":"m","type":{"type":"map","values":"a.E"}}]}"#;
    let mut bytes = vec![1, 0x02, 0x03, 0x00];
    bytes.extend(1.5f32.to_le_bytes());
    bytes.extend(f64::NAN.to_le_bytes());
    bytes.extend([0x04, 0xff, 0xfe, 1, 2, 3, 4, 0x00, 0x80, 0x02]);
    // a block of two items, one with its size in bytes, and the end
    bytes.extend([0x04, 0x00, 0x02, 0x02, b'q', 0x01, 0x02, 0x00, 0x00]);
    bytes.extend([0x02, 0x02, b'k', 0x00, 0x00]);
    let expected = json!({
        "n": null, "b": true, "i": 1, "l": -2, "t": "1970-01-01T00:00:00.000000Z", "f": 1.5, "d": "NaN", "x": "//4=",
        "h": "AQI=", "g": "AwQ=", "c": "1.28", "e": "B", "a": [null, "q", null], "m": {"k": "A"},
    });
    assert_eq!(shown(record, &bytes), Ok(expected));
}

/// Returns records that contain six of the previous record each, down to one that is empty.
fn sixes(levels: usize) -> String {
    let mut fields = vec![r#"{"name":"l0","type":{"type":"record","name":"L0","fields":[]}}"#.to_owned()];
    for level in 1..=levels {
        let inner: Vec<String> =
            (0..6).map(|place| format!(r#"{{"name":"f{place}","type":"L{}"}}"#, level - 1)).collect();
        let inner = inner.join(",");
        fields.push(format!(
            r#"{{"name":"l{level}","type":{{"type":"record","name":"L{level}","fields":[{inner}]}}}}"#
        ));
    }
    format!(r#"{{"type":"record","name":"Top","fields":[{}]}}"#, fields.join(","))
}

#[test]
fn a_few_bytes_that_state_too_much_are_refused_in_no_time() {
    let chain = r#"{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]}]}"#;
    assert_eq!(shown(chain, &[2, 2, 0]), Ok(json!({"next": {"next": {"next": null}}})));
    let deep = "values are nested too deeply";
    assert_eq!(shown(chain, &[2; 100_000]), Err(deep.to_owned()));
    let itself = r#"{"type":"record","name":"N","fields":[{"name":"self","type":"N"}]}"#;
    assert_eq!(shown(itself, &[]), Err(deep.to_owned()));
    assert!(shown(&sixes(3), &[]).is_ok());
    assert_eq!(shown(&sixes(14), &[]), Err("it contains more than 100000 values".to_owned()));
    // an array of 2^62 nulls
    let nulls = r#"{"type":"array","items":"null"}"#;
    let count = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00];
    assert_eq!(shown(nulls, &count), Err("it contains more than 100000 values".to_owned()));
    let lowest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00];
    assert_eq!(shown(nulls, &lowest), Err("it contains more than 100000 values".to_owned()));
    // a name of 1,000 bytes for each byte of the record
    let name = "n".repeat(1_000);
    let long = format!(
        r#"{{"type":"array","items":{{"type":"record","name":"R","fields":[{{"name":"{name}","type":"boolean"}}]}}}}"#
    );
    let mut bytes = vec![0xc0, 0xb8, 0x02];
    bytes.resize(20_003, 1);
    assert_eq!(
        shown(&long, &bytes),
        Err("it contains more than 16777216 bytes of names and texts".to_owned())
    );
}

#[test]
fn a_decimal_may_have_64_decimal_places() {
    let decimal = |scale: &str| {
        format!(r#"{{"type":"bytes","logicalType":"decimal","precision":200000,"scale":{scale}}}"#)
    };
    assert_eq!(shown(&decimal("64"), &[2, 1]), Ok(json!(format!("0.{}1", "0".repeat(63)))));
    for scale in ["65", "100000"] {
        let expected = format!("a decimal has the scale {scale}, expected at most 64");
        assert_eq!(shown(&decimal(scale), &[2, 1]), Err(expected));
    }
    // not a decimal
    for scale in ["-1", "1.5"] {
        assert_eq!(shown(&decimal(scale), &[2, 1]), Ok(json!("AQ==")));
    }
}
