//! Arguments of `schemas`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tradesim_schemas::{EventType, ddl::Engine};

use super::kafka::{AnswerArgs, PrefixArgs, RegistryArgs};
use crate::parse;

/// Register the Avro schemas, check them against a registry, or print table definitions
#[derive(Debug, Args)]
pub(crate) struct Schemas {
    #[command(subcommand)]
    pub(crate) command: SchemasCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SchemasCommand {
    Register(SchemasRegister),
    Check(SchemasCheck),
    Ddl(SchemasDdl),
}

/// Register the Avro schemas that are not registered yet
///
/// All subjects are checked first. If a schema is not BACKWARD compatible with its subject, nothing is registered, the
/// incompatible field is reported, and the exit code is 3. Otherwise the compatibility level of each subject is set to
/// BACKWARD before its schema is registered, whatever the default of the registry is, unless the subject already has a
/// level that includes BACKWARD.
#[derive(Debug, Args)]
pub(crate) struct SchemasRegister {
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
}

/// Check whether schemas are compatible with the registered ones
///
/// New readers must be able to read old records (BACKWARD). If they cannot, the incompatible field is reported and the exit
/// code is 3. Nothing is changed.
#[derive(Debug, Args)]
pub(crate) struct SchemasCheck {
    /// Schemas to check instead of those of tradesim; the name of the record determines the subject
    #[arg(value_name = "FILE.avsc")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
}

/// Print table definitions with which a SQL engine reads the topics, or an archive
///
/// Prices are exact decimals, and times are UTC with microseconds. The definitions follow from the Avro schemas.
#[derive(Debug, Args)]
#[command(after_help = "\
The engines:

  flink       tables of the topics, with the formats of Flink's connector for Kafka
  spark       views of the topics, with Spark's packages for Kafka and Avro
  clickhouse  queues of the topics, and tables that are filled from them
  duckdb      views of an archive

Flink reads Avro's microseconds as milliseconds, without an error, so its tables have the time as a number; see \
docs/guide/engines.md. Nothing is connected to: the addresses are only written into the definitions.")]
pub(crate) struct SchemasDdl {
    /// flink, spark, clickhouse or duckdb
    #[arg(long, value_name = "ENGINE")]
    pub(crate) engine: Engine,
    /// trade, orderbook or marketdata [default: all of them]
    #[arg(value_name = "EVENT_TYPE")]
    pub(crate) event_type: Option<EventType>,
    /// The archive that DuckDB reads, or a pattern of paths [default: recording.parquet]
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: Option<String>,
    /// Bootstrap servers [setting: KAFKA_BOOTSTRAP_SERVERS, default: localhost:9092,localhost:9093,localhost:9094]
    #[arg(long, value_name = "HOST:PORT,…", value_parser = parse::servers, help_heading = "Kafka")]
    pub(crate) bootstrap_servers: Option<String>,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
    /// URL of the schema registry [setting: SCHEMA_REGISTRY_URL, default: http://localhost:8081]
    #[arg(long, value_name = "URL", value_parser = parse::registry_url, help_heading = "Schema registry")]
    pub(crate) schema_registry_url: Option<String>,
}
