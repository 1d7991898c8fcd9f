//! A connection: a socket with the deadlines of its caller, the dialogue with the feed, and the events of the stream.

use std::time::Duration;

use tradesim_protocol::{FeedQuery, HandshakeHeaders, Notice, PingPayload};
use tungstenite::{Bytes, Error, Message, error::ProtocolError, protocol::frame::coding::CloseCode};

use crate::{
    Dialogue, DisconnectReason, Endpoint, Fault, Heartbeat, OpenError, Oversize, Received,
    idle::{Idle, IdleTimeout},
    notices::Notices,
    socket::{ClientSocket, Target},
    tcp::is_would_block,
};

/// An event of a connection.
#[derive(Debug)]
pub enum Event {
    /// A message.
    Message {
        /// Its content.
        bytes: Bytes,
        /// True if it was sent as text, and is UTF-8.
        is_text: bool,
    },
    /// A message above the size limit.
    Oversize(Oversize),
    /// A message that only keeps the connection alive. If it expects an answer, it was answered.
    Heartbeat,
    /// A notice of a server of ours.
    Notice(Notice),
    /// A ping, with the payload of a server of ours.
    Ping(Option<PingPayload>),
    /// Everything that has arrived was read: the next read needs [`Connection::wait`].
    NotYet,
    /// The connection has ended.
    Ended(DisconnectReason),
}

impl Event {
    /// Returns true if the server sent something, and has not closed the connection.
    pub fn is_from_feed(&self) -> bool {
        !matches!(self, Event::NotYet | Event::Ended(_))
    }
}

/// An established connection.
#[derive(Debug)]
pub struct Connection {
    socket: ClientSocket,
    /// The tradesim headers of the handshake.
    pub handshake: HandshakeHeaders,
    dialogue: Dialogue,
    /// True if messages can be heartbeats.
    has_heartbeats: bool,
    notices: Notices,
    idle: IdleTimeout,
    pinged: Duration,
}

impl Connection {
    /// Connects and completes the handshake within `timeout`, as long as `is_wanted` returns true. `now` is any clock.
    ///
    /// # Errors
    /// A server that is unreachable or refuses, and an attempt that is not wanted any more.
    pub fn open(
        endpoint: &Endpoint,
        query: &FeedQuery,
        dialogue: &Dialogue,
        timeout: Duration,
        now: impl Fn() -> Duration,
        is_wanted: impl Fn() -> bool,
    ) -> Result<Connection, OpenError> {
        let started = now();
        let mut check = || {
            if !is_wanted() {
                return Err(OpenError::Stopped);
            }
            if now().saturating_sub(started) < timeout {
                return Ok(());
            }
            Err(OpenError::Unreachable(format!("no handshake response within {timeout:?}")))
        };
        let target = Target { endpoint, query, headers: &dialogue.headers, connect_timeout: timeout };
        let (socket, handshake) = ClientSocket::open(&target, &mut check)?;
        let is_numbered = handshake.start_seq.is_some();
        if dialogue.has_heartbeats() && is_numbered {
            tracing::warn!("the feed numbers its messages: --answer and --ignore do not apply");
        }
        Ok(Connection {
            socket,
            handshake,
            dialogue: dialogue.clone(),
            has_heartbeats: dialogue.has_heartbeats() && !is_numbered,
            notices: Notices::default(),
            idle: IdleTimeout::new(now()),
            pinged: now(),
        })
    }

    /// Sends the texts that the feed expects on a new connection.
    ///
    /// # Errors
    /// Fails if the connection is lost.
    pub fn subscribe(&mut self) -> Result<(), DisconnectReason> {
        let texts = std::mem::take(&mut self.dialogue.send);
        texts.into_iter().try_for_each(|text| self.send(Message::text(text)))
    }

