//! Arguments of `dlq`.

use clap::{Args, Subcommand};

use super::{KafkaArgs, PrefixArgs, RegistryArgs};
use crate::parse;

/// Print dead letters, and retry them
#[derive(Debug, Args)]
pub(crate) struct Dlq {
    #[command(subcommand)]
    pub(crate) command: DlqCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    Show(DlqShow),
    Retry(DlqRetry),
}

/// Print the current dead letters, one per line
#[derive(Debug, Args)]
pub(crate) struct DlqShow {
    /// Only dead letters with this reason, for example missing_field
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    /// Print at most this many
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) limit: Option<u64>,
    /// Print each as a JSON object with its partition, offset, run and sequence number
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) topic: DlqTopic,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
}

/// Validate and send dead letters again, starting where the last call ended
///
/// The exit code is 3 if dead letters remain: those that are still refused, those that were retried --max-tries times, and
/// those that contain only a part of their message.
#[derive(Debug, Args)]
#[command(after_help = "\
Each message and the position in the dead-letter topic are written in one transaction, so each dead letter is sent again \
exactly once, whatever fails and however much time passes between calls. The position is a record of the topic \
tradesim.positions. If there are dead letters but there is no position, it is unknown which of them were sent before: the \
first call needs --from-beginning.

A message that is still refused becomes a dead letter again, with its retry count increased. Dead letters that contain \
only a part of their message are counted and left in place.")]
pub(crate) struct DlqRetry {
    /// Start with the oldest dead letter, even if it was sent again before
    #[arg(long)]
    pub(crate) from_beginning: bool,
    /// Skip dead letters that were sent again this many times [setting: DLQ_MAX_RETRIES, default: 3]
    #[arg(long, value_name = "N", value_parser = parse::dlq_retries, allow_negative_numbers = true)]
    pub(crate) max_tries: Option<u32>,
    /// Also refuse messages that break a market rule
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print one JSON object at the end
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) topic: DlqTopic,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// The dead-letter topic.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct DlqTopic {
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
    /// Dead-letter topic, without the prefix [setting: DLQ_TOPIC, default: dlq.raw.failed]
    #[arg(long, value_name = "TOPIC", value_parser = parse::topic)]
    pub(crate) dlq_topic: Option<String>,
}
