//! The columns of a table, from the Avro schema of its event type.

use serde_json::{Map, Value, json};

use crate::{EventType, contract::AVRO_NAMESPACE};

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    /// The type as the Avro schema has it, with `null` where that is a branch, and without documentation.
    avro: Value,
}

/// The type of a field, with its logical type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// An enum. Engines read its symbols as texts.
    Symbols,
    Int,
    Long,
    Decimal {
        precision: u64,
        scale: u64,
    },
    /// Microseconds since 1970 in UTC.
    Micros,
}

/// Returns the columns in the order of the schema.
///
/// # Panics
/// On a schema of ours with types that no engine was tried with: add them to [`Kind`], and run `.ci/engines`.
pub(super) fn columns(event_type: EventType) -> Vec<Column> {
    let schema: Value = serde_json::from_str(event_type.avro_schema()).expect("an Avro schema is JSON");
    let fields = schema["fields"].as_array().expect("the schema of a record has fields");
    fields.iter().map(Column::of).collect()
}

/// The form of times in the schema that an engine is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    /// As they are registered: with the logical type `timestamp-micros`.
    Registered,
    /// As plain numbers. Avro resolves schemas by the underlying types, so a reader may ignore a logical type.
    Numbers,
}

/// Returns the schema of a reader with these columns. Texts for people and defaults, which nothing needs when all fields are
/// in the value, are left out.
pub(super) fn reader_schema(event_type: EventType, columns: &[Column], times: Times) -> String {
    let fields: Vec<String> = columns.iter().map(|column| column.reader_field(times)).collect();
    // written by hand, because serde_json sorts the keys of an object, and people look for `type` and `name` first
    format!(
        r#"{{"type":"record","name":"{}","namespace":"{AVRO_NAMESPACE}","fields":[{}]}}"#,
        event_type.record_name(),
        fields.join(",")
    )
}

impl Column {
    fn of(field: &Value) -> Column {
        let name = field["name"].as_str().expect("a field has a name").to_owned();
        let avro = without_documentation(&field["type"]);
        let (kind, nullable) = match avro.as_array() {
            Some(branches) => {
                let [null, branch] = branches.as_slice() else { panic!("{name}: a union of two branches") };
                assert_eq!(null, "null", "{name}: the first branch of a union");
                (Kind::of(branch), true)
            }
            None => (Kind::of(&avro), false),
        };
        Column { name, kind, nullable, avro }
    }

    fn reader_field(&self, times: Times) -> String {
        let plain = self.kind == Kind::Micros && times == Times::Numbers;
        let avro = if plain { &json!("long") } else { &self.avro };
        format!(r#"{{"name":"{}","type":{avro}}}"#, self.name)
    }
}

impl Kind {
    fn of(avro: &Value) -> Kind {
        let text = |key: &str| avro.get(key).and_then(Value::as_str);
        let number = |key: &str| avro.get(key).and_then(Value::as_u64);
        match (avro.as_str().or_else(|| text("type")), text("logicalType")) {
            (Some("string"), None) => Kind::Text,
            (Some("enum"), None) => Kind::Symbols,
            (Some("int"), None) => Kind::Int,
            (Some("long"), None) => Kind::Long,
            (Some("long"), Some("timestamp-micros")) => Kind::Micros,
            (Some("bytes"), Some("decimal")) => {
                let precision = number("precision").expect("a decimal has a precision");
                Kind::Decimal { precision, scale: number("scale").expect("a decimal has a scale") }
            }
            _ => panic!("no engine was tried with the Avro type {avro}"),
        }
    }
}

fn without_documentation(avro: &Value) -> Value {
    match avro {
        Value::Object(keys) => {
            let kept = keys.iter().filter(|(key, _)| *key != "doc");
            Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}
