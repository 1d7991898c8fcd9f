//! The position up to which dead letters were sent again, in the topic of positions.
//!
//! It cannot be mistaken for the position of a bridge, whose key has a slash between stream and run: a topic's name,
//! which this key ends with, cannot contain one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The `schema_version` of the record.
const SCHEMA_VERSION: u32 = 1;

/// For each partition of a dead-letter topic, the offset after the last dead letter that was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RetryPosition {
    pub(super) topic: String,
    pub(super) next_offsets: BTreeMap<i32, i64>,
}

/// The value of a record.
#[derive(Serialize, Deserialize)]
struct Layout {
    schema_version: u32,
    dead_letters: String,
    next_offsets: BTreeMap<i32, i64>,
}

impl RetryPosition {
    /// Returns the key of the record for a dead-letter topic.
    pub(super) fn key(topic: &str) -> String {
        format!("dlq-retry:{topic}")
    }

    /// Returns the value of the record: a JSON object.
    pub(super) fn value(&self) -> Vec<u8> {
        let layout = Layout {
            schema_version: SCHEMA_VERSION,
            dead_letters: self.topic.clone(),
            next_offsets: self.next_offsets.clone(),
        };
        serde_json::to_vec(&layout).expect("texts and numbers are JSON")
    }

    /// Parses a value.
    ///
    /// # Errors
    /// The reason why it is not such a position of version 1 for this topic.
    pub(super) fn parse(value: &[u8], topic: &str) -> Result<RetryPosition, String> {
        let layout: Layout = serde_json::from_slice(value).map_err(|error| error.to_string())?;
        if layout.schema_version != SCHEMA_VERSION {
            return Err(format!("schema version {}, expected {SCHEMA_VERSION}", layout.schema_version));
        }
        if layout.dead_letters != topic {
            return Err(format!("it is of the topic {:?}", layout.dead_letters));
        }
        if layout.next_offsets.iter().any(|(partition, offset)| *partition < 0 || *offset < 0) {
            return Err("a number in it is below 0".to_owned());
        }
        Ok(RetryPosition { topic: layout.dead_letters, next_offsets: layout.next_offsets })
    }
}

#[cfg(test)]
mod tests {
    use tradesim_bridge_core::Position;

    use super::*;

    #[test]
    fn a_position_is_this_record_and_no_bridges() {
        let topic = "ci.dlq.raw.failed";
        let position =
            RetryPosition { topic: topic.to_owned(), next_offsets: [(0, 17), (2, 0)].into_iter().collect() };
        let text = r#"{"schema_version":1,"dead_letters":"ci.dlq.raw.failed","next_offsets":{"0":17,"2":0}}"#;
        assert_eq!(String::from_utf8(position.value()).unwrap(), text);
        assert_eq!(RetryPosition::parse(text.as_bytes(), topic), Ok(position));
        assert_eq!(RetryPosition::key(topic), "dlq-retry:ci.dlq.raw.failed");
        assert!(!RetryPosition::key(topic).contains('/'), "a bridge's key has a slash");
        assert!(Position::parse(text.as_bytes()).is_err());
        let bridges = r#"{"schema_version":1,"stream":"0","run":"r","next_seq":4,"bridge":"b"}"#;
        for other in [
            bridges.to_owned(),
            text.replace(":1,", ":2,"),
            text.replace("ci.dlq", "dlq"),
            text.replace("17", "-1"),
            "{".to_owned(),
        ] {
            assert!(RetryPosition::parse(other.as_bytes(), topic).is_err(), "{other}");
        }
    }
}
