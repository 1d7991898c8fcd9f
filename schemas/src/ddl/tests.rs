use std::collections::BTreeSet;

use apache_avro::Schema;

use super::{
    columns::{Column, Kind, Times, columns, reader_schema},
    duckdb::{Stored, stored},
    *,
};

const PLACES: Places<'_> = Places {
    bootstrap_servers: "localhost:9092,localhost:9093",
    registry_url: "http://localhost:8081",
    topic_prefix: "a.",
    archive: "day.parquet",
};

fn of(engine: Engine, event_type: EventType) -> String {
    definition(engine, event_type, &PLACES)
}

#[test]
fn columns_are_those_of_the_avro_schema() {
    for &event_type in EventType::ALL {
        let names: Vec<String> = columns(event_type).into_iter().map(|column| column.name).collect();
        let expected: Vec<&str> =
            event_type.fields().iter().copied().chain(["schema_version", "source"]).collect();
        assert_eq!(names, expected);
    }
    let trade = columns(EventType::Trade);
    let column = |name: &str| trade.iter().find(|column| column.name == name).unwrap();
    let facts = |name: &str| (column(name).kind, column(name).nullable);
    assert_eq!(facts("status"), (Kind::Symbols, false));
    assert_eq!(facts("price"), (Kind::Decimal { precision: 12, scale: 4 }, false));
    assert_eq!(facts("quantity"), (Kind::Int, false));
    assert_eq!(facts("timestamp"), (Kind::Micros, false));
    assert_eq!(facts("correlation_id"), (Kind::Text, true));
}

/// Returns the schema that an engine is given, as an independent implementation of Avro parses it.
fn parsed(event_type: EventType, times: Times) -> Schema {
    Schema::parse_str(&reader_schema(event_type, &columns(event_type), times)).unwrap()
}

#[test]
fn the_readers_schema_reads_what_the_registered_schema_wrote() {
    for &event_type in EventType::ALL {
        let registered = Schema::parse_str(event_type.avro_schema()).unwrap();
        for times in [Times::Registered, Times::Numbers] {
            let reader = parsed(event_type, times);
            apache_avro::schema_compatibility::SchemaCompatibility::can_read(&registered, &reader).unwrap();
            // the canonical form has neither documentation, nor defaults, nor logical types; of the latter, the crate leaves
            // braces behind
            let canonical =
                |schema: &Schema| schema.canonical_form().replace(r#"{"type":"long"}"#, r#""long""#);
            assert_eq!(canonical(&reader), canonical(&registered));
        }
        let times =
            |times| reader_schema(event_type, &columns(event_type), times).contains("timestamp-micros");
        assert!(times(Times::Registered));
        assert!(!times(Times::Numbers));
    }
}

#[test]
fn every_field_is_in_every_definition_of_a_topic() {
    for &event_type in EventType::ALL {
        for &engine in Engine::ALL.iter().filter(|engine| engine.reads_topics()) {
            let text = of(engine, event_type);
            for Column { name, .. } in columns(event_type) {
                assert!(text.contains(&format!("`{name}`")), "{engine}: {name}\n{text}");
            }
            assert!(text.contains(&format!("'a.{}'", event_type.topic())), "{engine}\n{text}");
            assert!(text.contains("'localhost:9092,localhost:9093'"), "{engine}\n{text}");
        }
    }
}

#[test]
fn the_view_of_an_archive_names_columns_of_the_format() {
    let format = include_str!("../../../archive-format/FORMAT.md");
    let table = format.split("message tradesim {").nth(1).unwrap().split('}').next().unwrap();
    let stored_columns: BTreeSet<&str> =
        table.lines().filter_map(|line| line.trim().trim_end_matches(';').split([' ', ';']).nth(2)).collect();
    assert!(stored_columns.len() > 20, "{stored_columns:?}");
    for &event_type in EventType::ALL {
        for Column { name, .. } in columns(event_type) {
            match stored(&name) {
                Stored::Column => {
                    assert!(stored_columns.contains(name.as_str()), "{name} of {stored_columns:?}");
                }
                Stored::Computed(expression) => {
                    for column in expression.split('"').skip(1).step_by(2) {
                        assert!(stored_columns.contains(column), "{column} of {stored_columns:?}");
                    }
                }
                Stored::No => assert!(!stored_columns.contains(name.as_str()), "{name}"),
            }
        }
        assert!(of(Engine::DuckDb, event_type).contains("read_parquet('day.parquet')"));
    }
}

#[test]
fn the_values_of_places_cannot_end_their_literals() {
    let places = Places { archive: r"it's\.parquet", registry_url: r"http://it's\", ..PLACES };
    let text = |engine| definition(engine, EventType::Trade, &places);
    assert!(text(Engine::DuckDb).contains(r"read_parquet('it''s\.parquet')"));
    assert!(text(Engine::Flink).contains(r"'avro-confluent.url' = 'http://it''s\'"));
    assert!(text(Engine::ClickHouse).contains(r"format_avro_schema_registry_url = 'http://it\'s\\'"));
}

#[test]
fn engines_have_names() {
    assert_eq!("clickhouse".parse(), Ok(Engine::ClickHouse));
    let error = "oracle".parse::<Engine>().unwrap_err();
    assert_eq!(error.to_string(), "expected one of flink, spark, clickhouse, duckdb");
}
