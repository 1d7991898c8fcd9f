//! Everything about Avro: how a message becomes the value of a record, and how foreign schemas and values are read.
//!
//! - [`write_confluent`] writes a message by hand, because this is the bridge's hot path.
//! - `schema` is the model of a schema. Registries are foreign, so it is parsed within limits.
//! - `decode` reads a value as a message, by the schema that it was written with; `print` reads any value as JSON.
//! - [`compatibility`] compares schemas.
//!
//! The audit proves what the writer wrote, so no reader uses the code of `write`, and `write` uses none of theirs
//! (docs/adr/0023-own-avro-decoder.md).

pub mod compatibility;
mod datum;
pub(crate) mod decode;
mod decode_error;
mod plan;
pub(crate) mod print;
mod record_schema;
pub(crate) mod schema;
mod write;

pub use write::{HEADER_BYTES, MAGIC, write_confluent};
