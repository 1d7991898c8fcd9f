//! Arguments of `capture` and `recover`.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{FeedArgs, OutputArgs, ThreadArgs};
use tradesim_client::Endpoint;

use crate::parse;

/// Store the messages of any WebSocket feed in an archive
#[derive(Debug, Args)]
#[command(after_help = "\
Every message is stored byte for byte, with its receive time. A capture ends when the feed closes with code 1000, after \
--count messages or --for DURATION, or on SIGINT or SIGTERM; FILE is created only then. Until then the messages are in \
FILE.journal, which is synced to disk every second. `tradesim recover` converts the journal that a crash leaves \
into an archive.

A lost connection is re-established. A feed of `replay` or `serve` then resumes with the next message. With any other \
feed there may be a gap, which is reported, counted and recorded in the archive.

A message of more than 16 MiB is not stored: the report contains its length and BLAKE3 hash, and the archive records a \
gap. The capture continues, and its exit code is 3.")]
pub(crate) struct Capture {
    /// URL of the feed, for example ws://127.0.0.1:8765 or wss://example.org/feed; without a scheme, HOST or HOST:PORT
    /// (default port: 8765)
    #[arg(value_name = "URL")]
    pub(crate) url: Endpoint,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Stop after this many messages
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) count: Option<u64>,
    /// Stop this long after the first connection, for example 30s, 5m or 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = parse::duration)]
    pub(crate) time: Option<Duration>,
    /// Consecutive reconnect attempts without a message before giving up
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) retries: u32,
    /// Stop when the connection is lost
    #[arg(long, conflicts_with = "retries")]
    pub(crate) no_reconnect: bool,
    /// Timeout for connecting and for the handshake response
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

/// Convert the journal of an interrupted capture into an archive
#[derive(Debug, Args)]
#[command(after_help = "\
The journal is deleted after the archive is written. If the journal is truncated, for example by a power failure, the \
bytes of the incomplete message are counted, and the journal is kept as JOURNAL.torn (or JOURNAL.torn.2 and so on, if \
that file exists).")]
pub(crate) struct Recover {
    /// The journal, for example feed.parquet.journal
    pub(crate) journal: PathBuf,
    /// The archive to write [default: the name of the journal without .journal]
    #[arg(short, long, value_name = "FILE", value_parser = parse::output_file())]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    pub(crate) force: bool,
    /// Print one JSON object instead of the digest
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
}
