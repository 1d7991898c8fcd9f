//! Positions that a seek can jump to.

use std::str::FromStr;

use serde::{Serialize, Serializer};
use tradesim_schemas::{StreamSeq, TimeSpec};

/// A position in a stream, as a client or a command line states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The message with this stream sequence number.
    Seq(StreamSeq),
    /// The first message at or after this time.
    Time(TimeSpec),
}

/// The error of a text that is not a [`Position`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a sequence number such as 12345, or a time such as 10:00, 09:30:15.250 or 2026-02-18T14:30:00Z"
)]
pub struct ParsePositionError;

/// Parses digits, or a time such as `10:00` or `2026-02-18T14:30:00Z`.
impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Position, ParsePositionError> {
        let position = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse().ok().map(Position::Seq)
        } else {
            text.parse().ok().map(Position::Time)
        };
        position.ok_or(ParsePositionError)
    }
}

/// Writes a sequence number as a number, and a time as a text.
impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Position::Seq(seq) => serializer.serialize_u64(seq.get()),
            Position::Time(time) => serializer.collect_str(time),
        }
    }
}
