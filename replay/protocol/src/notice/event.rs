//! The notice of a planned event: one of its phases begins.

use serde::{Deserialize, Serialize};
use tradesim_schemas::{StreamSeq, Symbol, Timestamp};

use super::Notice;

/// The limit of phases that a server announces before one message (docs/PROTOCOL.md).
pub const PHASES_MAX: usize = 500;

/// A phase of a planned event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPhase {
    /// The name of the event, such as `luld-KO-103112`.
    pub id: String,
    /// Its kind, such as `luld`.
    pub kind: String,
    /// The only symbol that it happens to; `None` for all symbols.
    pub symbol: Option<Symbol>,
    /// The name of the phase, such as `halt`.
    pub phase: String,
    /// Its first instant.
    pub at: Timestamp,
}

/// The JSON layout of the notice.
#[derive(Serialize, Deserialize)]
pub(super) struct EventLayout {
    seq: StreamSeq,
    id: String,
    kind: String,
    symbol: Option<String>,
    phase: String,
    at: String,
}

impl EventLayout {
    pub(super) fn of(seq: StreamSeq, phase: &EventPhase) -> EventLayout {
        let EventPhase { id, kind, symbol, phase, at } = phase.clone();
        EventLayout {
            seq,
            id,
            kind,
            symbol: symbol.map(|symbol| symbol.to_string()),
            phase,
            at: at.to_string(),
        }
    }

    /// Returns the notice; `None` if a symbol or a time has a form of a later version.
    pub(super) fn notice(self) -> Option<Notice> {
        let EventLayout { seq, id, kind, symbol, phase, at } = self;
        let symbol = match symbol {
            Some(name) => Some(Symbol::new(&name)?),
            None => None,
        };
        let at = Timestamp::parse(at.as_bytes()).ok()?;
        Some(Notice::Event { seq, phase: EventPhase { id, kind, symbol, phase, at } })
    }
}
