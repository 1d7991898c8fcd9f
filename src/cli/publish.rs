//! Arguments of `publish`.

use std::path::PathBuf;

use clap::Args;
use tradesim_dataset::Shard;
use tradesim_replay::Speed;
use tradesim_schemas::Timestamp;

use super::{BridgeTuning, DeliveryMode, KafkaArgs, PrefixArgs, ReadingArgs, RegistryArgs};
use crate::parse;

/// Deliver a recording or a dataset to Kafka: server and bridge in one process, for each part
#[derive(Debug, Args)]
#[command(after_help = "\
For an archive, this is `replay` and `bridge --until-end` in one process. For a dataset, each part is a stream of its own, with \
its own bridge, transactional id, position and run. The run of a part is NAME.DATE.SEED.003-of-016; `verify-topic --dataset` \
verifies all of them. Parts of one day are delivered at the same time, and days one after the other.

Several processes divide the parts with --shard, on any machines: each has the same command with its own number. A process that \
was stopped or killed is started again with the same --run, and continues where it was. A part that is delivered already is \
skipped.

With --start-at, messages are due on one absolute schedule for all processes: each day takes the length of its session, and nights \
are not played. A process that starts late, or again, sends what is overdue at once.")]
pub(crate) struct Publish {
    /// An archive, or the folder of a dataset
    #[arg(value_name = "FILE|ROOT")]
    pub(crate) source: PathBuf,
    /// Only the share of process I, from 0, of N processes
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE, value_parser = parse::shard, allow_hyphen_values = true)]
    pub(crate) shard: Shard,
    /// Name of the run; the same for all processes, and again after an interruption [default: a random name]
    #[arg(long, value_name = "NAME", value_parser = parse::run_name)]
    pub(crate) run: Option<String>,
    /// When the schedule begins, in RFC 3339: for a dataset its first session, for an archive its first message [default: at
    /// once]
    #[arg(long, value_name = "TIME", value_parser = parse::instant)]
    pub(crate) start_at: Option<Timestamp>,
    /// Speed: 1x, 50x, 0.5x or max, which has no schedule
    #[arg(long, value_name = "SPEED", default_value = "max")]
    pub(crate) speed: Speed,
    /// Delivery guarantee
    #[arg(long, value_enum, default_value_t = DeliveryMode::ExactlyOnce)]
    pub(crate) delivery: DeliveryMode,
    /// Register the Avro schemas that are not registered yet
    #[arg(long)]
    pub(crate) register_schemas: bool,
    /// Dead-letter topic, without the prefix [setting: DLQ_TOPIC, default: dlq.raw.failed]
    #[arg(long, value_name = "TOPIC", value_parser = parse::topic)]
    pub(crate) dlq_topic: Option<String>,
    /// Serve /metrics, /healthz and /readyz of the first part of a day on this port, of the second on the next one, and so on
    /// [default: no metrics]
    #[arg(long, value_name = "PORT", value_parser = parse::port)]
    pub(crate) metrics_port: Option<u16>,
    /// Address to serve them on [setting: METRICS_HOST, default: 127.0.0.1]
    #[arg(long, value_name = "HOST", value_parser = crate::settings::host_name, requires = "metrics_port")]
    pub(crate) metrics_host: Option<String>,
    /// Print one JSON object at the end
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) tuning: BridgeTuning,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}
