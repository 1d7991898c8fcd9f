//! Closes of connections: the codes and reasons of docs/PROTOCOL.md, section 5.

use tradesim_schemas::StreamSeq;

use tradesim_protocol::{CloseCode, Refusal};

/// The size limit of a reason in bytes: a control frame holds 125, of which the code takes two.
const REASON_BYTES_MAX: usize = 123;

/// A close that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    code: CloseCode,
    reason: String,
}

impl Close {
    fn new(code: CloseCode, reason: impl Into<String>) -> Close {
        Close { code, reason: fitting(reason.into()) }
    }

    /// Returns the close for a delivered stream.
    pub(crate) fn delivered() -> Close {
        Close::new(CloseCode::Normal, "delivered")
    }

    /// Returns the close for a server that is stopping.
    pub(crate) fn stopping(next_seq: StreamSeq) -> Close {
        Close::new(CloseCode::GoingAway, format!("the server stops; next seq {next_seq}"))
    }

    /// Returns the close for a client that violated RFC 6455.
    pub(crate) fn protocol_error(what: impl Into<String>) -> Close {
        Close::new(CloseCode::ProtocolError, what)
    }

    /// Returns the close for a text that is not UTF-8.
    pub(crate) fn not_utf8(what: impl Into<String>) -> Close {
        Close::new(CloseCode::InvalidPayload, what)
    }

    /// Returns the close for a refused request.
    pub(crate) fn refused(refusal: &Refusal) -> Close {
        Close::new(CloseCode::PolicyViolation, refusal.to_string())
    }

    /// Returns the close for a message that is too large.
    pub(crate) fn too_big(bytes_max: usize) -> Close {
        Close::new(CloseCode::MessageTooBig, format!("messages are limited to {bytes_max} bytes"))
    }

    /// Returns the close for a source that cannot be read further.
    pub(crate) fn source_failed(next_seq: StreamSeq, why: &str) -> Close {
        Close::new(CloseCode::InternalError, format!("next seq {next_seq}: {why}"))
    }

    /// Returns the close for a jump of the player.
    pub(crate) fn seek(seq: StreamSeq) -> Close {
        Close::new(CloseCode::ServiceRestart, format!("seek to seq {seq}"))
    }

    /// Returns the close for a client that does not keep up. `last_seq` is the sequence number of the last message
    /// that it was sent, if there was one.
    pub(crate) fn too_slow(last_seq: Option<StreamSeq>, resume_from: StreamSeq) -> Close {
        let sent = match last_seq {
            Some(seq) => format!("last seq {seq}"),
            None => "nothing was sent".to_owned(),
        };
        Close::new(CloseCode::TryAgainLater, format!("{sent}; too slow, resume with from_seq={resume_from}"))
    }

    /// Returns the close for a client that the session of a dialect refused. The reason was sent as a message.
    pub(crate) fn session_refused() -> Close {
        Close::new(CloseCode::PolicyViolation, "refused")
    }

    /// Returns the close for a client that the session of a dialect called too slow.
    pub(crate) fn slow_session() -> Close {
        Close::new(CloseCode::TryAgainLater, "too slow")
    }

    pub(crate) fn code(&self) -> CloseCode {
        self.code
    }

    #[cfg(test)]
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the frame that a server sends.
    pub(crate) fn frame(&self) -> Vec<u8> {
        frame(Some(self.code.number()), &self.reason)
    }
}

/// Returns the unmasked close frame of a server. The code must be one that may be sent, and the reason must fit.
pub(crate) fn frame(code: Option<u16>, reason: &str) -> Vec<u8> {
    const FINAL_CLOSE: u8 = 0x88;
    let mut payload = Vec::with_capacity(2 + reason.len());
    if let Some(code) = code {
        payload.extend_from_slice(&code.to_be_bytes());
        payload.extend_from_slice(reason.as_bytes());
    }
    let len = u8::try_from(payload.len()).expect("the reason fits into a control frame");
    [&[FINAL_CLOSE, len], &payload[..]].concat()
}

/// Returns a reason, shortened to fit.
fn fitting(mut reason: String) -> String {
    const CUT: &str = "…";
    if reason.len() > REASON_BYTES_MAX {
        let fits = |end: &usize| reason.is_char_boundary(*end);
        let end = (0..=REASON_BYTES_MAX - CUT.len()).rev().find(fits).unwrap_or(0);
        reason.truncate(end);
        reason += CUT;
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(close: Close, code: u16, reason: &str) {
        assert_eq!((close.code().number(), close.reason()), (code, reason));
        assert_eq!(&close.frame()[2..], [&code.to_be_bytes(), reason.as_bytes()].concat());
    }

    #[test]
    fn closes_are_those_of_the_protocol() {
        check(Close::delivered(), 1000, "delivered");
        check(Close::stopping(StreamSeq(12)), 1001, "the server stops; next seq 12");
        check(Close::protocol_error("an unmasked frame"), 1002, "an unmasked frame");
        check(Close::not_utf8("a text is not UTF-8"), 1007, "a text is not UTF-8");
        check(Close::refused(&Refusal::new("bad_value", "from_seq: -1")), 1008, "bad_value: from_seq: -1");
        check(Close::too_big(65_536), 1009, "messages are limited to 65536 bytes");
        check(Close::source_failed(StreamSeq(3), "no such file"), 1011, "next seq 3: no such file");
        check(Close::seek(StreamSeq(0)), 1012, "seek to seq 0");
        check(
            Close::too_slow(Some(StreamSeq(41)), StreamSeq(42)),
            1013,
            "last seq 41; too slow, resume with from_seq=42",
        );
        check(
            Close::too_slow(None, StreamSeq(7)),
            1013,
            "nothing was sent; too slow, resume with from_seq=7",
        );
    }

    #[test]
    fn the_longest_reason_of_a_slow_client_is_whole() {
        let close = Close::too_slow(Some(StreamSeq(u64::MAX)), StreamSeq(u64::MAX));
        assert!(close.reason().ends_with(&format!("from_seq={}", u64::MAX)));
    }

    #[test]
    fn a_reason_is_cut_at_a_character_and_fits_a_control_frame() {
        for len in 110..140 {
            for text in ["a".repeat(len), "é".repeat(len), "€".repeat(len), format!("a{}", "😀".repeat(len))]
            {
                let close = Close::source_failed(StreamSeq(0), &text);
                let whole = format!("next seq 0: {text}");
                assert!(close.frame().len() <= 127);
                match close.reason().strip_suffix('…') {
                    Some(start) => {
                        assert!(whole.starts_with(start) && whole.len() > 123 && start.len() > 116)
                    }
                    None => assert_eq!(close.reason(), whole),
                }
            }
        }
    }

    #[test]
    fn a_close_without_a_code_is_empty() {
        assert_eq!(frame(None, ""), [0x88, 0]);
    }
}
