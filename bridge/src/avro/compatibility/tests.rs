use apache_avro::{
    reader::datum::GenericDatumReader,
    schema_compatibility::{Compatibility, SchemaCompatibility},
    writer::datum::GenericDatumWriter,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tradesim_schemas::EventType;

use super::*;

fn parsed(schema: &Value) -> AvroSchema {
    AvroSchema::parse(&schema.to_string()).unwrap_or_else(|error| panic!("{error}: {schema}"))
}

/// Returns the findings of BACKWARD, as lines.
fn backward(new: &Value, old: &Value) -> Vec<String> {
    let found = incompatibilities(Level::Backward, &parsed(new), &[parsed(old)]).unwrap();
    found.iter().map(Incompatibility::to_string).collect()
}

#[track_caller]
fn fits(new: &Value, old: &Value) {
    assert_eq!(backward(new, old), [""; 0], "{new} reads {old}");
}

#[track_caller]
fn breaks(new: &Value, old: &Value, kind: Kind, line: &str) {
    assert_eq!(backward(new, old), [line], "{new} reads {old}");
    assert_eq!(incompatibilities(Level::Backward, &parsed(new), &[parsed(old)]).unwrap()[0].kind, kind);
}

fn record(fields: Value) -> Value {
    json!({"type": "record", "name": "R", "namespace": "n", "fields": fields})
}

fn field(name: &str, schema: Value) -> Value {
    json!({"name": name, "type": schema})
}

fn decimal(precision: u32, scale: u32) -> Value {
    json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale})
}

fn symbols(symbols: &[&str]) -> Value {
    json!({"type": "enum", "name": "E", "symbols": symbols})
}

/// Returns one of the built-in schemas, with a change.
fn changed(event_type: EventType, change: impl FnOnce(&mut Vec<Value>)) -> Value {
    let mut schema: Value = serde_json::from_str(event_type.avro_schema()).unwrap();
    change(schema["fields"].as_array_mut().unwrap());
    schema
}

fn of<'a>(fields: &'a mut [Value], name: &str) -> &'a mut Value {
    fields.iter_mut().find(|field| field["name"] == name).unwrap()
}

#[test]
fn our_schemas_may_change_as_the_contract_says() {
    for &event_type in EventType::ALL {
        let ours = changed(event_type, |_| {});
        fits(&ours, &ours);
        let optional = json!({"name": "venue_fee", "type": ["null", "string"], "default": null});
        let added = changed(event_type, |fields| fields.push(optional));
        fits(&added, &ours);
        fits(&ours, &added);
        let required = changed(event_type, |fields| fields.push(field("fee", json!("long"))));
        breaks(
            &required,
            &ours,
            Kind::MissingDefault,
            "field fee: the new schema has no default for it, and the old one lacks it",
        );
        let renamed = changed(event_type, |fields| of(fields, "symbol")["name"] = json!("ticker"));
        breaks(
            &renamed,
            &ours,
            Kind::MissingDefault,
            "field ticker: the new schema has no default for it, and the old one lacks it",
        );
        let retyped = changed(event_type, |fields| of(fields, "symbol")["type"] = json!("long"));
        breaks(
            &retyped,
            &ours,
            Kind::TypeMismatch,
            "field symbol: the new schema has long, the old one string",
        );
        let mut another = ours.clone();
        another["name"] = json!("Another");
        assert_eq!(backward(&another, &ours).len(), 1);
    }
}

#[test]
fn an_enum_may_grow_and_must_not_shrink() {
    let ours = changed(EventType::Trade, |_| {});
    let more = changed(EventType::Trade, |fields| {
        of(fields, "exchange")["type"]["symbols"].as_array_mut().unwrap().push(json!("IEX"));
    });
    fits(&more, &ours);
    breaks(&ours, &more, Kind::MissingEnumSymbols, "field exchange: the new schema lacks IEX of the old one");
    let mut lenient = symbols(&["A"]);
    lenient["default"] = json!("A");
    fits(&lenient, &symbols(&["A", "B"]));
}

#[test]
fn a_price_keeps_its_scale_and_a_time_its_unit() {
    let prices = |schema| record(json!([field("price", schema)]));
    fits(&prices(decimal(12, 4)), &prices(decimal(12, 4)));
    for (new, words) in [
        (decimal(12, 2), "decimal(12,2) on bytes"),
        (decimal(14, 4), "decimal(14,4) on bytes"),
        (json!("bytes"), "plain bytes"),
        (json!("string"), "plain string"),
    ] {
        let line = format!("field price: the new schema has {words}, the old one decimal(12,4) on bytes");
        breaks(&prices(new), &prices(decimal(12, 4)), Kind::LogicalTypeMismatch, &line);
    }
    let long = |logical: &str| record(json!([field("at", json!({"type": "long", "logicalType": logical}))]));
    breaks(
        &long("timestamp-millis"),
        &long("timestamp-micros"),
        Kind::LogicalTypeMismatch,
        "field at: the new schema has timestamp-millis on long, the old one timestamp-micros on long",
    );
}

