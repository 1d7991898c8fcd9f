//! The parser of the frames that a client sends, without a socket: bytes in, messages and protocol errors out (RFC
//! 6455, sections 5 to 7).
//!
//! tungstenite parses headers. Their consequences are decided here, because its `WebSocket` reports an error of a
//! header only when the payload has arrived, and because it does not know frames and closes that the driver writes
//! past it. The tests compare with its verdicts on whole frames.
//!
//! Memory is bounded: one incomplete frame, one incomplete message and one pong. Of pings that were not answered yet
//! only the newest is answered (section 5.5.3), so a flood of pings has no effect.

use std::io::Cursor;

use bytes::{Buf, BytesMut};
use tungstenite::{
    Error as FrameError,
    protocol::frame::{
        FrameHeader,
        coding::{Control, Data, OpCode},
    },
};

use crate::close::{self, Close};

/// The size limit of a message, in total and in one frame.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// The size limit of the payload of a control frame (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: u64 = 125;

/// An event from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping. The answer is in [`Inbound::take_outgoing`].
    Ping,
    /// A pong and its payload.
    Pong(Vec<u8>),
    /// The client closes. The answer is in [`Inbound::take_outgoing`], unless this is the answer. No event follows.
    Closed {
        /// The client's code, if it sent one.
        code: Option<u16>,
    },
    /// The client violated the protocol: the connection must be closed with this. No event follows.
    Failed(Close),
}

/// Reads the frames of one client.
#[derive(Debug)]
pub(crate) struct Inbound {
    input: BytesMut,
    /// The message of which fragments have arrived.
    message: Option<Fragments>,
    /// The frames to be written, if any.
    pong: Option<Vec<u8>>,
    close: Option<Vec<u8>>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// A close was sent: only the client's close is still of interest.
    Closing,
    /// A close or a protocol error was received.
    Over,
}

impl Inbound {
    /// Returns a reader that begins with the bytes after the handshake.
    pub(crate) fn new(leftover: &[u8]) -> Inbound {
        Inbound {
            input: BytesMut::from(leftover),
            message: None,
            pong: None,
            close: None,
            state: State::Open,
        }
    }

