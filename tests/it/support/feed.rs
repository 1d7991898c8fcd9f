//! WebSocket servers for tests of clients. The test decides what they send and how they fail.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use tungstenite::{
    Message, WebSocket, accept_hdr,
    handshake::server::{Request, Response},
    http::HeaderMap,
    protocol::{
        CloseFrame,
        frame::{
            Frame,
            coding::{CloseCode, Data, OpCode},
        },
    },
};

/// A server that calls a function with each connection and its number, counted from 0, one after the other, until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(mut serve: impl FnMut(usize, TcpStream) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                if flag.load(Ordering::SeqCst) {
                    return;
                }
                serve(number, stream.unwrap());
            }
        });
        Server { address, stopped, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // connects once more, so that the thread checks the flag
        let _ = TcpStream::connect(self.address);
        let result = self.thread.take().unwrap().join();
        if !std::thread::panicking() {
            result.unwrap();
        }
    }
}

/// An accepted WebSocket, with the query and the headers of the client.
pub(crate) struct Socket {
    pub(crate) socket: WebSocket<TcpStream>,
    pub(crate) query: String,
    headers: HeaderMap,
}

impl Socket {
    /// Accepts the handshake, with response headers that depend on the query.
    pub(crate) fn accept(
        stream: TcpStream,
        headers: impl FnOnce(&str) -> Vec<(&'static str, String)>,
    ) -> Socket {
        let mut query = String::new();
        let mut sent = HeaderMap::new();
        let (seen, seen_headers) = (&mut query, &mut sent);
        #[expect(clippy::result_large_err, reason = "the signature is the library's")]
        let socket = accept_hdr(stream, move |request: &Request, mut response: Response| {
            *seen = request.uri().query().unwrap_or_default().to_owned();
            seen_headers.clone_from(request.headers());
            for (name, value) in headers(seen) {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            Ok(response)
        })
        .unwrap();
        Socket { socket, query, headers: sent }
    }

    /// Returns a header of the client.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        Some(self.headers.get(name)?.to_str().unwrap().to_owned())
    }

    /// Sends a message in `count` frames of the same length.
    pub(crate) fn send_in_frames(&mut self, part: &[u8], count: usize) {
        for index in 0..count {
            let data = if index == 0 { Data::Binary } else { Data::Continue };
            let frame = Frame::message(part.to_vec(), OpCode::Data(data), index + 1 == count);
            let _ = self.socket.send(Message::Frame(frame));
        }
    }

    pub(crate) fn send(&mut self, text: &str) {
        // the test checks the client
        let _ = self.socket.send(Message::text(text));
    }

    pub(crate) fn send_binary(&mut self, bytes: &[u8]) {
        let _ = self.socket.send(Message::binary(bytes.to_vec()));
    }

    /// Sends a text message that need not be UTF-8, which libraries do not allow.
    pub(crate) fn send_text_bytes(&mut self, bytes: &[u8]) {
        let frame = Frame::message(bytes.to_vec(), OpCode::Data(Data::Text), true);
        let _ = self.socket.send(Message::Frame(frame));
    }

    pub(crate) fn ping(&mut self, payload: &str) {
        let _ = self.socket.send(Message::Ping(payload.as_bytes().to_vec().into()));
    }

    /// Closes, waits for the client, and returns the code of its close frame.
    pub(crate) fn close(mut self, code: u16, reason: &'static str) -> Option<u16> {
        let _ = self.socket.close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() }));
        self.until_closed()
    }

    /// Reads until the client closes. Returns the code of its close frame, or `None` if there was none.
    pub(crate) fn until_closed(&mut self) -> Option<u16> {
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

/// Returns the number after `name=` in a query.
pub(crate) fn parameter(query: &str, name: &str) -> Option<u64> {
    query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// Answers one HTTP request with this status line and body. Returns the request.
pub(crate) fn answer(mut stream: TcpStream, status: &str, body: &str) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok())
        .unwrap_or(0);
    let mut content = vec![0; length];
    stream.read_exact(&mut content).unwrap();
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .unwrap();
    head + &String::from_utf8(content).unwrap()
}

/// Starts a feed without sequence numbers that sends these texts and closes with 1000.
pub(crate) fn plain_feed(texts: Vec<Vec<u8>>) -> Server {
    Server::start(move |_, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        for text in &texts {
            match std::str::from_utf8(text) {
                Ok(text) => socket.send(text),
                Err(_) => socket.send_binary(text),
            }
        }
        socket.close(1000, "delivered");
    })
}