#[test]
fn numbers_grow_and_do_not_shrink() {
    let order = ["int", "long", "float", "double"];
    for (place, reader) in order.iter().enumerate() {
        for (other, writer) in order.iter().enumerate() {
            if other <= place {
                fits(&json!(reader), &json!(writer));
            } else {
                let line = format!("the new schema has {reader}, the old one {writer}");
                breaks(&json!(reader), &json!(writer), Kind::TypeMismatch, &line);
            }
        }
    }
    fits(&json!("bytes"), &json!("string"));
    fits(&json!("string"), &json!("bytes"));
    assert_eq!(backward(&json!("boolean"), &json!("int")).len(), 1);
    assert_eq!(backward(&json!("string"), &json!("int")).len(), 1);
}

#[test]
fn a_union_takes_what_one_of_its_branches_takes() {
    let optional = json!(["null", "string"]);
    fits(&optional, &json!("string"));
    fits(&json!(["null", "long"]), &json!(["int", "null"]));
    breaks(
        &optional,
        &json!("int"),
        Kind::MissingUnionBranch,
        "the union of the new schema has no branch for int of the old one",
    );
    breaks(
        &json!("string"),
        &optional,
        Kind::TypeMismatch,
        "the new schema is string, the old one may hold null",
    );
    breaks(
        &optional,
        &json!(["null", "string", "long"]),
        Kind::MissingUnionBranch,
        "the union of the new schema has no branch for long of the old one",
    );
}

#[test]
fn a_field_is_named_with_those_around_it() {
    let inner = |schema| json!({"type": "record", "name": "Leg", "fields": [field("price", schema)]});
    let legs = |schema| record(json!([field("legs", json!({"type": "array", "items": inner(schema)}))]));
    breaks(
        &legs(json!("int")),
        &legs(json!("long")),
        Kind::TypeMismatch,
        "field legs[].price: the new schema has int, the old one long",
    );
    let maps = |schema| record(json!([field("by", json!({"type": "map", "values": inner(schema)}))]));
    breaks(
        &maps(json!("int")),
        &maps(json!("long")),
        Kind::TypeMismatch,
        "field by{}.price: the new schema has int, the old one long",
    );
    let optional = |schema| record(json!([field("leg", json!(["null", inner(schema)]))]));
    breaks(
        &optional(json!("int")),
        &optional(json!("long")),
        Kind::TypeMismatch,
        "field leg.price: the new schema has int, the old one long",
    );
}

#[test]
fn aliases_of_the_reader_find_the_writers_names() {
    let mut renamed = record(json!([{"name": "ticker", "aliases": ["symbol"], "type": "string"}]));
    let old = record(json!([field("symbol", json!("string"))]));
    fits(&renamed, &old);
    renamed["name"] = json!("Renamed");
    breaks(&renamed, &old, Kind::NameMismatch, "the new schema has record n.Renamed, the old one record n.R");
    renamed["aliases"] = json!(["n.R"]);
    fits(&renamed, &old);
    let elsewhere = json!({"type": "record", "name": "R", "namespace": "m", "fields": []});
    fits(&elsewhere, &old);
}

#[test]
fn fixed_keep_name_and_size() {
    let fixed = |name: &str, size: u32| json!({"type": "fixed", "name": name, "size": size});
    fits(&fixed("F", 4), &fixed("F", 4));
    breaks(
        &fixed("F", 5),
        &fixed("F", 4),
        Kind::FixedSizeMismatch,
        "the new schema has 5 bytes, the old one 4 bytes",
    );
    breaks(
        &fixed("G", 4),
        &fixed("F", 4),
        Kind::NameMismatch,
        "the new schema has fixed G, the old one fixed F",
    );
}

#[test]
fn records_that_hold_themselves_come_to_an_end() {
    let list = |schema| record(json!([field("value", schema), field("next", json!(["null", "n.R"]))]));
    fits(&list(json!("long")), &list(json!("int")));
    breaks(
        &list(json!("int")),
        &list(json!("long")),
        Kind::TypeMismatch,
        "field value: the new schema has int, the old one long",
    );
    // the same record twice, by its name
    let twice = |schema| {
        let leg = json!({"type": "record", "name": "Leg", "fields": [field("price", schema)]});
        record(json!([field("bid", leg), field("ask", json!("n.Leg"))]))
    };
    assert_eq!(
        backward(&twice(json!("int")), &twice(json!("long"))),
        [
            "field bid.price: the new schema has int, the old one long",
            "field ask.price: the new schema has int, the old one long"
        ]
    );
}

