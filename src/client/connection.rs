//! A connection: the WebSocket client of the bridge, with the deadlines and signals of a command.

use std::time::Duration;

use anyhow::anyhow;
pub(crate) use tradesim_bridge::socket::is_would_block;
use tradesim_bridge::socket::{ClientSocket, HandshakeHeaders, OpenError, Received, Target, header::Header};
use tungstenite::{Error, Message, error::ProtocolError, protocol::frame::coding::CloseCode};

use super::resume::DisconnectReason;
use crate::{endpoint::Endpoint, exit::Failure, progress::Stopwatch, signals::Stop};

/// The time after which a read returns, so that the caller can check signals and deadlines.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// The reason why connecting failed.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// The server does not respond: a retry may help.
    Unreachable(String),
    /// The server refused the connection, or is not a WebSocket server.
    Refused(String),
    /// A signal was received.
    Stopped(Failure),
}

/// An established connection.
pub(crate) struct Connection {
    socket: ClientSocket,
    pub(crate) greeting: HandshakeHeaders,
}

impl Connection {
    /// Connects and completes the handshake within `timeout`.
    pub(crate) fn open(
        endpoint: &Endpoint,
        headers: &[Header],
        timeout: Duration,
        stop: &Stop,
    ) -> Result<Connection, ConnectError> {
        let clock = Stopwatch::start();
        let mut check = || {
            if stop.number().is_some() {
                return Err(OpenError::Stopped);
            }
            if clock.elapsed() < timeout {
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
        match ClientSocket::open(&target, &mut check) {
            Ok((socket, greeting)) => Ok(Connection { socket, greeting }),
            Err(OpenError::Unreachable(text)) => Err(ConnectError::Unreachable(text)),
            Err(OpenError::Refused(text) | OpenError::Broken(text)) => Err(ConnectError::Refused(text)),
            Err(OpenError::Stopped) => {
                let signal = stop.number().expect("a signal is why it stopped");
                Err(ConnectError::Stopped(Failure::Interrupted { signal }))
            }
        }
    }

    /// Returns true if the server numbers its messages.
    pub(crate) fn is_numbered(&self) -> bool {
        self.greeting.start_seq.is_some()
    }

    /// Reads the next message. [`is_would_block`] recognises the error that only means "not yet".
    pub(crate) fn read(&mut self) -> Result<Received, Error> {
        self.socket.read()
    }

    /// Sends a message.
    ///
    /// # Errors
    /// Fails if the connection is lost.
    pub(crate) fn send(&mut self, message: Message) -> Result<(), DisconnectReason> {
        let lost = |error: Error| DisconnectReason::Lost(format!("cannot send to the server: {error}"));
        self.socket.send(message).map_err(lost)
    }

    /// Sets how long the next read waits.
    ///
    /// # Errors
    /// Fails if the connection is lost.
    pub(crate) fn let_wait(&mut self, time: Duration) -> Result<(), DisconnectReason> {
        self.socket.allow_wait(time).map_err(|error| DisconnectReason::Lost(error.to_string()))
    }

    /// Returns true if anything arrived since the last call.
    pub(crate) fn take_heard(&mut self) -> bool {
        self.socket.tcp().take_activity()
    }

    /// Sends a close frame and waits at most `timeout` for the answer, so that the server does not see a broken connection.
    pub(crate) fn close(self, code: CloseCode, timeout: Duration) {
        let clock = Stopwatch::start();
        self.socket.close(code, || clock.elapsed() >= timeout);
    }
}

/// Interprets an error of reading as a lost connection.
///
/// # Errors
/// Fails if the server violated the protocol.
pub(crate) fn broken(error: Error) -> anyhow::Result<DisconnectReason> {
    match error {
        Error::Io(error) => Ok(DisconnectReason::Lost(error.to_string())),
        Error::ConnectionClosed | Error::AlreadyClosed => Ok(DisconnectReason::Lost("closed".to_owned())),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Ok(DisconnectReason::Lost("the server closed it without a close frame".to_owned()))
        }
        error => Err(anyhow!("the server violated the WebSocket protocol: {error}")),
    }
}

/// Returns true if the server sent a message or a ping.
pub(crate) fn is_said(received: &Result<Received, Error>) -> bool {
    match received {
        Ok(Received::Message(message)) => {
            matches!(message, Message::Text(_) | Message::Binary(_) | Message::Ping(_))
        }
        Ok(Received::Oversize(_)) => true,
        Err(_) => false,
    }
}
