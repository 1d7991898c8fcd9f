//! The verification of topics: compares what Kafka holds of a run with the messages that should be there.
//!
//! [`verify`] reads every committed record of the data topics and of the dead-letter topic, decodes it with the
//! schema that it was written with, orders the records by sequence number, and compares them one by one with the
//! expected messages. It shares no code with the writing side: neither the Avro encoder, nor the partitioner, nor the
//! dead letters.
//!
//! The pure part is [`Comparison`]; it receives records and messages, and holds no client. [`Fault`] defines lost,
//! duplicated, reordered, altered and foreign.

mod canonical_text;
mod comparison;
mod consumer;
mod dead_letter;
mod digests;
mod ends;
mod error;
mod examine;
mod findings;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod merge;
mod message;
mod murmur2;
mod newest;
mod reader;
mod record;
mod retries;
mod seen;
mod shards;
mod verify;

pub use comparison::{Comparison, Want};
pub use error::AuditError;
pub use findings::{AuditReport, Example, Fault, Finding, Place};
pub use message::AuditMessage;
pub use record::{RecordHeaders, Stream, TopicKind, TopicRecord};
pub use shards::{
    AuditedKey, ExpectedMessage, OpenRun, RunMessages, ShardAudited, ShardKeys, ShardOptions, ShardReport,
    ShardRun, verify_shard,
};
pub use verify::{AuditOptions, Audited, NextMessage, Progress, verify};
