//! The proof from the topics: what Kafka holds of a run, against the messages that should be there.
//!
//! [`verify`] reads every record of the data topics and of the dead letters that is committed, decodes it by the schema
//! that it was written with, puts the records into the order of their seqs, and compares them one by one with the expected
//! messages. It shares no code with the writing side: not the Avro encoder, not the partitioner, not the dead letters.
//!
//! The pure part is [`Comparison`]; it is told records and messages, and holds no client. What is lost, duplicated,
//! reordered, altered and foreign, [`Fault`] says.

mod comparison;
mod consumer;
pub(crate) mod datum;
mod dead_letter;
mod decode;
mod digests;
mod ends;
mod error;
mod findings;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod merge;
mod murmur2;
mod newest;
mod plan;
mod reader;
mod record;
mod retries;
mod schema;
mod seen;
mod verify;
mod wording;

pub use comparison::{Comparison, Want};
pub use error::AuditError;
pub use findings::{AuditReport, Example, Fault, Finding, Place};
pub use record::{RecordHeaders, Stream, TopicKind, TopicRecord};
pub use verify::{AuditOptions, Audited, NextMessage, Progress, verify};
