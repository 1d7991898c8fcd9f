//! Kafka consumers for an audit: without a group, without commits, without creating topics, reading partitions to
//! their ends.

use std::time::Duration;

use rdkafka::{
    ClientConfig, ClientContext,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
};
use tracing::debug;

use super::{
    error::AuditError,
    record::{RecordHeaders, TopicRecord},
};
use crate::{
    connection::{ConnectionError, KafkaConnection},
    kafka::{self, LastReason, PartitionRecord},
};

/// The isolation level of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Records of committed transactions, and those outside of any.
    Committed,
    /// All records.
    Uncommitted,
}

/// Keeps the errors that librdkafka reports in the background, to explain why no records arrive.
#[derive(Debug, Default)]
pub(super) struct AuditContext {
    pub(super) reason: LastReason,
}

impl ClientContext for AuditContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(?level, "{message}");
        self.reason.log(facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
            return;
        }
        // librdkafka retries automatically, and reports it many times per second
        debug!(%error, reason, "the brokers reported an error");
        self.reason.event(&error, reason);
    }

    // not requested; the wrapper would parse all of it
    fn stats_raw(&self, _: &[u8]) {}
}

impl ConsumerContext for AuditContext {
    fn main_queue_min_poll_interval(&self) -> rdkafka::util::Timeout {
        rdkafka::util::Timeout::After(Duration::from_millis(100))
    }
}

pub(super) type AuditConsumer = BaseConsumer<AuditContext>;

/// Returns a consumer that belongs to no group.
pub(super) fn consumer(
    connection: &KafkaConnection,
    isolation: Isolation,
) -> Result<AuditConsumer, ConnectionError> {
    let mut config = ClientConfig::new();
    config
        .set("client.id", "tradesim-verify-topic")
        // librdkafka requires the name of a group, even for a consumer that joins none
        .set("group.id", "tradesim-verify-topic")
        // the records that wait here, for each partition: few, because a partition may wait long for its turn, and by
        // far enough to keep the brokers busy
        .set("queued.min.messages", "5000")
        .set("queued.max.messages.kbytes", "1024")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.wait.max.ms", "100")
        .set("check.crcs", "true");
    connection.apply(&mut config);
    config
        .set(
            "isolation.level",
            match isolation {
                Isolation::Committed => "read_committed",
                Isolation::Uncommitted => "read_uncommitted",
            },
        )
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("allow.auto.create.topics", "false")
        // records that are deleted while they are read are an error, not a reason to begin elsewhere
        .set("auto.offset.reset", "error");
    BaseConsumer::from_config_and_context(&config, AuditContext::default())
        .map_err(ConnectionError::from_creation)
}

/// Returns the number of partitions of each of these topics.
pub(super) fn partitions(
    consumer: &AuditConsumer,
    bootstrap_servers: &str,
    topics: &[&str],
    timeout: Duration,
) -> Result<Vec<i32>, AuditError> {
    // all topics are requested, because requesting one by its name may create it
    let metadata = consumer.fetch_metadata(None, timeout).map_err(|error| AuditError::Unreachable {
        bootstrap_servers: bootstrap_servers.to_owned(),
        asked: "the list of topics",
        reason: kafka::explain(consumer, &consumer.context().reason, &error),
    })?;
    let count = |name: &str| {
        let found = metadata.topics().iter().find(|topic| topic.name() == name)?;
        i32::try_from(found.partitions().len()).ok().filter(|count| *count > 0)
    };
    let counts: Vec<Option<i32>> = topics.iter().map(|name| count(name)).collect();
    if counts.iter().any(Option::is_none) {
        let missing = topics.iter().zip(&counts).filter(|(_, count)| count.is_none());
        return Err(AuditError::MissingTopics {
            topics: missing.map(|(name, _)| (*name).to_owned()).collect(),
        });
    }
    Ok(counts.into_iter().flatten().collect())
}

/// Returns the audited parts of a record.
pub(super) fn record(record: PartitionRecord<'_>) -> TopicRecord<'_> {
    TopicRecord {
        offset: record.offset(),
        key: record.key(),
        value: record.value(),
        headers: RecordHeaders::of(record.headers()),
    }
}
