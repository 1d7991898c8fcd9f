//! Arguments of `verify-topic`.

use std::path::PathBuf;

use clap::Args;

use super::{
    FilterArgs, ReadingArgs,
    kafka::{AnswerArgs, KafkaArgs, PrefixArgs, RegistryArgs},
};
use crate::parse;

/// Verify that the topics contain exactly the messages of an archive
#[derive(Debug, Args)]
#[command(after_help = "\
Reads the committed records of the trade, order book, market data and dead-letter topics, decodes them with the schemas of \
the registry, rebuilds the messages and their digest, and compares them one by one with the archive. Exits with 3 unless \
the digests are equal and all of these counts are zero:

  lost        messages of the archive that are in no topic
  duplicated  further records of the same message
  reordered   records that follow a later record with the same key
  altered     records whose content, time, key, partition or topic differs from the message
  foreign     records without a run, or with a sequence number that the archive lacks

With filters, the messages of a replay with the same filters are expected. A dead letter of the run counts as its message, \
compared by the bytes that it contains. Records of other runs are ignored. The command waits for transactions that are open \
when it starts, and does not read what is produced later.")]
pub(crate) struct VerifyTopic {
    /// The archive that was bridged
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: PathBuf,
    /// The run to verify [default: the run with the most recently produced record]
    #[arg(long, value_name = "NAME", value_parser = parse::run_name)]
    pub(crate) run: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) answer: AnswerArgs,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
    /// Dead-letter topic, without the prefix [setting: DLQ_TOPIC, default: dlq.raw.failed]
    #[arg(long, value_name = "TOPIC", value_parser = parse::topic, help_heading = "Kafka")]
    pub(crate) dlq_topic: Option<String>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}
