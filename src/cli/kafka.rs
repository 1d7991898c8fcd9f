//! Arguments of the commands that connect to Kafka or to a schema registry. They have the same meaning in all of them.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use tradesim_bridge::connection::Property;

use crate::parse;

/// The connection to the brokers.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct KafkaArgs {
    /// Bootstrap servers [setting: KAFKA_BOOTSTRAP_SERVERS, default: localhost:9092,localhost:9093,localhost:9094]
    #[arg(long, value_name = "HOST:PORT,…", value_parser = parse::servers)]
    pub(crate) bootstrap_servers: Option<String>,
    /// Set a librdkafka property, for example security.protocol=SASL_SSL; may be given more than once. For secrets the
    /// value may be @FILE or env:NAME
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) kafka_property: Vec<Property>,
}

/// The connection to the schema registry.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Schema registry")]
pub(crate) struct RegistryArgs {
    /// URL of the schema registry [setting: SCHEMA_REGISTRY_URL, default: http://localhost:8081]
    #[arg(long, value_name = "URL", value_parser = parse::registry_url)]
    pub(crate) schema_registry_url: Option<String>,
    /// Credentials for the schema registry: @FILE or env:NAME, containing `basic USER:PASSWORD` or `bearer TOKEN`
    /// [setting: SCHEMA_REGISTRY_AUTH]
    // parsed with the settings, whose errors do not contain secrets
    #[arg(long, value_name = "CREDENTIALS")]
    pub(crate) schema_registry_auth: Option<String>,
    /// Trust the certificates in this PEM file instead of the public ones
    #[arg(long, value_name = "FILE")]
    pub(crate) schema_registry_ca: Option<PathBuf>,
}

/// The prefix of topics and subjects.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct PrefixArgs {
    /// Prefix of all topic names, and so of all subjects
    #[arg(long, value_name = "PREFIX", value_parser = parse::topic_prefix, default_value = "")]
    pub(crate) topic_prefix: String,
}

/// The timeout of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Args)]
pub(crate) struct AnswerArgs {
    /// Timeout for each request to brokers and the schema registry
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = super::tail::timeout)]
    pub(crate) timeout: Duration,
}

impl Default for AnswerArgs {
    fn default() -> AnswerArgs {
        AnswerArgs { timeout: Duration::from_secs(10) }
    }
}
