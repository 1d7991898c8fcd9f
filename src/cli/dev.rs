//! Arguments of `dev`.

use clap::{Args, Subcommand};

use super::kafka::PrefixArgs;
use crate::parse;

/// Run embedded brokers or an embedded schema registry, for development
#[derive(Debug, Args)]
pub(crate) struct Dev {
    #[command(subcommand)]
    pub(crate) command: DevCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DevCommand {
    Broker(DevBrokerArgs),
    Registry(DevRegistryArgs),
}

/// Run Kafka brokers in memory and print their addresses
#[derive(Debug, Args)]
#[command(after_help = "\
This is the mock cluster of librdkafka, on free local ports. It is good for first steps, for testing producers and for \
benchmarks. It is not Kafka, and it proves nothing about exactly-once delivery:

- A partition keeps its newest 5 MiB or 100,000 messages. Everything is lost at exit.
- Readers of committed records also see aborted ones. A second bridge does not fence the first.
- Topics cannot be created or described. The topics of the bridge exist from the start; others are
  created on first use, with 4 partitions. `topics create`, `topics verify` and `cluster verify`
  need a real cluster.
- There is no authentication and no TLS.

SIGINT (exit code 130) and SIGTERM (exit code 0) stop it.")]
pub(crate) struct DevBrokerArgs {
    /// Number of brokers
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=20))]
    pub(crate) brokers: u16,
    /// Dead-letter topic, without the prefix [setting: DLQ_TOPIC, default: dlq.raw.failed]
    #[arg(long, value_name = "TOPIC", value_parser = parse::topic)]
    pub(crate) dlq_topic: Option<String>,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
}

/// Run a schema registry in memory and print its URL
#[derive(Debug, Args)]
#[command(after_help = "\
The registry implements the part of Confluent's API that serializers, deserializers and tradesim use: subjects, versions, \
ids, lookup, registration, soft and hard deletion, compatibility levels and compatibility checks, with Confluent's error \
codes. It listens on 127.0.0.1 only. Its limits:

- Avro only, without references between schemas; no contexts, modes, metadata or rule sets.
- Everything is in memory and lost at exit. There is no authentication.
- Compatibility checks follow Avro's schema resolution, and are stricter in one point: a logical
  type that is changed, added or removed (such as the scale of a decimal or the unit of a time)
  counts as a changed type.

SIGINT (exit code 130) and SIGTERM (exit code 0) stop it.")]
pub(crate) struct DevRegistryArgs {
    /// Port to listen on; 0 picks a free port
    #[arg(long, value_name = "PORT", value_parser = parse::port, default_value = "8081")]
    pub(crate) port: u16,
}
