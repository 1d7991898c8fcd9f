//! What a client sends, read without a socket: bytes in, messages and faults out (RFC 6455, sections 5 to 7).
//!
//! Headers are parsed by tungstenite; what follows from them is decided here, because its `WebSocket` sees a fault of a
//! header only when the payload has come, and because it knows nothing of frames and closes that the driver writes
//! past it. Its verdicts on whole frames are what the tests compare with.
//!
//! Memory is bounded: one incomplete frame, one incomplete message and one pong. Of pings that were not answered yet
//! only the newest is (section 5.5.3), so a flood of them is a flood of nothing.

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

/// Bytes of a message that are read, together and in one frame.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Payload of a control frame (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: u64 = 125;

/// What came from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// A text message.
    Text(String),
    /// A binary message; nobody asks for what it says.
    Binary,
    /// A ping. The answer is in [`Inbound::take_outgoing`].
    Ping,
    /// A pong and what it carries.
    Pong(Vec<u8>),
    /// The client closes. The answer is in [`Inbound::take_outgoing`], unless this is the answer. Nothing comes after
    /// it.
    Closed {
        /// The client's code, if it gave one.
        code: Option<u16>,
    },
    /// The client broke the protocol: the connection is to be closed like this. Nothing comes after it.
    Failed(Close),
}

/// Reads the frames of one client.
#[derive(Debug)]
pub(crate) struct Inbound {
    input: BytesMut,
    /// The message of which fragments have come.
    message: Option<Fragments>,
    /// The frames to be written, if any.
    pong: Option<Vec<u8>>,
    close: Option<Vec<u8>>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// We sent a close: only the client's is still of interest.
    Closing,
    /// A close or a fault came.
    Over,
}

impl Inbound {
    /// A reader that begins with what came behind the handshake.
    pub(crate) fn new(leftover: &[u8]) -> Inbound {
        Inbound {
            input: BytesMut::from(leftover),
            message: None,
            pong: None,
            close: None,
            state: State::Open,
        }
    }

    /// Takes what a socket gave. To be followed by [`Inbound::poll`] until that gives nothing: then what is kept is
    /// less than a frame.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.state != State::Over {
            self.input.extend_from_slice(bytes);
        }
    }

    /// What came next.
    pub(crate) fn poll(&mut self) -> Option<Received> {
        while self.state != State::Over {
            match self.frame() {
                Ok(Some(frame)) => match self.receive(frame) {
                    Ok(Some(received)) => return Some(received),
                    Ok(None) => {}
                    Err(close) => return Some(self.fail(close)),
                },
                Ok(None) => {
                    // an empty buffer still holds the memory of all that was taken out of it, and its capacity does not
                    // say so
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

    /// Frames to be written between two others: a pong, the answer to a close. At most 256 bytes, taken once.
    pub(crate) fn take_outgoing(&mut self) -> Option<Vec<u8>> {
        match (self.pong.take(), self.close.take()) {
            (None, None) => None,
            (pong, close) => Some([pong.unwrap_or_default(), close.unwrap_or_default()].concat()),
        }
    }

    /// Says that a close was written: no frame may follow it, so that neither pings nor the client's close are
    /// answered, and messages are passed over.
    pub(crate) fn sent_close(&mut self) {
        (self.pong, self.close) = (None, None);
        if self.state == State::Open {
            self.state = State::Closing;
        }
    }

    /// Whether a close or a fault came, behind which nothing is read.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// The next whole frame, unmasked, if it has come and its header has no fault.
    fn frame(&mut self) -> Result<Option<Frame>, Close> {
        let mut cursor = Cursor::new(&self.input[..]);
        let (header, len) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(parsed)) => parsed,
            Ok(None) => return Ok(None),
            Err(FrameError::Protocol(fault)) => return Err(Close::protocol_error(lower(&fault.to_string()))),
            Err(_) => return Err(Close::protocol_error("a frame header that cannot be read")),
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

    /// What is wrong with a header, before its payload has come; or else its mask.
    fn check(&self, header: &FrameHeader, len: u64) -> Result<[u8; 4], Close> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Close::protocol_error("a reserved bit is set, and no extension was agreed on"));
        }
        let Some(mask) = header.mask else {
            return Err(Close::protocol_error("a frame of a client is not masked"));
        };
        let gathered = match (header.opcode, &self.message) {
            (OpCode::Control(_), _) if !header.is_final => {
                return Err(Close::protocol_error("a control frame is fragmented"));
            }
            (OpCode::Control(_), _) if len > CONTROL_BYTES_MAX => {
                return Err(Close::protocol_error("a control frame has more than 125 bytes"));
            }
            (OpCode::Data(Data::Continue), None) => {
                return Err(Close::protocol_error("a continuation of nothing"));
            }
            (OpCode::Data(Data::Text | Data::Binary), Some(_)) => {
                return Err(Close::protocol_error("a new message within a fragmented one"));
            }
            (OpCode::Data(Data::Continue), Some(message)) => message.len,
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
            // also behind our close: the client is still reading what came before it
            OpCode::Control(Control::Pong) => Ok(Some(Received::Pong(frame.payload))),
            OpCode::Control(_) => Ok(None),
        }
    }

    fn receive_data(&mut self, kind: Data, frame: Frame) -> Result<Option<Received>, Close> {
        let mut message = match kind {
            Data::Continue => self.message.take().expect("a continuation of nothing was refused"),
            Data::Text => Fragments { text: Some(Vec::new()), ..Fragments::default() },
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
            [_] => return Err(Close::protocol_error("a close with half a code")),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !may_be_sent(code) {
                    return Err(Close::protocol_error(format!("close code {code} may not be sent")));
                }
                if str::from_utf8(reason).is_err() {
                    return Err(Close::not_utf8("the reason of a close is not UTF-8"));
                }
                Some(code)
            }
        };
        if self.state == State::Open {
            // a close is answered with its own code (section 5.5.1), and nothing is sent once it has come
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

/// What has come of a message.
#[derive(Debug, Default)]
struct Fragments {
    /// The bytes of a text; those of a binary message are not kept.
    text: Option<Vec<u8>>,
    /// How many of them are known to be UTF-8.
    valid: usize,
    /// How many bytes there were.
    len: usize,
}

impl Fragments {
    fn push(&mut self, payload: Vec<u8>) -> Result<(), Close> {
        self.len += payload.len();
        let Some(text) = &mut self.text else { return Ok(()) };
        match text.is_empty() {
            true => *text = payload,
            false => text.extend_from_slice(&payload),
        }
        match str::from_utf8(&text[self.valid..]) {
            Ok(_) => self.valid = text.len(),
            // a character that is cut off may go on in the next fragment
            Err(fault) if fault.error_len().is_none() => self.valid += fault.valid_up_to(),
            Err(_) => return Err(not_utf8()),
        }
        Ok(())
    }

    fn finish(self) -> Result<Received, Close> {
        match self.text {
            None => Ok(Received::Binary),
            Some(text) => String::from_utf8(text).map(Received::Text).map_err(|_| not_utf8()),
        }
    }
}

fn not_utf8() -> Close {
    Close::not_utf8("a text message is not UTF-8")
}

/// Whether a code may stand in a close frame: those of RFC 6455, section 7.4.1, those registered with IANA since, and
/// the ranges for libraries and applications.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

fn pong(payload: &[u8]) -> Vec<u8> {
    const FINAL_PONG: u8 = 0x8a;
    // a control frame's payload was checked to be that short
    [&[FINAL_PONG, payload.len() as u8], payload].concat()
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests;
