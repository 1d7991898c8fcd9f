use apache_avro::schema::{ResolvedSchema, Schema as Theirs};
use tradesim_schemas::EventType;

use super::*;

fn error(text: &str) -> String {
    Schema::parse(text).unwrap_err().to_string()
}

fn record(schema: &Schema) -> &Record {
    let Shape::Record(record) = schema.shape(schema.root()) else { panic!("{schema:?}") };
    record
}

#[test]
fn our_own_schemas_are_read() {
    for &kind in EventType::ALL {
        let schema = Schema::parse_valid(kind.avro_schema()).unwrap();
        let record = record(&schema);
        assert_eq!(record.name.full, format!("com.tradeplatform.events.{}", kind.record_name()));
        assert_eq!(record.name.short(), kind.record_name());
        let names: Vec<&str> = record.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names[..names.len() - 2], *kind.fields());
    }
    let trade = Schema::parse(EventType::Trade.avro_schema()).unwrap();
    let field = |name: &str| record(&trade).fields.iter().find(|field| field.name == name).unwrap();
    let logical = Some(Logical::Decimal { precision: 12, scale: 4 });
    assert_eq!(trade.get(field("price").kind), &Type { shape: Shape::Bytes, logical });
    assert!(field("correlation_id").has_default);
    assert!(!field("price").has_default);
}

#[test]
fn a_type_is_used_by_its_name_also_inside_itself() {
    let list = r#"{"type":"record","name":"a.List","fields":[{"name":"next","type":["null","List"]}]}"#;
    let schema = Schema::parse(list).unwrap();
    let Shape::Union(branches) = schema.shape(record(&schema).fields[0].kind) else { panic!("{schema:?}") };
    assert_eq!(schema.shape(branches[0]), &Shape::Null);
    assert_eq!(branches[1], schema.root());
}

