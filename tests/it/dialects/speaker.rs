//! A WebSocket client of a dialect.

use std::{net::TcpStream, time::Duration};

use tungstenite::{Error, Message, WebSocket, client::IntoClientRequest, stream::MaybeTlsStream};

/// The timeout of a read: a test that waits longer has failed.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The silence that counts as such.
const SILENCE: Duration = Duration::from_millis(300);

/// A connection to a server.
pub(super) struct Speaker {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
}

impl Speaker {
    #[track_caller]
    pub(super) fn connect(url: &str) -> Speaker {
        Speaker::of(tungstenite::connect(url).unwrap().0)
    }

    #[track_caller]
    pub(super) fn with_header(url: &str, name: &'static str, value: &'static str) -> Speaker {
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        Speaker::of(tungstenite::connect(request).unwrap().0)
    }

    fn of(socket: WebSocket<MaybeTlsStream<TcpStream>>) -> Speaker {
        let mut speaker = Speaker { socket };
        speaker.timeout(TIMEOUT);
        speaker
    }

    /// Connects, sends messages, and receives as many answers and the greeting: a subscription is acknowledged with a message for each
    /// entry of a list of parameters, or with one.
    #[track_caller]
    pub(super) fn subscribed(url: &str, messages: &[&str]) -> Speaker {
        let mut speaker = Speaker::connect(url);
        speaker.next();
        for message in messages {
            speaker.send(message);
            let entries =
                message.split_once("params\":\"T.").or_else(|| message.split_once("params\":\"AM."));
            let answers = entries.map_or(1, |(_, list)| list.split(',').count());
            for _ in 0..answers {
                let answer = speaker.next();
                assert!(!answer.contains("error"), "{answer}");
            }
        }
        speaker
    }

    fn timeout(&mut self, timeout: Duration) {
        match self.socket.get_mut() {
            MaybeTlsStream::Plain(socket) => socket.set_read_timeout(Some(timeout)).unwrap(),
            _ => unreachable!("servers are on this machine"),
        }
    }

    #[track_caller]
    pub(super) fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    /// Sends a message of any kind, or a single frame of one.
    #[track_caller]
    pub(super) fn send_message(&mut self, message: Message) {
        self.socket.send(message).unwrap();
    }

    /// Returns when the server has read everything that was sent before. Nothing may arrive until then.
    #[track_caller]
    pub(super) fn is_read(&mut self) {
        self.send_message(Message::Ping("read".into()));
        match self.socket.read().unwrap() {
            Message::Pong(payload) => assert_eq!(&payload[..], b"read"),
            other => panic!("expected a pong, not {other:?}"),
        }
    }

    /// Returns the next text message.
    #[track_caller]
    pub(super) fn next(&mut self) -> String {
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected a text message, not {other:?}"),
            }
        }
    }

    /// Returns the next text message, whatever binary messages precede it.
    #[track_caller]
    pub(super) fn next_text(&mut self) -> String {
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("expected a text message, not {other:?}"),
            }
        }
    }

    /// Receives until the connection is closed. Returns the text messages and the close code, which is missing if the
    /// connection broke.
    pub(super) fn rest(mut self) -> (Vec<String>, Option<u16>) {
        let (messages, code) = self.receive_all();
        let text = |message| match message {
            Message::Text(text) => text.to_string(),
            other => panic!("expected a text message, not {other:?}"),
        };
        (messages.into_iter().map(text).collect(), code)
    }

    /// Receives binary messages until the connection is closed.
    pub(super) fn rest_binary(mut self) -> (Vec<Vec<u8>>, Option<u16>) {
        let (messages, code) = self.receive_all();
        let bytes = |message| match message {
            Message::Binary(bytes) => bytes.to_vec(),
            other => panic!("expected a binary message, not {other:?}"),
        };
        (messages.into_iter().map(bytes).collect(), code)
    }

    /// Receives messages of any kind until the connection is closed, each with true if it is binary.
    pub(super) fn rest_of_any_kind(mut self) -> (Vec<(bool, Vec<u8>)>, Option<u16>) {
        let (messages, code) = self.receive_all();
        let kind = |message: Message| (message.is_binary(), message.into_data().to_vec());
        (messages.into_iter().map(kind).collect(), code)
    }

    fn receive_all(&mut self) -> (Vec<Message>, Option<u16>) {
        let (mut messages, mut code) = (Vec::new(), None);
        loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => code = frame.map(|frame| frame.code.into()),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(message) => messages.push(message),
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("nothing came in time, after {} messages", messages.len())
                }
                Err(_) => return (messages, code),
            }
        }
    }

    /// Returns the message that arrives within a moment, or `None` if none does.
    pub(super) fn silence(&mut self) -> Option<Message> {
        self.timeout(SILENCE);
        let read = loop {
            match self.socket.read() {
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                other => break other,
            }
        };
        self.timeout(TIMEOUT);
        match read {
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            other => Some(other.unwrap()),
        }
    }

    /// Sends a message again and again, and reads nothing. Returns the number of times until the server took no more.
    pub(super) fn send_until_refused(&mut self, text: &str, at_most: usize) -> usize {
        match self.socket.get_mut() {
            MaybeTlsStream::Plain(socket) => socket.set_write_timeout(Some(SILENCE)).unwrap(),
            _ => unreachable!("servers are on this machine"),
        }
        (0..at_most).position(|_| self.socket.send(Message::text(text)).is_err()).unwrap_or(at_most)
    }

    /// Closes the connection, and waits for the answer.
    pub(super) fn close(mut self) {
        self.socket.close(None).unwrap();
        while self.socket.read().is_ok() {}
    }
}
