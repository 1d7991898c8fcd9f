//! A WebSocket server that sends what a test or a benchmark specifies, and fails as it specifies. Not a stable API.

use tradesim_schemas::StreamSeq;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use tradesim_protocol::{HandshakeHeaders, SUBPROTOCOL};
use tungstenite::{
    Message, WebSocket,
    handshake::derive_accept_key,
    protocol::{
        CloseFrame, Role,
        frame::{
            Frame,
            coding::{CloseCode, Data, OpCode},
        },
    },
};

/// A server that calls a function with each connection and its number, counted from 0, one after the other, until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves any number of connections.
    pub fn start(serve: impl FnMut(usize, TcpStream) + Send + 'static) -> Server {
        Server::limited(usize::MAX, serve)
    }

    /// Serves so many connections, and then stops listening.
    pub fn limited(connections: usize, mut serve: impl FnMut(usize, TcpStream) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            for (number, stream) in listener.incoming().take(connections).enumerate() {
                if flag.load(Ordering::SeqCst) {
                    return;
                }
                serve(number, stream.unwrap());
            }
        });
        Server { address, stopped, thread: Some(thread) }
    }

    /// Returns the URL.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Waits until all connections of a limited server were served.
    pub fn join(mut self) {
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.stopped.store(true, Ordering::SeqCst);
        // connects once more, so that the thread checks the flag
        let _ = TcpStream::connect(self.address);
        // a client of a failed test may still be reading
        if !std::thread::panicking() {
            thread.join().unwrap();
        }
    }
}

/// The headers of a server that numbers its messages and supports `tradesim.v1`.
pub fn numbered(stream: &str, run: &str, start_seq: u64) -> Vec<(&'static str, String)> {
    let headers = HandshakeHeaders {
        stream: Some(stream.to_owned()),
        run: Some(run.to_owned()),
        start_seq: Some(StreamSeq(start_seq)),
        ..HandshakeHeaders::default()
    };
    let mut pairs = headers.pairs();
    pairs.push(("sec-websocket-protocol", SUBPROTOCOL.to_owned()));
    pairs
}

/// A client that waits for the answer to its handshake.
#[derive(Debug)]
pub struct Peer {
    /// The connection.
    pub stream: TcpStream,
    request: String,
}

impl Peer {
    /// Reads the request.
    pub fn accept(mut stream: TcpStream) -> Peer {
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        Peer { stream, request: String::from_utf8(request).unwrap() }
    }

    /// Returns a header.
    pub fn header(&self, wanted: &str) -> Option<&str> {
        let pairs = self.request.lines().filter_map(|line| line.split_once(": "));
        pairs.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value).next()
    }

    /// Returns the query of the URL, without the question mark.
    pub fn query(&self) -> &str {
        let target = self.request.split(' ').nth(1).unwrap();
        target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Accepts the handshake with these headers, and sends these bytes after them in the same write.
    pub fn answer(mut self, headers: &[(&str, String)], behind: &[u8]) -> Socket {
        let accept = derive_accept_key(self.header("sec-websocket-key").unwrap().as_bytes());
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n"
        );
        for (name, value) in headers {
            answer += &format!("{name}: {value}\r\n");
        }
        answer += "\r\n";
        self.stream.write_all(&[answer.as_bytes(), behind].concat()).unwrap();
        let socket = WebSocket::from_raw_socket(self.stream.try_clone().unwrap(), Role::Server, None);
        Socket { socket, query: self.query().to_owned(), peer: self }
    }
}

/// An accepted connection. Errors of sending are ignored, because a test checks the client.
#[derive(Debug)]
pub struct Socket {
    /// The connection itself.
    pub socket: WebSocket<TcpStream>,
    /// The query of the client.
    pub query: String,
    peer: Peer,
}

impl Socket {
    /// Accepts the handshake, with headers that depend on the query.
    pub fn accept(stream: TcpStream, headers: impl FnOnce(&str) -> Vec<(&'static str, String)>) -> Socket {
        let peer = Peer::accept(stream);
        let headers = headers(peer.query());
        peer.answer(&headers, &[])
    }

    /// Returns a header of the client.
    pub fn header(&self, name: &str) -> Option<String> {
        self.peer.header(name).map(str::to_owned)
    }

    /// Sends a message in `count` frames of the same length.
    pub fn send_in_frames(&mut self, part: &[u8], count: usize) {
        for index in 0..count {
            let data = if index == 0 { Data::Binary } else { Data::Continue };
            let frame = Frame::message(part.to_vec(), OpCode::Data(data), index + 1 == count);
            let _ = self.socket.send(Message::Frame(frame));
        }
    }

    /// Sends a text.
    pub fn send(&mut self, text: &str) {
        let _ = self.socket.send(Message::text(text));
    }

    /// Sends a binary message.
    pub fn send_binary(&mut self, bytes: &[u8]) {
        let _ = self.socket.send(Message::binary(bytes.to_vec()));
    }

    /// Sends a text message that need not be UTF-8, which libraries do not allow.
    pub fn send_text_bytes(&mut self, bytes: &[u8]) {
        let frame = Frame::message(bytes.to_vec(), OpCode::Data(Data::Text), true);
        let _ = self.socket.send(Message::Frame(frame));
    }

    /// Sends a ping.
    pub fn ping(&mut self, payload: &str) {
        let _ = self.socket.send(Message::Ping(payload.as_bytes().to_vec().into()));
    }

    /// Sends the notice that the stream is delivered: so many messages on this connection, and the number after the last one.
    pub fn send_end(&mut self, seq: u64, sent: u64) {
        self.send(&format!(r#"{{"notice":"end","seq":{seq},"sent":{sent},"digest":null}}"#));
    }

    /// Closes, waits for the client, and returns the code of its close frame.
    pub fn close(mut self, code: u16, reason: &'static str) -> Option<u16> {
        let _ = self.socket.close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() }));
        self.until_closed()
    }

    /// Reads until the client closes. Returns the code of its close frame, or `None` if there was none.
    pub fn until_closed(&mut self) -> Option<u16> {
        let mut code = None;
        loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => code = frame.map(|frame| frame.code.into()),
                Ok(_) => {}
                Err(_) => return code,
            }
        }
    }
}
