//! Errors of librdkafka and the brokers.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A failure of the producer or of a consumer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum KafkaFailure {
    /// A call.
    #[error("{0}")]
    Call(#[from] KafkaError),
    /// A report of a failure.
    #[error("a record was not acknowledged: {0}")]
    Report(RDKafkaErrorCode),
    /// A topic is missing.
    #[error("the topic {0} does not exist")]
    NoTopic(String),
    /// The position is invalid.
    #[error("cannot read the position of {key}: {what}")]
    Position { key: String, what: String },
    /// Another transaction is open, and the position may follow it.
    #[error("another transaction on {topic} is open, and the position may follow it")]
    Pending { topic: String },
    /// A record was refused because of its content.
    #[error("the broker refused a record: {0}")]
    Refused(String),
    /// The caller requested to stop.
    #[error("interrupted")]
    Stopped,
}

/// Returns true if an error is about a single record, rather than the connection, the topic or the producer.
pub(crate) fn is_record_refused(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(is_code_of_record)
}

/// Returns true for the codes of a record that a broker will never accept.
pub(super) fn is_code_of_record(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::InvalidTimestamp
            | RDKafkaErrorCode::InvalidRecord
    )
}
