//! One connection to the feed.

use std::time::Duration;

use tradesim_bridge_core::DisconnectReason;
use tungstenite::{Error, Message, http::Uri, protocol::frame::coding::CloseCode};

use tradesim_client::{ClientSocket, Dialogue, OpenError, Received, Target, url::shown_url};
use tradesim_protocol::HandshakeHeaders;

use crate::clock::Clock;

/// The server of the feed, and the dialogue with it.
#[derive(Clone, Debug)]
pub(crate) struct FeedOptions {
    uri: Uri,
    /// The timeout of the connection, and of the handshake.
    connect_timeout: Duration,
    pub(super) dialogue: Dialogue,
}

/// The URL is not that of a WebSocket server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FeedUrlError {
    /// It is not a URL, or not one of a WebSocket server.
    #[error(
        "invalid feed URL {url}: expected for example ws://localhost:8765 or wss://example.org/feed, without user information or fragment"
    )]
    Form {
        /// The URL, without secrets.
        url: String,
    },
    /// Its query contains `from_seq`.
    #[error("invalid feed URL {url}: remove from_seq from the query, the bridge sets it")]
    FromSeq {
        /// The URL.
        url: String,
    },
}

impl FeedOptions {
    /// Returns options for a URL and a dialogue.
    pub(crate) fn new(
        url: &str,
        connect_timeout: Duration,
        dialogue: Dialogue,
    ) -> Result<FeedOptions, FeedUrlError> {
        let form = || FeedUrlError::Form { url: shown_url(url) };
        let uri: Uri = url.parse().map_err(|_| form())?;
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if !matches!(uri.scheme_str(), Some("ws" | "wss")) || !has_host || url.contains(['@', '#']) {
            return Err(form());
        }
        if uri.query().unwrap_or_default().split('&').any(|pair| pair.split('=').next() == Some("from_seq")) {
            return Err(FeedUrlError::FromSeq { url: shown_url(url) });
        }
        Ok(FeedOptions { uri, connect_timeout, dialogue })
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

    /// Returns the URL that requests a message.
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
        parts.path_and_query = Some(target.parse().expect("a number keeps the path valid"));
        Uri::from_parts(parts).expect("the other parts are those of a valid URL")
    }
}

/// Converts a failed connection attempt to a disconnect reason.
pub(super) fn disconnect_reason(error: &OpenError) -> DisconnectReason {
    match error {
        OpenError::Refused(_) => DisconnectReason::Refused,
        OpenError::Broken(_) => DisconnectReason::Broken,
        OpenError::Unreachable(_) | OpenError::Stopped => DisconnectReason::Lost,
    }
}

/// A connection after its handshake.
pub(super) struct Connection {
    socket: ClientSocket,
    pub(super) handshake: HandshakeHeaders,
}

impl Connection {
    /// Connects and performs the handshake, as long as `is_wanted` returns true.
    pub(super) fn open(
        options: &FeedOptions,
        from_seq: Option<u64>,
        clock: Clock,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Connection, OpenError> {
        let (started, timeout) = (clock.now(), options.connect_timeout);
        let mut check = || {
            if !is_wanted() {
                return Err(OpenError::Stopped);
            }
            if clock.now().saturating_sub(started) >= timeout {
                let text = format!("no answer to the handshake within {timeout:?}");
                return Err(OpenError::Unreachable(text));
            }
            Ok(())
        };
        let uri = options.uri_from(from_seq);
        let target = Target {
            tls: options.is_tls(),
            host: options.host(),
            port: options.port(),
            host_header: uri.authority().expect("the URL was checked").as_str(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()),
            headers: &options.dialogue.headers,
            connect_timeout: timeout,
        };
        let (socket, handshake) = ClientSocket::open(&target, &mut check)?;
        Ok(Connection { socket, handshake })
    }

    /// True if the feed numbers its messages.
    pub(super) fn is_numbered(&self) -> bool {
        self.handshake.start_seq.is_some() && self.handshake.stream.is_some() && self.handshake.run.is_some()
    }

    /// Reads the next message.
    pub(super) fn read(&mut self) -> Result<Received, Error> {
        self.socket.read()
    }

    /// Sends a message. Returns the reason to end if that is no longer possible.
    pub(super) fn send(&mut self, message: Message) -> Result<(), String> {
        self.socket.send(message).map_err(|error| format!("cannot send to the server: {error}"))
    }

    /// Lets the next read wait. Returns the reason to end if the connection is lost.
    pub(super) fn allow_wait(&mut self, time: Duration) -> Result<(), String> {
        self.socket.allow_wait(time).map_err(|error| format!("the connection was lost: {error}"))
    }

    /// Returns true if anything arrived since the last call.
    pub(super) fn take_activity(&mut self) -> bool {
        self.socket.tcp().take_activity()
    }

    /// Converts a close code to a disconnect reason (docs/PROTOCOL.md, section 5).
    pub(super) fn disconnect_reason(&self, code: u16) -> DisconnectReason {
        match code {
            1000 => DisconnectReason::Delivered,
            // many foreign servers close without a code at their end
            1005 if self.handshake.stream.is_none() => DisconnectReason::Delivered,
            // a server that refuses does not state where it begins; any other was only overloaded
            1008 if self.handshake.start_seq.is_none() => DisconnectReason::Refused,
            1002 | 1003 | 1007 => DisconnectReason::Refused,
            _ => DisconnectReason::Lost,
        }
    }

    /// Closes the connection and waits a moment for the answer. Returns the number of messages that arrived
    /// meanwhile.
    pub(super) fn close(self, code: CloseCode, timeout: Duration, clock: Clock) -> u64 {
        let until = clock.now() + timeout;
        self.socket.close(code, || clock.now() >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> Result<FeedOptions, FeedUrlError> {
        FeedOptions::new(url, Duration::from_secs(1), Dialogue::default())
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
