//! One connection: the bridge's client, with the deadlines and signals of a command.

use std::time::Duration;

use anyhow::anyhow;
pub(crate) use tradesim_bridge::socket::is_would_block;
use tradesim_bridge::socket::{ClientSocket, HandshakeHeaders, OpenError, Received, Target, header::Header};
use tungstenite::{Error, Message, error::ProtocolError, protocol::frame::coding::CloseCode};

use super::follower::Ending;
use crate::{endpoint::Endpoint, exit::Failure, progress::Stopwatch, signals::Stop};

/// How long a read waits before the caller looks at signals and deadlines.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// Nobody is there, or nobody answers: trying again may help.
    Unreachable(String),
    /// Somebody is there and does not want to, or is not a WebSocket server.
    Refused(String),
    /// A signal came.
    Stopped(Failure),
}

/// A connection behind its handshake.
pub(crate) struct Connection {
    socket: ClientSocket,
    pub(crate) greeting: HandshakeHeaders,
}

impl Connection {
    /// Connects and shakes hands, within `timeout`.
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
            Err(OpenError::Unreachable(format!("no answer to the handshake within {timeout:?}")))
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

    /// The next message; [`is_would_block`] tells the error that is none.
    pub(crate) fn read(&mut self) -> Result<Received, Error> {
        self.socket.read()
    }

    /// Sends a message.
    ///
    /// # Errors
    /// A connection that is lost.
    pub(crate) fn send(&mut self, message: Message) -> Result<(), Ending> {
        let lost = |error: Error| Ending::Lost(format!("nothing can be sent to the server: {error}"));
        self.socket.send(message).map_err(lost)
    }

    /// Lets the next read wait.
    ///
    /// # Errors
    /// A connection that is lost.
    pub(crate) fn let_wait(&mut self, time: Duration) -> Result<(), Ending> {
        self.socket.allow_wait(time).map_err(|error| Ending::Lost(error.to_string()))
    }

    /// Returns true if anything arrived since the last call.
    pub(crate) fn take_heard(&mut self) -> bool {
        self.socket.tcp().take_activity()
    }

    /// Says goodbye and waits a moment for the answer, so that the server does not see a broken connection.
    pub(crate) fn close(self, code: CloseCode, patience: Duration) {
        let clock = Stopwatch::start();
        self.socket.close(code, || clock.elapsed() >= patience);
    }
}

/// What an error of reading means: a lost connection, or a server that breaks the protocol.
pub(crate) fn broken(error: Error) -> anyhow::Result<Ending> {
    match error {
        Error::Io(error) => Ok(Ending::Lost(error.to_string())),
        Error::ConnectionClosed | Error::AlreadyClosed => Ok(Ending::Lost("closed".to_owned())),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            Ok(Ending::Lost("the server went away without closing it".to_owned()))
        }
        error => Err(anyhow!("the server broke the WebSocket protocol: {error}")),
    }
}

/// Returns true if a server sent a message or a ping.
pub(crate) fn is_said(received: &Result<Received, Error>) -> bool {
    match received {
        Ok(Received::Message(message)) => {
            matches!(message, Message::Text(_) | Message::Binary(_) | Message::Ping(_))
        }
        Ok(Received::Oversize(_)) => true,
        Err(_) => false,
    }
}
