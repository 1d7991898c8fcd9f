//! Clients that only count messages, and the bare server that the replay is compared with, which only copies bytes.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::recording::Recording;

/// The size of a read.
const READ_BYTES: usize = 256 * 1024;

/// The size of a write of the bare server: a block of the real server.
const WRITE_BYTES: usize = 64 * 1024;

/// The timeout of a client for the next bytes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    /// A socket whose frames are skipped without parsing.
    Raw,
    /// tokio-tungstenite, which parses each message.
    Tungstenite,
}

/// The result of a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    pub(crate) messages: u64,
    /// The close code of the server.
    pub(crate) close: Option<u16>,
    /// The instant at which the handshake was complete.
    pub(crate) begun: Instant,
    /// The instant at which the first bytes of messages arrived.
    pub(crate) first: Instant,
    /// The instant at which the last bytes arrived.
    pub(crate) last: Instant,
}

#[expect(clippy::disallowed_methods, reason = "a bench measures with the machine's clock")]
fn now() -> Instant {
    Instant::now()
}

impl Sink {
    /// Connects and receives until the server closes.
    pub(crate) fn receive(self, address: SocketAddr, query: &str) -> Received {
        match self {
            Sink::Raw => receive_raw(address, query),
            Sink::Tungstenite => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime can be created").block_on(receive_tungstenite(address, query))
            }
        }
    }
}

/// Connects and completes the handshake. Returns the socket and the bytes that arrived with the response.
fn connect(address: SocketAddr, query: &str) -> (TcpStream, Vec<u8>) {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket has a timeout");
    write!(
        socket,
        "GET /?{query} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .expect("the server reads");
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = socket.read(&mut buffer).expect("the server answers");
        assert_ne!(count, 0, "the server answers");
        answer.extend_from_slice(&buffer[..count]);
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            assert!(answer.starts_with(b"HTTP/1.1 101 "), "it is a WebSocket");
            let early = answer.split_off(end + 4);
            return (socket, early);
        }
    }
}

fn receive_raw(address: SocketAddr, query: &str) -> Received {
    let (mut socket, early) = connect(address, query);
    let begun = now();
    let mut frames = Frames::default();
    frames.feed(&early);
    let mut first = (!early.is_empty()).then_some(begun);
    let mut buffer = vec![0; READ_BYTES];
    while frames.close.is_none() {
        let count = socket.read(&mut buffer).expect("messages come");
        assert_ne!(count, 0, "the server says why it closes");
        first.get_or_insert_with(now);
        frames.feed(&buffer[..count]);
    }
    let last = now();
    Received { messages: frames.messages, close: frames.close, begun, first: first.unwrap_or(last), last }
}

async fn receive_tungstenite(address: SocketAddr, query: &str) -> Received {
    let url = format!("ws://{address}/?{query}");
    let (mut socket, _) = connect_async(url).await.expect("the server listens");
    let begun = now();
    let (mut messages, mut close, mut first) = (0, None, None);
    while let Some(message) = socket.next().await {
        match message.expect("messages come") {
            Message::Text(_) => messages += 1,
            Message::Close(frame) => {
                close = frame.map(|frame| frame.code.into());
                break;
            }
            _ => {}
        }
        first.get_or_insert_with(now);
    }
    let last = now();
    Received { messages, close, begun, first: first.unwrap_or(last), last }
}

/// Measures the time from connecting to the first complete message.
pub(crate) fn first_message(address: SocketAddr, query: &str) -> Duration {
    let begun = now();
    let (mut socket, early) = connect(address, query);
    let mut frames = Frames::default();
    frames.feed(&early);
    let mut buffer = vec![0; READ_BYTES];
    while frames.messages == 0 {
        let count = socket.read(&mut buffer).expect("messages come");
        frames.feed(&buffer[..count]);
    }
    begun.elapsed()
}

/// Counts frames without reading their content.
#[derive(Debug, Default)]
struct Frames {
    /// The bytes of an incomplete header or close frame.
    partial: Vec<u8>,
    /// The remaining bytes of the current frame.
    skip: usize,
    messages: u64,
    close: Option<u16>,
}

impl Frames {
    fn feed(&mut self, bytes: &[u8]) {
        if self.partial.is_empty() {
            let rest = self.hop(bytes);
            self.partial.extend_from_slice(rest);
        } else {
            let mut joined = std::mem::take(&mut self.partial);
            joined.extend_from_slice(bytes);
            let rest = self.hop(&joined);
            self.partial = rest.to_vec();
        }
    }

    /// Returns the bytes that are too few for the header of the next frame.
    fn hop<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let (header, len) = match *bytes {
                [_, 127, a, b, c, d, e, f, g, h, ..] => {
                    (10, u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize)
                }
                [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
                [_, len @ 0..126, ..] => (2, usize::from(len)),
                _ => return bytes,
            };
            match bytes[0] {
                0x81 => self.messages += 1,
                0x88 if bytes.len() < header + len => return bytes,
                0x88 => self.close = Some(u16::from_be_bytes([bytes[2], bytes[3]])),
                _ => {}
            }
            bytes = &bytes[header..];
            self.skip = len;
        }
    }
}

/// A server that writes as many bytes as a recording has from memory to sockets: the upper limit for any server.
#[derive(Debug)]
pub(crate) struct Blaster {
    address: SocketAddr,
    thread: JoinHandle<()>,
}

impl Blaster {
    /// Waits for so many clients, and then starts a thread for each.
    pub(crate) fn start(recording: &Recording, clients: usize) -> Blaster {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (messages, text) = (recording.messages, recording.text_bytes);
        let thread = std::thread::spawn(move || {
            let sockets: Vec<TcpStream> = (0..clients).map(|_| accept(&listener)).collect();
            std::thread::scope(|scope| {
                for socket in sockets {
                    scope.spawn(move || blast(socket, messages, text));
                }
            });
        });
        Blaster { address, thread }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn finish(self) {
        self.thread.join().expect("all was written");
    }
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (mut socket, _) = listener.accept().expect("a client comes");
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        let count = socket.read(&mut buffer).expect("a client asks");
        assert_ne!(count, 0, "a client asks");
        request.extend_from_slice(&buffer[..count]);
    }
    let request = String::from_utf8_lossy(&request);
    let key = request.lines().find_map(|line| {
        line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
    });
    let accept = tungstenite::handshake::derive_accept_key(key.expect("a key").1.as_bytes());
    write!(
        socket,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .expect("the client reads");
    socket
}

/// Writes frames of one length, repeatedly from one buffer.
fn blast(mut socket: TcpStream, messages: u64, text: usize) {
    let mut frame = vec![0x81, 126];
    frame.extend_from_slice(&(text as u16).to_be_bytes());
    frame.resize(frame.len() + text, b'x');
    let at_once = (WRITE_BYTES / frame.len()) as u64;
    let block = frame.repeat(at_once as usize);
    for _ in 0..messages / at_once {
        socket.write_all(&block).expect("the client reads");
    }
    socket.write_all(&frame.repeat((messages % at_once) as usize)).expect("the client reads");
    socket.write_all(&[0x88, 2, 0x03, 0xe8]).expect("the client reads");
    // until the client has disconnected, so that nothing is lost
    let _ = socket.read(&mut [0; 64]);
}
