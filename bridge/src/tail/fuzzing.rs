//! An entry point into the reader of any Avro value for `crate::fuzzing`.

use apache_avro::Schema;
use serde_json::Value;

use super::json;

/// Reads a datum by a schema's text.
pub(crate) fn value(schema: &str, datum: &[u8]) -> Option<Value> {
    json::datum(datum, &Schema::parse_str(schema).ok()?)
}
