//! Errors of administration.

use std::{io, time::Duration};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::connection::ConnectionError;

/// A request to the cluster failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// No client can be created with the configuration.
    #[error(transparent)]
    Connection {
        /// The cause.
        source: ConnectionError,
    },
    /// No broker answers.
    #[error("cannot reach the brokers at {servers}: {reason}")]
    Unreachable {
        /// Their addresses.
        servers: String,
        /// The cause.
        reason: String,
    },
    /// A broker refused a request.
    #[error("{what}: {code}")]
    Refused {
        /// The request.
        what: String,
        /// The code of the broker.
        code: RDKafkaErrorCode,
    },
    /// librdkafka rejected a request.
    #[error("cannot request {what}")]
    Client {
        /// The request.
        what: String,
        /// The error of librdkafka.
        source: KafkaError,
    },
    /// A topic was created and does not appear.
    #[error("the topic {topic} is not visible {} s after its creation", waited.as_secs())]
    Unsettled {
        /// The topic.
        topic: String,
        /// The time that was waited.
        waited: Duration,
    },
    /// The system cannot create a runtime.
    #[error("cannot create the poll descriptor")]
    Runtime {
        /// The error of the system.
        source: io::Error,
    },
}

impl AdminError {
    /// Returns true if the same request may succeed later.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, AdminError::Unreachable { .. })
    }
}

/// Returns true if a code states that no broker was reached, rather than that a broker refused.
pub(super) fn is_unreachable(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::Resolve
            | Code::RequestTimedOut
            | Code::MessageTimedOut
            | Code::TimedOutQueue
            | Code::Authentication
            | Code::SSL
    )
}
