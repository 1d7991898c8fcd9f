//! Arguments of `verify-topic`.

use std::path::PathBuf;

use clap::Args;
use tradesim_dataset::Shard;

use super::{
    FilterArgs, ReadingArgs,
    kafka::{AnswerArgs, KafkaArgs, PrefixArgs, RegistryArgs},
};
use crate::parse;

/// Verify that the topics contain exactly the messages of an archive or of a dataset
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

With --dataset, the runs that `publish ROOT --run NAME` made are verified together, and the digests of symbols from the topics are \
compared with the manifest. A worker with --shard reads the partitions whose number has the remainder J, of all data topics, so each \
record is read once by all workers; -o stores its share, and --combine proves that all shares together are the dataset.

With filters, the messages of a replay with the same filters are expected. A dead letter of the run counts as its message, \
compared by the bytes that it contains. Records of other runs are ignored. The command waits for transactions that are open \
when it starts, and does not read what is produced later.")]
pub(crate) struct VerifyTopic {
    /// The archive that was bridged
    #[arg(long, value_name = "FILE", required_unless_present = "dataset", conflicts_with = "dataset")]
    pub(crate) archive: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) dataset: DatasetAuditArgs,
    /// The run to verify [default, with --archive: the run with the most recently produced record]
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

/// The verification of a dataset.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Datasets")]
pub(crate) struct DatasetAuditArgs {
    /// The folder of the sealed dataset that was published
    #[arg(long = "dataset", id = "dataset", value_name = "ROOT", requires = "run")]
    pub(crate) root: Option<PathBuf>,
    /// Only the partitions of worker J, from 0, of M workers
    #[arg(long, value_name = "J/M", value_parser = parse::shard, requires = "dataset", allow_hyphen_values = true)]
    pub(crate) shard: Option<Shard>,
    /// Write the digests of the symbols that the worker verified into this file
    #[arg(short, long, value_name = "KEYS", requires = "dataset", value_parser = parse::output_file())]
    pub(crate) output: Option<PathBuf>,
    /// Compare the files of all workers with the manifest; nothing is read from Kafka
    #[arg(long, value_name = "KEYS", num_args = 1.., requires = "dataset", conflicts_with_all = ["shard", "output"])]
    pub(crate) combine: Vec<PathBuf>,
}
