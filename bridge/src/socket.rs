//! A WebSocket client: a stream that reports when a read would block, TLS, a handshake that accepts every server that
//! RFC 6455 allows, messages of any length and with any bytes, and the dialogue that foreign feeds expect. The bridge and
//! the clients of the command line share it.

mod client;
pub mod dialogue;
mod handshake;
mod handshake_headers;
pub mod header;
pub mod inbound;
mod tcp;
mod transport;

pub use client::{ClientSocket, Target};
pub use dialogue::Dialogue;
pub use handshake::OpenError;
pub use handshake_headers::{HandshakeHeaders, PROTOCOL};
pub use inbound::{Oversize, Received};
pub use tcp::{TcpStreamWithPoll, is_would_block};
pub use transport::{Transport, tls_error};