    /// Reads the next event, without waiting.
    ///
    /// # Errors
    /// A violation of a protocol. After any other than an invalid notice, the connection cannot be read.
    #[inline]
    pub fn read(&mut self) -> Result<Event, Fault> {
        loop {
            return match self.socket.read() {
                Ok(Received::Message(Message::Text(text))) => {
                    if self.handshake.notices && Notice::is_notice(&text) {
                        match self.notices.read(&text)? {
                            Some(notice) => return Ok(Event::Notice(notice)),
                            None => continue,
                        }
                    }
                    self.notices.message();
                    if self.has_heartbeats
                        && let Some(heartbeat) = self.dialogue.heartbeat(&text)
                    {
                        return Ok(self.heartbeat(heartbeat));
                    }
                    Ok(Event::Message { bytes: text.into(), is_text: true })
                }
                Ok(Received::Message(Message::Binary(bytes))) => {
                    self.notices.message();
                    Ok(Event::Message { bytes, is_text: false })
                }
                Ok(Received::Oversize(message)) => {
                    self.notices.message();
                    Ok(Event::Oversize(message))
                }
                Ok(Received::Message(Message::Ping(payload))) => {
                    let payload = PingPayload::parse(&payload).filter(|_| self.handshake.notices);
                    Ok(Event::Ping(payload))
                }
                Ok(Received::Message(Message::Pong(_) | Message::Frame(_))) => continue,
                Ok(Received::Message(Message::Close(frame))) => {
                    let closed = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                    let (code, reason) = closed.unwrap_or((1005, String::new()));
                    Ok(Event::Ended(DisconnectReason::Closed { code, reason }))
                }
                Err(Error::Io(error)) if is_would_block(&error) => Ok(Event::NotYet),
                Err(error) => disconnect_reason(error).map(Event::Ended),
            };
        }
    }

    fn heartbeat(&mut self, heartbeat: Heartbeat) -> Event {
        let sent = match heartbeat {
            Heartbeat::Ignore => Ok(()),
            Heartbeat::Answer(reply) => self.send(Message::text(reply)),
        };
        sent.map_or_else(Event::Ended, |()| Event::Heartbeat)
    }

    fn send(&mut self, message: Message) -> Result<(), DisconnectReason> {
        let lost = |error: Error| DisconnectReason::Lost(format!("cannot send to the server: {error}"));
        self.socket.send(message).map_err(lost)
    }

    /// Lets the next read wait for at most `time`. Sends what is unsent and the pings that are due, and checks how long the
    /// server has been silent.
    ///
    /// # Errors
    /// Fails if the connection is lost, or counts as lost.
    pub fn wait(&mut self, now: Duration, time: Duration) -> Result<(), DisconnectReason> {
        match self.idle.check(now, self.socket.tcp().take_activity()) {
            Idle::Fine => {}
            Idle::Ping => self.send(Message::Ping(Bytes::new()))?,
            Idle::Lost(idle) => {
                return Err(DisconnectReason::Lost(format!("received nothing for {} s", idle.as_secs())));
            }
        }
        if let Some(ping) = &self.dialogue.ping
            && now.saturating_sub(self.pinged) >= ping.every
        {
            self.pinged = now;
            let text = ping.text.clone();
            self.send(Message::text(text))?;
        }
        self.socket.allow_wait(time).map_err(|error| DisconnectReason::Lost(error.to_string()))
    }

    /// Sends a close frame and waits at most `timeout` for the answer, so that the server does not see a broken connection.
    /// Returns the number of messages that arrived meanwhile and were discarded.
    pub fn close(self, code: CloseCode, timeout: Duration, now: impl Fn() -> Duration) -> u64 {
        let started = now();
        self.socket.close(code, || now().saturating_sub(started) >= timeout)
    }
}

/// Interprets an error of reading.
fn disconnect_reason(error: Error) -> Result<DisconnectReason, Fault> {
    let cause = match error {
        Error::Io(error) => error.to_string(),
        Error::ConnectionClosed | Error::AlreadyClosed => "closed".to_owned(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            "the server closed it without a close frame".to_owned()
        }
        error => return Err(Fault::Violation(error.to_string())),
    };
    Ok(DisconnectReason::Lost(cause))
}
