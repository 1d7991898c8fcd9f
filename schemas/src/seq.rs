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

macro_rules! number {
    ($($type:ident)+) => {
        $(impl $type {
            /// The number of the first message.
            pub const FIRST: $type = $type(0);

            /// The largest number.
            pub const MAX: $type = $type(u64::MAX);

            /// Returns the number.
            #[inline]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// Returns the number after this one.
            #[inline]
            #[must_use]
            pub const fn next(self) -> $type {
                $type(self.0 + 1)
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

        impl From<u64> for $type {
            #[inline]
            fn from(number: u64) -> $type {
                $type(number)
            }
        }

        impl Add<u64> for $type {
            type Output = $type;

            #[inline]
            fn add(self, messages: u64) -> $type {
                $type(self.0 + messages)
            }
        }

        impl AddAssign<u64> for $type {
            #[inline]
            fn add_assign(&mut self, messages: u64) {
                self.0 += messages;
            }
        }

        impl Sub<u64> for $type {
            type Output = $type;

            #[inline]
            fn sub(self, messages: u64) -> $type {
                $type(self.0 - messages)
            }
        }

        /// The distance between two numbers.
        impl Sub for $type {
            type Output = u64;

            #[inline]
            fn sub(self, earlier: $type) -> u64 {
                self.0 - earlier.0
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
