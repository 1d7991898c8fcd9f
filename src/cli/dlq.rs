//! Arguments of `dlq`.

use clap::{Args, Subcommand};

use super::{KafkaArgs, PrefixArgs, RegistryArgs};
use crate::parse;

/// Read dead letters, and send them again
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

/// Print the dead letters that there are now, one a line
#[derive(Debug, Args)]
pub(crate) struct DlqShow {
    /// Only those with this reason, as missing_field
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) limit: Option<u64>,
    /// Print each as a JSON object with its partition, offset, run and seq
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) topic: DlqTopic,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
}

/// Send dead letters again, from where the last call ended: back through validation
///
/// The exit code is 3 where letters remain: they are still refused, were tried --max-tries times, or are kept only in part.
#[derive(Debug, Args)]
#[command(after_help = "\
A message and how far the dead letters were read are one transaction, so that each is sent again once, whatever fails, and
however long the calls are apart: the position is a record of the topic tradesim.positions. Where there is no position and
there are dead letters, nobody knows which of them were sent again before: the first call needs --from-beginning.
What is still refused becomes a dead letter again, with one more try. Messages of which only the beginning was kept are
counted and stay where they are.")]
pub(crate) struct DlqRetry {
    /// Begin with the oldest dead letter, also where it was sent again before
    #[arg(long)]
    pub(crate) from_beginning: bool,
    /// Leave dead letters alone that were sent again this many times [setting: DLQ_MAX_RETRIES, default: 3]
    #[arg(long, value_name = "N", value_parser = parse::dlq_retries, allow_negative_numbers = true)]
    pub(crate) max_tries: Option<u32>,
    /// Refuse messages that break a rule of the market as well
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

/// Where dead letters are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Kafka")]
pub(crate) struct DlqTopic {
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
    /// The topic of dead letters [setting: DLQ_TOPIC, default: dlq.raw.failed]
    #[arg(long, value_name = "TOPIC", value_parser = parse::topic)]
    pub(crate) dlq_topic: Option<String>,
}
