//! The description of a dialect.

use std::sync::Arc;

use crate::{
    access::Access,
    encode::Encode,
    reference::Reference,
    session::{Rules, Session},
};

/// The protocol of a vendor.
#[derive(Debug)]
pub struct Dialect {
    /// The name in commands and metrics.
    pub name: &'static str,
    /// The vendor, in texts for people.
    pub vendor: &'static str,
    /// The connections that it is spoken on.
    pub transport: Transport,
    /// The channels. A frame and a subscription name a channel by its index.
    pub channels: &'static [Channel],
    /// The forms of its messages: at least one. Commands that print use the first.
    pub wires: &'static [Wire],
    /// The headers of a handshake that it reads, in lower case.
    pub headers: &'static [&'static str],
    /// True if a connection stays open and silent after the recording, because the vendor's own client would
    /// reconnect and receive the recording again.
    pub holds_at_end: bool,
    /// Returns the index of the wire that a client asks for in its handshake.
    pub choose_wire: fn(&Handshake) -> usize,
    /// Creates the rules of a session.
    pub rules: fn(SessionSetup) -> Box<dyn Rules>,
}

/// The connections that a dialect is spoken on.
#[derive(Clone, Copy, Debug)]
pub enum Transport {
    /// WebSocket, beside the other paths of the server.
    WebSocket {
        /// The path, for people; a part in braces stands for several values.
        path: &'static str,
        /// Returns true for the paths of this dialect.
        answers: fn(&str) -> bool,
    },
    /// Bytes on a port of their own: lines from the client, lines and then records to it.
    Tcp,
}

/// A channel of a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The vendor's name.
    pub name: &'static str,
    /// True if our events have a counterpart there; the others are acknowledged and silent.
    pub carries: bool,
}

impl Channel {
    pub(crate) const fn carried(name: &'static str) -> Channel {
        Channel { name, carries: true }
    }

    pub(crate) const fn silent(name: &'static str) -> Channel {
        Channel { name, carries: false }
    }
}

/// A form of a dialect's messages.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// The name, unique within the dialect.
    pub name: &'static str,
    /// The framing of the messages.
    pub framing: Framing,
    /// Creates an encoder.
    pub encoder: fn(&Arc<Reference>) -> Box<dyn Encode>,
}

/// The framing of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// WebSocket text messages.
    Text,
    /// WebSocket binary messages.
    Binary,
    /// Bytes that delimit themselves.
    Bytes,
}

/// The handshake of a client, as far as dialects read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// The query of the URL, without the question mark.
    pub query: String,
    /// The headers of [`Dialect::headers`] that are present, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// 32 characters that are hard to guess, for dialects that challenge their clients.
    pub challenge: String,
}

impl Handshake {
    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The arguments of [`Dialect::rules`].
#[derive(Clone, Debug)]
pub struct SessionSetup {
    /// The handshake.
    pub handshake: Handshake,
    /// The facts about the stream.
    pub reference: Arc<Reference>,
    /// The index of the wire.
    pub wire: usize,
}

impl Dialect {
    /// Returns a session that has not begun yet.
    pub fn session(&self, handshake: Handshake, reference: &Arc<Reference>, access: &Access) -> Session {
        let wire = (self.choose_wire)(&handshake);
        let setup = SessionSetup { handshake, reference: Arc::clone(reference), wire };
        Session::new((self.rules)(setup), access.clone(), &self.wires[wire], wire)
    }
}
