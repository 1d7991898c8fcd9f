//! ClickHouse.
//!
//! A table of the engine `Kafka` is a queue that can be read once. A materialized view moves its rows into a table that stays.

use std::fmt::Write;

use super::{
    Places,
    columns::{Column, Kind},
    escaped_literal, table, topic,
};
use crate::EventType;

pub(super) fn definition(event_type: EventType, columns: &[Column], places: &Places<'_>) -> String {
    let table = table(event_type);
    let topic = topic(event_type, places);
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("  `{}` {}", column.name, data_type(column.kind, column.nullable)))
        .collect();
    let columns = columns.join(",\n");
    let mut text = format!(
        "CREATE TABLE `{table}_queue` (
{columns}
) ENGINE = Kafka SETTINGS
  kafka_broker_list = {},
  kafka_topic_list = {},
  kafka_group_name = {},
  kafka_format = 'AvroConfluent',
  format_avro_schema_registry_url = {};
",
        escaped_literal(places.bootstrap_servers),
        escaped_literal(&topic),
        escaped_literal(&format!("clickhouse-{topic}")),
        escaped_literal(places.registry_url),
    );
    _ = write!(
        text,
        "CREATE TABLE `{table}` (
{columns},
  `run` LowCardinality(String),
  `seq` Int64
) ENGINE = ReplacingMergeTree ORDER BY (`symbol`, `run`, `seq`);
CREATE MATERIALIZED VIEW `{table}_reader` TO `{table}` AS SELECT
  *,
  {} AS `run`,
  toInt64OrZero({}) AS `seq`
FROM `{table}_queue`;
",
        header("tradesim-run"),
        header("tradesim-seq"),
    );
    text
}

/// Returns the expression of a header's text, from the virtual columns of the engine `Kafka`.
fn header(name: &str) -> String {
    format!("_headers.value[indexOf(_headers.name, '{name}')]")
}

fn data_type(kind: Kind, nullable: bool) -> String {
    let plain = match kind {
        Kind::Text => "String".to_owned(),
        // texts instead of an Enum: a new symbol then needs no other table
        Kind::Symbols => "LowCardinality(String)".to_owned(),
        Kind::Int => "Int32".to_owned(),
        Kind::Long => "Int64".to_owned(),
        Kind::Decimal { precision, scale } => format!("Decimal({precision}, {scale})"),
        Kind::Micros => "DateTime64(6, 'UTC')".to_owned(),
    };
    if nullable { format!("Nullable({plain})") } else { plain }
}
