//! The WebSocket protocol of Massive (formerly Polygon) for stocks.
//!
//! Sources: massive.com/docs/websocket/stocks, and the specification in the repository massive-com/client-go
//! (`.massive/websocket.json`).

mod encode;
mod session;
#[cfg(test)]
mod tests;

use crate::dialect::{Channel, Dialect, Framing, Transport, Wire};

/// The dialect.
pub(crate) static DIALECT: Dialect = Dialect {
    name: "massive",
    vendor: "Massive (Polygon)",
    transport: Transport::WebSocket { path: "/stocks", answers: |path| path == "/stocks" },
    channels: CHANNELS,
    wires: &[Wire { name: "json", framing: Framing::Text, encoder: encode::new }],
    headers: &[],
    holds_at_end: false,
    choose_wire: |_| 0,
    rules: session::new,
};

const TRADES: u8 = 0;
const QUOTES: u8 = 1;
const MINUTES: u8 = 2;

const CHANNELS: &[Channel] = &[
    Channel::carried("T"),
    Channel::carried("Q"),
    Channel::carried("AM"),
    Channel::silent("A"),
    Channel::silent("LULD"),
    Channel::silent("NOI"),
    Channel::silent("FMV"),
];
