//! The protocols of market-data vendors, which `replay` and `serve` speak beside their own (docs/guide/dialects.md).
//!
//! A [`Dialect`] consists of a table of [channels](Dialect::channels), an encoder, which turns events into messages
//! ([`Encode`]), and the rules of a session: greeting, authentication, subscriptions and errors ([`Rules`]). Everything here is a
//! value: there are no sockets, clocks or random numbers. A server passes in what a client sends and the time, and
//! carries out the [`Output`].
//!
//! Adding a dialect means adding a module and its line in [`REGISTRY`]. For feeds without a dialect there are [`Script`]s.
#![deny(missing_docs)]

mod access;
mod alpaca;
mod databento;
mod dialect;
mod encode;
mod finnhub;
mod json;
mod market;
mod massive;
mod msgpack;
mod reference;
pub mod script;
mod session;
mod subscriptions;

pub use access::{Access, ApiKey, ParseApiKeyError};
pub use dialect::{Channel, Dialect, Framing, Handshake, SessionSetup, Transport, Wire};
pub use encode::{Encode, Frame, Frames, Input, has_counterpart, read_event};
pub use market::trading_day_start;
pub use reference::{Listing, Reference, Tape};
pub use script::{Script, ScriptOutput, ScriptSession};
pub use session::{CloseReason, Fault, Incoming, Io, Output, Refused, Rules, Session};
pub use subscriptions::{CHANNELS_MAX, SYMBOLS_MAX, Subscriptions, TooManySymbols};

/// The dialects.
pub static REGISTRY: &[&Dialect] =
    &[&massive::DIALECT, &alpaca::DIALECT, &finnhub::DIALECT, &databento::DIALECT];

/// Returns the dialect with this name.
pub fn by_name(name: &str) -> Option<&'static Dialect> {
    REGISTRY.iter().copied().find(|dialect| dialect.name == name)
}

/// Returns the dialect that answers WebSocket clients on this path.
pub fn by_path(path: &str) -> Option<&'static Dialect> {
    REGISTRY
        .iter()
        .copied()
        .find(|dialect| matches!(dialect.transport, Transport::WebSocket { answers, .. } if answers(path)))
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
