//! One connection: TCP, TLS where the URL says so, and the handshake.

use std::{
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use tradesim_bridge_core::{Ending, Greeting};
use tungstenite::{
    Error, HandshakeError, Message, WebSocket,
    error::{ProtocolError, SubProtocolError},
    handshake::client::Response,
    http::{HeaderMap, HeaderValue, Uri, header},
    protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
};

use super::{TICK, notice::PROTOCOL};
use crate::{
    clock::Clock,
    socket::{AnyText, Line, Wire, any_text, is_would_block, tls_error},
    url::shown_url,
};

/// A write that takes longer is tried again later; there are only pongs and a close to write.
const WRITE_TIMEOUT: Duration = Duration::from_millis(100);
/// Read at once; a larger buffer would mostly be cleared in vain.
const READ_BUFFER_BYTES: usize = 128 * 1024;
/// The longest message that is taken from the socket. Above the contract's limit it is a dead letter; above this one
/// nobody would want to keep the bytes, and the connection is broken.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// Where the feed is.
#[derive(Clone, Debug)]
pub(crate) struct FeedOptions {
    uri: Uri,
    /// How long a server may take to accept a connection, and to answer the handshake.
    connect_timeout: Duration,
}

/// The URL names no WebSocket server that can be connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeedUrlError {
    /// It is no URL, or one of something else.
    #[error(
        "invalid feed URL {url}: expected for example ws://localhost:8765 or wss://example.org/feed, without user information and #"
    )]
    Form {
        /// The URL, as it may be shown.
        url: String,
    },
    /// It asks for a message by itself.
    #[error("{url} has from_seq in its query, which is what the bridge decides")]
    FromSeq {
        /// The URL.
        url: String,
    },
}

impl FeedOptions {
    /// A feed by its URL.
    pub(crate) fn new(url: &str, connect_timeout: Duration) -> Result<FeedOptions, FeedUrlError> {
        let form = || FeedUrlError::Form { url: shown_url(url) };
        let uri: Uri = url.parse().map_err(|_| form())?;
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if !matches!(uri.scheme_str(), Some("ws" | "wss")) || !has_host || url.contains(['@', '#']) {
            return Err(form());
        }
        if uri.query().unwrap_or_default().split('&').any(|pair| pair.split('=').next() == Some("from_seq")) {
            return Err(FeedUrlError::FromSeq { url: shown_url(url) });
        }
        Ok(FeedOptions { uri, connect_timeout })
    }

    fn host(&self) -> &str {
        let host = self.uri.host().expect("the URL was checked");
        host.trim_start_matches('[').trim_end_matches(']')
    }

    fn is_tls(&self) -> bool {
        self.uri.scheme_str() == Some("wss")
    }

    fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }

    /// The URL that asks for a message.
    fn uri_from(&self, from_seq: Option<u64>) -> Uri {
        let Some(seq) = from_seq else { return self.uri.clone() };
        let path = match self.uri.path() {
            "" => "/",
            path => path,
        };
        let target = match self.uri.query() {
            Some(query) if !query.is_empty() => format!("{path}?{query}&from_seq={seq}"),
            _ => format!("{path}?from_seq={seq}"),
        };
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(target.parse().expect("digits make no path invalid"));
        Uri::from_parts(parts).expect("the other parts are those of a URL")
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// Nobody is there, or nobody answers: trying again may help.
    #[error("{0}")]
    Unreachable(String),
    /// Somebody is there and does not want to, or is no WebSocket server.
    #[error("{0}")]
    Refused(String),
    /// The server leaves the subprotocol alone.
    #[error("the server does not speak {PROTOCOL}")]
    NoSubprotocol,
    /// The connection is not wanted any more.
    #[error("not wanted any more")]
    Stopped,
}

impl ConnectError {
    /// What it means for the feed.
    pub(super) fn ending(&self) -> Ending {
        match self {
            ConnectError::Refused(_) => Ending::Refused,
            ConnectError::Unreachable(_) | ConnectError::NoSubprotocol | ConnectError::Stopped => {
                Ending::Lost
            }
        }
    }
}

type Stream = AnyText<Line>;

/// A connection behind its handshake.
pub(super) struct Connection {
    pub(super) socket: WebSocket<Stream>,
    pub(super) greeting: Greeting,
    /// Whether notices may come.
    pub(super) notices: bool,
}

