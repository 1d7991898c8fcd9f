//! The ends up to which partitions are read: those at the beginning of the audit.
//!
//! A transaction that is open then hides what follows its first record, and a commit becomes visible in its
//! partitions a moment after it was confirmed to the producer. So the audit waits until the transactions that were
//! open at its beginning are decided.

use std::{thread, time::Duration};

use rdkafka::consumer::Consumer;
use tracing::info;

use super::{
    consumer::{AuditConsumer, Isolation, consumer},
    error::AuditError,
    record::Stream,
};
use crate::{connection::KafkaConnection, kafka};

/// The time in which open transactions must be decided: the cluster aborts a transaction of a dead bridge after its
/// timeout (60 s), and checks every 10 s.
const DECISION_MAX: Duration = Duration::from_secs(90);
/// The interval of checks.
const DECISION_STEP: Duration = Duration::from_millis(50);

/// The range of a partition's records that is audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The first offset.
    pub(super) start: i64,
    /// The offset after the last.
    pub(super) end: i64,
}

impl Span {
    pub(super) fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// The ranges that are audited of each stream, and the number of streams that still have an open transaction.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    pub(super) spans: Vec<Span>,
    pub(super) undecided: usize,
}

/// Finds the ends, and waits until everything before them is decided, or has been open for too long.
pub(super) fn spans(
    connection: &KafkaConnection,
    committed: &AuditConsumer,
    streams: &[Stream],
    timeout: Duration,
) -> Result<Spans, AuditError> {
    let uncommitted = consumer(connection, Isolation::Uncommitted)?;
    let mut spans = Vec::with_capacity(streams.len());
    for stream in streams {
        let (start, end) = watermarks(&uncommitted, connection, stream, timeout)?;
        spans.push(Span { start, end });
    }
    let mut waited = Duration::ZERO;
    let mut undecided: Vec<usize> = (0..streams.len()).collect();
    loop {
        let mut open = Vec::new();
        for &index in &undecided {
            // to a consumer that reads committed records, a partition ends at its first open transaction
            let (_, stable) = watermarks(committed, connection, &streams[index], timeout)?;
            if stable < spans[index].end {
                open.push(index);
            }
        }
        undecided = open;
        if undecided.is_empty() || waited >= DECISION_MAX {
            return Ok(Spans { spans, undecided: undecided.len() });
        }
        if waited.is_zero() {
            info!(partitions = undecided.len(), "waiting for open transactions");
        }
        thread::sleep(DECISION_STEP);
        waited += DECISION_STEP;
    }
}

fn watermarks(
    consumer: &AuditConsumer,
    connection: &KafkaConnection,
    stream: &Stream,
    timeout: Duration,
) -> Result<(i64, i64), AuditError> {
    consumer.fetch_watermarks(&stream.topic, stream.partition, timeout).map_err(|error| {
        AuditError::Unreachable {
            bootstrap_servers: connection.bootstrap_servers().to_owned(),
            asked: "the ends of partitions",
            reason: kafka::explain(consumer, &consumer.context().reason, &error),
        }
    })
}
