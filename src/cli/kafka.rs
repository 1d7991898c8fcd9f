//! Arguments of everything that speaks to Kafka or to a schema registry. They mean the same everywhere.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use tradesim_bridge::connection::Property;

use crate::parse;

/// How brokers are reached.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct KafkaArgs {
    /// Brokers to begin with [setting: KAFKA_BOOTSTRAP_SERVERS, default: localhost:9092,localhost:9093,localhost:9094]
    #[arg(long, value_name = "HOST:PORT,…", value_parser = parse::servers)]
    pub(crate) bootstrap_servers: Option<String>,
    /// A property of librdkafka, as security.protocol=SASL_SSL; may be given more than once. For secrets the value may
    /// be @FILE or env:NAME
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) kafka_property: Vec<Property>,
}

/// How the schema registry is reached.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Schema registry")]
pub(crate) struct RegistryArgs {
    /// Where the registry answers [setting: SCHEMA_REGISTRY_URL, default: http://localhost:8081]
    #[arg(long, value_name = "URL", value_parser = parse::registry_url)]
    pub(crate) schema_registry_url: Option<String>,
    /// Who we are to it: @FILE or env:NAME, holding `basic USER:PASSWORD` or `bearer TOKEN` [setting:
    /// SCHEMA_REGISTRY_AUTH]
    // read with the settings, whose errors do not repeat a secret
    #[arg(long, value_name = "CREDENTIALS")]
    pub(crate) schema_registry_auth: Option<String>,
    /// Trust the certificates in this PEM file instead of the public ones
    #[arg(long, value_name = "FILE")]
    pub(crate) schema_registry_ca: Option<PathBuf>,
}

/// What stands before the names of topics and subjects.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct PrefixArgs {
    /// Put this before the name of every topic; subjects follow their topics
    #[arg(long, value_name = "PREFIX", value_parser = parse::topic_prefix, default_value = "")]
    pub(crate) topic_prefix: String,
}

/// How long an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub(crate) struct AnswerArgs {
    /// How long brokers and registry may take for each answer
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = super::tail::timeout)]
    pub(crate) timeout: Duration,
}

impl Default for AnswerArgs {
    fn default() -> AnswerArgs {
        AnswerArgs { timeout: Duration::from_secs(10) }
    }
}
