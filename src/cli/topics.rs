//! Arguments of `topics`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::kafka::{AnswerArgs, KafkaArgs, PrefixArgs, RegistryArgs};
use crate::parse;

/// Make, check and read the topics
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

/// Make the topics that do not exist, and check those that do
///
/// Exits with 3 where a topic that exists is not as it should be; nothing is changed in it.
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

/// Compare the topics with what they should be
///
/// Names every deviation, and exits with 3 if there is one.
#[derive(Debug, Args)]
pub(crate) struct TopicsVerify {
    #[command(flatten)]
    pub(crate) plan: TopicsPlan,
}

/// Which topics, and of how many copies.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct TopicNames {
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
    /// The topic of dead letters, without the prefix [setting: DLQ_TOPIC, default: dlq.raw.failed]
    #[arg(long, value_name = "TOPIC", value_parser = parse::topic)]
    pub(crate) dlq_topic: Option<String>,
    /// Copies of every partition; fewer than 3 are for clusters of fewer brokers, and survive less
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) replicas: u16,
}

/// Print records as they come, decoded, one JSON object a line
///
/// Reads what is committed, joins no group and commits nothing. Records of one partition come in their order, those of several
/// as they arrive.
#[derive(Debug, Args)]
pub(crate) struct TopicsTail {
    /// Topics, without the prefix [default: all but the positions]
    #[arg(value_name = "TOPIC", value_parser = parse::topic)]
    pub(crate) topics: Vec<String>,
    /// Begin with the oldest record instead of the next one
    #[arg(long)]
    pub(crate) from_beginning: bool,
    /// Stop after this many records
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) count: Option<u64>,
    /// Stop after this time, as 30s, 5m or 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = parse::duration)]
    pub(crate) time: Option<Duration>,
    /// Stop at the end of what is there
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
