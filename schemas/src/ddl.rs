//! Table definitions with which SQL engines read the topics, or an archive.
//!
//! The columns follow from the Avro schemas alone; a module for each engine has its names of types and its clauses. What an
//! engine cannot do with our types is worked around there, with the reason (docs/guide/engines.md).

mod clickhouse;
mod columns;
mod duckdb;
mod flink;
mod spark;
#[cfg(test)]
mod tests;

use crate::{EventType, event::contract_enum};
use columns::columns;

contract_enum! {
    /// A SQL engine.
    Engine {
        /// Apache Flink SQL, with the formats of the connector for Kafka.
        Flink = "flink",
        /// Apache Spark SQL, with its packages for Kafka and Avro.
        Spark = "spark",
        /// ClickHouse, with its table engine for Kafka.
        ClickHouse = "clickhouse",
        /// DuckDB, which reads archives.
        DuckDb = "duckdb",
    }
}

impl Engine {
    /// Returns true if the engine reads topics, false if it reads an archive.
    pub const fn reads_topics(self) -> bool {
        !matches!(self, Engine::DuckDb)
    }
}

/// The places that definitions name.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// Brokers, as clients of Kafka expect them: `HOST:PORT,…`.
    pub bootstrap_servers: &'a str,
    /// The URL of the schema registry.
    pub registry_url: &'a str,
    /// The prefix of the topics.
    pub topic_prefix: &'a str,
    /// The path of an archive, or a pattern of paths that the engine understands.
    pub archive: &'a str,
}

/// Returns the statements that define a table of one event type. Each ends with a semicolon and a line end.
pub fn definition(engine: Engine, event_type: EventType, places: &Places<'_>) -> String {
    let columns = columns(event_type);
    match engine {
        Engine::Flink => flink::definition(event_type, &columns, places),
        Engine::Spark => spark::definition(event_type, &columns, places),
        Engine::ClickHouse => clickhouse::definition(event_type, &columns, places),
        Engine::DuckDb => duckdb::definition(event_type, &columns, places),
    }
}

/// Returns the name of the table: the topic without `raw.`.
const fn table(event_type: EventType) -> &'static str {
    match event_type {
        EventType::Trade => "trades",
        EventType::OrderBook => "orderbook",
        EventType::MarketData => "marketdata",
    }
}

fn topic(event_type: EventType, places: &Places<'_>) -> String {
    format!("{}{}", places.topic_prefix, event_type.topic())
}

/// Returns a string literal of standard SQL, in which only the quote is special. Flink and DuckDB read it so.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Returns a string literal with backslashes as escapes. Spark and ClickHouse read it so.
fn escaped_literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
