//! The session of one client: what it sends in, what must be done out.

use std::{collections::VecDeque, fmt, time::Duration};

use tradesim_schemas::{Symbol, Timestamp};

use crate::{
    access::Access,
    dialect::{Framing, Wire},
    subscriptions::Subscriptions,
};

/// The time that a client has to authenticate.
pub(crate) const AUTHENTICATION_TIME: Duration = Duration::from_secs(10);

/// The rules of a dialect's sessions.
pub trait Rules: fmt::Debug + Send {
    /// Begins the session: sends the greeting, and authenticates a client whose handshake contains its key.
    fn greet(&mut self, io: &mut Io);

    /// Answers a message of the client. Not called after the session has closed.
    fn receive(&mut self, message: Incoming<'_>, io: &mut Io);

    /// Informs a client that must leave.
    fn refuse(&mut self, why: Refused, io: &mut Io);

    /// Sends what keeps an idle connection alive. Called when nothing was sent for the time that the session asked for.
    fn idle(&mut self, _io: &mut Io) {}
}

/// The reason for which a client must leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It did not authenticate in time.
    AuthenticationTimeout,
    /// A message that is too large or cannot be decoded at all.
    Invalid,
    /// There are too many connections.
    ConnectionLimit,
    /// It reads too slowly.
    TooSlow,
}

/// A message of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A WebSocket text message.
    Text(&'a str),
    /// A WebSocket binary message.
    Binary(&'a [u8]),
    /// Bytes of a connection without messages, however they were divided.
    Bytes(&'a [u8]),
}

/// The actions that a session requests, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a message, in the framing of the session's wire.
    Send(Vec<u8>),
    /// Play from this instant on, instead of the player's position. Precedes [`Output::Subscribed`].
    StartAt(Timestamp),
    /// The first subscription was acknowledged: the client counts for the start of the playback, and receives messages.
    Subscribed,
    /// Close the connection after everything before it was sent. Nothing follows.
    Close(CloseReason),
}

/// The reason of a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client was refused: WebSocket code 1008.
    Refused,
    /// It reads too slowly: code 1013.
    TooSlow,
}

/// A fault of a session that was added on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next authentication fails, whatever the key is.
    AuthenticationFails,
    /// The client receives the error of too many connections, and is disconnected.
    ConnectionLimit,
    /// The client receives the error of a slow client, and is disconnected.
    TooSlow,
}

/// The state of a session that all dialects share, and what it wants to be done.
#[derive(Debug)]
pub struct Io {
    outputs: VecDeque<Output>,
    pub(crate) subscriptions: Subscriptions,
    access: Access,
    pub(crate) authenticated: bool,
    authentication_fails: bool,
    active: bool,
    closed: bool,
    /// The time of silence after which [`Rules::idle`] is called.
    pub(crate) heartbeat: Option<Duration>,
    now: Duration,
}

impl Io {
    /// Sends a message.
    pub(crate) fn send(&mut self, message: impl Into<Vec<u8>>) {
        self.outputs.push_back(Output::Send(message.into()));
    }

    /// Returns true if a client with this key and secret is authenticated from now on.
    pub(crate) fn authenticate(&mut self, key: &str, secret: Option<&str>) -> bool {
        self.authenticated =
            self.access.admits(key, secret) & !std::mem::take(&mut self.authentication_fails);
        self.authenticated
    }

    /// Returns true if a client that has proved its key is authenticated from now on.
    pub(crate) fn authenticate_proof(&mut self, proof: &str, prove: impl FnOnce(&str) -> String) -> bool {
        self.authenticated =
            self.access.admits_proof(proof, prove) & !std::mem::take(&mut self.authentication_fails);
        self.authenticated
    }

    /// Plays from an instant on.
    pub(crate) fn start_at(&mut self, at: Timestamp) {
        self.outputs.push_back(Output::StartAt(at));
    }

    /// States that a subscription was acknowledged.
    pub(crate) fn acknowledged(&mut self) {
        if !self.active && !self.subscriptions.is_empty() {
            self.active = true;
            self.outputs.push_back(Output::Subscribed);
        }
    }

    /// Closes the session.
    pub(crate) fn close(&mut self, why: CloseReason) {
        if !self.closed {
            self.closed = true;
            self.outputs.push_back(Output::Close(why));
        }
    }

    /// Returns true if the session is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }
}

/// A session. Pass in what happens, then take the [outputs](Session::poll) until there are none.
#[derive(Debug)]
pub struct Session {
    rules: Box<dyn Rules>,
    io: Io,
    framing: Framing,
    wire: usize,
    /// The time at which something was last sent.
    sent: Duration,
}

impl Session {
    pub(crate) fn new(rules: Box<dyn Rules>, access: Access, wire: &Wire, index: usize) -> Session {
        let io = Io {
            outputs: VecDeque::new(),
            subscriptions: Subscriptions::default(),
            access,
            authenticated: false,
            authentication_fails: false,
            active: false,
            closed: false,
            heartbeat: None,
            now: Duration::ZERO,
        };
        Session { rules, io, framing: wire.framing, wire: index, sent: Duration::ZERO }
    }

    /// Begins the session when the connection is established. Times count from then on.
    pub fn greet(&mut self) {
        self.rules.greet(&mut self.io);
    }

    /// Receives a message of the client.
    pub fn receive(&mut self, message: Incoming<'_>, now: Duration) {
        self.io.now = now;
        if !self.io.closed {
            self.rules.receive(message, &mut self.io);
        }
    }

    /// Informs the client that it must leave.
    pub fn refuse(&mut self, why: Refused, now: Duration) {
        self.io.now = now;
        if !self.io.closed {
            self.rules.refuse(why, &mut self.io);
            let reason = if why == Refused::TooSlow { CloseReason::TooSlow } else { CloseReason::Refused };
            self.io.close(reason);
        }
    }

    /// Adds a fault.
    pub fn plant(&mut self, fault: Fault, now: Duration) {
        match fault {
            Fault::AuthenticationFails => self.io.authentication_fails = true,
            Fault::ConnectionLimit => self.refuse(Refused::ConnectionLimit, now),
            Fault::TooSlow => self.refuse(Refused::TooSlow, now),
        }
    }

    /// Returns what must be done next.
    pub fn poll(&mut self) -> Option<Output> {
        let output = self.io.outputs.pop_front();
        if let Some(Output::Send(_)) = output {
            self.sent = self.io.now;
        }
        output
    }

    /// Records that a message of the stream was sent.
    pub fn delivered(&mut self, now: Duration) {
        self.sent = now;
    }

    /// Returns the time at which [`Session::handle_timeout`] must be called.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.io.closed {
            None
        } else if !self.io.authenticated {
            Some(AUTHENTICATION_TIME)
        } else {
            self.io.heartbeat.map(|every| self.sent + every)
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.io.now = now;
        if self.poll_timeout().is_none_or(|due| now < due) {
            return;
        }
        if self.io.authenticated {
            self.sent = now;
            self.rules.idle(&mut self.io);
        } else {
            self.refuse(Refused::AuthenticationTimeout, now);
        }
    }

    /// Returns true if a message of the stream is sent to this client.
    #[inline]
    pub fn selects(&self, channel: u8, symbol: Symbol) -> bool {
        self.io.active && !self.io.closed && self.io.subscriptions.passes(channel, symbol)
    }

    /// Returns true from the first acknowledged subscription on.
    pub fn is_active(&self) -> bool {
        self.io.active
    }

    /// Returns the framing of its messages.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Returns the index of its wire.
    pub fn wire(&self) -> usize {
        self.wire
    }
}
