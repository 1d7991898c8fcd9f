//! Close codes (docs/PROTOCOL.md, section 5), and what they mean for a client.

/// A close code of RFC 6455, section 7.4.1, or of its IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum CloseCode {
    /// The stream is delivered.
    Normal = 1000,
    /// The server is stopping.
    GoingAway = 1001,
    /// The client violated RFC 6455.
    ProtocolError = 1002,
    /// A text was not UTF-8.
    InvalidPayload = 1007,
    /// A refused request.
    PolicyViolation = 1008,
    /// A frame or message was too large.
    MessageTooBig = 1009,
    /// The source failed.
    InternalError = 1011,
    /// The player jumped: the client must reconnect.
    ServiceRestart = 1012,
    /// The client is too slow: it may reconnect.
    TryAgainLater = 1013,
}

impl CloseCode {
    /// Returns the number on the wire.
    pub fn number(self) -> u16 {
        self as u16
    }
}

/// The meaning of a close code for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseKind {
    /// The stream is complete (1000).
    Complete,
    /// There was no code (1005): many foreign servers end a stream in this way.
    Unstated,
    /// The server stops, or the client was too slow (1001, 1013): a new connection resumes the stream.
    Interrupted,
    /// The player jumped (1012): a new connection continues at its new position.
    Moved,
    /// The server failed (1006, 1011, 1014): another attempt may help.
    Failed,
    /// The client violated the WebSocket protocol (1002, 1003, 1007).
    Violation,
    /// The server refused the request (1008).
    Refused,
    /// Any other code.
    Other,
}

impl CloseKind {
    /// Returns the meaning of a code, where 1005 stands for a close without a code.
    pub fn of(code: u16) -> CloseKind {
        match code {
            1000 => CloseKind::Complete,
            1005 => CloseKind::Unstated,
            1001 | 1013 => CloseKind::Interrupted,
            1012 => CloseKind::Moved,
            1006 | 1011 | 1014 => CloseKind::Failed,
            1002 | 1003 | 1007 => CloseKind::Violation,
            1008 => CloseKind::Refused,
            _ => CloseKind::Other,
        }
    }
}
