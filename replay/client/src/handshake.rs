//! The opening handshake (RFC 6455, section 4.1). The library's own handshake fails if the server selects no subprotocol,
//! which is valid, and discards the messages that such a server has already sent.

use std::io::{Read, Write};

use tungstenite::{
    handshake::{
        client::{Response, generate_key},
        derive_accept_key,
        machine::TryParse,
    },
    http::{HeaderMap, StatusCode, header},
};

use tradesim_protocol::SUBPROTOCOL;

use crate::{
    TICK,
    socket::Target,
    tcp::is_would_block,
    transport::{Transport, tls_error},
};

/// The limit of the response's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The part of a refusal's body that is shown, and the number of ticks to wait for it.
const BODY_BYTES_SHOWN: usize = 200;
const BODY_TICKS: usize = 5;

/// The reason for which there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The server is unreachable or overloaded: a retry may succeed.
    #[error("{0}")]
    Unreachable(String),
    /// The server refuses, or is not a WebSocket server.
    #[error("{0}")]
    Refused(String),
    /// A header of the tradesim protocol is invalid.
    #[error("{0}")]
    Broken(String),
    /// The caller has stopped the attempt.
    #[error("the connection is not wanted any more")]
    Stopped,
}

type Check<'a> = &'a mut dyn FnMut() -> Result<(), OpenError>;

/// Performs the handshake. Returns the headers of the response and the bytes that followed it.
pub(super) fn shake_hands(
    transport: &mut Transport,
    target: &Target<'_>,
    check: Check<'_>,
) -> Result<(HeaderMap, Vec<u8>), OpenError> {
    let key = generate_key();
    ask(transport, &request(target, &key), check)?;
    let (response, mut rest) = answer(transport, check)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        read_body(transport, &response, &mut rest, check);
        return Err(refusal(response.status(), &rest));
    }
    let headers = response.into_parts().0.headers;
    verify(&headers, &key)?;
    Ok((headers, rest))
}

fn request(target: &Target<'_>, key: &str) -> Vec<u8> {
    let mut request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n",
        target.endpoint.target(target.query),
        target.endpoint.host_header(),
    )
    .into_bytes();
    if !target.headers.iter().any(|header| *header.name() == header::USER_AGENT) {
        request.extend_from_slice(
            concat!("User-Agent: tradesim/", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes(),
        );
    }
    for header in target.headers {
        header.write(&mut request);
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// Sends the request.
fn ask(transport: &mut Transport, mut request: &[u8], check: Check<'_>) -> Result<(), OpenError> {
    while !request.is_empty() {
        check()?;
        // the TLS handshake reads here: one read at a time, so that the deadline holds
        transport.tcp().allow_wait(TICK).map_err(failed)?;
        match transport.write(request) {
            Ok(count) => request = &request[count..],
            Err(error) if is_would_block(&error) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// Reads the response and the bytes that follow it.
fn answer(transport: &mut Transport, check: Check<'_>) -> Result<(Response, Vec<u8>), OpenError> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        check()?;
        transport.tcp().allow_wait(TICK).map_err(failed)?;
        match transport.flush().and_then(|()| transport.read(&mut chunk)) {
            Ok(0) => {
                let text = "closed without an answer to the handshake";
                return Err(OpenError::Unreachable(text.to_owned()));
            }
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if is_would_block(&error) => continue,
            Err(error) => return Err(failed(error)),
        }
        match Response::try_parse(&bytes) {
            Ok(Some((size, response))) => return Ok((response, bytes.split_off(size))),
            Ok(None) if bytes.len() <= HEAD_BYTES_MAX => {}
            Ok(None) => {
                let text =
                    format!("the answer to the handshake has more than {HEAD_BYTES_MAX} bytes of headers");
                return Err(OpenError::Refused(text));
            }
            Err(error) => return Err(OpenError::Refused(format!("this is not a WebSocket server: {error}"))),
        }
    }
}

/// Reads the beginning of a refusal's body, which may arrive after the head. The wait is short, as the body is only shown.
fn read_body(transport: &mut Transport, response: &Response, body: &mut Vec<u8>, check: Check<'_>) {
    let length: Option<usize> =
        response.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let wanted = length.unwrap_or(0).min(BODY_BYTES_SHOWN);
    let mut chunk = [0; BODY_BYTES_SHOWN];
    for _ in 0..BODY_TICKS {
        if body.len() >= wanted || check().is_err() || transport.tcp().allow_wait(TICK).is_err() {
            return;
        }
        match transport.read(&mut chunk) {
            Ok(count) if count > 0 => body.extend_from_slice(&chunk[..count]),
            Err(error) if is_would_block(&error) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> OpenError {
    let body = String::from_utf8_lossy(body);
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let said: String = body.trim().chars().take(BODY_BYTES_SHOWN).map(printable).collect();
    let text = format!("the server answered {status}{}{said}", if said.is_empty() { "" } else { ": " });
    // overloaded, starting, or rate limited
    let may_pass = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    if may_pass { OpenError::Unreachable(text) } else { OpenError::Refused(text) }
}

/// Verifies a response (RFC 6455, section 4.1). A server need not select a subprotocol.
fn verify(headers: &HeaderMap, key: &str) -> Result<(), OpenError> {
    let is = |name: &str, wanted: &str| {
        let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.split(',').any(|token| token.trim().eq_ignore_ascii_case(wanted)))
    };
    let accepted = headers.get(header::SEC_WEBSOCKET_ACCEPT).map(|value| value.as_bytes());
    let protocol = headers.get(header::SEC_WEBSOCKET_PROTOCOL).map(|value| value.as_bytes());
    let fault = if !is("upgrade", "websocket") || !is("connection", "upgrade") {
        "the server did not upgrade the connection"
    } else if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        "the server answered another handshake"
    } else if headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
        "the server uses an extension that was not offered"
    } else if protocol.is_some_and(|protocol| protocol != SUBPROTOCOL.as_bytes()) {
        "the server selected a subprotocol that was not offered"
    } else {
        return Ok(());
    };
    Err(OpenError::Refused(fault.to_owned()))
}

/// Classifies an I/O error of the handshake: a retry does not help against a TLS error.
fn failed(error: std::io::Error) -> OpenError {
    match tls_error(&error) {
        Some(error) => OpenError::Refused(error),
        None => OpenError::Unreachable(error.to_string()),
    }
}