    /// Adds bytes from a socket. Call [`Inbound::poll`] afterwards until it returns `None`: less than a frame is kept
    /// then.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.state != State::Over {
            self.input.extend_from_slice(bytes);
        }
    }

    /// Returns the next event.
    pub(crate) fn poll(&mut self) -> Option<Received> {
        while self.state != State::Over {
            match self.frame() {
                Ok(Some(frame)) => match self.receive(frame) {
                    Ok(Some(received)) => return Some(received),
                    Ok(None) => {}
                    Err(close) => return Some(self.fail(close)),
                },
                Ok(None) => {
                    // an empty buffer still holds the memory of everything that was split off it, and its capacity
                    // does not show it
                    if self.input.is_empty() {
                        self.input = BytesMut::new();
                    }
                    return None;
                }
                Err(close) => return Some(self.fail(close)),
            }
        }
        None
    }

    /// Returns frames to be written between two others: a pong, the answer to a close. At most 256 bytes, returned
    /// once.
    pub(crate) fn take_outgoing(&mut self) -> Option<Vec<u8>> {
        match (self.pong.take(), self.close.take()) {
            (None, None) => None,
            (pong, close) => Some([pong.unwrap_or_default(), close.unwrap_or_default()].concat()),
        }
    }

    /// Records that a close was written: no frame may follow it, so that neither pings nor the client's close are
    /// answered, and messages are ignored.
    pub(crate) fn sent_close(&mut self) {
        (self.pong, self.close) = (None, None);
        if self.state == State::Open {
            self.state = State::Closing;
        }
    }

    /// Returns true if a close or a protocol error was received, after which nothing is read.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Returns the next whole frame, unmasked, if it has arrived and its header is valid.
    fn frame(&mut self) -> Result<Option<Frame>, Close> {
        let mut cursor = Cursor::new(&self.input[..]);
        let (header, len) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(None),
            Err(FrameError::Protocol(fault)) => return Err(Close::protocol_error(lower(&fault.to_string()))),
            Err(_) => return Err(Close::protocol_error("invalid frame header")),
        };
        let header_len = cursor.position() as usize;
        let mask = self.check(&header, len)?;
        // not more than the limit of a message, which was just checked
        let len = len as usize;
        if self.input.len() < header_len + len {
            return Ok(None);
        }
        self.input.advance(header_len);
        let mut payload = self.input.split_to(len).to_vec();
        for (index, byte) in payload.iter_mut().enumerate() {
            *byte ^= mask[index % 4];
        }
        Ok(Some(Frame { opcode: header.opcode, is_final: header.is_final, payload }))
    }

    /// Returns the mask of a header, or the error that is known before its payload has arrived.
    fn check(&self, header: &FrameHeader, len: u64) -> Result<[u8; 4], Close> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Close::protocol_error("a reserved bit is set without an extension"));
        }
        let Some(mask) = header.mask else {
            return Err(Close::protocol_error("a client frame is not masked"));
        };
        let gathered = match (header.opcode, &self.message) {
            (OpCode::Control(_), _) if !header.is_final => {
                return Err(Close::protocol_error("a control frame is fragmented"));
            }
            (OpCode::Control(_), _) if len > CONTROL_BYTES_MAX => {
                return Err(Close::protocol_error("a control frame has more than 125 bytes"));
            }
            (OpCode::Data(Data::Continue), None) => {
                return Err(Close::protocol_error("a continuation frame without a message"));
            }
            (OpCode::Data(Data::Text | Data::Binary), Some(_)) => {
                return Err(Close::protocol_error("a new message inside a fragmented message"));
            }
            (OpCode::Data(Data::Continue), Some(message)) => message.bytes.len(),
            _ => 0,
        };
        match len > (MESSAGE_BYTES_MAX - gathered) as u64 {
            true => Err(Close::too_big(MESSAGE_BYTES_MAX)),
            false => Ok(mask),
        }
    }

    fn receive(&mut self, frame: Frame) -> Result<Option<Received>, Close> {
        match frame.opcode {
            OpCode::Data(kind) => self.receive_data(kind, frame),
            OpCode::Control(Control::Close) => self.receive_close(&frame.payload).map(Some),
            OpCode::Control(Control::Ping) if self.state == State::Open => {
                self.pong = Some(pong(&frame.payload));
                Ok(Some(Received::Ping))
            }
            // also after a close was sent: the client is still reading what was sent before it
            OpCode::Control(Control::Pong) => Ok(Some(Received::Pong(frame.payload))),
            OpCode::Control(_) => Ok(None),
        }
    }

    fn receive_data(&mut self, kind: Data, frame: Frame) -> Result<Option<Received>, Close> {
        let mut message = match kind {
            Data::Continue => self.message.take().expect("a continuation without a message was rejected"),
            Data::Text => Fragments { is_text: true, ..Fragments::default() },
            _ => Fragments::default(),
        };
        message.push(frame.payload)?;
        if !frame.is_final {
            self.message = Some(message);
            return Ok(None);
        }
        let received = message.finish()?;
        Ok(Some(received).filter(|_| self.state == State::Open))
    }

    fn receive_close(&mut self, payload: &[u8]) -> Result<Received, Close> {
        let code = match payload {
            [] => None,
            [_] => return Err(Close::protocol_error("a close frame with an incomplete code")),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !may_be_sent(code) {
                    return Err(Close::protocol_error(format!("close code {code} may not be sent")));
                }
                if str::from_utf8(reason).is_err() {
                    return Err(Close::not_utf8("the close reason is not UTF-8"));
                }
                Some(code)
            }
        };
        if self.state == State::Open {
            // a close is answered with its own code (section 5.5.1), and nothing is sent after that
            self.pong = None;
            self.close = Some(close::frame(code, ""));
        }
        self.end();
        Ok(Received::Closed { code })
    }

    fn fail(&mut self, close: Close) -> Received {
        self.pong = None;
        self.end();
        Received::Failed(close)
    }

    fn end(&mut self) {
        self.state = State::Over;
        self.input = BytesMut::new();
        self.message = None;
    }
}

/// A whole frame, unmasked.
#[derive(Debug)]
struct Frame {
    opcode: OpCode,
    is_final: bool,
    payload: Vec<u8>,
}

/// The fragments of a message that have arrived.
#[derive(Debug, Default)]
struct Fragments {
    bytes: Vec<u8>,
    is_text: bool,
    /// The number of bytes of a text known to be valid UTF-8.
    valid: usize,
}

impl Fragments {
    fn push(&mut self, payload: Vec<u8>) -> Result<(), Close> {
        match self.bytes.is_empty() {
            true => self.bytes = payload,
            false => self.bytes.extend_from_slice(&payload),
        }
        if !self.is_text {
            return Ok(());
        }
        match str::from_utf8(&self.bytes[self.valid..]) {
            Ok(_) => self.valid = self.bytes.len(),
            // a character that is cut off may continue in the next fragment
            Err(fault) if fault.error_len().is_none() => self.valid += fault.valid_up_to(),
            Err(_) => return Err(not_utf8()),
        }
        Ok(())
    }

    fn finish(self) -> Result<Received, Close> {
        match self.is_text {
            false => Ok(Received::Binary(self.bytes)),
            true => String::from_utf8(self.bytes).map(Received::Text).map_err(|_| not_utf8()),
        }
    }
}

fn not_utf8() -> Close {
    Close::not_utf8("a text message is not UTF-8")
}

/// Returns true if a close frame may contain this code: those of RFC 6455, section 7.4.1, those registered with IANA
/// since, and the ranges for libraries and applications.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

fn pong(payload: &[u8]) -> Vec<u8> {
    const FINAL_PONG: u8 = 0x8a;
    // the payload of a control frame was checked to be that short
    [&[FINAL_PONG, payload.len() as u8], payload].concat()
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests;
