//! Everything about Avro: how a message becomes the value of a record, and how foreign schemas and values are read.
//!
//! - [`write_confluent`] writes a message by hand, because this is the bridge's hot path.
//! - `schema` is the model of a schema. Registries are foreign, so it is parsed within limits.
//! - `decode` reads a value as a message, by the schema that it was written with; `print` reads any value as JSON.
//! - [`compatibility`] compares schemas.
//!
//! The audit proves what the writer wrote, so no reader uses the code of `write`, and `write` uses none of theirs
//! (docs/adr/0026-one-room-for-avro.md).

pub mod compatibility;
pub(crate) mod datum;
pub(crate) mod decode;
mod plan;
pub(crate) mod print;
pub(crate) mod schema;
mod write;

pub use write::{HEADER_BYTES, MAGIC, write_confluent};

#[cfg(test)]
mod tests {
    fn uses(code: &str, path: &str) -> bool {
        code.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| line.contains(path))
    }

    #[test]
    fn readers_and_writer_share_no_code() {
        let writer = include_str!("avro/write.rs");
        assert!(!uses(writer, "super::") && !uses(writer, "crate::"));
        for reader in [
            include_str!("avro/datum.rs"),
            include_str!("avro/decode.rs"),
            include_str!("avro/plan.rs"),
            include_str!("avro/print.rs"),
            include_str!("avro/schema.rs"),
            include_str!("avro/schema/logical.rs"),
            include_str!("avro/schema/parse.rs"),
        ] {
            for path in ["write::", "write_confluent"] {
                assert!(!uses(reader, path), "{path}: {reader}");
            }
        }
    }
}
