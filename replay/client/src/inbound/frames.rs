//! The frames of a server (RFC 6455, section 5.2), rewritten in place as they come in.

use std::collections::VecDeque;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const MASKED: u8 = 0x80;
const MASK_BYTES: u64 = 4;
/// The longest header without its mask.
const HEADER_BYTES_MAX: usize = 10;
/// The final frame of a message that was cut: a continuation without a payload.
const FINAL: [u8; 2] = [FIN | CONTINUATION, 0];

/// The properties of a message that the library does not return.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    pub(super) is_text: bool,
    /// Length and hash, if the message is above the limit.
    pub(super) whole: Option<(u64, blake3::Hash)>,
}

/// The message that is being received.
#[derive(Debug, Default)]
struct Current {
    length: u64,
    /// Present if the message is fragmented, and so may become too large, or is too large. Boxed: two kilobytes would be moved
    /// for every message otherwise.
    hasher: Option<Box<blake3::Hasher>>,
    is_oversize: bool,
}

/// The payload that is being received.
#[derive(Clone, Copy, Debug, Default)]
struct Body {
    /// Bytes that are passed to the library, and bytes after them that are dropped.
    passed: u64,
    skipped: u64,
    /// True if the frame belongs to a data message, and if it is the final one.
    of_message: bool,
    ends: bool,
}

#[derive(Debug)]
pub(super) struct Frames {
    bytes_max: u64,
    beginning: u64,
    /// The header that is being received, and its length so far.
    header: [u8; HEADER_BYTES_MAX],
    header_len: usize,
    /// The payload that is being received, if any.
    body: Option<Body>,
    current: Option<Current>,
    /// One entry for each message that the library has not returned yet.
    marks: VecDeque<Mark>,
}

impl Frames {
    /// Passes the first `beginning` bytes of messages above `bytes_max`.
    pub(super) fn new(bytes_max: u64, beginning: u64) -> Frames {
        // the skipped bytes of a message make room for its final frame
        assert!(beginning + FINAL.len() as u64 <= bytes_max, "the beginning of a message is a part of it");
        Frames {
            bytes_max,
            beginning,
            header: [0; HEADER_BYTES_MAX],
            header_len: 0,
            body: None,
            current: None,
            marks: VecDeque::new(),
        }
    }

    /// Returns the mark of the data message that the library has just returned.
    pub(super) fn take_mark(&mut self) -> Mark {
        self.marks.pop_front().unwrap_or_default()
    }

    /// Returns the bytes that must be free in front of new input: for a header that was held back, and for the final frame of
    /// a message of which only skipped bytes may follow. A message that exceeds the limit within the input brings at least
    /// as many skipped bytes with it.
    pub(super) fn room(&self) -> usize {
        let is_oversize = self.current.as_ref().is_some_and(|current| current.is_oversize);
        self.header_len + if is_oversize { FINAL.len() } else { 0 }
    }

