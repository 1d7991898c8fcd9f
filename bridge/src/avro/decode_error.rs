//! Errors of decoding values.

use super::record_schema::SchemaError;

/// A value that cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("the value is missing")]
    NoValue,
    #[error("the value is not in the Confluent wire format")]
    NotConfluent,
    #[error("the registry has no schema {id}")]
    UnknownSchema { id: u32 },
    #[error("schema {id} is incompatible: {source}")]
    OtherSchema { id: u32, source: SchemaError },
    #[error("the value ends too early")]
    Short,
    #[error("{bytes} bytes follow the value")]
    Trailing { bytes: usize },
    #[error("a number has more than 64 bits")]
    LongNumber,
    #[error("index {place} is out of range: expected less than {count}")]
    NoSuchPlace { place: i64, count: usize },
    #[error("values are nested too deeply")]
    TooDeep,
    #[error("it contains too many unknown values")]
    TooMany,
    #[error("{field} is {found}")]
    Value { field: &'static str, found: String },
}