#[test]
fn a_logical_type_counts_where_it_is_valid() {
    let shown = |text: &str| {
        let schema = Schema::parse(text).unwrap();
        schema.get(schema.root()).logical.map(|logical| logical.to_string())
    };
    for (text, logical) in [
        (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#, Some("decimal(4,2)")),
        (r#"{"type":"bytes","logicalType":"decimal","precision":4}"#, Some("decimal(4,0)")),
        (r#"{"type":{"type":"long"},"logicalType":"timestamp-micros"}"#, Some("timestamp-micros")),
        (r#"{"type":{"type":"long","logicalType":"timestamp-nanos"}}"#, Some("timestamp-nanos")),
        (r#"{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}"#, Some("uuid")),
        // without a precision, or with too small a one, it is not a decimal
        (r#"{"type":"bytes","logicalType":"decimal","scale":2}"#, None),
        (r#"{"type":"bytes","logicalType":"decimal","precision":1,"scale":2}"#, None),
        (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":-1}"#, None),
        (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":1.5}"#, None),
        (r#"{"type":"int","logicalType":"decimal","precision":4,"scale":2}"#, None),
        (r#"{"type":"int","logicalType":"timestamp-micros"}"#, None),
        (r#"{"type":"fixed","name":"U","size":15,"logicalType":"uuid"}"#, None),
        (r#"{"type":"long","logicalType":"my-own"}"#, None),
        (r#"{"type":"long","logicalType":7}"#, None),
    ] {
        assert_eq!(shown(text).as_deref(), logical, "{text}");
    }
}

#[test]
fn a_schema_that_is_too_large_is_refused() {
    let long = format!("\"{}\"", "x".repeat(256 * 1024));
    assert_eq!(error(&long), "it has 262146 bytes, expected at most 262144");
    let many = format!("[{}\"null\"]", "\"null\",".repeat(20_000));
    assert_eq!(error(&many), "it has more than 16384 types");
    assert!(error(&"[".repeat(1_000)).starts_with("it is not JSON: "));
}

#[test]
fn names_are_found_fast_and_take_little_memory() {
    let names = (0..2_500)
        .map(|name| format!(r#"{{"name":"f","type":{{"type":"fixed","name":"n{name}","size":1}}}},"#));
    let uses = r#"{"name":"f","type":"n2499"},"#.repeat(2_500);
    let fields = names.collect::<String>() + &uses;
    let schema = format!(r#"{{"type":"record","name":"A","fields":[{}]}}"#, fields.trim_end_matches(','));
    assert_eq!(record(&Schema::parse(&schema).unwrap()).fields.len(), 5_000);
    // every type would inherit it
    let namespace = "n".repeat(1_023);
    let long = format!(r#"{{"type":"fixed","name":"F","namespace":"{namespace}","size":1}}"#);
    assert_eq!(error(&long), "a name has 1025 bytes, expected at most 1024");
}

#[test]
fn what_is_not_a_schema_is_refused() {
    for (text, what) in [
        ("", "it is not JSON: EOF while parsing a value at line 1 column 0"),
        ("7", "7 is not a type"),
        ("\"N\"", "\"N\" is used before it is defined"),
        ("{}", "a type lacks \"type\""),
        (r#"{"type":"array"}"#, "a type lacks \"items\""),
        (r#"{"type":"record","name":"A"}"#, "a type lacks \"fields\""),
        (r#"{"type":"record","name":7,"fields":[]}"#, "a name is not a text"),
        (r#"{"type":"record","name":"A","fields":{}}"#, "the fields of a record are not a list"),
        (r#"{"type":"record","name":"A","fields":[{"type":"int"}]}"#, "a field has no name"),
        (r#"{"type":"record","name":"A","fields":["a"]}"#, "a field has no name"),
        (r#"{"type":"record","name":"A","fields":[{"name":"a"}]}"#, "the field \"a\" has no type"),
        (
            r#"{"type":"record","name":"A","fields":[{"name":"b","type":"C"}]}"#,
            "\"C\" is used before it is defined",
        ),
        (r#"{"type":"enum","name":"A","symbols":"B"}"#, "the symbols of an enum are not a list"),
        (r#"{"type":"enum","name":"A","symbols":[1]}"#, "a symbol is not a text"),
        (r#"{"type":"fixed","name":"A","size":-1}"#, "a size is not a number"),
        (
            r#"[{"type":"fixed","name":"A","size":1},{"type":"fixed","name":"A","size":2}]"#,
            "\"A\" is defined twice",
        ),
    ] {
        assert_eq!(error(text), what, "{text}");
        assert!(Schema::parse_valid(text).is_err(), "{text}");
    }
}

/// Returns a record with one field, with a default.
fn defaulted(kind: &str, default: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":{kind},"default":{default}}}]}}"#)
}

#[test]
fn a_schema_that_can_be_read_may_still_be_invalid() {
    for (text, what) in [
        (r#"{"type":"record","name":"9","fields":[]}"#, "\"9\" is not a name"),
        (r#"{"type":"record","name":"a..B","fields":[]}"#, "\"\" is not a name"),
        (r#"{"type":"enum","name":"E","symbols":["A-B"]}"#, "\"A-B\" is not a name"),
        (r#"{"type":"enum","name":"E","symbols":["A","A"]}"#, "\"E\" has \"A\" twice"),
        (
            r#"{"type":"enum","name":"E","symbols":["A"],"default":"B"}"#,
            "the default of \"E\" is not a value of its type",
        ),
        (
            r#"{"type":"record","name":"R","fields":[{"name":"f","type":"int"},{"name":"f","type":"int"}]}"#,
            "\"R\" has \"f\" twice",
        ),
        (r#"["null","null"]"#, "a union contains null twice"),
        (r#"["null",["int"]]"#, "a union contains a union"),
        (&*defaulted("\"int\"", "2147483648"), "the default of \"f\" is not a value of its type"),
        (&*defaulted("\"string\"", "null"), "the default of \"f\" is not a value of its type"),
        (&*defaulted(r#"["null","int"]"#, "true"), "the default of \"f\" is not a value of its type"),
        (
            &*defaulted(r#"{"type":"array","items":"int"}"#, r#"[1,"2"]"#),
            "the default of \"f\" is not a value of its type",
        ),
    ] {
        assert!(Schema::parse(text).is_ok(), "{text}");
        assert_eq!(Schema::parse_valid(text).unwrap_err().to_string(), what, "{text}");
        let theirs = Theirs::parse_str(text);
        assert!(theirs.is_err(), "{text}");
    }
    // apache-avro accepts it
    let longer = defaulted(r#"{"type":"fixed","name":"F","size":2}"#, r#""abc""#);
    let expected = SchemaError::Default { name: "f".to_owned() };
    assert_eq!(Schema::parse_valid(&longer).unwrap_err(), expected);
}

#[test]
fn what_is_valid_is_valid_for_others() {
    let inner = r#"{"type":"record","name":"I","fields":[
        {"name":"a","type":"int"},{"name":"b","type":"long","default":7}]}"#;
    for text in [
        defaulted("\"int\"", "-2147483648"),
        defaulted("\"double\"", "1.5"),
        defaulted("\"bytes\"", r#""\u00ff""#),
        defaulted(r#"["null","string"]"#, "null"),
        defaulted(r#"["null","string"]"#, r#""x""#),
        defaulted(r#"{"type":"map","values":"int"}"#, r#"{"a":1}"#),
        defaulted(r#"{"type":"array","items":["null","int"]}"#, "[null,1]"),
        defaulted(r#"{"type":"enum","name":"E","symbols":["A","B"],"default":"A"}"#, r#""B""#),
        defaulted(inner, r#"{"a":1}"#),
        r#"["null",{"type":"fixed","name":"F","size":1},{"type":"fixed","name":"G","size":1}]"#.to_owned(),
    ] {
        assert!(Schema::parse_valid(&text).is_ok(), "{text}");
        let theirs = Theirs::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(ResolvedSchema::new(&theirs).is_ok(), "{text}");
    }
}

#[test]
fn a_default_that_fits_many_branches_in_many_ways_is_refused_in_no_time() {
    let union = r#"["null","A","B"]"#;
    let b = format!(
        r#"{{"type":"record","name":"B","fields":[{{"name":"f","type":{union}}},{{"name":"g","type":"int"}}]}}"#
    );
    let kind = format!(
        r#"{{"type":"record","name":"A","fields":[{{"name":"f","type":["null","A",{b}]}},{{"name":"h","type":"int"}}]}}"#
    );
    // no branch has all members, which shows only after everything inside was tried
    let value = (0..50).fold("7".to_owned(), |inner, _| format!(r#"{{"f":{inner},"g":1,"h":1}}"#));
    let schema = Schema::parse_valid(&defaulted(&kind, &value));
    assert_eq!(schema.unwrap_err(), SchemaError::ComplexDefaults);
}
