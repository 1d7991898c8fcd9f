//! The end of a connection.

use std::fmt;

use tradesim_protocol::{CloseKind, foreign::shortened};

/// The reason why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The server closed it.
    Closed {
        /// The close code; 1005 if there was none.
        code: u16,
        /// The reason that the server stated.
        reason: String,
    },
    /// It was lost, or could not be established.
    Lost(String),
}

impl DisconnectReason {
    /// Returns what it means for the client. A lost connection is an interrupted one.
    pub fn kind(&self) -> CloseKind {
        match self {
            DisconnectReason::Closed { code, .. } => CloseKind::of(*code),
            DisconnectReason::Lost(_) => CloseKind::Interrupted,
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DisconnectReason::Closed { code, reason } if reason.is_empty() => {
                write!(f, "the server closed the connection with {code}")
            }
            DisconnectReason::Closed { code, reason } => {
                write!(f, "the server closed the connection with {code}: {}", shortened(reason))
            }
            DisconnectReason::Lost(cause) => write!(f, "the connection was lost: {cause}"),
        }
    }
}
