//! A WebSocket client: a stream that reports when a read would block, TLS, a handshake that accepts every server that
//! RFC 6455 allows, messages of any length and with any bytes, and the dialogue that foreign feeds expect. The bridge and
//! the clients of the command line share it.

mod client;
pub mod dialogue;
mod greeting;
mod handshake;
pub mod header;
pub mod inbound;
mod line;
mod wire;

pub use client::{ClientSocket, Target};
pub use dialogue::Dialogue;
pub use greeting::{Greeting, PROTOCOL};
pub use handshake::OpenError;
pub use inbound::{Oversize, Received};
pub use line::{Line, tls_error};
pub use wire::{Wire, is_would_block};
