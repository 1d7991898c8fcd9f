//! WebSocket messages of servers that send texts which are no UTF-8.
//!
//! RFC 6455 (section 8.1) has a client fail the connection over such a text, and the library does: the bytes are gone, and
//! a feed that sends them again to whoever comes back can never be followed past them. Whoever has to keep every message
//! as it came cannot do that. [`AnyText`] marks texts as binary on their way to the library and remembers which they
//! were, and [`read`] makes texts of them again, where they are.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
};

use tungstenite::{Error, Message, Utf8Bytes, WebSocket};

#[cfg(test)]
mod tests;

const FIN_AND_RESERVED: u8 = 0xf0;
const OPCODE: u8 = 0x0f;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const MASKED: u8 = 0x80;
const MASK_BYTES: u64 = 4;

/// A server's bytes with every message marked as binary.
#[derive(Debug)]
pub struct AnyText<S> {
    stream: S,
    marks: Marks,
}

impl<S> AnyText<S> {
    /// A stream whose first bytes will be the answer to the handshake.
    pub fn new(stream: S) -> AnyText<S> {
        let at = At::Head(Head { bytes: 0, is_line_empty: false });
        AnyText { stream, marks: Marks { at, texts: VecDeque::new() } }
    }

    /// The stream itself. Whatever is read from it directly is missing here.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: Read> Read for AnyText<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.marks.pass(&mut buffer[..count]);
        Ok(count)
    }
}

impl<S: Write> Write for AnyText<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// The next message. A text that is no UTF-8 comes as a binary message.
///
/// # Errors
/// Those of the library.
pub fn read<S: Read + Write>(socket: &mut WebSocket<AnyText<S>>) -> Result<Message, Error> {
    match socket.read()? {
        Message::Binary(bytes) if socket.get_mut().marks.take_is_text() => {
            Ok(Utf8Bytes::try_from(bytes.clone()).map_or(Message::Binary(bytes), Message::Text))
        }
        message => Ok(message),
    }
}

/// Where in the server's bytes the next one stands (RFC 6455, section 5.2).
#[derive(Clone, Copy, Debug)]
enum At {
    /// In the answer to the handshake.
    Head(Head),
    Opcode,
    Length,
    LongLength {
        bytes_left: u8,
        so_far: u64,
        is_masked: bool,
    },
    /// In a mask or a payload.
    Payload {
        left: u64,
    },
    /// In what is no WebSocket.
    Elsewhere,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    bytes: usize,
    /// Whether its line has had nothing so far.
    is_line_empty: bool,
}

#[derive(Debug)]
struct Marks {
    at: At,
    /// For each message that the library has not given yet, whether it is a text: as many as its buffer holds.
    texts: VecDeque<bool>,
}

impl Marks {
    /// Whether the message that the library gives now is a text. Between its frames it may give others.
    fn take_is_text(&mut self) -> bool {
        self.texts.pop_front().unwrap_or(false)
    }

    fn pass(&mut self, bytes: &mut [u8]) {
        let mut index = 0;
        while let Some(byte) = bytes.get_mut(index) {
            if let At::Payload { left } = &mut self.at {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - index);
                index += here;
                *left -= here as u64;
                if *left == 0 {
                    self.at = At::Opcode;
                }
                continue;
            }
            self.at = self.step(byte);
            index += 1;
        }
    }

    fn step(&mut self, byte: &mut u8) -> At {
        match self.at {
            At::Head(head) => head.step(*byte),
            At::Opcode => {
                let opcode = *byte & OPCODE;
                if opcode == TEXT || opcode == BINARY {
                    self.texts.push_back(opcode == TEXT);
                    *byte = *byte & FIN_AND_RESERVED | BINARY;
                }
                At::Length
            }
            At::Length => {
                let is_masked = *byte & MASKED != 0;
                match *byte & !MASKED {
                    126 => At::LongLength { bytes_left: 2, so_far: 0, is_masked },
                    127 => At::LongLength { bytes_left: 8, so_far: 0, is_masked },
                    length => payload(u64::from(length), is_masked),
                }
            }
            At::LongLength { bytes_left, so_far, is_masked } => {
                let so_far = so_far << 8 | u64::from(*byte);
                match bytes_left {
                    1 => payload(so_far, is_masked),
                    _ => At::LongLength { bytes_left: bytes_left - 1, so_far, is_masked },
                }
            }
            At::Payload { .. } | At::Elsewhere => self.at,
        }
    }
}

impl Head {
    /// Up to the end of an answer that switches protocols; any other is none of ours.
    fn step(self, byte: u8) -> At {
        const STATUS: &[u8] = b"HTTP/1.1 101";
        if STATUS.get(self.bytes).is_some_and(|wanted| *wanted != byte) {
            return At::Elsewhere;
        }
        let is_line_empty = match byte {
            b'\n' if self.is_line_empty => return At::Opcode,
            b'\n' => true,
            b'\r' => self.is_line_empty,
            _ => false,
        };
        At::Head(Head { bytes: self.bytes + 1, is_line_empty })
    }
}

fn payload(length: u64, is_masked: bool) -> At {
    match length.saturating_add(if is_masked { MASK_BYTES } else { 0 }) {
        0 => At::Opcode,
        left => At::Payload { left },
    }
}
