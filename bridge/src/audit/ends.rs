//! Up to where partitions are read: their ends when the audit begins.
//!
//! A transaction that is open then hides what stands behind its first record, and a commit shows in its partitions a
//! moment after the producer was told of it. So the audit waits until what was open at its beginning is decided.

use std::{thread, time::Duration};

use rdkafka::consumer::Consumer;
use tracing::info;

use super::{
    consumer::{AuditConsumer, Isolation, consumer},
    error::AuditError,
    record::Stream,
};
use crate::{connection::KafkaConnection, kafka};

/// How long open transactions may take to be decided: a transaction of a bridge that is gone is aborted by the cluster
/// after its timeout (60 s), and the cluster looks every 10 s.
const DECISION_MAX: Duration = Duration::from_secs(90);
/// The gap between looks.
const DECISION_STEP: Duration = Duration::from_millis(50);

/// The records of a partition that are audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The first offset.
    pub(super) start: i64,
    /// The offset behind the last.
    pub(super) end: i64,
}

impl Span {
    pub(super) fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// What is audited of each stream, and how many streams still have an open transaction.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    pub(super) spans: Vec<Span>,
    pub(super) undecided: usize,
}

/// Finds the ends, and waits until all before them is decided, or has been open for too long.
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
            // to a consumer that reads what is committed, a partition ends at its first open transaction
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
            asked: "where partitions end",
            reason: kafka::explain(consumer, &consumer.context().reason, &error),
        }
    })
}
