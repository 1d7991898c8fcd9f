//! Arguments of `tail`.

use std::time::Duration;

use clap::Args;
use tradesim_schemas::{ContentDigest, EventType};

use super::{HeaderArgs, common::SymbolNames};
use tradesim_client::Endpoint;
use tradesim_protocol::StateRequest;

use crate::parse;

/// Receive a stream over WebSocket and print its messages, one per line
#[derive(Debug, Args)]
#[command(after_help = "\
After a lost connection, `tail` reconnects and resumes with the next message: no message is missing, and none is printed \
twice. Only `replay` and `serve` support this; with any other server, a lost connection is an error.

`tail --state --count 0` prints the state at the position of the player, and nothing else.

A message of more than 16 MiB is not printed but reported on standard error, and the exit code is 3.

--digest also reports the latency. It compares the local clock with the send times in the pings of `replay` and `serve`, \
so it is meaningful on one machine, or between machines with synchronised clocks.")]
pub(crate) struct Tail {
    /// URL of the server, for example ws://127.0.0.1:8765 or wss://example.org/feed; without a scheme, HOST or HOST:PORT
    /// (default port: 8765)
    #[arg(value_name = "URL")]
    pub(crate) url: Endpoint,
    /// Stop after this many messages
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) count: Option<u64>,
    /// Stop this long after the first connection, for example 30s, 5m or 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = parse::duration)]
    pub(crate) time: Option<Duration>,
    /// Start with message N of the stream
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) from_seq: Option<u64>,
    /// Only these symbols, for example AAPL,MSFT
    #[arg(long, value_name = "SYMBOLS", value_parser = super::common::symbol_names)]
    pub(crate) symbols: Option<SymbolNames>,
    /// Only these event types: a list of trade, orderbook and marketdata
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) events: Vec<EventType>,
    /// Also print the state of the market before the first message, and after each jump of the player: a JSON object with
    /// the last book of each symbol, the open candles, and the period of the day; with `orders` also the open orders
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "books",
          value_parser = state, conflicts_with = "digest")]
    pub(crate) state: Option<StateRequest>,
    /// Print one short, readable line per message
    #[arg(long, conflicts_with = "digest")]
    pub(crate) pretty: bool,
    /// Print raw bytes even on a terminal, where control characters are otherwise shown as \\u001b
    #[arg(long, conflicts_with_all = ["digest", "pretty"])]
    pub(crate) raw: bool,
    /// Instead of messages, print their digest at the end, and count, rate and latency on standard error
    #[arg(long)]
    pub(crate) digest: bool,
    /// Print one JSON object instead of the digest
    #[arg(long, requires = "digest")]
    pub(crate) json: bool,
    /// Exit with 3 unless the received messages have this digest
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    pub(crate) expect: Option<ContentDigest>,
    /// Consecutive reconnect attempts without a message before giving up
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) retries: u32,
    /// Timeout for connecting and for the handshake response
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout)]
    pub(crate) connect_timeout: Duration,
    #[command(flatten)]
    pub(crate) headers: HeaderArgs,
}

fn state(text: &str) -> Result<StateRequest, parse::Invalid> {
    StateRequest::parse(text).ok_or(parse::Invalid::expected("books or orders"))
}

fn digest(text: &str) -> Result<ContentDigest, tradesim_schemas::ParseDigestError> {
    text.parse()
}

pub(super) fn timeout(text: &str) -> Result<Duration, parse::Invalid> {
    parse::duration(text)
        .ok()
        .filter(|time| !time.is_zero() && *time <= Duration::from_secs(3_600))
        .ok_or(parse::Invalid::expected("a duration such as 500ms or 10s, more than 0 and at most 1h"))
}
