//! Arguments of `verify-topic`.

use std::path::PathBuf;

use clap::Args;

use super::{
    FilterArgs, ReadingArgs,
    kafka::{AnswerArgs, KafkaArgs, PrefixArgs, RegistryArgs},
};
use crate::parse;

/// Read the topics back and prove them equal to the archive that was bridged
#[derive(Debug, Args)]
#[command(after_help = "\
Reads what is committed in the topics of trades, books, candles and dead letters, decodes it by the schemas
of the registry, rebuilds the messages and their digest, and compares them with the archive one by one. Exits
with 3 unless the digests are equal and all of these are zero:

  lost        messages of the archive that are in no topic
  duplicated  records of a message that is there already
  reordered   records behind a later one of the same key
  altered     records with another content, time, key, partition or topic than the message says
  foreign     records that name no run, or whose seq the archive lacks

With filters, the messages of a replay with the same filters are expected. Dead letters of the run are present,
with the bytes that they keep. Other runs are left alone. Transactions that are open at the start are waited for,
and what is produced after it is not read.")]
pub(crate) struct VerifyTopic {
    /// The archive that was bridged
    #[arg(long, value_name = "FILE")]
    pub(crate) archive: PathBuf,
    /// The run [default: the newest, by the time of production of its newest record]
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
    /// The topic of dead letters, without the prefix [setting: DLQ_TOPIC, default: dlq.raw.failed]
    #[arg(long, value_name = "TOPIC", value_parser = parse::topic, help_heading = "Kafka")]
    pub(crate) dlq_topic: Option<String>,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}
