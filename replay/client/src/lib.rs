//! A WebSocket client for feeds of market data, tradesim's own and foreign ones.
//!
//! A [`Connection`] is a stream of [`Event`]s that reports when it has to wait: with TLS, a handshake that accepts every server
//! that RFC 6455 allows, messages of any length and with any bytes, an idle timeout, and the [`Dialogue`] that foreign feeds
//! expect. [`ResumeState`] decides how a stream continues over several connections. There is no asynchronous runtime, because
//! a client waits for one socket. Clocks, signals and random numbers come from the caller.
#![deny(missing_docs)]

mod attempts;
mod connection;
pub mod dialogue;
mod disconnect;
pub mod endpoint;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
pub mod header;
mod idle;
mod inbound;
mod notices;
mod resume;
pub mod secret;
mod socket;
mod tcp;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod transport;
pub mod url;

pub use attempts::Attempts;
pub use connection::{Connection, Event};
pub use dialogue::{Dialogue, Heartbeat};
pub use disconnect::DisconnectReason;
pub use endpoint::Endpoint;
pub use handshake::OpenError;
pub use inbound::{BEGINNING_BYTES, Oversize};
pub use resume::{Fault, Identity, Next, ResumeState, TooLarge};
pub use tungstenite::protocol::frame::coding::CloseCode;

use inbound::Received;
use tcp::TcpStreamWithPoll;

/// The longest wait of a read, so that callers can check signals and deadlines.
pub const TICK: std::time::Duration = std::time::Duration::from_millis(100);
