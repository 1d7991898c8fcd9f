//! A connection: a socket with the deadlines of its caller.

use std::time::Duration;

use tradesim_protocol::HandshakeHeaders;
use tungstenite::{Error, Message, error::ProtocolError, protocol::frame::coding::CloseCode};

use crate::{ClientSocket, DisconnectReason, Endpoint, OpenError, Received, Target, header::Header};

/// An established connection.
#[derive(Debug)]
pub struct Connection {
    socket: ClientSocket,
    /// The tradesim headers of the handshake.
    pub handshake: HandshakeHeaders,
}

impl Connection {
    /// Connects and completes the handshake within `timeout`, as long as `is_wanted` returns true. `now` is any clock.
    ///
    /// # Errors
    /// A server that is unreachable or refuses, and an attempt that is not wanted any more.
    pub fn open(
        endpoint: &Endpoint,
        headers: &[Header],
        timeout: Duration,
        now: impl Fn() -> Duration,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Connection, OpenError> {
        let started = now();
        let mut check = || {
            if !is_wanted() {
                return Err(OpenError::Stopped);
            }
            if now().saturating_sub(started) < timeout {
                return Ok(());
            }
            Err(OpenError::Unreachable(format!("no handshake response within {timeout:?}")))
        };
        let target = Target {
            tls: endpoint.tls,
            host: &endpoint.host,
            port: endpoint.port,
            host_header: &endpoint.host_header(),
            path: &endpoint.target(),
            headers,
            connect_timeout: timeout,
        };
        let (socket, handshake) = ClientSocket::open(&target, &mut check)?;
        Ok(Connection { socket, handshake })
    }

    /// Returns true if the server numbers its messages.
    pub fn is_numbered(&self) -> bool {
        self.handshake.start_seq.is_some()
    }

    /// Reads the next message. [`is_would_block`](crate::is_would_block) recognises the error that only means "not yet".
    ///
    /// # Errors
    /// The errors of the library, which [`disconnect_reason`] interprets.
    #[inline]
    pub fn read(&mut self) -> Result<Received, Error> {
        self.socket.read()
    }

    /// Sends a message.
    ///
    /// # Errors
    /// Fails if the connection is lost.
    pub fn send(&mut self, message: Message) -> Result<(), DisconnectReason> {
        let lost = |error: Error| DisconnectReason::Lost(format!("cannot send to the server: {error}"));
        self.socket.send(message).map_err(lost)
    }

    /// Sets how long the next read waits, and sends what is unsent.
    ///
    /// # Errors
    /// Fails if the connection is lost.
    pub fn allow_wait(&mut self, time: Duration) -> Result<(), DisconnectReason> {
        self.socket.allow_wait(time).map_err(|error| DisconnectReason::Lost(error.to_string()))
    }

    /// Returns true if anything arrived since the last call.
    pub fn take_activity(&mut self) -> bool {
        self.socket.tcp().take_activity()
    }

    /// Sends a close frame and waits at most `timeout` for the answer, so that the server does not see a broken connection.
    /// Returns the number of messages that arrived meanwhile and were discarded.
    pub fn close(self, code: CloseCode, timeout: Duration, now: impl Fn() -> Duration) -> u64 {
        let started = now();
        self.socket.close(code, || now().saturating_sub(started) >= timeout)
    }
}

/// The server violated the WebSocket protocol.
#[derive(Debug, thiserror::Error)]
#[error("the server violated the WebSocket protocol: {0}")]
pub struct Violation(Error);

/// Interprets an error of reading as a lost connection.
///
/// # Errors
/// Fails if the server violated the protocol.
pub fn disconnect_reason(error: Error) -> Result<DisconnectReason, Violation> {
    match error {
        Error::Io(error) => Ok(DisconnectReason::Lost(error.to_string())),
        Error::ConnectionClosed | Error::AlreadyClosed => Ok(DisconnectReason::Lost("closed".to_owned())),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Ok(DisconnectReason::Lost("the server closed it without a close frame".to_owned()))
        }
        error => Err(Violation(error)),
    }
}

/// Returns true if the server sent a message or a ping.
pub fn is_from_feed(received: &Result<Received, Error>) -> bool {
    match received {
        Ok(Received::Message(message)) => {
            matches!(message, Message::Text(_) | Message::Binary(_) | Message::Ping(_))
        }
        Ok(Received::Oversize(_)) => true,
        Err(_) => false,
    }
}
