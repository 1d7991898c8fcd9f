//! Entry points of this crate's fuzz targets, and of the tests that run their corpora (fuzz/README.md). Not a stable
//! API.

mod server;

use tradesim_protocol::{Action, ControlMessage, FeedQuery};
use tradesim_schemas::Symbol;

use crate::{
    http::command,
    inbound::{Inbound, MESSAGE_BYTES_MAX, Received},
    known_symbols::KnownSymbols,
    query::Join,
    selection::Selection,
};

pub use server::http;

/// The limit of outgoing bytes that wait at once: a pong and the answer to a close.
const OUTGOING_BYTES_MAX: usize = 256;

/// Parses a text as control messages of a client, one per line, as the query of a URL, and as the body of each
/// command.
///
/// # Panics
/// If a query that was written is not read again.
pub fn control(bytes: &[u8]) {
    for action in command::ACTIONS {
        let _ = command::parse(action, bytes);
    }
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(query) = text.parse::<FeedQuery>() {
        assert_eq!(query.to_string().parse(), Ok(query));
    }
    let known = KnownSymbols::new(&["AAPL", "BRK.B", "MSFT"].map(|name| Symbol::new(name).expect("short")));
    for known in [known, KnownSymbols::new(&[])] {
        let mut selection = Join::parse(text, None, &known).map_or(Selection::all(), |join| join.selection);
        for line in text.lines() {
            let Ok(message) = line.parse::<ControlMessage>() else { continue };
            let (symbols, events) = (message.symbols.as_deref(), message.events.as_deref());
            if known.check(symbols).is_err() {
                continue;
            }
            let changed = match message.action {
                Action::Subscribe => selection.subscribe(symbols, events),
                Action::Unsubscribe => selection.unsubscribe(symbols, events),
            };
            let _ = (changed, selection.symbols(&known), selection.events(), selection.identity());
        }
    }
}

/// Parses bytes from a client, in one piece and in pieces whose length the first byte determines.
///
/// # Panics
/// If the results differ, or if more is kept or owed than allowed.
pub fn inbound(bytes: &[u8]) {
    let Some((&first, frames)) = bytes.split_first() else { return };
    let (whole, owed) = receive(frames.chunks(frames.len().max(1)));
    let (pieces, owed_in_pieces) = receive(frames.chunks(usize::from(first).max(1)));
    assert_eq!(whole, pieces);
    // of consecutive pings only the newest is answered
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
