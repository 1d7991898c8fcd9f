//! Entry points into the audit's readers for `crate::fuzzing`.

use tradesim_schemas::{EventType, Timestamp};

use super::dead_letter::{self, Original};
use crate::avro::{decode::Decoder, write_confluent};

/// Any schema id.
const ID: u32 = 7;

/// Decodes a value with a schema, as a record of the type's topic.
pub(crate) fn value(kind: EventType, schema: &str, datum: &[u8]) {
    let [a, b, c, d] = ID.to_be_bytes();
    let value = [&[0, a, b, c, d], datum].concat();
    let emitted = Timestamp::from_micros(0).expect("the epoch");
    let mut decoder = Decoder::new();
    decoder.learn(ID, Some(schema));
    let Ok(message) = decoder.decode(kind, emitted, Some(&value)) else { return };
    let mut written = Vec::new();
    write_confluent(&message, ID, &mut written);
    let mut ours = Decoder::new();
    ours.learn(ID, Some(kind.avro_schema()));
    assert_eq!(ours.decode(kind, emitted, Some(&written)).as_ref(), Ok(&message));
}

/// Returns the original of a dead letter without a key: all of it, or `None` if it was cut.
pub(crate) fn original(value: &[u8]) -> Result<Option<Vec<u8>>, String> {
    match dead_letter::original(None, Some(value))? {
        Original::Whole(bytes) => Ok(Some(bytes)),
        Original::Beginning(_) => Ok(None),
    }
}
