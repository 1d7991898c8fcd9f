//! The position of a run, as stored in the topic of positions.

use tradesim_schemas::StreamSeq;

use std::fmt;

use serde::{Deserialize, Serialize};
use tradesim_protocol::SEQ_END;

/// The identity of a position: a run of a stream (contract, section 3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The id of the stream.
    pub stream: String,
    /// The name of the run.
    pub run: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stream, self.run)
    }
}

/// The progress of the delivery of a run. In the compacted topic the newest record of a key counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The run.
    pub identity: Identity,
    /// Every message before this one is in the topics, once, as a record or as a dead letter.
    pub next_seq: StreamSeq,
    /// The bridge that wrote it: a random name that each process chooses. A bridge recognises by it that another one
    /// has taken over.
    pub bridge: String,
}

/// The value of a record.
#[derive(Serialize, Deserialize)]
struct Layout {
    schema_version: u32,
    stream: String,
    run: String,
    next_seq: StreamSeq,
    bridge: String,
}

/// The `schema_version` of positions.
const SCHEMA_VERSION: u32 = 1;

/// The value of a record is not a position.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePositionError {
    /// It is not JSON, or lacks a field.
    #[error("invalid position")]
    Layout {
        /// The error of the JSON reader.
        source: serde_json::Error,
    },
    /// It was written by a newer version of tradesim.
    #[error("unsupported position: schema version {found}, expected 1")]
    Version {
        /// The version.
        found: u32,
    },
    /// Its number is not a valid message number.
    #[error("invalid position: next_seq {found}, expected a number below 2^53")]
    Number {
        /// The number.
        found: StreamSeq,
    },
}

impl Position {
    /// Returns the key of the record: stream and run, separated by a slash, which neither can contain.
    pub fn key(&self) -> String {
        self.identity.to_string()
    }

    /// Returns the value of the record: a JSON object.
    pub fn value(&self) -> Vec<u8> {
        let layout = Layout {
            schema_version: SCHEMA_VERSION,
            stream: self.identity.stream.clone(),
            run: self.identity.run.clone(),
            next_seq: self.next_seq,
            bridge: self.bridge.clone(),
        };
        serde_json::to_vec(&layout).expect("texts and numbers are JSON")
    }

    /// Parses a value.
    ///
    /// # Errors
    /// A value that is not a position of version 1 with a valid message number.
    pub fn parse(value: &[u8]) -> Result<Position, ParsePositionError> {
        let layout: Layout =
            serde_json::from_slice(value).map_err(|source| ParsePositionError::Layout { source })?;
        if layout.schema_version != SCHEMA_VERSION {
            return Err(ParsePositionError::Version { found: layout.schema_version });
        }
        if layout.next_seq > StreamSeq(SEQ_END) {
            return Err(ParsePositionError::Number { found: layout.next_seq });
        }
        Ok(Position {
            identity: Identity { stream: layout.stream, run: layout.run },
            next_seq: layout.next_seq,
            bridge: layout.bridge,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position() -> Position {
        let identity = Identity { stream: "0123".to_owned(), run: "nightly".to_owned() };
        Position { identity, next_seq: StreamSeq(42), bridge: "b1".to_owned() }
    }

    #[test]
    fn a_position_is_this_record() {
        let position = position();
        assert_eq!(position.key(), "0123/nightly");
        let text = r#"{"schema_version":1,"stream":"0123","run":"nightly","next_seq":42,"bridge":"b1"}"#;
        assert_eq!(String::from_utf8(position.value()).unwrap(), text);
        assert_eq!(Position::parse(text.as_bytes()).unwrap(), position);
    }

    #[test]
    fn a_number_that_no_message_has_is_refused() {
        let text = |next_seq: u64| {
            String::from_utf8(Position { next_seq: StreamSeq(next_seq), ..position() }.value()).unwrap()
        };
        assert_eq!(
            Position::parse(text(SEQ_END).as_bytes()).unwrap().next_seq,
            StreamSeq(9_007_199_254_740_992)
        );
        for next_seq in [SEQ_END + 1, u64::MAX] {
            let error = Position::parse(text(next_seq).as_bytes()).unwrap_err();
            assert!(
                matches!(error, ParsePositionError::Number { found } if found == StreamSeq(next_seq)),
                "{error}"
            );
        }
    }

    #[test]
    fn fields_of_later_versions_are_left_alone_and_other_versions_refused() {
        let text =
            r#"{"next_seq":42,"schema_version":1,"stream":"0123","run":"nightly","bridge":"b1","more":0}"#;
        assert_eq!(Position::parse(text.as_bytes()).unwrap(), position());
        let newer = text.replace("\"schema_version\":1", "\"schema_version\":2");
        assert!(matches!(Position::parse(newer.as_bytes()), Err(ParsePositionError::Version { found: 2 })));
        assert!(matches!(Position::parse(b"{}"), Err(ParsePositionError::Layout { .. })));
    }
}
