//! A server that is shared by all inputs, with one connection for each.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{Background, Options, testing::Replay};

/// The limit for an answer: far more than any takes.
const TIMEOUT: Duration = Duration::from_secs(20);

const LINE: &str = concat!(
    r#"{"schema_version":1,"event_type":"orderbook","timestamp":"2026-02-18T14:30:00.000000Z","payload":{"#,
    r#""symbol":"AAPL","bid_price":"178.50","ask_price":"178.52","bid_size":300,"ask_size":200,"spread":"0.02","#,
    r#""mid_price":"178.51","timestamp":"2026-02-18T14:30:00.000000Z","exchange":"NASDAQ"}}"#
);

/// The server. It is replaced after an input has stopped it.
static SERVER: Mutex<Option<Background>> = Mutex::new(None);

/// Sends bytes to a server's port and nothing more, and reads until the server closes.
///
/// # Panics
/// If the answer is not HTTP, and if the server does not close.
pub fn http(bytes: &[u8]) {
    let mut socket = connect();
    socket.set_read_timeout(Some(TIMEOUT)).expect("a timeout above zero");
    // the server may have closed before it read everything
    let _ = socket.write_all(bytes).and_then(|()| socket.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    if let Err(error) = socket.read_to_end(&mut answer) {
        assert_ne!(error.kind(), ErrorKind::WouldBlock, "the connection is still open after {TIMEOUT:?}");
    }
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
}

/// Connects to the server, or to a new one if an input has stopped it.
fn connect() -> TcpStream {
    let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(socket) = server.as_ref().and_then(|server| TcpStream::connect(server.address()).ok()) {
        return socket;
    }
    // drop the old one first, so that the new one does not take its port meanwhile
    *server = None;
    let server = server.insert(start());
    TcpStream::connect(server.address()).expect("a new server listens")
}

fn start() -> Background {
    let source = Replay::of_lines(LINE).expect("a valid message").source();
    let options = Options {
        start_paused: true,
        stay: true,
        linger: Duration::ZERO,
        // connections of earlier inputs may not be closed on the other side yet
        clients_max: 64,
        ..Options::new("fuzz")
    };
    Background::start(source, options).expect("a port of the loopback interface is free")
}
