//! Arguments of `dev`.

use clap::{Args, Subcommand};

use super::kafka::PrefixArgs;
use crate::parse;

/// Stand-ins for development: brokers and a schema registry in memory
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

/// Run Kafka brokers in memory and print where they are
#[derive(Debug, Args)]
#[command(after_help = "\
It is the mock cluster of librdkafka, on free ports of this machine: good for trying things out,
for producers and for benches. It is no Kafka, and proves nothing about exactly-once:
- a partition keeps its newest 5 MiB, or 100,000 messages; everything is gone when it ends;
- readers of committed records see aborted ones too, and a second bridge does not shut out the
  first;
- topics cannot be made or described (the bridge's are there from the beginning; others appear
  when they are used, with 4 partitions): `topics create`, `topics verify` and `cluster verify`
  are for real clusters;
- it asks nobody for a password, and speaks no TLS.
It ends on SIGINT (130) and SIGTERM (0).")]
pub(crate) struct DevBrokerArgs {
    /// Brokers to run
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=20))]
    pub(crate) brokers: u16,
    /// The topic of dead letters, without the prefix [setting: DLQ_TOPIC, default: dlq.raw.failed]
    #[arg(long, value_name = "TOPIC", value_parser = parse::topic)]
    pub(crate) dlq_topic: Option<String>,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
}

/// Run a schema registry in memory and print its URL
#[derive(Debug, Args)]
#[command(after_help = "\
It speaks the part of Confluent's API that serializers, deserializers and tradesim use: subjects,
versions, ids, look-up, registration, soft and hard deletion, rules (config) and compatibility
checks, with Confluent's error codes. It listens on 127.0.0.1 only. Its limits:
- Avro only, without references between schemas; no contexts, modes, metadata or rule sets;
- everything is in memory and gone when it ends; it asks nobody for a password;
- its checks follow Avro's schema resolution, and are stricter in one thing: a logical type that
  is changed, added or dropped (a decimal's scale, a time's unit) is a changed type.
It ends on SIGINT (130) and SIGTERM (0).")]
pub(crate) struct DevRegistryArgs {
    /// Port to listen on; 0 picks a free one
    #[arg(long, value_name = "PORT", value_parser = parse::port, default_value = "8081")]
    pub(crate) port: u16,
}
