//! Any Avro datum as JSON: decimals as exact texts, times in RFC 3339, bytes in base64.

use apache_avro::{
    Schema,
    reader::datum::GenericDatumReader,
    schema::{NamesRef, ResolvedSchema},
    types::Value as Avro,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tradesim_schemas::Timestamp;

/// The datum of a schema, or `None` where the bytes are none, or go on behind it.
pub(super) fn datum(mut bytes: &[u8], schema: &Schema) -> Option<Value> {
    let resolved = ResolvedSchema::new(schema).ok()?;
    let reader = GenericDatumReader::builder(schema).build().ok()?;
    let value = reader.read_value(&mut bytes).ok()?;
    // the library takes what is cut in its last field for null
    if !bytes.is_empty() || !value.validate(schema) {
        return None;
    }
    Some(json(value, schema, resolved.get_names()))
}

fn json(value: Avro, schema: &Schema, names: &NamesRef<'_>) -> Value {
    let base64 = |bytes: &[u8]| Value::String(BASE64_STANDARD.encode(bytes));
    let at = |micros: i64| Timestamp::from_micros(micros).map_or(json!(micros), |at| json!(at.to_string()));
    match (value, resolved(schema, names)) {
        (Avro::Null, _) => Value::Null,
        (Avro::Boolean(value), _) => json!(value),
        (Avro::Int(value) | Avro::Date(value) | Avro::TimeMillis(value), _) => json!(value),
        (Avro::TimestampMicros(micros) | Avro::LocalTimestampMicros(micros), _) => at(micros),
        (Avro::TimestampMillis(ms) | Avro::LocalTimestampMillis(ms), _) => at(ms.saturating_mul(1_000)),
        (
            Avro::Long(value)
            | Avro::TimeMicros(value)
            | Avro::TimestampNanos(value)
            | Avro::LocalTimestampNanos(value),
            _,
        ) => json!(value),
        (Avro::Float(value), _) => json!(value),
        (Avro::Double(value), _) => json!(value),
        (Avro::String(text) | Avro::Enum(_, text), _) => Value::String(text),
        (Avro::Bytes(bytes) | Avro::Fixed(_, bytes), _) => base64(&bytes),
        (Avro::Uuid(id), _) => json!(id.to_string()),
        (Avro::Decimal(decimal), Schema::Decimal(schema)) => match Vec::<u8>::try_from(&decimal) {
            Ok(bytes) => decimal_text(&bytes, schema.scale).map_or_else(|| base64(&bytes), Value::String),
            Err(_) => Value::Null,
        },
        (Avro::Union(place, value), Schema::Union(union)) => match union.variants().get(place as usize) {
            Some(branch) => json(*value, branch, names),
            None => Value::Null,
        },
        (Avro::Array(items), Schema::Array(array)) => {
            items.into_iter().map(|item| json(item, &array.items, names)).collect()
        }
        (Avro::Map(entries), Schema::Map(map)) => {
            // the library's map is in the order of hashes
            let mut entries: Vec<_> = entries.into_iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(
                entries.into_iter().map(|(key, value)| (key, json(value, &map.types, names))).collect(),
            )
        }
        (Avro::Record(fields), Schema::Record(record)) => {
            let fields = fields.into_iter().zip(&record.fields);
            Value::Object(
                fields.map(|((name, value), field)| (name, json(value, &field.schema, names))).collect(),
            )
        }
        (other, _) => Value::String(format!("{other:?}")),
    }
}

fn resolved<'s>(schema: &'s Schema, names: &NamesRef<'s>) -> &'s Schema {
    match schema {
        Schema::Ref { name } => names.get(name).copied().unwrap_or(schema),
        schema => schema,
    }
}

/// A number in two's complement as a decimal text; `None` beyond 16 bytes.
fn decimal_text(bytes: &[u8], scale: usize) -> Option<String> {
    if bytes.is_empty() || bytes.len() > 16 {
        return None;
    }
    let sign = if bytes[0] >= 0x80 { 0xff } else { 0 };
    let mut wide = [sign; 16];
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    let value = i128::from_be_bytes(wide);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
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
        let schema = Schema::parse_str(EventType::Trade.avro_schema()).unwrap();
        let value = datum(&bytes[HEADER_BYTES..], &schema).unwrap();
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
        assert_eq!(datum(&bytes[HEADER_BYTES..bytes.len() - 1], &schema), None);
        bytes.push(0);
        assert_eq!(datum(&bytes[HEADER_BYTES..], &schema), None);
    }
}
