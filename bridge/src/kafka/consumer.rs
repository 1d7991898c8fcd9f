//! Consumers that read a topic alone: without a group, and without commits.

use std::{fmt, time::Duration};

use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext},
    error::{KafkaError, KafkaResult},
};

use super::reason::LastReason;
use crate::connection::KafkaConnection;

/// A consumer.
pub(crate) type Reader = BaseConsumer<Quiet>;

/// The isolation level of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    Committed,
    Uncommitted,
}

/// Creates a consumer. `group` names the group whose committed offsets can be requested.
pub(crate) fn reader(connection: &KafkaConnection, group: &str, isolation: Isolation) -> KafkaResult<Reader> {
    let mut config = ClientConfig::new();
    connection.apply(&mut config);
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "false")
        .set(
            "isolation.level",
            match isolation {
                Isolation::Committed => "read_committed",
                Isolation::Uncommitted => "read_uncommitted",
            },
        );
    config.create_with_context(Quiet::default())
}

/// The limit of a consumer's events that are read when it fails.
const EVENTS_MAX: usize = 100;

/// Returns the failure with librdkafka's own reason, which a consumer reports only while it is polled. Records that
/// this poll reads are lost.
pub(crate) fn explain<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    reason: &LastReason,
    failure: &dyn fmt::Display,
) -> String {
    for _ in 0..EVENTS_MAX {
        let _ = consumer.poll(Duration::ZERO);
    }
    reason.explain(failure)
}

/// Does not log: failures of a consumer show in its results. It keeps the reason for which no broker is reachable,
/// which they lack.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    pub(crate) reason: LastReason,
}

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        tracing::debug!(?level, facility, text, "librdkafka");
        self.reason.log(facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
        self.reason.event(&error, reason);
    }

    // not requested; the wrapper would parse all of it
    fn stats_raw(&self, _: &[u8]) {}
}

impl ConsumerContext for Quiet {}
