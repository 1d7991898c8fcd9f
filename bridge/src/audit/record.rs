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
    pub fn of(headers: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> RecordHeaders<'a> {
        let mut found = RecordHeaders::default();
        for (name, value) in headers {
            if name == RUN.as_bytes() {
                found.run = value;
            } else if name == SEQ.as_bytes() {
                found.seq = value;
            } else if name == EMITTED.as_bytes() {
                found.emitted = value;
            } else if name == RETRY.as_bytes() {
                found.retry = value;
            }
        }
        found
    }

    /// Returns the sequence number, if there is one and it is a number.
    pub(super) fn seq_number(&self) -> Option<u64> {
        number(self.seq?)?.unsigned()
    }

    /// Returns the envelope's time, if there is one and it is valid.
    pub(super) fn emitted_time(&self) -> Option<Timestamp> {
        number(self.emitted?)?.signed().and_then(Timestamp::from_micros)
    }

    /// Returns the number of retries, if it is a number.
    pub(super) fn retry_number(&self) -> Option<NonZeroU32> {
        let number = u32::try_from(number(self.retry?)?.unsigned()?).ok()?;
        NonZeroU32::new(number)
    }
}

/// A decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number {
    is_negative: bool,
    magnitude: u64,
}

/// Parses a decimal number in ASCII, as it is printed: without a plus sign or leading zeros.
#[inline]
fn number(bytes: &[u8]) -> Option<Number> {
    let (is_negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let (&first, rest) = digits.split_first()?;
    if first == b'0' && !rest.is_empty() {
        return None;
    }
    let mut magnitude = 0u64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        magnitude = magnitude.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(Number { is_negative, magnitude })
}

impl Number {
    fn unsigned(self) -> Option<u64> {
        (!self.is_negative).then_some(self.magnitude)
    }

    fn signed(self) -> Option<i64> {
        if self.is_negative {
            0i64.checked_sub_unsigned(self.magnitude)
        } else {
            i64::try_from(self.magnitude).ok()
        }
    }
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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_header_of_a_name_counts() {
        let headers = [
            (&b"tradesim-run"[..], Some(&b"a"[..])),
            (b"other", Some(b"x")),
            (b"tradesim-run", Some(b"b")),
            (b"tradesim-seq", None),
            (b"tradesim-r\xffn", Some(b"y")),
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
        let emitted = |text: &'static str| {
            let headers = RecordHeaders { emitted: Some(text.as_bytes()), ..Default::default() };
            headers.emitted_time().map(Timestamp::micros)
        };
        assert_eq!(
            (emitted("-1"), emitted("-0"), emitted("1771425000366511")),
            (Some(-1), Some(0), Some(1_771_425_000_366_511))
        );
        assert_eq!((emitted("-01"), emitted("--1"), emitted("9223372036854775808")), (None, None, None));
        let retry = |text: &'static str| {
            RecordHeaders { retry: Some(text.as_bytes()), ..Default::default() }.retry_number()
        };
        assert_eq!((retry("1"), retry("0"), retry("4294967296")), (NonZeroU32::new(1), None, None));
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_the_standard_library_does(text in "-?[0-9]{1,21}") {
            let digits = text.trim_start_matches('-');
            let is_plain = digits.len() == 1 || !digits.starts_with('0');
            let number = number(text.as_bytes());
            prop_assert_eq!(number.and_then(Number::unsigned), text.parse().ok().filter(|_: &u64| is_plain));
            prop_assert_eq!(number.and_then(Number::signed), text.parse().ok().filter(|_: &i64| is_plain));
        }
    }
}