/// Returns a chain of records, each of which contains the one before, and a field that uses only the last.
fn chain(name: &str, records: usize) -> Value {
    let mut fields =
        vec![json!({"name": format!("{name}0"), "type": {"type": "record", "name": format!("{name}R0"),
        "fields": []}, "default": {}})];
    for number in 1..records {
        let inner = json!([{"name": "f", "type": format!("{name}R{}", number - 1)}]);
        let kind = json!({"type": "record", "name": format!("{name}R{number}"), "aliases": [format!("R{number}")],
            "fields": inner});
        fields.push(json!({"name": format!("{name}{number}"), "type": ["null", kind], "default": null}));
    }
    fields.push(json!({"name": "last", "type": format!("{name}R{}", records - 1)}));
    json!({"type": "record", "name": "Top", "fields": fields})
}

#[test]
fn schemas_that_take_forever_to_compare_are_refused_in_no_time() {
    let compare = |new: &Value, old: &Value| incompatibilities(Level::Backward, &parsed(new), &[parsed(old)]);
    // fields in an order that compares the deepest record first
    assert!(compare(&chain("a", 20), &chain("b", 20)).is_ok());
    assert_eq!(compare(&chain("a", 1_500), &chain("b", 1_500)), Err(TooComplex));
    // no branch of one fits a branch of the other
    let union = |name: &str| {
        let fixed = |number| json!({"type": "fixed", "name": format!("{name}{number}"), "size": 1});
        Value::Array((0..2_000).map(fixed).collect())
    };
    assert_eq!(compare(&union("a"), &union("b")), Err(TooComplex));
    // the same difference in each of many fields
    let uses = |kind: &str| {
        let inner: Vec<Value> = (0..1_000).map(|number| field(&format!("f{number}"), json!(kind))).collect();
        let inner = json!({"type": "record", "name": "Inner", "fields": inner});
        let more = (0..1_000).map(|number| field(&format!("u{number}"), json!("Inner")));
        let fields: Vec<Value> = std::iter::once(field("first", inner)).chain(more).collect();
        json!({"type": "record", "name": "R", "fields": fields})
    };
    assert_eq!(compare(&uses("int"), &uses("long")), Err(TooComplex));
    assert_eq!(compare(&uses("long"), &uses("int")), Ok(Vec::new()));
}

#[test]
fn a_level_says_who_reads_whom_and_how_far_back() {
    let [a, b, c] = ["int", "long", "int"].map(|schema| parsed(&json!(schema)));
    let found =
        |level, new: &AvroSchema, old: &[AvroSchema]| incompatibilities(level, new, old).unwrap().len();
    // a long reads an int, but an int does not read a long
    for (level, grows, shrinks) in
        [(Level::None, 0, 0), (Level::Backward, 0, 1), (Level::Forward, 1, 0), (Level::Full, 1, 1)]
    {
        assert_eq!(found(level, &b, std::slice::from_ref(&a)), grows, "{level}");
        assert_eq!(found(level, &a, std::slice::from_ref(&b)), shrinks, "{level}");
        assert_eq!(found(level, &a, &[]), 0);
    }
    let versions = [b, a];
    assert_eq!(found(Level::Backward, &c, &versions), 0);
    assert_eq!(found(Level::BackwardTransitive, &c, &versions), 1);
    for level in Level::ALL {
        assert_eq!(level.as_str().parse(), Ok(level));
    }
    assert_eq!("backward".parse::<Level>(), Err(ParseLevelError));
}

#[test]
fn what_is_no_schema_is_refused() {
    for text in [
        "",
        "{",
        "17",
        r#""unknown""#,
        r#"{"type":"record","name":"R"}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"Missing"}]}"#,
        r#"{"type":"enum","name":"E","symbols":["A","A"]}"#,
        r#"{"type":"record","name":"9","fields":[]}"#,
        r#"["null","null"]"#,
    ] {
        let error = AvroSchema::parse(text).expect_err(text);
        assert!(error.to_string().starts_with("not an Avro schema: "), "{error}");
    }
}

