//! DuckDB: views of an archive, with the fields of the events, instead of the columns of the file (FORMAT.md, section 3).

use std::fmt::Write;

use super::{
    Places,
    columns::{Column, Kind},
    literal, table,
};
use crate::EventType;

pub(super) fn definition(event_type: EventType, columns: &[Column], places: &Places<'_>) -> String {
    let mut text = format!("CREATE OR REPLACE VIEW \"{}\" AS SELECT\n  \"seq\"", table(event_type));
    for column in columns {
        let name = &column.name;
        match stored(name) {
            Stored::Column => _ = write!(text, ",\n  \"{name}\""),
            Stored::Computed(expression) => {
                let cast = data_type(column.kind);
                _ = write!(text, ",\n  CAST({expression} AS {cast}) AS \"{name}\"");
            }
            Stored::No => {}
        }
    }
    _ = write!(
        text,
        ",\n  \"ts\" AS \"emitted\"
FROM read_parquet({})
WHERE \"event_type\" = {};
",
        literal(places.archive),
        literal(event_type.as_str()),
    );
    text
}

/// The place of a field in an archive.
pub(super) enum Stored {
    /// In the column of the same name.
    Column,
    /// By an expression of columns.
    Computed(&'static str),
    /// Not in every archive, or not at all: ids are derived when a simulated day is read, and the fields of the Avro value
    /// that no message has are constants.
    No,
}

pub(super) fn stored(field: &str) -> Stored {
    match field {
        "timestamp" => Stored::Computed(r#"coalesce("payload_ts", "ts")"#),
        "ask_price" => Stored::Computed(r#""bid_price" + "spread""#),
        // in integers, because DuckDB divides decimals as floating point numbers; rounded half up
        "mid_price" => Stored::Computed(
            r#"CAST((CAST((2 * "bid_price" + "spread") * 10000 AS BIGINT) + 1) // 2 AS DECIMAL(18, 0)) * 0.0001"#,
        ),
        "trade_id" | "correlation_id" | "schema_version" | "source" => Stored::No,
        _ => Stored::Column,
    }
}

fn data_type(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Symbols => "VARCHAR".to_owned(),
        Kind::Int => "INTEGER".to_owned(),
        Kind::Long => "BIGINT".to_owned(),
        Kind::Decimal { precision, scale } => format!("DECIMAL({precision}, {scale})"),
        Kind::Micros => "TIMESTAMPTZ".to_owned(),
    }
}
