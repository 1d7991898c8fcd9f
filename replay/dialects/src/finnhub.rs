//! The WebSocket protocol of Finnhub for trades: the shortest dialect, and the worked example of docs/guide/dialects.md.
//!
//! Source: finnhub.io/docs/api/websocket-trades.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tradesim_schemas::{Event, Symbol, Trade, text::percent_decoded};

use crate::{
    dialect::{Channel, Dialect, Framing, SessionSetup, Transport, Wire},
    encode::{Encode, Frames, Input},
    json,
    reference::Reference,
    session::{CloseReason, Incoming, Io, Refused, Rules},
};

/// The dialect.
pub(crate) static DIALECT: Dialect = Dialect {
    name: "finnhub",
    vendor: "Finnhub",
    transport: Transport::WebSocket { path: "/finnhub", answers: |path| path == "/finnhub" },
    channels: &[Channel::carried("trade")],
    wires: &[Wire { name: "json", framing: Framing::Text, encoder: |_: &Arc<Reference>| Box::new(Encoder) }],
    headers: &["x-finnhub-token"],
    holds_at_end: false,
    choose_wire: |_| 0,
    rules: |setup| Box::new(Finnhub { setup }),
};

const TRADES: u8 = 0;

/// The time of silence after which the vendor sends a ping.
const PING_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Encoder;

impl Encode for Encoder {
    fn encode(&mut self, input: &Input<'_>, out: &mut Frames) {
        if let Event::Trade(trade) = input.event
            && trade.status.is_execution()
        {
            out.push(TRADES, trade.symbol, |out| print(trade, out));
        }
    }

    fn reset(&mut self) {}
}

fn print(trade: &Trade, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"data":[{"c":["1"],"p":"#);
    json::price(trade.price, out);
    out.extend_from_slice(br#","s":"#);
    json::text(trade.symbol.as_str(), out);
    out.extend_from_slice(br#","t":"#);
    json::millis(trade.timestamp, out);
    out.extend_from_slice(br#","v":"#);
    json::uint(u64::from(trade.quantity.get()), out);
    out.extend_from_slice(br#"}],"type":"trade"}"#);
}

#[derive(Debug)]
struct Finnhub {
    setup: SessionSetup,
}

impl Rules for Finnhub {
    fn greet(&mut self, io: &mut Io) {
        let handshake = &self.setup.handshake;
        let in_query = handshake.query.split('&').find_map(|pair| pair.strip_prefix("token="));
        let in_query = in_query.map(|token| percent_decoded(token).unwrap_or_default());
        let token = in_query.as_deref().or_else(|| handshake.header("x-finnhub-token")).unwrap_or_default();
        // there is no message for a key: a client without the right one is refused at once
        if io.authenticate(token, None) {
            io.heartbeat = Some(PING_EVERY);
        } else {
            error(io, "Invalid API key");
            io.close(CloseReason::Refused);
        }
    }

    fn receive(&mut self, message: Incoming<'_>, io: &mut Io) {
        let parsed = match message {
            Incoming::Text(text) => serde_json::from_str(text),
            Incoming::Binary(bytes) | Incoming::Bytes(bytes) => serde_json::from_slice(bytes),
        };
        let parsed: Value = match parsed {
            Ok(parsed) => parsed,
            Err(_) => return error(io, "Invalid message"),
        };
        let text = |key: &str| parsed.get(key).and_then(Value::as_str);
        let symbol = text("symbol").and_then(Symbol::new);
        match (text("type"), symbol) {
            (Some("subscribe"), Some(symbol)) => match io.subscriptions.add(TRADES, symbol) {
                // the vendor does not acknowledge: the client counts from here on
                Ok(()) => io.acknowledged(),
                Err(failure) => error(io, &failure.to_string()),
            },
            (Some("unsubscribe"), Some(symbol)) => io.subscriptions.remove(TRADES, symbol),
            (Some("subscribe" | "unsubscribe"), None) => error(io, "Invalid symbol"),
            // an answer to our ping
            (Some("pong" | "ping"), _) => {}
            _ => error(io, "Unknown message type"),
        }
    }

    fn refuse(&mut self, why: Refused, io: &mut Io) {
        match why {
            Refused::AuthenticationTimeout => error(io, "Invalid API key"),
            Refused::Invalid => error(io, "Invalid message"),
            Refused::ConnectionLimit => error(io, "Too many connections"),
            Refused::TooSlow => error(io, "Slow client"),
        }
    }

    fn idle(&mut self, io: &mut Io) {
        io.send(&br#"{"type":"ping"}"#[..]);
    }
}

fn error(io: &mut Io, message: &str) {
    let mut out = br#"{"type":"error","msg":"#.to_vec();
    json::text(message, &mut out);
    out.push(b'}');
    io.send(out);
}