/// Generates schemas of records whose fields have types of every kind, with and without defaults.
fn any_record() -> impl Strategy<Value = Value> {
    let plain = prop_oneof![
        Just(json!("int")),
        Just(json!("long")),
        Just(json!("float")),
        Just(json!("double")),
        Just(json!("string")),
        Just(json!("bytes")),
        Just(json!("boolean")),
        Just(symbols(&["A", "B"])),
        Just(symbols(&["A", "B", "C"])),
        Just(json!(["null", "int"])),
        Just(json!(["null", "string", "long"])),
        Just(json!({"type": "array", "items": "int"})),
        Just(json!({"type": "array", "items": "long"})),
        Just(json!({"type": "map", "values": "string"})),
    ];
    let fields = proptest::collection::btree_map("[a-d]", (plain, any::<bool>()), 1..4);
    fields.prop_map(|fields| {
        let mut has_enum = false;
        let fields: Vec<Value> = fields
            .into_iter()
            .filter(|(_, (schema, _))| {
                // an enum is defined once
                let is_enum = schema["type"] == "enum";
                let is_second = is_enum && has_enum;
                has_enum |= is_enum;
                !is_second
            })
            .map(|(name, (schema, has_default))| {
                let mut field = field(&name, schema.clone());
                if has_default && let Some(default) = default_of(&schema) {
                    field["default"] = default;
                }
                field
            })
            .collect();
        record(Value::Array(fields))
    })
}

fn default_of(schema: &Value) -> Option<Value> {
    match schema {
        Value::Array(_) => Some(Value::Null),
        Value::String(name) => match name.as_str() {
            "int" | "long" => Some(json!(1)),
            "float" | "double" => Some(json!(1.5)),
            "string" => Some(json!("x")),
            "boolean" => Some(json!(true)),
            _ => None,
        },
        _ => None,
    }
}

/// Returns values of a schema that cover every symbol and branch.
fn values(schema: &Value) -> Vec<apache_avro::types::Value> {
    use apache_avro::types::Value as Avro;
    if let Some(branches) = schema.as_array() {
        let of_branch = |(place, branch): (usize, &Value)| {
            let wrap = move |value| Avro::Union(place as u32, Box::new(value));
            values(branch).into_iter().map(wrap).collect::<Vec<_>>()
        };
        return branches.iter().enumerate().flat_map(of_branch).collect();
    }
    match schema.as_str().or(schema["type"].as_str()).unwrap() {
        "null" => vec![Avro::Null],
        "int" => vec![Avro::Int(7)],
        "long" => vec![Avro::Long(7)],
        "float" => vec![Avro::Float(7.0)],
        "double" => vec![Avro::Double(7.0)],
        "string" => vec![Avro::String("text".to_owned())],
        "bytes" => vec![Avro::Bytes(b"text".to_vec())],
        "boolean" => vec![Avro::Boolean(true)],
        "enum" => {
            let symbols = schema["symbols"].as_array().unwrap().iter().enumerate();
            symbols.map(|(place, text)| Avro::Enum(place as u32, text.as_str().unwrap().to_owned())).collect()
        }
        "array" => vec![Avro::Array(values(&schema["items"]))],
        "map" => values(&schema["values"])
            .into_iter()
            .map(|value| Avro::Map([("key".to_owned(), value)].into_iter().collect()))
            .collect(),
        other => panic!("cannot generate a value of {other}"),
    }
}

/// Returns records of a schema that cover every value of every field.
fn records(schema: &Value) -> Vec<apache_avro::types::Value> {
    let fields: Vec<(String, Vec<_>)> = schema["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| (field["name"].as_str().unwrap().to_owned(), values(&field["type"])))
        .collect();
    let count = fields.iter().map(|(_, values)| values.len()).max().unwrap_or(1);
    (0..count)
        .map(|number| {
            let field = |(name, values): &(String, Vec<apache_avro::types::Value>)| {
                (name.clone(), values[number % values.len()].clone())
            };
            apache_avro::types::Value::Record(fields.iter().map(field).collect())
        })
        .collect()
}

proptest! {
    /// The verdict equals that of apache-avro's own check, and compatible records can be read, one by one.
    #[test]
    fn the_verdict_is_that_of_others(new in any_record(), old in any_record()) {
        let (reader, writer) = (parsed(&new), parsed(&old));
        let found = incompatibilities(Level::Backward, &reader, std::slice::from_ref(&writer)).unwrap();
        let of_others = |schema: &Value| apache_avro::Schema::parse_str(&schema.to_string()).unwrap();
        let (reader, writer) = (of_others(&new), of_others(&old));
        let theirs = SchemaCompatibility::can_read(&writer, &reader);
        prop_assert_eq!(found.is_empty(), matches!(theirs, Ok(Compatibility::Full)), "{:?} {:?}", found, theirs);
        if !found.is_empty() {
            return Ok(());
        }
        let write = GenericDatumWriter::builder(&writer).build().unwrap();
        let read = GenericDatumReader::builder(&writer).reader_schema(&reader).build().unwrap();
        for value in records(&old) {
            let bytes = write.write_value_to_vec(value).unwrap();
            prop_assert!(read.read_value(&mut bytes.as_slice()).is_ok());
        }
    }
}
