//! The entry points of this crate's fuzz targets, and of the tests that run their corpora (fuzz/README.md). Not a
//! stable API.

use tradesim_bridge_core::{DeadLetter, Original, Position, Verdict};
use tradesim_schemas::{EventType, ReadOptions, Timestamp, read};

use crate::{
    audit,
    avro::compatibility::{AvroSchema, Level, incompatibilities},
    tail,
};

/// The size limit of a record in a topic.
const RECORD_BYTES_MAX: usize = 1 << 20;

/// Decodes a value with a schema: the first line is the schema, or the name of an event type for a built-in one; the
/// datum follows.
///
/// # Panics
/// If a message that the audit decodes changes when the bridge encodes it.
pub fn avro(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(at);
    let datum = rest.get(1..).unwrap_or_default();
    let Ok(line) = str::from_utf8(line) else { return };
    let schema = EventType::parse(line.as_bytes()).map_or(line, |kind| kind.avro_schema());
    for &kind in EventType::ALL {
        audit::fuzzing::value(kind, schema, datum);
    }
    let _ = tail::fuzzing::value(schema, datum);
    let Ok(new) = AvroSchema::parse(schema) else { return };
    for kind in EventType::ALL {
        let ours = AvroSchema::parse(kind.avro_schema()).expect("the built-in schema");
        let _ = incompatibilities(Level::FullTransitive, &new, std::slice::from_ref(&ours));
    }
    if let Ok(found) = incompatibilities(Level::FullTransitive, &new, std::slice::from_ref(&new)) {
        assert_eq!(found, [], "{schema}");
    }
}

/// Parses a record's value as a dead letter, in both ways, and as a position; and makes a dead letter of it.
///
/// # Panics
/// If the two ways differ, if what was written is not read again, and if a dead letter exceeds the limit of a topic.
pub fn letters(bytes: &[u8]) {
    if let Ok(position) = Position::parse(bytes) {
        assert_eq!(Position::parse(&position.value()).expect("a position that was just written"), position);
    }
    if let (Ok(one), Ok(other)) = (Original::parse(bytes), audit::fuzzing::original(bytes)) {
        assert_eq!(other, one.cut_from.is_none().then_some(one.value));
    }
    let verdict = match read(bytes, ReadOptions::default()) {
        Ok(_) => Verdict::of_broker("refused".to_owned(), 0),
        Err(refusal) => Verdict::of_refusal(&refusal),
    };
    let key = DeadLetter::key_of(bytes);
    let failed_at = Timestamp::from_micros(0).expect("the epoch");
    let letter = DeadLetter {
        original: bytes,
        whole: None,
        topic: Some("raw.trades"),
        key: key.as_deref(),
        failed_at,
    };
    for json in [letter.to_json(&verdict), letter.to_json_brief(&verdict)] {
        assert!(json.len() <= RECORD_BYTES_MAX);
        let read = Original::parse(&json).expect("a dead letter that was just written");
        assert!(bytes.starts_with(&read.value));
        assert_eq!(read.cut_from.unwrap_or(read.value.len() as u64), bytes.len() as u64);
        assert_eq!((read.key.as_deref(), &read.verdict), (key.as_deref(), &verdict));
    }
}
