//! Consumers that read a topic by themselves: they join no group, and commit nothing.

use rdkafka::{
    ClientConfig, ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext},
    error::{KafkaError, KafkaResult},
};

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
    config.create_with_context(Quiet)
}

/// Says nothing by itself: what a consumer does not do shows in its answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        tracing::debug!(?level, facility, text, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}

impl ConsumerContext for Quiet {}
