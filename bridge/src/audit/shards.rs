//! The audit of many runs by several workers: each worker reads some partition numbers of all data topics, each record once.
//!
//! A symbol's messages are in partitions of one number, whatever their type, so a worker has its symbols completely. It proves
//! them against the messages of the runs, and returns the digest of each symbol of each run.

mod comparison;
mod lanes;
#[cfg(test)]
mod tests;

use std::{error::Error, time::Duration};

use tradesim_schemas::{ContentDigest, Envelope, Symbol};

use super::{
    consumer::{Isolation, consumer, partitions, record},
    ends::spans,
    error::AuditError,
    findings::{Fault, Finding},
    murmur2,
    reader::Reader,
    record::TopicKind,
    verify::{Progress, SchemaLookups, streams},
};
use crate::{connection::KafkaConnection, registry::Registry};

use comparison::ShardComparison;

/// The number of records that are read from one partition before the next one is chosen.
const RECORDS_AT_ONCE: usize = 256;

/// A run, and the number of its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRun {
    /// The name of the run.
    pub run: String,
    /// The number of its messages, whichever worker checks them.
    pub messages: u64,
}

/// The options of a worker.
#[derive(Clone, Debug)]
pub struct ShardOptions {
    /// The topics by name: one for each type, and the dead letters.
    pub topics: Vec<(TopicKind, String)>,
    /// The runs.
    pub runs: Vec<ShardRun>,
    /// The number of the worker, from 0.
    pub index: u32,
    /// The number of workers.
    pub of: u32,
    /// The time in which a peer must answer.
    pub timeout: Duration,
}

/// The keys of a worker: those whose partition number is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardKeys {
    index: u32,
    of: u32,
    partitions: i32,
}

impl ShardKeys {
    /// Returns true if the worker checks this key.
    pub fn has(self, key: &[u8]) -> bool {
        self.has_partition(murmur2::partition(key, self.partitions))
    }

    fn has_partition(self, partition: i32) -> bool {
        partition.unsigned_abs() % self.of == self.index
    }
}

/// A message that should be in the topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedMessage {
    /// Its number in the run.
    pub seq: u64,
    /// The message; its text is the one that [`tradesim_schemas::MessageEncoder`] writes.
    pub envelope: Envelope,
}

/// A cause of unavailable messages.
type Cause = Box<dyn Error + Send + Sync>;

/// The messages of a run that have keys of the worker, in the order of their numbers.
pub trait RunMessages {
    /// Returns the next message; `None` after the last one.
    ///
    /// # Errors
    /// An error of reading.
    fn next_message(&mut self) -> Result<Option<ExpectedMessage>, Cause>;
}

/// Opens the messages of the run with this index.
pub type OpenRun<'a> = dyn FnMut(usize, ShardKeys) -> Result<Box<dyn RunMessages>, Cause> + 'a;

/// A symbol of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditedKey {
    /// The index of the run.
    pub run: usize,
    /// The symbol.
    pub symbol: Symbol,
    /// The number of its messages.
    pub messages: u64,
    /// Their length in the input of the digest.
    pub bytes: u64,
    /// The digest of its messages in the topics, in the order of their numbers; `None` if one is lost, duplicated, reordered or
    /// altered.
    pub digest: Option<ContentDigest>,
}

/// The findings of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardReport {
    /// The number of messages that the worker checked.
    pub messages: u64,
    /// The number of them that are in the topics.
    pub present: u64,
    /// The number of these that are dead letters.
    pub dead_lettered: u64,
    /// The number of dead letters that were sent again.
    pub sent_again: u64,
    /// The number of records read.
    pub records: u64,
    /// The number of records of other runs, which are ignored.
    pub other_runs: u64,
    /// The findings, in the order of [`Fault::ALL`].
    pub findings: [Finding; 5],
    /// The symbols of each run.
    pub keys: Vec<AuditedKey>,
}

impl ShardReport {
    /// Returns the finding for a fault.
    pub fn finding(&self, fault: Fault) -> &Finding {
        &self.findings[fault as usize]
    }

    /// Returns true if the worker's partitions contain exactly the messages of the runs.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.count == 0)
            && self.keys.iter().all(|key| key.digest.is_some())
    }
}

/// The finished audit of a worker.
#[derive(Clone, Debug)]
pub struct ShardAudited {
    /// The findings.
    pub report: ShardReport,
    /// The keys of the worker.
    pub keys: ShardKeys,
    /// The number of partitions of a data topic.
    pub partitions: u32,
    /// The number of partitions with a transaction that was still open, which hides what follows it.
    pub undecided_partitions: usize,
}

/// Reads the worker's partitions, and compares them with the messages of the runs that `open` returns.
///
/// # Errors
/// Peers that do not answer, topics that do not exist or differ in their number of partitions, and messages that are
/// unavailable. Faults of the content of topics are not errors; the report contains them.
pub fn verify_shard(
    connection: &KafkaConnection,
    registry: &Registry,
    options: &ShardOptions,
    open: &mut OpenRun<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<ShardAudited, AuditError> {
    let committed = consumer(connection, Isolation::Committed)?;
    let names: Vec<&str> = options.topics.iter().map(|(_, name)| name.as_str()).collect();
    let counts = partitions(&committed, connection.bootstrap_servers(), &names, options.timeout)?;
    let data = options.topics.iter().zip(&counts).filter(|((kind, _), _)| *kind != TopicKind::DeadLetters);
    let data: Vec<i32> = data.map(|(_, count)| *count).collect();
    let partitions = data.first().copied().unwrap_or(1);
    if data.iter().any(|count| *count != partitions) {
        return Err(AuditError::UnequalPartitions { counts: data });
    }
    let keys = ShardKeys { index: options.index, of: options.of, partitions };
    let mut streams = streams(&options.topics, &counts);
    // dead letters have other partitions, and are few: each worker reads them all
    streams.retain(|stream| stream.kind == TopicKind::DeadLetters || keys.has_partition(stream.partition));
    let spans = spans(connection, &committed, &streams, options.timeout)?;
    let mut reader = Reader::new(committed, &streams, &spans.spans, options.timeout)?;
    let mut comparison = ShardComparison::new(streams.clone(), &options.runs, keys);
    let is_letters = |stream: &usize| streams[*stream].kind == TopicKind::DeadLetters;
    // first, so that a message without a record is known to be a dead letter when that is noticed
    for stream in (0..streams.len()).filter(is_letters) {
        while let Some(read) = reader.next(stream, &streams[stream])? {
            comparison.letter(stream, &record(read));
        }
        comparison.ended(stream);
    }
    let mut lookups = SchemaLookups::new(registry);
    while let Some(stream) = comparison.next_stream() {
        for _ in 0..RECORDS_AT_ONCE {
            let Some(read) = reader.next(stream, &streams[stream])? else {
                comparison.ended(stream);
                break;
            };
            let record = record(read);
            if let Some(id) = comparison.unknown_schema(stream, &record)
                && let Some(text) = lookups.schema(id)?
            {
                comparison.learn_schema(id, text.as_deref());
            }
            comparison.record(stream, &record, open)?;
        }
        reader.serve();
        progress(Progress { messages: comparison.present(), records: comparison.records() });
    }
    let report = comparison.finish(open)?;
    Ok(ShardAudited {
        report,
        keys,
        partitions: partitions.unsigned_abs(),
        undecided_partitions: spans.undecided,
    })
}
