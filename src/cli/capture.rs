//! Arguments of `capture` and `recover`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{FeedArgs, OutputArgs, ThreadArgs};
use crate::{
    endpoint::{self, Endpoint},
    parse,
};

/// Receive any WebSocket feed into an archive
#[derive(Debug, Args)]
#[command(after_help = "\
Every message is kept byte for byte, with the time at which it was received. The capture ends with
the feed (a close with 1000), by --count or --for, or by SIGINT or SIGTERM, and only then FILE
appears. Until then everything is in FILE.journal, made durable every second; what a crash leaves of
it, `tradesim recover` makes into an archive.

A connection that is lost is made again. A feed of `replay` or `serve` then goes on with the message
that was due; any other one may have a gap there, which is said, counted, and named in the archive.

A message above 16 MiB is not kept: its length and its BLAKE3 are in the report, and in the archive as
a gap. The capture continues, and exits with 3 at its end.")]
pub(crate) struct Capture {
    /// The feed, as ws://127.0.0.1:8765 or wss://example.org/feed (without a scheme the port may be left out: 8765)
    #[arg(value_name = "URL", value_parser = endpoint::endpoint)]
    pub(crate) url: Endpoint,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Stop after this many messages
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) count: Option<u64>,
    /// Stop this long after the first connection, as 30s, 5m or 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = parse::duration)]
    pub(crate) time: Option<Duration>,
    /// Give up after so many further tries to connect, in a row, that bring no message
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) retries: u32,
    /// End the capture when the connection is lost
    #[arg(long, conflicts_with = "retries")]
    pub(crate) no_reconnect: bool,
    /// How long a server may take to accept a connection and to answer the handshake
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = super::tail::timeout)]
    pub(crate) connect_timeout: Duration,
    /// Print one JSON object instead of the digest
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
    #[command(flatten)]
    pub(crate) feed: FeedArgs,
}

/// Make an archive of the journal that a capture left
#[derive(Debug, Args)]
#[command(after_help = "\
The journal goes when its archive is there. Where its end was torn, as by a loss of power, the bytes
that are no whole message are counted, and the journal is kept as JOURNAL.torn, or JOURNAL.torn.2 and so on
where there is such a file.")]
pub(crate) struct Recover {
    /// The journal, as feed.parquet.journal
    pub(crate) journal: PathBuf,
    /// The archive to make [default: the journal's name without .journal]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite a file that exists
    #[arg(long)]
    pub(crate) force: bool,
    /// Print one JSON object instead of the digest
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
}
