//! Arguments of `topics`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::kafka::{AnswerArgs, KafkaArgs, PrefixArgs, RegistryArgs};
use crate::parse;

/// Create, check and read the topics
#[derive(Debug, Args)]
pub(crate) struct Topics {
    #[command(subcommand)]
    pub(crate) command: TopicsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopicsCommand {
    Create(TopicsPlan),
    Verify(TopicsVerify),
    Tail(TopicsTail),
}

/// Create the topics that do not exist, and check those that do
///
/// Exits with 3 if an existing topic has a different configuration. Existing topics are never changed.
#[derive(Debug, Args)]
pub(crate) struct TopicsPlan {
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) names: TopicNames,
}

/// Compare the topics with their expected configuration
///
/// Reports every deviation, and exits with 3 if there is one.
#[derive(Debug, Args)]
pub(crate) struct TopicsVerify {
    #[command(flatten)]
    pub(crate) plan: TopicsPlan,
}

/// Names and replication factor of the topics.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct TopicNames {
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
    /// Dead-letter topic, without the prefix [setting: DLQ_TOPIC, default: dlq.raw.failed]
    #[arg(long, value_name = "TOPIC", value_parser = parse::topic)]
    pub(crate) dlq_topic: Option<String>,
    /// Replication factor; use less than 3 only for clusters with fewer brokers
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) replicas: u16,
}

/// Print decoded records as they arrive, one JSON object per line
///
/// Reads committed records only, without joining a consumer group and without committing offsets. The records of one
/// partition are printed in order, those of different partitions as they arrive.
#[derive(Debug, Args)]
pub(crate) struct TopicsTail {
    /// Topics, without the prefix [default: all except tradesim.positions]
    #[arg(value_name = "TOPIC", value_parser = parse::topic)]
    pub(crate) topics: Vec<String>,
    /// Start with the oldest record instead of the next one
    #[arg(long)]
    pub(crate) from_beginning: bool,
    /// Stop after this many records
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) count: Option<u64>,
    /// Stop after this time, for example 30s, 5m or 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = parse::duration)]
    pub(crate) time: Option<Duration>,
    /// Stop at the current end of the topics
    #[arg(long)]
    pub(crate) until_end: bool,
    /// Only records of this run
    #[arg(long, value_name = "NAME", value_parser = parse::run_name)]
    pub(crate) run: Option<String>,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) names: TopicNames,
}
