//! One connection: TCP, the handshake, and a socket that says when it would have to wait.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use anyhow::anyhow;
pub(crate) use tradesim_bridge::socket::is_would_block;
use tradesim_bridge::socket::{AnyText, Line, Wire, any_text, tls_error};
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

use super::{follower::Ending, greeting::Greeting};
use crate::{endpoint::Endpoint, exit::Failure, output::safe, progress::Stopwatch, signals::Stop};

/// How long a read waits before the caller looks at signals and deadlines.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// A write that takes longer is tried again later; there are only a request, pongs and a close to write.
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
    pub(crate) socket: WebSocket<AnyText<Line>>,
    pub(crate) greeting: Greeting,
    /// Whether reading failed. The library's state is undefined then, and reading on may panic.
    failed: bool,
}

impl Connection {
    /// Connects and shakes hands, within `timeout`.
    pub(crate) fn open(
        endpoint: &Endpoint,
        target: &str,
        timeout: Duration,
        stop: &Stop,
    ) -> Result<Connection, ConnectError> {
        let patience = Patience { clock: Stopwatch::start(), timeout, stop };
        let stream = connect(endpoint, timeout)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(TICK)).map_err(failed)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT)).map_err(failed)?;
        let tls_host = endpoint.tls.then_some(endpoint.host.as_str());
        let line = Line::new(Wire::new(stream), tls_host).map_err(ConnectError::Refused)?;
        let mut stream = AnyText::new(line);
        let key = generate_key();
        // by hand, because the library's own handshake fails with a server that leaves the subprotocol alone
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {PROTOCOL}\r\n\
             User-Agent: tradesim/{}\r\n\r\n",
            endpoint.host_header(),
            env!("CARGO_PKG_VERSION"),
        );
        ask(&mut stream, request.as_bytes(), &patience)?;
        let (response, mut rest) = answer(&mut stream, &patience)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            read_body(&mut stream, &response, &mut rest);
        }
        check(&response, &rest, &key)?;
        stream.get_mut().wire().announce_waits();
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        Ok(Connection {
            socket: WebSocket::from_partially_read(stream, rest, Role::Client, Some(config)),
            greeting: Greeting::of(response.headers()),
            failed: false,
        })
    }

    /// The next message; [`is_would_block`] tells the error that is none. A text that is no UTF-8 comes as a binary
    /// message.
    pub(crate) fn read(&mut self) -> Result<Message, Error> {
        let read = any_text::read(&mut self.socket);
        self.failed |=
            matches!(&read, Err(error) if !matches!(error, Error::Io(error) if is_would_block(error)));
        read
    }

    pub(crate) fn wire(&mut self) -> &mut Wire {
        self.socket.get_mut().get_mut().wire()
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
            if self.failed || clock.elapsed() >= patience || self.wire().let_wait(TICK.min(patience)).is_err()
            {
                return;
            }
            // what had been sent before the close was seen comes first
            result = self.read().map(drop);
        }
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

/// How long a server may take to answer.
struct Patience<'a> {
    clock: Stopwatch,
    timeout: Duration,
    stop: &'a Stop,
}

impl Patience<'_> {
    /// Whether there is time for another look.
    fn check(&self) -> Result<(), ConnectError> {
        self.stop.check().map_err(ConnectError::Stopped)?;
        if self.clock.elapsed() < self.timeout {
            return Ok(());
        }
        Err(ConnectError::Unreachable(format!("no answer to the handshake within {:?}", self.timeout)))
    }
}

/// What a failed handshake means: that of TLS is not to be had by trying again.
fn failed(error: io::Error) -> ConnectError {
    match tls_error(&error) {
        Some(error) => ConnectError::Refused(error),
        None => ConnectError::Unreachable(error.to_string()),
    }
}

/// Sends a request.
fn ask(stream: &mut AnyText<Line>, mut request: &[u8], patience: &Patience<'_>) -> Result<(), ConnectError> {
    while !request.is_empty() {
        patience.check()?;
        match stream.write(request) {
            Ok(count) => request = &request[count..],
            Err(error) if is_would_block(&error) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// Reads the answer to the handshake, and what came behind it.
fn answer(stream: &mut AnyText<Line>, patience: &Patience<'_>) -> Result<(Response, Vec<u8>), ConnectError> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        patience.check()?;
        match stream.flush().and_then(|()| stream.read(&mut chunk)) {
            Ok(0) => {
                return Err(ConnectError::Unreachable(
                    "closed without an answer to the handshake".to_owned(),
                ));
            }
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if is_would_block(&error) => continue,
            Err(error) => return Err(failed(error)),
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
fn read_body(stream: &mut AnyText<Line>, response: &Response, body: &mut Vec<u8>) {
    let length =
        response.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let missing = length.unwrap_or(0).min(BODY_BYTES_SHOWN).saturating_sub(body.len());
    if missing > 0 && stream.get_mut().wire().stream().set_read_timeout(Some(BODY_PATIENCE)).is_ok() {
        let _ = stream.take(missing as u64).read_to_end(body);
    }
}

/// Checks an answer as RFC 6455, section 4.1, asks for.
fn check(response: &Response, body: &[u8], key: &str) -> Result<(), ConnectError> {
    let status = response.status();
    if status != StatusCode::SWITCHING_PROTOCOLS {
        let body: String = String::from_utf8_lossy(body).chars().take(BODY_BYTES_SHOWN).collect();
        let said = safe(body.trim());
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
