//! The audit itself: topics on one side, messages on the other.

use std::{error::Error, time::Duration};

use tracing::debug;

use super::{
    comparison::{Comparison, Want},
    consumer::{Isolation, consumer, partitions, record},
    ends::spans,
    error::AuditError,
    findings::AuditReport,
    message::AuditMessage,
    newest::newest_run,
    reader::Reader,
    record::{Stream, TopicKind},
};
use crate::{connection::KafkaConnection, registry::Registry};

#[cfg(test)]
mod tests;

/// The limit of ids that are requested from the registry; values with more are from another program.
const SCHEMAS_MAX: u32 = 1_000;
/// The number of messages between two reports of progress.
const PROGRESS_STEP: u64 = 65_536;

/// The options of an audit.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// The topics by name: one for each type, and the dead letters.
    pub topics: Vec<(TopicKind, String)>,
    /// The run; by default the newest.
    pub run: Option<String>,
    /// The number of expected messages.
    pub messages: u64,
    /// The time in which a peer must answer.
    pub timeout: Duration,
}

/// The progress of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The number of messages compared.
    pub messages: u64,
    /// The number of records read.
    pub records: u64,
}

/// A finished audit.
#[derive(Clone, Debug)]
pub struct Audited {
    /// The run that was audited; `None` if no record has one.
    pub run: Option<String>,
    /// The findings.
    pub report: AuditReport,
    /// The number of partitions with a transaction that was still open, which hides what follows it.
    pub undecided_partitions: usize,
}

/// Sets the next message and returns true, or returns false after the last one.
pub type NextMessage<'a> = dyn FnMut(&mut AuditMessage) -> Result<bool, Box<dyn Error + Send + Sync>> + 'a;

/// Reads the topics and compares them with the messages that `next_message` returns, in their order.
///
/// # Errors
/// Peers that do not answer, topics that do not exist, and messages that are unavailable. Faults of the content of
/// topics are not errors; the report contains them.
pub fn verify(
    connection: &KafkaConnection,
    registry: &Registry,
    options: &AuditOptions,
    next_message: &mut NextMessage<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Audited, AuditError> {
    let committed = consumer(connection, Isolation::Committed)?;
    let names: Vec<&str> = options.topics.iter().map(|(_, name)| name.as_str()).collect();
    let counts = partitions(&committed, connection.bootstrap_servers(), &names, options.timeout)?;
    let streams = streams(&options.topics, &counts);
    let spans = spans(connection, &committed, &streams, options.timeout)?;
    let run = match &options.run {
        Some(run) => Some(run.clone()),
        None => {
            let newest = newest_run(connection, &streams, &spans.spans, options.timeout)?;
            if let Some(newest) = &newest {
                debug!(run = newest.run, produced_at_ms = newest.produced_at_ms, "the newest run");
            }
            newest.map(|newest| newest.run)
        }
    };
    let mut comparison = Comparison::new(streams.clone(), run.as_deref(), options.messages);
    let mut reader = Reader::new(committed, &streams, &spans.spans, options.timeout)?;
    let mut lookups = SchemaLookups::new(registry);
    let mut next_progress = PROGRESS_STEP;
    loop {
        match comparison.poll() {
            Want::Message => {
                let is_there = comparison.message(&mut *next_message);
                if !is_there.map_err(|source| AuditError::Messages { source })? {
                    let (expected, found) = (options.messages, comparison.compared());
                    return Err(AuditError::MessageCount { expected, found });
                }
            }
            Want::Record(index) => match reader.next(index, &streams[index])? {
                Some(read) => {
                    let record = record(read);
                    if let Some(id) = comparison.unknown_schema(index, &record)
                        && let Some(text) = lookups.schema(id)?
                    {
                        comparison.learn_schema(id, text.as_deref());
                    }
                    comparison.record(index, &record);
                }
                None => comparison.ended(index),
            },
            Want::Nothing => break,
        }
        if comparison.records() >= next_progress {
            next_progress += PROGRESS_STEP;
            reader.serve();
            progress(Progress { messages: comparison.compared(), records: comparison.records() });
        }
    }
    Ok(Audited { run, report: comparison.finish(), undecided_partitions: spans.undecided })
}

pub(super) fn streams(topics: &[(TopicKind, String)], counts: &[i32]) -> Vec<Stream> {
    let of_topic = |((kind, topic), &partitions): (&(TopicKind, String), &i32)| {
        let (kind, topic) = (*kind, topic.clone());
        (0..partitions).map(move |partition| Stream { kind, topic: topic.clone(), partition, partitions })
    };
    topics.iter().zip(counts).flat_map(of_topic).collect()
}

/// Requests schemas from the registry, up to a limit.
#[derive(Debug)]
pub(super) struct SchemaLookups<'a> {
    registry: &'a Registry,
    count: u32,
}

impl SchemaLookups<'_> {
    pub(super) fn new(registry: &Registry) -> SchemaLookups<'_> {
        SchemaLookups { registry, count: 0 }
    }

    /// Returns the registry's answer about an id: the schema's text, or `None` if it has no such schema. Returns nothing beyond
    /// the limit.
    pub(super) fn schema(&mut self, id: u32) -> Result<Option<Option<String>>, AuditError> {
        if self.count >= SCHEMAS_MAX {
            return Ok(None);
        }
        self.count += 1;
        match self.registry.schema(id) {
            Ok(text) => Ok(Some(Some(text))),
            Err(error) if error.is_not_found() => Ok(Some(None)),
            Err(source) => Err(AuditError::Schema { id, source }),
        }
    }
}
