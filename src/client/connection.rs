//! One connection: TCP, the handshake, and a socket that says when it would have to wait.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use anyhow::anyhow;
use tradesim_replay::PROTOCOL;
use tungstenite::{
    Error, Message, WebSocket,
    error::ProtocolError,
    handshake::{
        client::{Response, generate_key},
        derive_accept_key,
        machine::TryParse,
    },
    http::StatusCode,
    protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
};

use super::{
    follower::{Ending, printable},
    greeting::Greeting,
};
use crate::{endpoint::Endpoint, exit::Failure, progress::Stopwatch, signals::Stop};

/// How long a read waits before the caller looks at signals and deadlines.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// A write that takes longer is tried again later; there are only pongs and a close to write.
const WRITE_TIMEOUT: Duration = Duration::from_millis(100);
/// Read at once; a larger buffer would mostly be cleared in vain.
const READ_BUFFER_BYTES: usize = 128 * 1024;
/// The contract's limit of a message.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// What is shown of a refusal, and how long each part of it may take to come.
const BODY_BYTES_SHOWN: usize = 200;
const BODY_PATIENCE: Duration = Duration::from_millis(500);
/// The limit of a handshake's answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// Nobody is there, or nobody answers: trying again may help.
    Unreachable(String),
    /// Somebody is there and does not want to, or is no WebSocket server.
    Refused(String),
    /// A signal came.
    Stopped(Failure),
}

/// A connection behind its handshake.
pub(crate) struct Connection {
    pub(crate) socket: WebSocket<Wire>,
    pub(crate) greeting: Greeting,
    /// Whether reading failed. The library's state is undefined then, and reading on may panic.
    failed: bool,
}

/// A TCP stream that gives [`io::ErrorKind::WouldBlock`] before each read that may have to wait, so that whoever reads
/// messages knows that all that had arrived are in hand.
pub(crate) struct Wire {
    stream: TcpStream,
    may_wait: bool,
    heard: bool,
}

impl Wire {
    /// Whether anything came since this was asked last.
    pub(crate) fn take_heard(&mut self) -> bool {
        std::mem::take(&mut self.heard)
    }

    /// Lets the next read wait, for at most `time`.
    pub(crate) fn let_wait(&mut self, time: Duration) -> io::Result<()> {
        self.may_wait = true;
        // zero would mean for ever
        self.stream.set_read_timeout(Some(time.max(Duration::from_millis(1))))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !std::mem::take(&mut self.may_wait) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.stream.read(buffer).map_err(interrupted_is_would_block)?;
        self.heard |= count > 0;
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes).map_err(interrupted_is_would_block)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn interrupted_is_would_block(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Interrupted { io::ErrorKind::WouldBlock.into() } else { error }
}

impl Connection {
    /// Connects and shakes hands, within `timeout`.
    pub(crate) fn open(
        endpoint: &Endpoint,
        target: &str,
        timeout: Duration,
        stop: &Stop,
    ) -> Result<Connection, ConnectError> {
        let clock = Stopwatch::start();
        let mut stream = connect(endpoint, timeout)?;
        let unreachable = |error: io::Error| ConnectError::Unreachable(error.to_string());
        stream.set_nodelay(true).map_err(unreachable)?;
        stream.set_write_timeout(Some(timeout)).map_err(unreachable)?;
        let key = generate_key();
        // by hand, because the library's own handshake fails with a server that leaves the subprotocol alone
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {PROTOCOL}\r\n\
             User-Agent: tradesim/{}\r\n\r\n",
            endpoint.authority(),
            env!("CARGO_PKG_VERSION"),
        );
        stream.write_all(request.as_bytes()).map_err(unreachable)?;
        let (response, mut rest) = answer(&mut stream, timeout, clock, stop)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            read_body(&mut stream, &response, &mut rest);
        }
        check(&response, &rest, &key)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT)).map_err(unreachable)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let wire = Wire { stream, may_wait: false, heard: false };
        Ok(Connection {
            socket: WebSocket::from_partially_read(wire, rest, Role::Client, Some(config)),
            greeting: Greeting::of(response.headers()),
            failed: false,
        })
    }

    /// The next message; [`is_would_block`] tells the error that is none.
    pub(crate) fn read(&mut self) -> Result<Message, Error> {
        let read = self.socket.read();
        self.failed |=
            matches!(&read, Err(error) if !matches!(error, Error::Io(error) if is_would_block(error)));
        read
    }

    /// Says goodbye and waits a moment for the answer, so that the server does not see a broken connection.
    pub(crate) fn close(mut self, code: CloseCode, patience: Duration) {
        let frame = CloseFrame { code, reason: "".into() };
        let clock = Stopwatch::start();
        let mut result = self.socket.close(Some(frame));
        loop {
            match result {
                Ok(()) => {}
                Err(Error::Io(error)) if is_would_block(&error) => {}
                Err(_) => return,
            }
            if self.failed
                || clock.elapsed() >= patience
                || self.socket.get_mut().let_wait(TICK.min(patience)).is_err()
            {
                return;
            }
            // what had been sent before the close was seen comes first
            result = self.read().map(drop);
        }
    }
}

