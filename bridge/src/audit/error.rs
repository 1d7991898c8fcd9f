//! Why topics could not be audited.

use std::{error::Error, time::Duration};

use rdkafka::error::KafkaError;

use crate::{connection::ConnectionError, registry::RegistryError};

/// Topics could not be audited. What an audit finds is no error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// There is no Kafka client as things are configured.
    #[error("the brokers cannot be spoken to")]
    Connection {
        /// Why not.
        #[from]
        source: ConnectionError,
    },
    /// No broker answers.
    #[error("the brokers at {bootstrap_servers} cannot be reached: no answer to {asked}: {reason}")]
    Unreachable {
        /// Where they should be.
        bootstrap_servers: String,
        /// What they were asked for.
        asked: &'static str,
        /// librdkafka's words.
        reason: String,
    },
    /// A partition gives nothing any more, and does not end either.
    #[error("{topic}[{partition}] gave nothing for {} s: {reason}", waited.as_secs())]
    Stalled {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// How long was waited.
        waited: Duration,
        /// What librdkafka said meanwhile.
        reason: String,
    },
    /// Topics that do not exist.
    #[error("the cluster has no {}", topics.join(", "))]
    MissingTopics {
        /// Their names.
        topics: Vec<String>,
    },
    /// A partition cannot be read.
    #[error("{topic}[{partition}] cannot be read")]
    Read {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// librdkafka's words.
        source: KafkaError,
    },
    /// The registry does not give a schema.
    #[error("schema {id} cannot be had")]
    Schema {
        /// The schema's id.
        id: u32,
        /// What the registry said.
        source: RegistryError,
    },
    /// The expected messages cannot be had.
    #[error("the expected messages cannot be read")]
    Messages {
        /// What reading them met.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There are fewer messages than was said.
    #[error("there are {found} messages where {expected} were announced")]
    MessageCount {
        /// How many were announced.
        expected: u64,
        /// How many there are.
        found: u64,
    },
}

impl AuditError {
    /// Whether a peer did not answer.
    pub fn is_unreachable(&self) -> bool {
        match self {
            AuditError::Unreachable { .. } | AuditError::Stalled { .. } => true,
            AuditError::Schema { source, .. } => source.is_unreachable(),
            _ => false,
        }
    }
}
