//! Arguments of `cluster`.

use clap::{Args, Subcommand};

use super::kafka::{AnswerArgs, KafkaArgs, RegistryArgs};

/// Check a Kafka cluster and its schema registry
#[derive(Debug, Args)]
pub(crate) struct Cluster {
    #[command(subcommand)]
    pub(crate) command: ClusterCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    Verify(ClusterVerify),
}

/// Check that brokers, controllers, defaults and the registry match what the bridge expects
///
/// Reports every deviation, and exits with 3 if there is one.
#[derive(Debug, Args)]
pub(crate) struct ClusterVerify {
    /// Expected number of brokers, each of which is also a controller; the expected replication defaults follow from it
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) brokers: u16,
    /// Do not check the schema registry
    #[arg(long, conflicts_with_all = ["schema_registry_url", "schema_registry_auth", "schema_registry_ca"])]
    pub(crate) no_registry: bool,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}
