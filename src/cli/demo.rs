//! Arguments of `demo`.

use clap::Args;

use super::ThreadArgs;
use crate::parse;

/// Run the whole loop in this process: record an hour, replay it, bridge it into Kafka, and prove it from the topics
#[derive(Debug, Args)]
#[command(after_help = "\
Needs nothing else: brokers and schema registry are stand-ins in this process, on free ports of this machine, and
everything goes away at the end. The digests of the recording, of what was replayed and of what the topics hold are
printed; they are equal, or it exits with 3.

The brokers are librdkafka's mock cluster: what they show is that every message arrives, in order and unaltered, and
nothing about crashes, fencing or aborted transactions. `compose/native/cluster up` starts a real cluster.")]
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
