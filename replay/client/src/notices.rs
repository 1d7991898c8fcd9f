//! The notices of a server, bounded in length and number.

use tradesim_protocol::{Notice, foreign::shortened};

use crate::Fault;

/// The limit of a notice. The longest valid one contains the books of all symbols.
const BYTES_MAX: usize = 1 << 20;
/// The limit of notices between two messages. A paused replay that is being controlled sends few.
const IN_A_ROW_MAX: u32 = 10_000;

/// The notices of a connection.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    in_a_row: u32,
}

impl Notices {
    /// Records that a message arrived.
    #[inline]
    pub(crate) fn message(&mut self) {
        self.in_a_row = 0;
    }

    /// Parses a notice; `None` if it is one of a later version.
    ///
    /// # Errors
    /// A notice that is invalid, or above the limit of length or number.
    pub(crate) fn read(&mut self, text: &str) -> Result<Option<Notice>, Fault> {
        self.in_a_row += 1;
        if text.len() > BYTES_MAX {
            return Err(Fault::LongNotice { bytes: text.len() });
        }
        if self.in_a_row > IN_A_ROW_MAX {
            return Err(Fault::ManyNotices { count: self.in_a_row });
        }
        Notice::parse(text).map_err(|error| Fault::InvalidNotice(shortened(&error.to_string())))
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

    #[test]
    fn an_invalid_notice_is_a_fault_of_bounded_length() {
        let mut notices = Notices::default();
        let text = format!(r#"{{"notice":"end","seq":"{}"}}"#, "\u{9b}".repeat(1_000));
        let Err(Fault::InvalidNotice(cause)) = notices.read(&text) else { panic!("it is invalid") };
        assert!(cause.chars().count() <= 1_200 && !cause.contains('\u{9b}'), "{cause}");
    }
}
