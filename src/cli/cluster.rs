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

/// Compare brokers, controllers, defaults and registry with what the bridge is made for
///
/// Names every deviation, and exits with 3 if there is one.
#[derive(Debug, Args)]
pub(crate) struct ClusterVerify {
    /// Brokers that there should be, each of them a controller too; the defaults of replication follow
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) brokers: u16,
    /// Leave the schema registry out
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
