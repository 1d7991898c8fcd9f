//! Sequence numbers. There are two, and each has a type of its own.

use std::{
    fmt,
    num::ParseIntError,
    ops::{Add, AddAssign, Sub},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// The number of a message in a recording: the `seq` column of an archive (FORMAT.md), from 0. It is given when the message is
/// recorded, and kept: a cut has the numbers of the whole recording, so its numbers have holes, and its first need not be 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordSeq(pub u64);

/// The number of a message in the stream that a server sends: the `seq` and `from_seq` of PROTOCOL.md, from 0. It counts the
/// messages of the stream before this one, without holes, whatever numbers they have in a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamSeq(pub u64);

/// The message of the panic. Numbers come from peers, so they must not wrap in any build, and the profile checks overflow only in
/// the crates that use them.
const OVERFLOW: &str = "a sequence number must not overflow";

macro_rules! number {
    ($($type:ident)+) => {
        $(impl $type {
            /// The largest number.
            pub const MAX: $type = $type(u64::MAX);

            /// Returns the number.
            #[inline]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// Returns the number of messages from `earlier` up to this one, or 0 if it is not earlier.
            #[inline]
            pub const fn since(self, earlier: $type) -> u64 {
                self.0.saturating_sub(earlier.0)
            }

            /// Returns the number of the message `messages` later, or the largest number.
            #[inline]
            #[must_use]
            pub const fn saturating_add(self, messages: u64) -> $type {
                $type(self.0.saturating_add(messages))
            }
        }

        impl Add<u64> for $type {
            type Output = $type;

            #[inline]
            #[track_caller]
            fn add(self, messages: u64) -> $type {
                $type(self.0.checked_add(messages).expect(OVERFLOW))
            }
        }

        impl AddAssign<u64> for $type {
            #[inline]
            #[track_caller]
            fn add_assign(&mut self, messages: u64) {
                *self = *self + messages;
            }
        }

        impl Sub<u64> for $type {
            type Output = $type;

            #[inline]
            #[track_caller]
            fn sub(self, messages: u64) -> $type {
                $type(self.0.checked_sub(messages).expect(OVERFLOW))
            }
        }

        /// The distance between two numbers.
        impl Sub for $type {
            type Output = u64;

            #[inline]
            #[track_caller]
            fn sub(self, earlier: $type) -> u64 {
                self.0.checked_sub(earlier.0).expect(OVERFLOW)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $type {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<$type, ParseIntError> {
                text.parse().map($type)
            }
        })+
    };
}

number!(RecordSeq StreamSeq);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_move_by_messages_and_differ_by_messages() {
        let (seven, nine) = (StreamSeq(7), StreamSeq(9));
        assert_eq!((seven + 2, nine - 2, nine - seven), (nine, seven, 2));
        assert_eq!((nine.since(seven), seven.since(nine)), (2, 0));
        assert_eq!(RecordSeq::MAX.saturating_add(1), RecordSeq(u64::MAX));
    }

    #[test]
    fn numbers_never_wrap() {
        let panics = |wrap: fn()| std::panic::catch_unwind(wrap).is_err();
        assert!(panics(|| assert_eq!(StreamSeq::MAX + 1, StreamSeq(0))));
        assert!(panics(|| assert_eq!(RecordSeq(0) - 1, RecordSeq::MAX)));
        assert!(panics(|| assert_eq!(RecordSeq(1) - RecordSeq(2), u64::MAX)));
    }

    #[test]
    fn a_number_is_written_like_the_integer() {
        assert_eq!(format!("{:>3}|{}", RecordSeq(7), StreamSeq(7)), "  7|7");
        assert_eq!("12".parse(), Ok(StreamSeq(12)));
        assert_eq!(serde_json::to_string(&[RecordSeq(3)]).unwrap(), "[3]");
        assert_eq!(serde_json::from_str::<StreamSeq>("3").unwrap(), StreamSeq(3));
    }
}