impl Connection {
    /// Connects and shakes hands, as long as `is_wanted` says so.
    pub(super) fn open(
        options: &FeedOptions,
        from_seq: Option<u64>,
        asks_v1: bool,
        clock: Clock,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Connection, ConnectError> {
        let started = clock.now();
        let stream = connect(options)?;
        let unreachable = |error: std::io::Error| ConnectError::Unreachable(error.to_string());
        stream.set_nodelay(true).map_err(unreachable)?;
        stream.set_read_timeout(Some(TICK)).map_err(unreachable)?;
        stream.set_write_timeout(Some(options.connect_timeout)).map_err(unreachable)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let request = request(options, from_seq, asks_v1);
        let tls_host = options.is_tls().then(|| options.host());
        let line = Line::new(Wire::new(stream), tls_host).map_err(ConnectError::Refused)?;
        let mut handshake =
            tungstenite::client::client_with_config(request, AnyText::new(line), Some(config));
        let (socket, response) = loop {
            match handshake {
                Ok(done) => break done,
                Err(HandshakeError::Failure(error)) => return Err(refusal(error)),
                Err(HandshakeError::Interrupted(middle)) => {
                    if !is_wanted() {
                        return Err(ConnectError::Stopped);
                    }
                    let timeout = options.connect_timeout;
                    if clock.now().saturating_sub(started) >= timeout {
                        let text = format!("no answer to the handshake within {timeout:?}");
                        return Err(ConnectError::Unreachable(text));
                    }
                    handshake = middle.handshake();
                }
            }
        };
        let mut connection = Connection::new(socket, &response);
        let wire = connection.wire();
        wire.stream().set_write_timeout(Some(WRITE_TIMEOUT)).map_err(unreachable)?;
        wire.announce_waits();
        Ok(connection)
    }

    fn new(socket: WebSocket<Stream>, response: &Response) -> Connection {
        let headers = response.headers();
        let notices = text(headers, "sec-websocket-protocol").as_deref() == Some(PROTOCOL);
        let greeting = Greeting {
            stream: text(headers, "tradesim-stream"),
            run: text(headers, "tradesim-run"),
            start_seq: text(headers, "tradesim-start-seq").and_then(|text| text.parse().ok()),
        };
        Connection { socket, greeting, notices }
    }

    pub(super) fn wire(&mut self) -> &mut Wire {
        self.socket.get_mut().get_mut().wire()
    }

    /// The next message. A text that is no UTF-8 comes as a binary message.
    pub(super) fn read(&mut self) -> Result<Message, Error> {
        any_text::read(&mut self.socket)
    }

    /// What a close code means (docs/PROTOCOL.md, section 5).
    pub(super) fn ending(&self, code: u16) -> Ending {
        match code {
            1000 => Ending::Delivered,
            // a close without a code is how many a plain server says goodbye
            1005 if self.greeting.stream.is_none() => Ending::Delivered,
            // a server that refuses has nothing to say about where it begins; any other has lost patience, not interest
            1008 if self.greeting.start_seq.is_none() => Ending::Refused,
            1002 | 1003 | 1007 => Ending::Refused,
            _ => Ending::Lost,
        }
    }

    /// Says goodbye and waits a moment for the answer, so that the server does not see a broken connection.
    pub(super) fn close(mut self, code: CloseCode, patience: Duration, clock: Clock) {
        let until = clock.now() + patience;
        let mut result = self.socket.close(Some(CloseFrame { code, reason: "".into() }));
        loop {
            match result {
                Ok(()) => {}
                Err(Error::Io(error)) if is_would_block(&error) => {}
                Err(_) => return,
            }
            if clock.now() >= until || self.wire().let_wait(TICK.min(patience)).is_err() {
                return;
            }
            // what had been sent before the close was seen comes first
            result = self.read().map(drop);
        }
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn request(options: &FeedOptions, from_seq: Option<u64>, asks_v1: bool) -> tungstenite::http::Request<()> {
    use tungstenite::client::IntoClientRequest;
    let uri = options.uri_from(from_seq);
    let mut request = uri.into_client_request().expect("the URL was checked");
    let headers = request.headers_mut();
    let agent = concat!("tradesim/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    if asks_v1 {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    }
    request
}

fn connect(options: &FeedOptions) -> Result<TcpStream, ConnectError> {
    let host = options.host();
    let addresses = (host, options.port())
        .to_socket_addrs()
        .map_err(|error| ConnectError::Unreachable(format!("{host}: {error}")))?;
    let mut last = format!("{host} has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, options.connect_timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = format!("{address}: {error}"),
        }
    }
    Err(ConnectError::Unreachable(last))
}

fn refusal(error: Error) -> ConnectError {
    match error {
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(SubProtocolError::NoSubProtocol)) => {
            ConnectError::NoSubprotocol
        }
        Error::Http(response) => {
            let status = response.status();
            let body = response.body().as_deref().unwrap_or_default();
            let said: String =
                String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(200).collect();
            let text =
                format!("the server answered {status}{}{said}", if said.is_empty() { "" } else { ": " });
            // full, or not ready yet
            if status.is_server_error() {
                ConnectError::Unreachable(text)
            } else {
                ConnectError::Refused(text)
            }
        }
        Error::Io(error) => match tls_error(&error) {
            Some(error) => ConnectError::Refused(error),
            None => ConnectError::Unreachable(error.to_string()),
        },
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            ConnectError::Unreachable("closed without an answer to the handshake".to_owned())
        }
        error => ConnectError::Refused(format!("this is no WebSocket server: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> Result<FeedOptions, FeedUrlError> {
        FeedOptions::new(url, Duration::from_secs(1))
    }

    #[test]
    fn the_message_to_begin_with_goes_into_the_query() {
        let asked = |url: &str, seq| options(url).unwrap().uri_from(seq).to_string();
        assert_eq!(asked("ws://localhost:8765", Some(7)), "ws://localhost:8765/?from_seq=7");
        assert_eq!(asked("wss://x/feed?symbols=A", Some(0)), "wss://x/feed?symbols=A&from_seq=0");
        assert_eq!(asked("ws://x/feed?symbols=A", None), "ws://x/feed?symbols=A");
        assert_eq!(options("ws://[::1]:8/a").unwrap().port(), 8);
        assert_eq!((options("ws://x").unwrap().port(), options("wss://x").unwrap().port()), (80, 443));
    }

    #[test]
    fn what_is_no_url_of_a_feed_is_refused() {
        for url in ["", "x", "http://x", "ws://", "ws://a b", "ws://u:p@x", "ws://x/#a"] {
            assert_eq!(options(url).unwrap_err(), FeedUrlError::Form { url: shown_url(url) }, "{url}");
        }
        assert!(matches!(options("ws://x/?a=b&from_seq=3"), Err(FeedUrlError::FromSeq { .. })));
    }
}
