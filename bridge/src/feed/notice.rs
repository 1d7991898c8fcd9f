//! The notices and pings of the subprotocol `tradesim.v1`, as far as a bridge needs them (docs/PROTOCOL.md, section
//! 4).

use serde::Deserialize;

/// The size limit of a notice. The longest ones of tradesim list all symbols.
const BYTES_MAX: usize = 1 << 20;
/// Returns the part of a feed's text that is shown.
const CHARS_SHOWN: usize = 200;

/// A text message that is not an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The next message has this number: after a jump, or after messages that are no longer available.
    Next { seq: u64 },
    /// The stream is delivered; the number is the one after the last message.
    End { seq: u64 },
    /// A message of the bridge was refused.
    Error { code: String, text: String },
    /// A notice that does not affect the next message.
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "notice", rename_all = "lowercase")]
enum Layout {
    Seek {
        seq: u64,
    },
    Gap {
        to: u64,
    },
    End {
        seq: u64,
    },
    Error {
        code: String,
        text: String,
    },
    #[serde(other)]
    Other,
}

impl Notice {
    /// Returns true if a text message is a notice rather than an event.
    #[inline]
    pub(super) fn is_notice(text: &str) -> bool {
        text.starts_with("{\"notice\":")
    }

    /// Parses a notice.
    ///
    /// # Errors
    /// The reason why the text is not a notice. A feed that numbers its messages cannot continue after that, because
    /// the text may have contained another number.
    pub(super) fn parse(text: &str) -> Result<Notice, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("it sent a notice of {} bytes, expected at most {BYTES_MAX}", text.len()));
        }
        let layout = serde_json::from_str(text)
            .map_err(|error| format!("it sent an invalid notice: {}", shown(&error.to_string())))?;
        Ok(match layout {
            Layout::Seek { seq } | Layout::Gap { to: seq } => Notice::Next { seq },
            Layout::End { seq } => Notice::End { seq },
            Layout::Error { code, text } => Notice::Error { code: shown(&code), text: shown(&text) },
            Layout::Other => Notice::Other,
        })
    }
}

/// Returns a text from the feed in a form that is safe to show.
pub(super) fn shown(text: &str) -> String {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().take(CHARS_SHOWN).map(printable).collect()
}

/// The payload of a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct PingPayload {
    /// All messages before this one were sent.
    pub(super) seq: u64,
    /// The time at which the last of them was due, in microseconds of Unix time.
    #[serde(default)]
    pub(super) due: Option<u64>,
}

impl PingPayload {
    pub(super) fn parse(payload: &[u8]) -> Option<PingPayload> {
        serde_json::from_slice(payload).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_read_as_the_protocol_has_them() {
        for (text, expected) in [
            (r#"{"notice":"seek","seq":7}"#, Notice::Next { seq: 7 }),
            (r#"{"notice":"gap","from":3,"to":9}"#, Notice::Next { seq: 9 }),
            (r#"{"notice":"end","seq":10,"sent":10,"digest":null}"#, Notice::End { seq: 10 }),
            (r#"{"notice":"position","seq":1,"state":"paused","speed":"1x"}"#, Notice::Other),
            (r#"{"notice":"of another time"}"#, Notice::Other),
        ] {
            assert!(Notice::is_notice(text));
            assert_eq!(Notice::parse(text), Ok(expected), "{text}");
        }
        let error = r#"{"notice":"error","code":"a","text":"b"}"#;
        assert_eq!(Notice::parse(error), Ok(Notice::Error { code: "a".to_owned(), text: "b".to_owned() }));
        assert!(!Notice::is_notice(r#"{"schema_version":1}"#));
    }

    #[test]
    fn a_notice_that_cannot_be_read_is_an_error_and_none_that_changes_nothing() {
        for text in [
            r#"{"notice":"end"}"#,
            r#"{"notice":"gap","from":1,"to":-1}"#,
            r#"{"notice":"gap","from":1,"to":1e30}"#,
            r#"{"notice":"seek","seq":18446744073709551616}"#,
            r#"{"notice":"seek","seq":1"#,
            r#"{"notice":7}"#,
        ] {
            let error = Notice::parse(text).unwrap_err();
            assert!(error.starts_with("it sent an invalid notice: "), "{text}: {error}");
        }
        let deep = format!("{{\"notice\":{}", "[".repeat(100_000));
        assert!(Notice::parse(&deep).is_err());
        let long = format!("{{\"notice\":\"error\",\"code\":\"a\",\"text\":\"{}\"}}", "\u{9b}".repeat(1_000));
        let Ok(Notice::Error { text, .. }) = Notice::parse(&long) else { panic!("not an error") };
        assert_eq!(text, "\u{fffd}".repeat(200));
        let huge = format!("{{\"notice\":\"start\",\"x\":\"{}\"}}", "x".repeat(BYTES_MAX));
        assert!(Notice::parse(&huge).unwrap_err().contains("expected at most 1048576"));
    }

    #[test]
    fn pings_carry_how_far_the_feed_is() {
        let parse = |text: &str| PingPayload::parse(text.as_bytes());
        assert_eq!(parse(r#"{"seq":5,"due":17,"sent":18}"#), Some(PingPayload { seq: 5, due: Some(17) }));
        assert_eq!(parse(r#"{"seq":5,"due":null,"sent":18}"#), Some(PingPayload { seq: 5, due: None }));
        assert_eq!(parse(""), None);
    }
}
