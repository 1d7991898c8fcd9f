//! What librdkafka tells an administrating client beside its answers: why a connection failed.

use rdkafka::{ClientContext, config::RDKafkaLogLevel, error::KafkaError};
use tracing::debug;

use crate::kafka::LastReason;

/// Keeps the last failure, so that an error can say why nobody was reached. For a command that ends with that error, lines
/// about each try are noise.
#[derive(Debug, Default)]
pub(super) struct AdminContext {
    pub(super) reason: LastReason,
}

impl ClientContext for AdminContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(?level, facility, message, "librdkafka");
        self.reason.log(facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "librdkafka");
        self.reason.event(&error, reason);
    }
}
