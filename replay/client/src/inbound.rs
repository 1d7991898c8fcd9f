//! A filter between a server and the WebSocket library, for two rules of the library that a bridge cannot keep.
//!
//! RFC 6455 (section 8.1) makes a client fail the connection when a text is not UTF-8, and the library fails it when a
//! message exceeds its limit. The bytes are lost then, and a feed that sends them again on every connection can never be
//! followed past them. [`Inbound`] marks texts as binary and remembers which messages were texts. Of a message above the
//! limit it passes the first 64 KiB, hashes the rest and drops it. [`read`] restores both. See `docs/adr/0013` and `0016`.

mod frames;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;

use std::{
    io::{self, Read, Write},
    ops::Range,
};

use tungstenite::{Bytes, Error, Message, Utf8Bytes, WebSocket};

use self::frames::Frames;

#[cfg(test)]
mod tests;

/// The contract's limit of a message.
pub(crate) const MESSAGE_BYTES_MAX: u64 = 16 << 20;
/// The bytes that are kept of a message above the limit.
pub const BEGINNING_BYTES: u64 = 64 << 10;

/// The size of one read.
const BUFFER_BYTES: usize = 128 * 1024;

/// A message from a server.
#[derive(Debug)]
pub(crate) enum Received {
    /// A message within the limit. A text that is not UTF-8 is a binary message.
    Message(Message),
    /// A message above the limit.
    Oversize(Oversize),
}

/// A message above the limit, of which only the beginning is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oversize {
    /// Its first 64 KiB.
    pub beginning: Bytes,
    /// Its length in bytes.
    pub length: u64,
    /// BLAKE3 of all its bytes.
    pub hash: blake3::Hash,
}

/// A stream of a server's frames, rewritten so that the library accepts them.
#[derive(Debug)]
pub(crate) struct Inbound<S> {
    stream: S,
    frames: Frames,
    buffer: Vec<u8>,
    /// The part of the buffer that is rewritten and not read yet.
    ready: Range<usize>,
}

impl<S> Inbound<S> {
    /// Wraps a stream after its handshake. `rest` contains the bytes that followed the response.
    pub(crate) fn new(stream: S, rest: &[u8]) -> Inbound<S> {
        Inbound::with_limits(stream, rest, (MESSAGE_BYTES_MAX, BEGINNING_BYTES))
    }

    fn with_limits(stream: S, rest: &[u8], (bytes_max, beginning): (u64, u64)) -> Inbound<S> {
        let mut frames = Frames::new(bytes_max, beginning);
        let mut buffer = vec![0; BUFFER_BYTES.max(rest.len())];
        buffer[..rest.len()].copy_from_slice(rest);
        let ready = 0..frames.pass(&mut buffer[..rest.len()], 0);
        Inbound { stream, frames, buffer, ready }
    }

    /// Returns the stream below. Bytes that are read from it directly are missing here.
    pub(crate) fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: Read> Read for Inbound<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            let start = self.frames.room();
            if start == 0 {
                // in place, without a copy: what is passed on is never longer than what was read
                let count = self.stream.read(buffer)?;
                let passed = self.frames.pass(&mut buffer[..count], 0);
                if count == 0 || passed > 0 {
                    return Ok(passed);
                }
                continue;
            }
            let count = self.stream.read(&mut self.buffer[start..])?;
            if count == 0 {
                return Ok(0);
            }
            // the result may be empty: a part of a header, or skipped bytes
            self.ready = 0..self.frames.pass(&mut self.buffer[..start + count], start);
        }
        let count = self.ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.buffer[self.ready.start..self.ready.start + count]);
        self.ready.start += count;
        Ok(count)
    }
}

impl<S: Write> Write for Inbound<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Reads the next message.
///
/// # Errors
/// The errors of the library.
#[inline]
pub(crate) fn read<S: Read + Write>(socket: &mut WebSocket<Inbound<S>>) -> Result<Received, Error> {
    let message = socket.read()?;
    let Message::Binary(bytes) = message else { return Ok(Received::Message(message)) };
    let mark = socket.get_mut().frames.take_mark();
    Ok(match mark.whole {
        Some((length, hash)) => {
            let kept = bytes.len().min(BEGINNING_BYTES as usize);
            // copied, so that the frames of a fragmented message are freed
            let beginning = Bytes::copy_from_slice(&bytes[..kept]);
            Received::Oversize(Oversize { beginning, length, hash })
        }
        None if mark.is_text => Received::Message(
            Utf8Bytes::try_from(bytes.clone()).map_or(Message::Binary(bytes), Message::Text),
        ),
        None => Received::Message(Message::Binary(bytes)),
    })
}
