//! Sessions of Massive.

use serde_json::Value;
use tradesim_schemas::Symbol;

use super::CHANNELS;
use crate::{
    dialect::SessionSetup,
    json,
    session::{CloseReason, Incoming, Io, Refused, Rules},
};

pub(super) fn new(_: SessionSetup) -> Box<dyn Rules> {
    Box::new(Massive)
}

#[derive(Debug)]
struct Massive;

/// The symbols that one entry of a list of parameters names.
enum Named {
    All,
    One(Symbol),
}

impl Rules for Massive {
    fn greet(&mut self, io: &mut Io) {
        status(io, "connected", "Connected Successfully");
    }

    fn receive(&mut self, message: Incoming<'_>, io: &mut Io) {
        let parsed = match message {
            Incoming::Text(text) => serde_json::from_str(text),
            Incoming::Binary(bytes) | Incoming::Bytes(bytes) => serde_json::from_slice(bytes),
        };
        let parsed: Value = match parsed {
            Ok(parsed) => parsed,
            Err(_) => return status(io, "error", "invalid message: expected a JSON object"),
        };
        let text = |key: &str| parsed.get(key).and_then(Value::as_str);
        let (Some(action), Some(params)) = (text("action"), text("params")) else {
            return status(io, "error", "invalid message: expected the texts action and params");
        };
        match action {
            "auth" => authenticate(params, io),
            "subscribe" | "unsubscribe" if !io.authenticated => {
                status(io, "error", "not authenticated: send the action auth first");
            }
            "subscribe" => each(params, io, subscribe),
            "unsubscribe" => each(params, io, unsubscribe),
            _ => status(io, "error", "unknown action: expected auth, subscribe or unsubscribe"),
        }
    }

    fn refuse(&mut self, why: Refused, io: &mut Io) {
        match why {
            Refused::AuthenticationTimeout => status(io, "auth_timeout", "authentication timed out"),
            Refused::Invalid => status(io, "error", "invalid message"),
            Refused::ConnectionLimit => {
                status(io, "max_connections", "Maximum number of connections exceeded.")
            }
            Refused::TooSlow => status(io, "slow_consumer", "the client reads too slowly"),
        }
    }
}

fn authenticate(key: &str, io: &mut Io) {
    if io.authenticated {
        // the vendor's clients send their key again after a reconnect of their own
        return status(io, "auth_success", "authenticated");
    }
    if io.authenticate(key, None) {
        status(io, "auth_success", "authenticated");
    } else {
        status(io, "auth_failed", "authentication failed");
        io.close(CloseReason::Refused);
    }
}

/// Applies a change for each entry of a list such as `T.*,Q.AAPL`, in order, with an answer for each.
fn each(params: &str, io: &mut Io, change: impl Fn(u8, Named, &str, &mut Io)) {
    for entry in params.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        match parse(entry) {
            Some((channel, named)) => change(channel, named, entry, io),
            None => status(io, "error", &format!("unknown subscription: {}", shown(entry))),
        }
    }
}

fn parse(entry: &str) -> Option<(u8, Named)> {
    // a symbol may contain dots, a channel does not
    let (channel, symbol) = entry.split_once('.')?;
    let channel = CHANNELS.iter().position(|known| known.name == channel)?;
    let named = if symbol == "*" { Named::All } else { Named::One(Symbol::new(symbol)?) };
    Some((channel as u8, named))
}

fn subscribe(channel: u8, named: Named, entry: &str, io: &mut Io) {
    match named {
        Named::All => {
            io.subscriptions.clear_named(channel);
            io.subscriptions.add_all(channel);
        }
        Named::One(_) if io.subscriptions.has_all(channel) => {}
        Named::One(symbol) => {
            if let Err(error) = io.subscriptions.add(channel, symbol) {
                return status(io, "error", &error.to_string());
            }
        }
    }
    status(io, "success", &format!("subscribed to: {entry}"));
    io.acknowledged();
}

fn unsubscribe(channel: u8, named: Named, entry: &str, io: &mut Io) {
    match named {
        Named::All => {
            io.subscriptions.clear_named(channel);
            io.subscriptions.remove_all(channel);
        }
        Named::One(symbol) => io.subscriptions.remove(channel, symbol),
    }
    status(io, "success", &format!("unsubscribed to: {entry}"));
}

fn status(io: &mut Io, status: &str, message: &str) {
    let mut out = br#"[{"ev":"status","status":"#.to_vec();
    json::text(status, &mut out);
    out.extend_from_slice(br#","message":"#);
    json::text(message, &mut out);
    out.extend_from_slice(b"}]");
    io.send(out);
}

/// Returns the beginning of a text of a client, for an answer to it.
fn shown(text: &str) -> String {
    text.chars().take(32).collect()
}
