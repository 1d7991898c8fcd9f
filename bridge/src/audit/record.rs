//! A Kafka record, as the audit sees it.

use std::num::NonZeroU32;

use tradesim_schemas::{EventType, Timestamp};

/// The header with the run.
pub(super) const RUN: &str = "tradesim-run";
/// The header with the message's sequence number.
pub(super) const SEQ: &str = "tradesim-seq";
/// The header with the envelope's time, in microseconds.
pub(super) const EMITTED: &str = "tradesim-emitted";
/// The header with the number of retries of the dead letter that this record was made from.
pub(super) const RETRY: &str = "tradesim-retry";

/// The purpose of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicKind {
    /// Messages of one type.
    Data(EventType),
    /// Messages that could not be delivered.
    DeadLetters,
}

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The purpose of the topic.
    pub kind: TopicKind,
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The number of partitions of the topic.
    pub partitions: i32,
}

/// The headers that the bridge gives a record, as bytes; of two headers with one name the last one counts, as
/// everywhere in Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordHeaders<'a> {
    /// `tradesim-run`.
    pub run: Option<&'a [u8]>,
    /// `tradesim-seq`.
    pub seq: Option<&'a [u8]>,
    /// `tradesim-emitted`.
    pub emitted: Option<&'a [u8]>,
    /// `tradesim-retry`.
    pub retry: Option<&'a [u8]>,
}

impl<'a> RecordHeaders<'a> {
    /// Selects these headers from all headers of a record.
    pub fn of(headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>) -> RecordHeaders<'a> {
        let mut found = RecordHeaders::default();
        for (name, value) in headers {
            match name {
                RUN => found.run = value,
                SEQ => found.seq = value,
                EMITTED => found.emitted = value,
                RETRY => found.retry = value,
                _ => {}
            }
        }
        found
    }

    /// Returns the sequence number, if there is one and it is a number.
    pub(super) fn seq_number(&self) -> Option<u64> {
        number(self.seq?)
    }

    /// Returns the envelope's time, if there is one and it is valid.
    pub(super) fn emitted_time(&self) -> Option<Timestamp> {
        number(self.emitted?).and_then(Timestamp::from_micros)
    }

    /// Returns the number of retries, if it is a number.
    pub(super) fn retry_number(&self) -> Option<NonZeroU32> {
        number(self.retry?)
    }
}

/// Parses a decimal number in ASCII, as it is printed: without a plus sign or leading zeros.
fn number<T: std::str::FromStr + ToString>(bytes: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(bytes).ok()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
    if is_plain { text.parse().ok() } else { None }
}

/// A record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicRecord<'a> {
    /// Its offset in the partition.
    pub offset: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// The headers of the bridge.
    pub headers: RecordHeaders<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_header_of_a_name_counts() {
        let headers = [
            ("tradesim-run", Some(&b"a"[..])),
            ("other", Some(b"x")),
            ("tradesim-run", Some(b"b")),
            ("tradesim-seq", None),
        ];
        let found = RecordHeaders::of(headers.into_iter());
        assert_eq!(found, RecordHeaders { run: Some(b"b"), ..Default::default() });
    }

    #[test]
    fn numbers_are_plain_decimals() {
        let seq = |text: &'static str| {
            RecordHeaders { seq: Some(text.as_bytes()), ..Default::default() }.seq_number()
        };
        assert_eq!((seq("0"), seq("42"), seq("18446744073709551615")), (Some(0), Some(42), Some(u64::MAX)));
        for text in ["", "-", "-1", "+1", "01", "1.0", " 1", "18446744073709551616", "½"] {
            assert_eq!(seq(text), None, "{text}");
        }
        let emitted = RecordHeaders { emitted: Some(b"-1"), ..Default::default() };
        assert_eq!(emitted.emitted_time().map(Timestamp::micros), Some(-1));
        let retry = |text: &'static str| {
            RecordHeaders { retry: Some(text.as_bytes()), ..Default::default() }.retry_number()
        };
        assert_eq!((retry("1"), retry("0"), retry("4294967296")), (NonZeroU32::new(1), None, None));
    }
}
