//! Spark SQL.
//!
//! Spark does not look up schemas in a registry: `from_avro` gets the schema, and the five bytes of the wire format before the
//! value are cut off. The definition is two views, of the records and of the events in them, because a streaming query replaces
//! the first (docs/guide/engines.md).

use std::fmt::Write;

use super::{
    Places,
    columns::{Column, Times, reader_schema},
    escaped_literal, table, topic,
};
use crate::EventType;

/// The first byte of the datum, counted from 1: after a zero byte and the id of the schema.
const DATUM_POSITION: u8 = 6;

pub(super) fn definition(event_type: EventType, columns: &[Column], places: &Places<'_>) -> String {
    let table = table(event_type);
    let mut text = format!(
        "CREATE OR REPLACE TEMPORARY VIEW `{table}_records` USING kafka OPTIONS (
  `kafka.bootstrap.servers` {},
  `kafka.isolation.level` 'read_committed',
  `subscribe` {},
  `startingOffsets` 'earliest',
  `includeHeaders` 'true'
);
CREATE OR REPLACE TEMPORARY VIEW `{table}` AS SELECT
",
        escaped_literal(places.bootstrap_servers),
        escaped_literal(&topic(event_type, places)),
    );
    for column in columns {
        _ = writeln!(text, "  `event`.`{}`,", column.name);
    }
    _ = write!(
        text,
        "  {} AS `run`,
  TRY_CAST({} AS BIGINT) AS `seq`
FROM (
  SELECT `headers`, from_avro(substring(`value`, {DATUM_POSITION}), {}) AS `event`
  FROM `{table}_records`
);
",
        header("tradesim-run"),
        header("tradesim-seq"),
        escaped_literal(&reader_schema(event_type, columns, Times::Registered)),
    );
    text
}

/// Returns the expression of a header's text: null if the record does not have it.
fn header(name: &str) -> String {
    format!("CAST(try_element_at(filter(`headers`, header -> header.key = '{name}'), 1).value AS STRING)")
}
