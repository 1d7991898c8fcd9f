//! What the fuzz targets of this crate do with their bytes, and what the tests do with the targets' corpora
//! (fuzz/README.md). Nothing here is promised to other callers.

mod server;

use tradesim_schemas::Symbol;

use crate::{
    control_message,
    http::command,
    inbound::{Inbound, MESSAGE_BYTES_MAX, Received},
    names::KnownSymbols,
    query::Join,
    selection::Selection,
};

pub use server::http;

/// Bytes of frames that a client is owed at once: a pong and the answer to a close.
const OUTGOING_BYTES_MAX: usize = 256;

/// Reads a text as a client's control messages, one per line, as the query of a URL, and as the body of each command.
///
/// # Panics
/// Where a selection that a client may have does not hold what the client asked for.
pub fn control(bytes: &[u8]) {
    for action in command::ACTIONS {
        let _ = command::parse(action, bytes);
    }
    let Ok(text) = str::from_utf8(bytes) else { return };
    let known = KnownSymbols::new(&["AAPL", "BRK.B", "MSFT"].map(|name| Symbol::new(name).expect("short")));
    for known in [known, KnownSymbols::new(&[])] {
        let mut selection = Join::parse(text, None, &known).map_or(Selection::all(), |join| join.selection);
        for line in text.lines() {
            let Ok(message) = control_message::parse(line, &known) else { continue };
            let (symbols, events) = (message.symbols.as_deref(), message.events.as_deref());
            let changed = match message.action {
                control_message::Action::Subscribe => selection.subscribe(symbols, events),
                control_message::Action::Unsubscribe => selection.unsubscribe(symbols, events),
            };
            let _ = (changed, selection.symbols(&known), selection.events(), selection.identity());
        }
    }
}

/// Reads what a client sends, in one piece and in pieces whose length the first byte says.
///
/// # Panics
/// Where the pieces make a difference, and where more is kept or owed than is allowed.
pub fn inbound(bytes: &[u8]) {
    let Some((&first, frames)) = bytes.split_first() else { return };
    let (whole, owed) = receive(frames.chunks(frames.len().max(1)));
    let (pieces, owed_in_pieces) = receive(frames.chunks(usize::from(first).max(1)));
    assert_eq!(whole, pieces);
    // of pings that come together only the newest is answered
    assert!(owed.len() <= owed_in_pieces.len());
    for received in whole {
        if let Received::Text(text) = received {
            assert!(text.len() <= MESSAGE_BYTES_MAX);
        }
    }
}

fn receive<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Received>, Vec<u8>) {
    let mut inbound = Inbound::new(&[]);
    let (mut received, mut owed) = (Vec::new(), Vec::new());
    for piece in pieces {
        inbound.feed(piece);
        while let Some(next) = inbound.poll() {
            assert!(!matches!(received.last(), Some(Received::Closed { .. } | Received::Failed(_))));
            received.push(next);
        }
        let outgoing = inbound.take_outgoing().unwrap_or_default();
        assert!(outgoing.len() <= OUTGOING_BYTES_MAX);
        owed.extend(outgoing);
    }
    (received, owed)
}
