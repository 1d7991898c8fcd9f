//! A WebSocket client for feeds of market data, tradesim's own and foreign ones.
//!
//! A [`Connection`] is a stream that reports when a read would block, with TLS, a handshake that accepts every server that
//! RFC 6455 allows, and messages of any length and with any bytes. [`IdleTimeout`] decides when it counts as lost,
//! [`ResumeState`] how a stream continues over several connections, and [`Dialogue`] is what foreign feeds expect. There is
//! no asynchronous runtime, because a client waits for one socket. Clocks, signals and random numbers come from the caller.
#![deny(missing_docs)]

mod connection;
pub mod dialogue;
pub mod endpoint;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
pub mod header;
mod idle;
pub mod inbound;
mod notices;
mod resume;
pub mod secret;
mod socket;
mod tcp;
mod transport;
pub mod url;

pub use connection::{Connection, Violation, disconnect_reason, is_from_feed};
pub use dialogue::{Dialogue, Pings};
pub use endpoint::Endpoint;
pub use handshake::OpenError;
pub use idle::IdleTimeout;
pub use inbound::{Oversize, Received};
pub use notices::Notices;
pub use resume::{DisconnectReason, Fault, Identity, Next, ResumeState, TooLarge};
pub use socket::{ClientSocket, Target};
pub use tcp::{TcpStreamWithPoll, is_would_block};
pub use transport::{Transport, tls_error};

/// The longest wait of a read, so that callers can check signals and deadlines.
pub const TICK: std::time::Duration = std::time::Duration::from_millis(100);
