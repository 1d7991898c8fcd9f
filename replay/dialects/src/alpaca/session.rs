//! Sessions of Alpaca.

use serde_json::Value as Json;
use tradesim_schemas::Symbol;

use super::{
    CANCEL_ERRORS, CHANNELS, CORRECTIONS, TRADES,
    fields::{Encoding, Object},
};
use crate::{
    dialect::SessionSetup,
    msgpack,
    session::{CloseReason, Incoming, Io, Refused, Rules},
    subscriptions::{Subscriptions, TooManySymbols},
};

/// An error of the vendor's table: its code and its text.
type Failure = (u64, &'static str);

const INVALID_SYNTAX: Failure = (400, "invalid syntax");
const NOT_AUTHENTICATED: Failure = (401, "not authenticated");
const AUTH_FAILED: Failure = (402, "auth failed");
const ALREADY_AUTHENTICATED: Failure = (403, "already authenticated");
const AUTH_TIMEOUT: Failure = (404, "auth timeout");
const SYMBOL_LIMIT: Failure = (405, "symbol limit exceeded");
const CONNECTION_LIMIT: Failure = (406, "connection limit exceeded");
const SLOW_CLIENT: Failure = (407, "slow client");
const INVALID_ACTION: Failure = (410, "invalid subscribe action for this feed");

/// The name of all symbols.
const ALL: &str = "*";

pub(super) fn new(setup: SessionSetup) -> Box<dyn Rules> {
    let encoding = if setup.wire == 0 { Encoding::Json } else { Encoding::Msgpack };
    Box::new(Alpaca { setup, encoding })
}

#[derive(Debug)]
struct Alpaca {
    setup: SessionSetup,
    encoding: Encoding,
}

impl Rules for Alpaca {
    fn greet(&mut self, io: &mut Io) {
        self.success("connected", io);
        let handshake = &self.setup.handshake;
        if let (Some(key), Some(secret)) =
            (handshake.header("apca-api-key-id"), handshake.header("apca-api-secret-key"))
        {
            let (key, secret) = (key.to_owned(), secret.to_owned());
            self.authenticate(&key, &secret, io);
        }
    }

    fn receive(&mut self, message: Incoming<'_>, io: &mut Io) {
        // the vendor's clients send JSON as binary messages, too
        let parsed = match (message, self.encoding) {
            (Incoming::Text(text), _) => serde_json::from_str(text).ok(),
            (Incoming::Binary(bytes) | Incoming::Bytes(bytes), Encoding::Msgpack) => msgpack::read(bytes),
            (Incoming::Binary(bytes) | Incoming::Bytes(bytes), Encoding::Json) => {
                serde_json::from_slice(bytes).ok()
            }
        };
        let Some(Json::Object(members)) = parsed else { return self.fail(INVALID_SYNTAX, io) };
        let text = |key: &str| members.get(key).and_then(Json::as_str);
        match text("action") {
            Some("auth") if io.authenticated => self.fail(ALREADY_AUTHENTICATED, io),
            Some("auth") => match (text("key"), text("secret")) {
                (Some(key), Some(secret)) => self.authenticate(key, secret, io),
                _ => self.fail(INVALID_SYNTAX, io),
            },
            Some("subscribe" | "unsubscribe") if !io.authenticated => self.fail(NOT_AUTHENTICATED, io),
            Some(action @ ("subscribe" | "unsubscribe")) => {
                // a list that is refused changes nothing
                let before = io.subscriptions.clone();
                match change(&members, action == "subscribe", &mut io.subscriptions) {
                    Ok(()) => {
                        self.acknowledge(io);
                        io.acknowledged();
                    }
                    Err(failure) => {
                        io.subscriptions = before;
                        self.fail(failure, io);
                    }
                }
            }
            _ => self.fail(INVALID_SYNTAX, io),
        }
    }

    fn refuse(&mut self, why: Refused, io: &mut Io) {
        let failure = match why {
            Refused::AuthenticationTimeout => AUTH_TIMEOUT,
            Refused::Invalid => INVALID_SYNTAX,
            Refused::ConnectionLimit => CONNECTION_LIMIT,
            Refused::TooSlow => SLOW_CLIENT,
        };
        self.fail(failure, io);
    }
}

impl Alpaca {
    fn authenticate(&self, key: &str, secret: &str, io: &mut Io) {
        if io.authenticate(key, Some(secret)) {
            self.success("authenticated", io);
        } else {
            self.fail(AUTH_FAILED, io);
            io.close(CloseReason::Refused);
        }
    }

    /// States the whole subscription, as the vendor does after each change.
    fn acknowledge(&self, io: &mut Io) {
        let lists: Vec<Vec<String>> = (0..CHANNELS.len() as u8)
            .map(|channel| {
                // these two come with the trades
                let of = if channel == CORRECTIONS || channel == CANCEL_ERRORS { TRADES } else { channel };
                let all = io.subscriptions.has_all(of).then(|| ALL.to_owned());
                let named = io.subscriptions.named(of).map(|symbol| symbol.to_string());
                all.into_iter().chain(named).collect()
            })
            .collect();
        let texts: Vec<Vec<&str>> =
            lists.iter().map(|list| list.iter().map(String::as_str).collect()).collect();
        self.send(1 + CHANNELS.len(), io, |object| {
            object.text("T", "subscription");
            for (channel, list) in CHANNELS.iter().zip(&texts) {
                object.texts(channel.name, list);
            }
        });
    }

    fn success(&self, message: &str, io: &mut Io) {
        self.send(2, io, |object| {
            object.text("T", "success");
            object.text("msg", message);
        });
    }

    fn fail(&self, (code, message): Failure, io: &mut Io) {
        self.send(3, io, |object| {
            object.text("T", "error");
            object.uint("code", code);
            object.text("msg", message);
        });
    }

    fn send(&self, fields: usize, io: &mut Io, write: impl FnOnce(&mut Object<'_>)) {
        let mut message = Vec::new();
        let mut object = Object::begin(self.encoding, fields, &mut message);
        write(&mut object);
        object.end();
        io.send(message);
    }
}

/// Applies the lists of a message.
fn change(
    members: &serde_json::Map<String, Json>,
    adds: bool,
    subscriptions: &mut Subscriptions,
) -> Result<(), Failure> {
    for (key, value) in members.iter().filter(|(key, _)| *key != "action") {
        let channel = CHANNELS.iter().position(|known| known.name == key);
        let symbols = match value {
            Json::Array(symbols) => symbols.as_slice(),
            // a client's empty list, in languages that have a null for it
            Json::Null => &[],
            _ if channel.is_some() => return Err(INVALID_SYNTAX),
            _ => return Err(INVALID_ACTION),
        };
        let Some(channel) = channel.map(|channel| channel as u8) else {
            if symbols.is_empty() {
                // the vendor's client for Go names the channels of all its feeds in each message
                continue;
            }
            return Err(INVALID_ACTION);
        };
        for symbol in symbols {
            let name = symbol.as_str().ok_or(INVALID_SYNTAX)?;
            if name == ALL {
                match adds {
                    true => subscriptions.add_all(channel),
                    false => subscriptions.remove_all(channel),
                }
                continue;
            }
            let symbol = Symbol::new(name).ok_or(INVALID_SYNTAX)?;
            match adds {
                true => subscriptions.add(channel, symbol).map_err(|TooManySymbols| SYMBOL_LIMIT)?,
                false => subscriptions.remove(channel, symbol),
            }
        }
    }
    Ok(())
}
