//! The server of the feed, and what the end of a connection to it means for the delivery.

use std::time::Duration;

use tradesim_bridge_core as core;
use tradesim_client::{Dialogue, DisconnectReason, Endpoint, OpenError, url::shown_url};
use tradesim_protocol::{CloseKind, HandshakeHeaders};

/// The server of the feed, and the dialogue with it.
#[derive(Clone, Debug)]
pub(crate) struct FeedOptions {
    pub(super) endpoint: Endpoint,
    /// The timeout of the connection, and of the handshake.
    pub(super) connect_timeout: Duration,
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
        if !url.starts_with("ws://") && !url.starts_with("wss://") {
            return Err(form());
        }
        let endpoint: Endpoint = url.parse().map_err(|_| form())?;
        if endpoint.has("from_seq") {
            return Err(FeedUrlError::FromSeq { url: shown_url(url) });
        }
        Ok(FeedOptions { endpoint, connect_timeout, dialogue })
    }
}

/// Converts a failed connection attempt to a disconnect reason.
pub(super) fn of_attempt(error: &OpenError) -> core::DisconnectReason {
    match error {
        OpenError::Refused(_) => core::DisconnectReason::Refused,
        OpenError::Broken(_) => core::DisconnectReason::Broken,
        OpenError::Unreachable(_) | OpenError::Stopped => core::DisconnectReason::Lost,
    }
}

/// Converts the end of a connection to a disconnect reason (docs/PROTOCOL.md, section 5).
pub(super) fn of_connection(
    reason: &DisconnectReason,
    handshake: &HandshakeHeaders,
) -> core::DisconnectReason {
    match reason.kind() {
        CloseKind::Complete => core::DisconnectReason::Delivered,
        // many foreign servers close without a code at their end
        CloseKind::Unstated if handshake.stream.is_none() => core::DisconnectReason::Delivered,
        // a server that refuses does not state where it begins; any other was only overloaded
        CloseKind::Refused if handshake.start_seq.is_none() => core::DisconnectReason::Refused,
        CloseKind::Violation => core::DisconnectReason::Refused,
        _ => core::DisconnectReason::Lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> Result<FeedOptions, FeedUrlError> {
        FeedOptions::new(url, Duration::from_secs(1), Dialogue::default())
    }

    #[test]
    fn what_is_no_url_of_a_feed_is_refused() {
        for url in ["", "x", "http://x", "ws://", "ws://a b", "ws://u:p@x", "ws://x/#a"] {
            assert_eq!(options(url).unwrap_err(), FeedUrlError::Form { url: shown_url(url) }, "{url}");
        }
        assert!(matches!(options("ws://x/?a=b&from_seq=3"), Err(FeedUrlError::FromSeq { .. })));
        assert!(options("wss://x/feed?symbols=A").is_ok());
    }

    #[test]
    fn the_end_of_a_connection_depends_on_what_the_server_said_before() {
        let closed = |code, handshake: &HandshakeHeaders| {
            of_connection(&DisconnectReason::Closed { code, reason: String::new() }, handshake)
        };
        let foreign = HandshakeHeaders::default();
        let refusing = HandshakeHeaders { stream: Some("s".to_owned()), ..HandshakeHeaders::default() };
        let ours = HandshakeHeaders { start_seq: Some(tradesim_schemas::StreamSeq(0)), ..refusing.clone() };
        assert_eq!(closed(1000, &ours), core::DisconnectReason::Delivered);
        assert_eq!(closed(1005, &foreign), core::DisconnectReason::Delivered);
        assert_eq!(closed(1005, &ours), core::DisconnectReason::Lost);
        assert_eq!(closed(1008, &refusing), core::DisconnectReason::Refused);
        assert_eq!(closed(1008, &ours), core::DisconnectReason::Lost);
        for code in [1002, 1003, 1007] {
            assert_eq!(closed(code, &ours), core::DisconnectReason::Refused, "{code}");
        }
        for code in [1001, 1006, 1009, 1011, 1012, 1013, 4000] {
            assert_eq!(closed(code, &foreign), core::DisconnectReason::Lost, "{code}");
        }
    }
}
