//! Consumers that read a topic by themselves: they join no group, and commit nothing.

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

/// Which records are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    Committed,
    Uncommitted,
}

/// Makes one. `group` names whose committed offsets are asked for, where they are.
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

/// Events of a consumer that are looked at when it fails.
const EVENTS_MAX: usize = 100;

/// What failed, with librdkafka's own reason: a consumer tells what it met only while it is polled. What it may have read by
/// then is lost.
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

/// Logs nothing of its own: what a consumer does not do shows in its answers. It keeps the reason for which no broker is
/// reached, which they lack.
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
}

impl ConsumerContext for Quiet {}
