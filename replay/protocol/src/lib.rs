//! The wire vocabulary of the WebSocket protocol (docs/PROTOCOL.md), which servers write and clients read.
//!
//! Everything here is a value: there are no sockets, no clocks and no random numbers.
#![deny(missing_docs)]

mod backoff;
pub mod foreign;
mod handshake;
mod names;
mod notice;
mod speed;
mod state;

pub use backoff::Backoff;
pub use handshake::HandshakeHeaders;
pub use names::{SEQ_END, is_name};
pub use notice::{Notice, PingPayload};
pub use speed::{Factor, ParseSpeedError, Speed};
pub use state::State;

/// The name of the subprotocol with notices.
pub const SUBPROTOCOL: &str = "tradesim.v1";
