//! The reason for which librdkafka reaches no broker: it is only in its log and its error events, not in the errors
//! of calls.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// The reason for which the last connection failed, such as a wrong password, TLS on a plain port, or an unknown
/// host.
#[derive(Debug, Default)]
pub(crate) struct LastReason(Mutex<Option<String>>);

impl LastReason {
    /// Stores the reason of an error event, if it is about a connection.
    pub(crate) fn event(&self, error: &KafkaError, reason: &str) {
        use RDKafkaErrorCode::{Authentication, BrokerTransportFailure, OperationTimedOut, Resolve, SSL};
        let is_of_connection = matches!(
            error.rdkafka_error_code(),
            Some(Authentication | BrokerTransportFailure | OperationTimedOut | Resolve | SSL)
        );
        if is_of_connection {
            *self.lock() = Some(short(reason));
        }
    }

    /// Stores the reason in a line of the log, if it is about a connection.
    pub(crate) fn log(&self, facility: &str, line: &str) {
        if facility == "FAIL" {
            *self.lock() = Some(short(line));
        }
    }

    /// Returns the reason.
    pub(crate) fn get(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Clears the reason: a broker has answered.
    pub(crate) fn clear(&self) {
        *self.lock() = None;
    }

    /// Returns the error with its cause, unless its text already contains it.
    pub(crate) fn explain(&self, failure: &dyn fmt::Display) -> String {
        let failure = failure.to_string();
        match self.get() {
            Some(reason) if !failure.contains(&reason) => format!("{failure}: {reason}"),
            _ => failure,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        // the value is consistent at every moment
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the thread and the duration from librdkafka's text: `[thrd:localhost:9092/bootstrap]:
/// localhost:9092/bootstrap: Connect to … failed: Connection refused (after 0ms in state CONNECT)`.
pub(crate) fn short(text: &str) -> String {
    let text = match text.strip_prefix("[thrd:") {
        Some(rest) => rest.split_once("]: ").map_or(text, |(_, rest)| rest),
        None => text,
    };
    text.split(" (after ").next().unwrap_or(text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_without_threads_and_times() {
        let line = "[thrd:localhost:1/bootstrap]: localhost:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)";
        let expected = "localhost:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused";
        assert_eq!(short(line), expected);
        let reason = LastReason::default();
        assert_eq!(reason.explain(&"timed out"), "timed out");
        reason.log("CONFWARN", "something else");
        assert_eq!(reason.get(), None);
        reason.log("FAIL", line);
        assert_eq!(reason.explain(&"timed out"), format!("timed out: {expected}"));
        // a reason that the text contains is not repeated
        assert_eq!(reason.explain(&expected), expected);
        let all_down = KafkaError::Global(RDKafkaErrorCode::AllBrokersDown);
        reason.event(&all_down, "1/1 brokers are down");
        assert_eq!(reason.get().as_deref(), Some(expected));
        let refused = KafkaError::Global(RDKafkaErrorCode::Authentication);
        reason.event(&refused, "SASL authentication error: no (after 3ms in state AUTH_REQ)");
        assert_eq!(reason.get().as_deref(), Some("SASL authentication error: no"));
        reason.clear();
        assert_eq!(reason.get(), None);
    }
}
