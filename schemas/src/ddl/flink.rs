//! Flink SQL.
//!
//! Two properties of Flink's format `avro-confluent` decide what the table looks like. It derives the reader's schema from the
//! table, in which an enum is a string that no enum resolves to (FLINK-24544); so the schema is given, and it must state exactly
//! the types of the columns. And it takes the number of a time column for milliseconds, whatever the logical type; so the column
//! is a number, and the time is computed from it.

use std::fmt::Write;

use super::{
    Places,
    columns::{Column, Kind, Times, reader_schema},
    literal, table, topic,
};
use crate::EventType;

pub(super) fn definition(event_type: EventType, columns: &[Column], places: &Places<'_>) -> String {
    let mut text = format!("CREATE TABLE `{}` (\n", table(event_type));
    for column in columns {
        let name = &column.name;
        let null = if column.nullable { "" } else { " NOT NULL" };
        let comment =
            if column.kind == Kind::Micros { " COMMENT 'microseconds since 1970-01-01 UTC'" } else { "" };
        _ = writeln!(text, "  `{name}` {}{null}{comment},", data_type(column.kind));
    }
    _ = write!(
        text,
        "  `headers` MAP<STRING, BYTES> METADATA VIRTUAL,
  `run` AS CAST(`headers`['tradesim-run'] AS STRING),
  `seq` AS TRY_CAST(CAST(`headers`['tradesim-seq'] AS STRING) AS BIGINT),
  `event_time` AS TO_TIMESTAMP_LTZ(`timestamp` / 1000, 3),
  WATERMARK FOR `event_time` AS `event_time` - INTERVAL {}
) WITH (
  'connector' = 'kafka',
  'topic' = {},
  'properties.bootstrap.servers' = {},
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'avro-confluent',
  'avro-confluent.url' = {},
  'avro-confluent.schema' = {}
);
",
        lateness(event_type),
        literal(&topic(event_type, places)),
        literal(places.bootstrap_servers),
        literal(places.registry_url),
        literal(&reader_schema(event_type, columns, Times::Numbers)),
    );
    text
}

/// Returns how much earlier than the events before it an event may be. The time of a candle is the start of its interval, and
/// candles of a minute and of a day are in one topic.
const fn lateness(event_type: EventType) -> &'static str {
    match event_type {
        EventType::Trade | EventType::OrderBook => "'1' SECOND",
        EventType::MarketData => "'1' DAY",
    }
}

fn data_type(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Symbols => "STRING".to_owned(),
        Kind::Int => "INT".to_owned(),
        Kind::Long | Kind::Micros => "BIGINT".to_owned(),
        Kind::Decimal { precision, scale } => format!("DECIMAL({precision}, {scale})"),
    }
}
