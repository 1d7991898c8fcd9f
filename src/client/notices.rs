//! The notices of a server, bounded in length and number.

use tracing::warn;
use tradesim_replay::Notice;

use super::Fault;

/// The limit of a notice. The longest valid one contains the books of all symbols.
const BYTES_MAX: usize = 1 << 20;
/// The limit of notices between two messages. A paused replay that is being controlled sends few.
const IN_A_ROW_MAX: u32 = 10_000;
/// The part of an invalid notice that is logged.
const CHARS_SHOWN: usize = 200;

/// The notices of a connection.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    in_a_row: u32,
}

impl Notices {
    /// Records that a message arrived.
    pub(crate) fn message(&mut self) {
        self.in_a_row = 0;
    }

    /// Parses a notice. Returns `None` if it is invalid.
    ///
    /// # Errors
    /// A notice above the limit of length or number.
    pub(crate) fn read(&mut self, text: &str) -> Result<Option<Notice>, Fault> {
        self.in_a_row += 1;
        if text.len() > BYTES_MAX {
            return Err(Fault::LongNotice { bytes: text.len() });
        }
        if self.in_a_row > IN_A_ROW_MAX {
            return Err(Fault::ManyNotices { count: self.in_a_row });
        }
        let notice = Notice::parse(text);
        if notice.is_none() {
            let shown: String = text.chars().take(CHARS_SHOWN).collect();
            warn!(text = %shown, "invalid notice");
        }
        Ok(notice)
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::StreamSeq;

    use super::*;

    #[test]
    fn notices_are_bounded_in_length_and_number() {
        let mut notices = Notices::default();
        assert_eq!(
            notices.read(r#"{"notice":"seek","seq":7}"#),
            Ok(Some(Notice::Seek { seq: StreamSeq(7) }))
        );
        let long = format!(r#"{{"notice":"{}"}}"#, "x".repeat(BYTES_MAX));
        assert_eq!(notices.read(&long), Err(Fault::LongNotice { bytes: BYTES_MAX + 13 }));
        notices.message();
        for _ in 0..IN_A_ROW_MAX {
            notices.read(r#"{"notice":"seek","seq":7}"#).unwrap();
        }
        let many = notices.read(r#"{"notice":"seek","seq":7}"#);
        assert_eq!(many, Err(Fault::ManyNotices { count: IN_A_ROW_MAX + 1 }));
    }
}
