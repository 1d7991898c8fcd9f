//! Arguments of `demo`.

use clap::Args;

use super::ThreadArgs;
use crate::parse;

/// Run the whole pipeline in one process: record an hour, replay it, bridge it to Kafka, and verify the topics
#[derive(Debug, Args)]
#[command(after_help = "\
The demo needs no other services: it uses embedded brokers and an embedded schema registry on free local ports, and \
deletes everything at the end. It prints the digests of the recording, of the replayed messages and of the messages in \
the topics, and exits with 3 unless they are equal.

The embedded brokers are the mock cluster of librdkafka. They show that every message arrives, in order and unaltered; \
they do not show what happens on crashes, fencing and aborted transactions. `compose/native/cluster up` starts a real \
cluster.")]
pub(crate) struct Demo {
    /// The seed of the recording
    #[arg(long, value_name = "N", value_parser = parse::seed, default_value_t = 42, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    /// Print one JSON object instead of the digests
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
}
