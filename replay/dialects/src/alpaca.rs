//! The WebSocket protocol of Alpaca's market data for stocks, version 2, as JSON and as MessagePack.
//!
//! Source: docs.alpaca.markets, "Real-time Stock Data"; what clients rely on beyond that is in docs/guide/dialects.md.

mod encode;
mod fields;
mod session;
#[cfg(test)]
mod tests;

use crate::dialect::{Channel, Dialect, Framing, Handshake, Transport, Wire};

/// The dialect.
pub(crate) static DIALECT: Dialect = Dialect {
    name: "alpaca",
    vendor: "Alpaca",
    transport: Transport::WebSocket {
        path: "/v2/{feed}",
        answers: |path| path.strip_prefix("/v2/").is_some_and(is_feed),
    },
    channels: CHANNELS,
    wires: &[
        Wire { name: "json", framing: Framing::Text, encoder: encode::json },
        Wire { name: "msgpack", framing: Framing::Binary, encoder: encode::msgpack },
    ],
    headers: &["content-type", "apca-api-key-id", "apca-api-secret-key"],
    holds_at_end: true,
    choose_wire,
    rules: session::new,
};

/// The feeds of the vendor. They differ in what they cost there, and not at all here.
const FEEDS: [&str; 6] = ["iex", "sip", "delayed_sip", "test", "boats", "overnight"];

const TRADES: u8 = 0;
const QUOTES: u8 = 1;
const BARS: u8 = 2;
const DAILY_BARS: u8 = 4;
const CORRECTIONS: u8 = 7;
const CANCEL_ERRORS: u8 = 8;

/// The channels in the order of the answer to a subscription.
const CHANNELS: &[Channel] = &[
    Channel::carried("trades"),
    Channel::carried("quotes"),
    Channel::carried("bars"),
    Channel::silent("updatedBars"),
    Channel::carried("dailyBars"),
    Channel::silent("statuses"),
    Channel::silent("lulds"),
    Channel::silent("corrections"),
    Channel::silent("cancelErrors"),
    Channel::silent("imbalances"),
];

fn is_feed(name: &str) -> bool {
    FEEDS.contains(&name)
}

fn choose_wire(handshake: &Handshake) -> usize {
    let is_msgpack = |value: &str| {
        let media_type = value.split(';').next().unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case("application/msgpack")
    };
    usize::from(handshake.header("content-type").is_some_and(is_msgpack))
}
