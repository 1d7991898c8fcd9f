//! The entry point of the fuzz target `frames`. See `crate::fuzzing`.

use std::io::Cursor;

use tungstenite::protocol::Role;

use super::{Error, Inbound, Read, Received, WebSocket, Write, io, read};

/// The limits of a message, and of the beginning of a longer one. Short inputs exceed them.
const LIMITS: (u64, u64) = (300, 64);

/// The bytes of a server, in pieces of one size; what is written to it is discarded.
struct Pieces<'a> {
    bytes: Cursor<&'a [u8]>,
    size: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.size.min(buffer.len());
        self.bytes.read(&mut buffer[..size])
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads bytes from a server, in one piece and in pieces whose length the first byte determines.
///
/// # Panics
/// If the size of the pieces makes a difference, and if the library alone reads other messages before its first
/// error.
pub fn frames(bytes: &[u8]) {
    let Some((&first, frames)) = bytes.split_first() else { return };
    let whole = filtered(frames, usize::MAX);
    let pieces = filtered(frames, usize::from(first).max(1));
    assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
    let mut socket = WebSocket::from_raw_socket(
        Pieces { bytes: Cursor::new(frames), size: usize::MAX },
        Role::Client,
        None,
    );
    let alone = collect(|| socket.read());
    assert!(alone.len() <= whole.len(), "the filter loses messages: {alone:?}, {whole:?}");
    for (expected, found) in alone.iter().zip(&whole) {
        match found {
            Received::Message(found) => assert_eq!(expected, found),
            Received::Oversize(found) => {
                let content = expected.clone().into_data();
                assert!(content.len() as u64 > LIMITS.0 && content.starts_with(&found.beginning));
                assert_eq!((content.len() as u64, blake3::hash(&content)), (found.length, found.hash));
            }
        }
    }
}

fn filtered(frames: &[u8], size: usize) -> Vec<Received> {
    let inbound = Inbound::with_limits(Pieces { bytes: Cursor::new(frames), size }, &[], LIMITS);
    let mut socket = WebSocket::from_raw_socket(inbound, Role::Client, None);
    collect(|| read(&mut socket))
}

fn collect<T>(mut next: impl FnMut() -> Result<T, Error>) -> Vec<T> {
    std::iter::from_fn(|| next().ok()).collect()
}
