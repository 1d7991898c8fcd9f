//! The WebSocket handshake (RFC 6455, section 4.2).

use hyper::{
    HeaderMap, Method, StatusCode, Version,
    header::{
        CONNECTION, HOST, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
        UPGRADE,
    },
    http::{Request, request::Parts},
};
use tungstenite::handshake::server::create_response;

use tradesim_protocol::SUBPROTOCOL;

/// A valid handshake.
#[derive(Debug)]
pub(super) struct Handshake {
    /// The headers of the answer.
    pub(super) headers: HeaderMap,
    /// True if the subprotocol was offered; the headers confirm it.
    pub(super) wants_v1: bool,
}

impl Handshake {
    /// Declines the subprotocol, which dialects do not have.
    pub(super) fn without_subprotocol(mut self) -> Handshake {
        self.headers.remove(SEC_WEBSOCKET_PROTOCOL);
        Handshake { wants_v1: false, ..self }
    }
}

/// A request that is not a handshake, or an invalid one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoHandshake {
    /// 400, or 426 if another request would succeed.
    pub(super) status: StatusCode,
    /// The reason.
    pub(super) text: &'static str,
}

/// Returns true if a request is meant to be a handshake.
pub(super) fn is_meant(headers: &HeaderMap) -> bool {
    names(headers, UPGRADE, "websocket") || headers.contains_key(SEC_WEBSOCKET_KEY)
}

/// Reads a handshake. Extensions that it offers are ignored, as the RFC allows.
pub(super) fn read(request: &Parts, has_body: bool) -> Result<Handshake, NoHandshake> {
    let headers = &request.headers;
    let refuse = |status, text| Err(NoHandshake { status, text });
    let bad = |text| refuse(StatusCode::BAD_REQUEST, text);
    let upgrade = |text| refuse(StatusCode::UPGRADE_REQUIRED, text);
    if request.method != Method::GET || !names(headers, UPGRADE, "websocket") {
        return upgrade("this is a WebSocket server: connect with ws://");
    }
    if request.version != Version::HTTP_11 {
        return bad("a WebSocket handshake requires HTTP/1.1");
    }
    if headers.get_all(HOST).iter().count() != 1 {
        return bad("a WebSocket handshake requires exactly one Host header");
    }
    if !names(headers, CONNECTION, "upgrade") {
        return bad("the Connection header does not contain Upgrade");
    }
    if has_body {
        return bad("a WebSocket handshake must not have a body");
    }
    let mut versions = headers.get_all(SEC_WEBSOCKET_VERSION).iter();
    if versions.next().is_none_or(|version| version != "13") || versions.next().is_some() {
        return upgrade("Sec-WebSocket-Version must be 13");
    }
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return bad("a WebSocket handshake requires exactly one Sec-WebSocket-Key header");
    };
    let wants_v1 = tokens(headers, SEC_WEBSOCKET_PROTOCOL).any(|token| token == SUBPROTOCOL);
    // tungstenite reads only the first of several headers: it receives those that were read here
    let plain = Request::builder()
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, key)
        .body(())
        .expect("valid headers stay valid");
    let Ok(response) = create_response(&plain) else {
        return bad("Sec-WebSocket-Key is not 16 bytes in base64");
    };
    let mut headers = response.into_parts().0.headers;
    if wants_v1 {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok(Handshake { headers, wants_v1 })
}

/// Returns true if a list header contains a value, ignoring case.
fn names(headers: &HeaderMap, header: hyper::header::HeaderName, wanted: &str) -> bool {
    tokens(headers, header).any(|token| token.eq_ignore_ascii_case(wanted))
}

/// Returns the members of a list, which may be spread over several headers (RFC 9110, section 5.6.1).
fn tokens(headers: &HeaderMap, header: hyper::header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(header)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
}
