//! Arguments of `tail`.

use std::time::Duration;

use clap::Args;
use tradesim_schemas::{Digest, EventType};

use super::{HeaderArgs, common::SymbolNames};
use crate::{
    endpoint::{self, Endpoint},
    parse,
};

/// Receive a stream over WebSocket and print its messages, one a line
#[derive(Debug, Args)]
#[command(after_help = "\
When the connection is lost it is made again, and the stream goes on with the message that was due:
no message is missing and none comes twice. Only `replay` and `serve` can do that; with any other
server a lost connection is an error.

A message above 16 MiB is not printed but reported on the standard error, and the exit code is 3.

--digest gives the latency too, from the send times that `replay` and `serve` put into their pings:
the local clock against theirs. It means something on one machine, or where clocks are synchronised.")]
pub(crate) struct Tail {
    /// The server, as ws://127.0.0.1:8765 or wss://example.org/feed (without a scheme the port may be left out: 8765)
    #[arg(value_name = "URL", value_parser = endpoint::endpoint)]
    pub(crate) url: Endpoint,
    /// Stop after this many messages
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) count: Option<u64>,
    /// Stop this long after the first connection, as 30s, 5m or 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = parse::duration)]
    pub(crate) time: Option<Duration>,
    /// Begin with message N of the stream
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) from_seq: Option<u64>,
    /// Only these symbols, as AAPL,MSFT
    #[arg(long, value_name = "SYMBOLS", value_parser = super::common::symbol_names)]
    pub(crate) symbols: Option<SymbolNames>,
    /// Only these types, as trade,orderbook (of trade, orderbook, marketdata)
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) events: Vec<EventType>,
    /// Print a compact line a message, for people
    #[arg(long, conflicts_with = "digest")]
    pub(crate) pretty: bool,
    /// Write the messages' bytes on a terminal as well, where control characters are otherwise shown as \\u001b
    #[arg(long, conflicts_with_all = ["digest", "pretty"])]
    pub(crate) raw: bool,
    /// Print no messages but their digest, at the end; count, rate and latency go to the standard error
    #[arg(long)]
    pub(crate) digest: bool,
    /// Print one JSON object instead of the digest
    #[arg(long, requires = "digest")]
    pub(crate) json: bool,
    /// Exit with 3 if the messages received have another digest than this
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(crate) expect: Option<Digest>,
    /// Give up after so many further tries to connect, in a row, that bring no message
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) retries: u32,
    /// How long a server may take to accept a connection and to answer the handshake
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout)]
    pub(crate) connect_timeout: Duration,
    #[command(flatten)]
    pub(crate) headers: HeaderArgs,
}

fn digest(text: &str) -> Result<Digest, tradesim_schemas::ParseDigestError> {
    text.parse()
}

pub(super) fn timeout(text: &str) -> Result<Duration, parse::Invalid> {
    parse::duration(text)
        .ok()
        .filter(|time| !time.is_zero() && *time <= Duration::from_secs(3_600))
        .ok_or(parse::Invalid::expected("a duration as 500ms or 10s, more than 0 and at most 1h"))
}
