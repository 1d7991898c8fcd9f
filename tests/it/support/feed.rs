//! WebSocket servers for tests of clients. The test decides what they send and how they fail.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

pub(crate) use tradesim_client::testing::{Server, Socket};

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
