//! The wire vocabulary of the WebSocket protocol (docs/PROTOCOL.md), which servers and clients share: queries, handshake
//! headers, notices, pings, control messages and close codes.
//!
//! Everything here is a value: there are no sockets, no clocks and no random numbers.
#![deny(missing_docs)]

mod backoff;
mod close;
mod control_message;
pub mod foreign;
mod handshake;
mod names;
mod notice;
mod ping;
mod position;
mod query;
mod refusal;
mod speed;
mod state;
mod vocabulary;

pub use backoff::Backoff;
pub use close::{CloseCode, CloseKind};
pub use control_message::{Action, ControlMessage};
pub use handshake::HandshakeHeaders;
pub use names::{SEQ_END, is_name};
pub use notice::{EventPhase, Notice, NoticeError, ORDERS_MAX, OrderList, PHASES_MAX, StateNotice};
pub use ping::PingPayload;
pub use position::{ParsePositionError, Position};
pub use query::{FeedQuery, StateRequest};
pub use refusal::{Refusal, shown};
pub use speed::{Factor, ParseSpeedError, Speed};
pub use state::State;
pub use vocabulary::hint;

/// The name of the subprotocol with notices.
pub const SUBPROTOCOL: &str = "tradesim.v1";