/// Whether an error says that nothing is there yet.
pub(crate) fn is_would_block(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
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

fn connect(endpoint: &Endpoint, timeout: Duration) -> Result<TcpStream, ConnectError> {
    let addresses = (endpoint.host.as_str(), endpoint.port)
        .to_socket_addrs()
        .map_err(|error| ConnectError::Unreachable(error.to_string()))?;
    let mut last = "the name has no address".to_owned();
    for address in addresses {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.to_string(),
        }
    }
    Err(ConnectError::Unreachable(last))
}

/// Reads the answer to the handshake, and what came behind it.
fn answer(
    stream: &mut TcpStream,
    timeout: Duration,
    clock: Stopwatch,
    stop: &Stop,
) -> Result<(Response, Vec<u8>), ConnectError> {
    let unreachable = |error: io::Error| ConnectError::Unreachable(error.to_string());
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        stop.check().map_err(ConnectError::Stopped)?;
        let left = timeout.saturating_sub(clock.elapsed());
        if left.is_zero() {
            return Err(ConnectError::Unreachable(format!("no answer to the handshake within {timeout:?}")));
        }
        stream.set_read_timeout(Some(left.min(TICK).max(Duration::from_millis(1)))).map_err(unreachable)?;
        match stream.read(&mut chunk) {
            Ok(0) => {
                return Err(ConnectError::Unreachable(
                    "closed without an answer to the handshake".to_owned(),
                ));
            }
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if is_would_block(&error) || error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreachable(error)),
        }
        match Response::try_parse(&bytes) {
            Ok(Some((size, response))) => return Ok((response, bytes.split_off(size))),
            Ok(None) if bytes.len() <= HEAD_BYTES_MAX => {}
            Ok(None) => {
                return Err(ConnectError::Refused("the answer to the handshake has no end".to_owned()));
            }
            Err(error) => return Err(ConnectError::Refused(format!("this is no WebSocket server: {error}"))),
        }
    }
}

/// Reads what a server says about a refusal, which may come later than its head. What does not come in a moment is not
/// waited for: it only words an error.
fn read_body(stream: &mut TcpStream, response: &Response, body: &mut Vec<u8>) {
    let length =
        response.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let missing = length.unwrap_or(0).min(BODY_BYTES_SHOWN).saturating_sub(body.len());
    if missing > 0 && stream.set_read_timeout(Some(BODY_PATIENCE)).is_ok() {
        let _ = stream.take(missing as u64).read_to_end(body);
    }
}

/// Checks an answer as RFC 6455, section 4.1, asks for.
fn check(response: &Response, body: &[u8], key: &str) -> Result<(), ConnectError> {
    let status = response.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let body: String = String::from_utf8_lossy(body).chars().take(BODY_BYTES_SHOWN).collect();
        let said = printable(body.trim());
        let text = format!("the server answered {status}{}{said}", if said.is_empty() { "" } else { ": " });
        // full, or not ready yet
        return Err(if status == StatusCode::SERVICE_UNAVAILABLE {
            ConnectError::Unreachable(text)
        } else {
            ConnectError::Refused(text)
        });
    }
    let is = |name: &str, wanted: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(',').any(|token| token.trim().eq_ignore_ascii_case(wanted))
    };
    let has = |name: &str| response.headers().contains_key(name);
    let accepted = response.headers().get("sec-websocket-accept").map(|value| value.as_bytes());
    let fault = if !is("upgrade", "websocket") || !is("connection", "upgrade") {
        "the server did not upgrade the connection"
    } else if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        "the server answered another handshake than ours"
    } else if has("sec-websocket-extensions") {
        "the server uses an extension that was not offered"
    } else if has("sec-websocket-protocol") && !is("sec-websocket-protocol", PROTOCOL) {
        "the server speaks a subprotocol that was not offered"
    } else {
        return Ok(());
    };
    Err(ConnectError::Refused(fault.to_owned()))
}
