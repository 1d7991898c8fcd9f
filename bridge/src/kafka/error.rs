//! What went wrong between librdkafka and the brokers.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Something about the producer or a consumer failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum KafkaFailure {
    /// A call.
    #[error("{0}")]
    Call(#[from] KafkaError),
    /// A report.
    #[error("a record was not acknowledged: {0}")]
    Report(RDKafkaErrorCode),
    /// Topics that are needed do not exist.
    #[error("the topic {0} does not exist")]
    NoTopic(String),
    /// The position is not readable as it is.
    #[error("the position of {key} cannot be read: {what}")]
    Position { key: String, what: String },
    /// Somebody else's transaction is open behind which the position may be.
    #[error("another transaction on {topic} is not over, and the position may be behind it")]
    Pending { topic: String },
    /// A record was refused for itself.
    #[error("the broker refuses a record: {0}")]
    Refused(String),
    /// It was asked to stop.
    #[error("asked to stop")]
    Stopped,
}

/// Whether an error is about the one record, and not about the connection, the topic or the producer.
pub(crate) fn is_record_refused(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(is_code_of_record)
}

/// The codes that a broker gives for a record that it will never take.
pub(super) fn is_code_of_record(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::InvalidTimestamp
            | RDKafkaErrorCode::InvalidRecord
    )
}
