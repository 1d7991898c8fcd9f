//! Errors of an audit.

use std::{error::Error, time::Duration};

use rdkafka::error::KafkaError;

use crate::{connection::ConnectionError, registry::RegistryError};

/// Topics could not be audited. Faults found by an audit are not errors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// No Kafka client can be created with the configuration.
    #[error("cannot talk to the Kafka brokers")]
    Connection {
        /// The cause.
        #[from]
        source: ConnectionError,
    },
    /// No broker answers.
    #[error(
        "cannot reach the brokers at {bootstrap_servers}: no answer to the request for {asked}: {reason}"
    )]
    Unreachable {
        /// Their addresses.
        bootstrap_servers: String,
        /// The request.
        asked: &'static str,
        /// The reason, as stated by librdkafka.
        reason: String,
    },
    /// A partition returns no more records, and does not end either.
    #[error("no data from {topic}[{partition}] for {} s: {reason}", waited.as_secs())]
    Stalled {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The time that was waited.
        waited: Duration,
        /// The reason, as stated by librdkafka.
        reason: String,
    },
    /// Topics that do not exist.
    #[error("these topics do not exist: {}", topics.join(", "))]
    MissingTopics {
        /// Their names.
        topics: Vec<String>,
    },
    /// The data topics cannot be divided by partition number.
    #[error("the data topics have {counts:?} partitions: workers need the same number in each")]
    UnequalPartitions {
        /// The number of partitions of each.
        counts: Vec<i32>,
    },
    /// A partition cannot be read.
    #[error("cannot read {topic}[{partition}]")]
    Read {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The error of librdkafka.
        source: KafkaError,
    },
    /// The registry did not return a schema.
    #[error("cannot get schema {id} from the registry")]
    Schema {
        /// The schema's id.
        id: u32,
        /// The error of the registry.
        source: RegistryError,
    },
    /// The expected messages are unavailable.
    #[error("cannot read the expected messages")]
    Messages {
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There are fewer messages than announced.
    #[error("expected {expected} messages, found {found}")]
    MessageCount {
        /// The announced number.
        expected: u64,
        /// The number found.
        found: u64,
    },
}

impl AuditError {
    /// Returns true if a peer did not answer.
    pub fn is_unreachable(&self) -> bool {
        match self {
            AuditError::Unreachable { .. } | AuditError::Stalled { .. } => true,
            AuditError::Schema { source, .. } => source.is_unreachable(),
            _ => false,
        }
    }
}
