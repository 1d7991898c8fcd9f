//! An entry point into the reader of any Avro value for `crate::fuzzing`.

use serde_json::Value;

use crate::avro::print;

/// Decodes a datum with a schema's text.
pub(crate) fn value(schema: &str, datum: &[u8]) -> Option<Value> {
    print::decode(datum, &print::parse(schema).ok()?).ok()
}
