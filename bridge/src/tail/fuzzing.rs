//! An entry point into the reader of any Avro value for `crate::fuzzing`.

use serde_json::Value;

use super::{datum, schema::Schema};

/// Decodes a datum with a schema's text.
pub(crate) fn value(schema: &str, datum: &[u8]) -> Option<Value> {
    datum::decode(datum, &Schema::parse(schema).ok()?).ok()
}
