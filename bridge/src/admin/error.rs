//! Why a cluster did not do what it was asked for.

use std::{io, time::Duration};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::connection::ConnectionError;

/// The cluster did not do, or did not say, what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// No client can be made of the configuration.
    #[error(transparent)]
    Connection {
        /// What is wrong with it.
        source: ConnectionError,
    },
    /// Nobody answers.
    #[error("no broker of {servers} can be reached: {reason}")]
    Unreachable {
        /// Where they were looked for.
        servers: String,
        /// What happened on the way.
        reason: String,
    },
    /// A broker says no.
    #[error("{what}: {code}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The broker's answer.
        code: RDKafkaErrorCode,
    },
    /// librdkafka says no.
    #[error("{what} cannot be asked for")]
    Client {
        /// What was asked for.
        what: String,
        /// librdkafka's words.
        source: KafkaError,
    },
    /// A topic was made and does not show.
    #[error("the topic {topic} does not show {} s after its creation", waited.as_secs())]
    Unsettled {
        /// The topic.
        topic: String,
        /// How long it was looked for.
        waited: Duration,
    },
    /// The system gives no runtime.
    #[error("nothing can be waited for on this system")]
    Runtime {
        /// What the system said.
        source: io::Error,
    },
}

impl AdminError {
    /// Whether the same request may be answered later.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, AdminError::Unreachable { .. })
    }
}

/// Whether a code says that nobody was there, rather than that somebody said no.
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
