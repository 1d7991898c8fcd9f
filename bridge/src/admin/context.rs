//! What librdkafka tells an administrating client beside its answers: why a connection failed.

use std::sync::{Mutex, PoisonError};

use rdkafka::{ClientContext, config::RDKafkaLogLevel};
use tracing::debug;

/// Keeps the last failure, so that an error can say why nobody was reached. For a command that ends with that error, lines
/// about each try are noise.
#[derive(Debug, Default)]
pub(super) struct AdminContext {
    last_failure: Mutex<Option<String>>,
}

impl AdminContext {
    pub(super) fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for AdminContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(?level, facility, message, "librdkafka");
        if facility == "FAIL" {
            // "[thrd:localhost:9092/bootstrap]: localhost:9092/bootstrap: Connect to … failed: Connection refused (after …)"
            let reason = message.split_once("]: ").map_or(message, |(_, rest)| rest);
            let reason = reason.split(" (after ").next().unwrap_or(reason);
            let mut last = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Some(reason.trim().to_owned());
        }
    }
}