    /// Rewrites the input that begins at `start`. Returns the length of the output, which begins at 0.
    pub(super) fn pass(&mut self, buffer: &mut [u8], start: usize) -> usize {
        let (mut from, mut to) = (start, 0);
        while from < buffer.len() {
            let Some(body) = &mut self.body else {
                if self.header_len == 0 && buffer.len() - from >= HEADER_BYTES_MAX {
                    // the usual case: the whole header is there
                    let length = header_len(&buffer[from..from + 2]);
                    self.header[..length].copy_from_slice(&buffer[from..from + length]);
                    self.header_len = length;
                    from += length;
                    to = self.frame(buffer, to);
                    continue;
                }
                self.header[self.header_len] = buffer[from];
                self.header_len += 1;
                from += 1;
                if self.header_len == header_len(&self.header[..self.header_len]) {
                    to = self.frame(buffer, to);
                }
                continue;
            };
            let is_passed = body.passed > 0;
            let left = if is_passed { &mut body.passed } else { &mut body.skipped };
            let count = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len() - from);
            *left -= count as u64;
            if body.of_message
                && let Some(hasher) = self.current.as_mut().and_then(|current| current.hasher.as_mut())
            {
                hasher.update(&buffer[from..from + count]);
            }
            if is_passed {
                if from != to {
                    buffer.copy_within(from..from + count, to);
                }
                to += count;
            }
            from += count;
            to = self.end_of_body(buffer, to);
        }
        to
    }

    /// Handles a complete header and writes the header that is passed on.
    fn frame(&mut self, buffer: &mut [u8], to: usize) -> usize {
        let header = self.header;
        let read = std::mem::take(&mut self.header_len);
        let (first, length) = (header[0], payload_len(&header[..read]));
        let opcode = first & OPCODE;
        let is_masked = header[1] & MASKED != 0;
        let is_data = matches!(opcode, TEXT | BINARY) || opcode == CONTINUATION && self.current.is_some();
        // the most significant bit of a length must be 0 (RFC 6455, section 5.2)
        let is_impossible = length >> 63 != 0;
        if !is_data || is_masked || is_impossible || first & RESERVED != 0 {
            // a control frame, or a violation of the protocol that the library reports
            let passed = length.saturating_add(if is_masked { MASK_BYTES } else { 0 });
            self.body = Some(Body { passed, ..Body::default() });
            return self.write(buffer, to, &header[..read]);
        }
        let ends = first & FIN != 0;
        if opcode != CONTINUATION {
            self.current = Some(Current::default());
            self.marks.push_back(Mark { is_text: opcode == TEXT, whole: None });
        }
        let current = self.current.as_mut().expect("a data frame belongs to a message");
        let before = current.length;
        current.length = before.saturating_add(length);
        let was_oversize = current.is_oversize;
        current.is_oversize |= current.length > self.bytes_max;
        if current.is_oversize || !ends {
            current.hasher.get_or_insert_default();
        }
        let passed = match (current.is_oversize, was_oversize) {
            (false, _) => length,
            (true, false) => length.min(self.beginning.saturating_sub(before)),
            (true, true) => 0,
        };
        let is_oversize = current.is_oversize;
        self.body = Some(Body { passed, skipped: length - passed, of_message: true, ends });
        let opcode = if opcode == CONTINUATION { CONTINUATION } else { BINARY };
        if !is_oversize {
            let mut header = header;
            header[0] = first & FIN | opcode;
            return self.write(buffer, to, &header[..read]);
        }
        if opcode == CONTINUATION && passed == 0 {
            return self.write(buffer, to, &[]);
        }
        // not the final frame, which follows when the whole message was read
        let mut short = [0; HEADER_BYTES_MAX];
        short[0] = opcode;
        let written = match passed {
            0..126 => {
                short[1] = passed as u8;
                2
            }
            126..65_536 => {
                short[1] = 126;
                short[2..4].copy_from_slice(&(passed as u16).to_be_bytes());
                4
            }
            _ => {
                short[1] = 127;
                short[2..].copy_from_slice(&passed.to_be_bytes());
                HEADER_BYTES_MAX
            }
        };
        self.write(buffer, to, &short[..written])
    }

    fn write(&mut self, buffer: &mut [u8], to: usize, header: &[u8]) -> usize {
        buffer[to..to + header.len()].copy_from_slice(header);
        self.end_of_body(buffer, to + header.len())
    }

    /// Completes a payload, and the message if the frame was the final one.
    fn end_of_body(&mut self, buffer: &mut [u8], to: usize) -> usize {
        let Some(body) = self.body.take_if(|body| body.passed == 0 && body.skipped == 0) else { return to };
        if !body.of_message || !body.ends {
            return to;
        }
        let Some(current) = self.current.take() else { return to };
        let (true, Some(hasher)) = (current.is_oversize, current.hasher) else { return to };
        if let Some(mark) = self.marks.back_mut() {
            mark.whole = Some((current.length, hasher.finalize()));
        }
        buffer[to..to + FINAL.len()].copy_from_slice(&FINAL);
        to + FINAL.len()
    }
}

/// Returns the length of a header without its mask, according to the bytes received so far.
fn header_len(header: &[u8]) -> usize {
    match header.get(1).map(|byte| byte & !MASKED) {
        Some(126) => 4,
        Some(127) => HEADER_BYTES_MAX,
        _ => 2,
    }
}

/// Returns the payload length that a complete header states.
fn payload_len(header: &[u8]) -> u64 {
    match *header {
        [_, length] => u64::from(length & !MASKED),
        [_, _, high, low] => u64::from(u16::from_be_bytes([high, low])),
        _ => header[2..].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
    }
}
