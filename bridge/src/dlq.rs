//! Dead letters: reading them, and sending them again.

mod position;
mod reader;
mod sender;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tradesim_bridge_core::{Guarantee, Original, Topic, Topics};
use tradesim_schemas::{ReadOptions, StreamSeq};

use self::{
    position::RetryPosition,
    reader::{Offsets, Reader, Span},
    sender::Sender,
};
use crate::{
    clock::Clock,
    connection::{ConnectionError, KafkaConnection},
    health::Health,
    kafka::{KafkaFailure, Producer, ProducerOptions, RecordHeaders, Shared, read_newest},
    metrics::Metrics,
    registry::SchemaIds,
};

/// The limit of dead letters that are sent again in one transaction; the next one limits their bytes.
const LETTERS_PER_TRANSACTION: usize = 500;
const BYTES_PER_TRANSACTION: usize = 8 << 20;
/// The time for which a topic may seem to end before the position in it: a new leader learns of the end a moment
/// after its election.
const END_TIMEOUT: Duration = Duration::from_secs(10);
const END_STEP: Duration = Duration::from_millis(100);

/// Dead letters cannot be read or sent again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DlqError {
    /// An invalid configuration of a client.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// No broker answers.
    #[error("cannot reach the brokers at {servers}: {what}")]
    Unreachable {
        /// Their addresses.
        servers: String,
        /// The cause.
        what: String,
    },
    /// The topic does not exist.
    #[error("the topic {topic} does not exist")]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// It is unknown which dead letters were sent again.
    #[error(
        "{positions} has no position for {topic}, which has dead letters: it is unknown which of them were sent again before"
    )]
    NoPosition {
        /// The dead-letter topic.
        topic: String,
        /// The topic of positions.
        positions: String,
    },
    /// The position belongs to an earlier topic of the same name.
    #[error(
        "{topic} ends at offset {end} of partition {partition}, before the position {position} in {positions}: the topic was deleted and created again"
    )]
    OtherTopic {
        /// The dead-letter topic.
        topic: String,
        /// The topic of positions.
        positions: String,
        /// The partition.
        partition: i32,
        /// The end of the partition.
        end: i64,
        /// The position.
        position: i64,
    },
    /// An operation failed. What was not committed is unchanged.
    #[error("{what}")]
    Failed {
        /// The cause.
        what: String,
    },
    /// The caller requested to stop.
    #[error("interrupted")]
    Stopped,
}

/// A record of the dead-letter topic.
#[derive(Clone, Debug)]
pub struct DeadLetterRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// The run of the message.
    pub run: Option<String>,
    /// The sequence number of the message.
    pub seq: Option<StreamSeq>,
    /// The number of retries before it became a dead letter again.
    pub retry: u32,
    /// The value of the record.
    pub value: Vec<u8>,
}

impl DeadLetterRecord {
    /// Parses the value.
    ///
    /// # Errors
    /// The reason why it is not a dead letter.
    pub fn original(&self) -> Result<Original, String> {
        Original::parse(&self.value)
    }

    /// Returns the headers of the record that results from it; `None` if the message never had a number.
    fn headers(&self) -> Option<RecordHeaders<'_>> {
        let (run, seq) = self.run.as_deref().zip(self.seq)?;
        Some(RecordHeaders { run, seq, emitted: None, retry: self.retry.saturating_add(1) })
    }

    /// Returns how often it was sent again. Without a header, the count in the dead letter decides.
    fn tries(&self, original: &Original) -> u32 {
        if self.headers().is_some() { self.retry } else { original.verdict.retry_count }
    }
}

/// The location of dead letters.
#[derive(Clone, Debug)]
pub struct DlqOptions {
    /// The brokers.
    pub kafka: KafkaConnection,
    /// The names of the topics.
    pub topics: Arc<Topics>,
}

/// Options for sending dead letters again.
#[derive(Clone, Debug)]
pub struct Retry {
    /// The producer.
    pub producer: ProducerOptions,
    /// The ids that values contain.
    pub schema_ids: SchemaIds,
    /// The rules for valid messages.
    pub rules: ReadOptions,
    /// The limit of retries of a dead letter.
    pub max_tries: u32,
    /// True to begin with the oldest dead letter, whatever was sent again before.
    pub from_beginning: bool,
}

/// The result of sending dead letters again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// The number of dead letters that were read.
    pub read: u64,
    /// The number of those that are records now.
    pub produced: u64,
    /// The number of those that are still refused, as invalid or by the broker, and are dead letters again.
    pub invalid: u64,
    /// The number of those that have reached the limit of retries, and are skipped.
    pub exhausted: u64,
    /// The number of those of which only the beginning was kept, so that they cannot be sent again.
    pub cut: u64,
    /// The number of records that are not dead letters.
    pub foreign: u64,
}

impl Retried {
    /// Returns the number of dead letters that are still dead letters.
    pub fn remaining(&self) -> u64 {
        self.invalid + self.exhausted + self.cut
    }

    fn add(&mut self, more: &Retried) {
        self.read += more.read;
        self.produced += more.produced;
        self.invalid += more.invalid;
        self.exhausted += more.exhausted;
        self.cut += more.cut;
        self.foreign += more.foreign;
    }
}

impl DlqOptions {
    fn topic(&self) -> &str {
        self.topics.name(Topic::DeadLetters)
    }

    fn positions(&self) -> &str {
        self.topics.name(Topic::Positions)
    }

    /// Reads every dead letter that exists now, partition by partition, until `take` returns false.
    ///
    /// # Errors
    /// Brokers that do not answer, and a topic that does not exist.
    pub fn show(
        &self,
        is_stopping: &dyn Fn() -> bool,
        mut take: impl FnMut(DeadLetterRecord) -> bool,
    ) -> Result<(), DlqError> {
        let reader = Reader::new(self, "tradesim-dlq-show")?;
        reader.read(&BTreeMap::new(), &reader.spans()?, is_stopping, |letter| Ok(take(letter)))
    }

    /// Sends dead letters again, from where the last call ended to the current end: back through validation. The
    /// results and the position up to which dead letters were read form one transaction, so that each is sent again
    /// once, however long the calls are apart. A message that is still refused becomes a dead letter again, with one
    /// more retry.
    ///
    /// # Errors
    /// [`DlqError::NoPosition`] if it is unknown what was sent again before, and any failure: what was committed
    /// stays, and another call continues after it.
    pub fn retry(&self, retry: &Retry, is_stopping: &dyn Fn() -> bool) -> Result<Retried, DlqError> {
        let group = format!("tradesim-dlq-retry-{}", self.topics.prefix());
        let reader = Reader::new(self, &group)?;
        let connect = || {
            let (producer, shared) = self.producer(&retry.producer, &group)?;
            let fenced = producer.init_transactions(is_stopping);
            fenced.map_err(|failure| failed(&failure, shared.explain(&failure)))?;
            Ok((producer, shared))
        };
        // another process that does the same is fenced before its position is read
        let connected = connect()?;
        let position = self.position(is_stopping)?;
        let (begin, spans) = self.begin(&reader, position.as_ref(), retry.from_beginning, is_stopping)?;
        let mut sender = Sender::new(self, retry, connected, &connect, begin.clone(), is_stopping);
        if position.is_none() {
            // from now on there is a position, even if there are no dead letters yet
            sender.settle(&[])?;
        }
        let (mut pending, mut bytes) = (Vec::new(), 0);
        reader.read(&begin, &spans, is_stopping, |letter| {
            bytes += letter.value.len();
            pending.push(letter);
            if pending.len() >= LETTERS_PER_TRANSACTION || bytes >= BYTES_PER_TRANSACTION {
                bytes = 0;
                sender.settle(&std::mem::take(&mut pending))?;
            }
            Ok(true)
        })?;
        if !pending.is_empty() {
            sender.settle(&pending)?;
        }
        Ok(sender.finish())
    }

    /// Returns the committed position, if there is one.
    fn position(&self, is_stopping: &dyn Fn() -> bool) -> Result<Option<RetryPosition>, DlqError> {
        let key = RetryPosition::key(self.topic());
        let newest = read_newest(&self.kafka, self.positions(), &key, Clock::start(), is_stopping);
        let newest = newest.map_err(|failure| match failure {
            KafkaFailure::NoTopic(topic) => DlqError::NoTopic { topic },
            failure => failed(&failure, failure.to_string()),
        })?;
        let parsed = newest.value.map(|value| RetryPosition::parse(&value, self.topic())).transpose();
        parsed.map_err(|what| DlqError::Failed {
            what: format!("cannot read the position {key} in {}: {what}", self.positions()),
        })
    }

    /// Returns where to begin in each partition, and the offsets of each.
    fn begin(
        &self,
        reader: &Reader<'_>,
        position: Option<&RetryPosition>,
        from_beginning: bool,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<(Offsets, BTreeMap<i32, Span>), DlqError> {
        let mut spans = reader.spans()?;
        let lows: Offsets = spans.iter().map(|(partition, span)| (*partition, span.low)).collect();
        if from_beginning {
            return Ok((lows, spans));
        }
        let next_offsets = match position {
            Some(position) => {
                let clock = Clock::start();
                while let Some(error) = self.other_topic(position, &spans) {
                    if clock.now() >= END_TIMEOUT {
                        return Err(error);
                    }
                    if is_stopping() {
                        return Err(DlqError::Stopped);
                    }
                    std::thread::sleep(END_STEP);
                    spans = reader.spans()?;
                }
                position.next_offsets.clone()
            }
            None => self.begin_without_position(reader, &lows, &spans, is_stopping)?,
        };
        // partitions that were added since begin with their first record
        let begin = |(partition, low): (i32, i64)| {
            (partition, next_offsets.get(&partition).copied().unwrap_or(low).max(low))
        };
        Ok((lows.into_iter().map(begin).collect(), spans))
    }

    /// Checks the position: if it is past the end of its partition, the topic was deleted and created again.
    fn other_topic(&self, position: &RetryPosition, spans: &BTreeMap<i32, Span>) -> Option<DlqError> {
        position.next_offsets.iter().find_map(|(&partition, &offset)| {
            let end = spans.get(&partition).map_or(0, |span| span.end);
            (offset > end).then(|| DlqError::OtherTopic {
                topic: self.topic().to_owned(),
                positions: self.positions().to_owned(),
                partition,
                end,
                position: offset,
            })
        })
    }

    /// Decides where to begin without a position. Earlier versions may have committed offsets, which expire, so they
    /// only count while every partition with records has one. Otherwise the start is unknown unless there are no dead
    /// letters at all.
    fn begin_without_position(
        &self,
        reader: &Reader<'_>,
        lows: &Offsets,
        spans: &BTreeMap<i32, Span>,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<Offsets, DlqError> {
        let mut has_letters = false;
        reader.read(lows, spans, is_stopping, |_| {
            has_letters = true;
            Ok(false)
        })?;
        if !has_letters {
            return Ok(spans.iter().map(|(partition, span)| (*partition, span.end)).collect());
        }
        let committed = reader.committed()?;
        let is_known =
            |(partition, span): (&i32, &Span)| span.low == span.end || committed.contains_key(partition);
        if spans.iter().all(is_known) {
            return Ok(committed);
        }
        Err(DlqError::NoPosition { topic: self.topic().to_owned(), positions: self.positions().to_owned() })
    }

    fn producer(&self, options: &ProducerOptions, id: &str) -> Result<(Producer, Arc<Shared>), DlqError> {
        let clock = Clock::start();
        let options = ProducerOptions { transactional_id: Some(id.to_owned()), ..options.clone() };
        let config = options.config(&self.kafka, Guarantee::ExactlyOnce, &self.topics, None);
        let metrics = Arc::new(Metrics::new(&self.topics));
        // without transactions' guarantees: the report of each refused record names it
        let shared = Shared::new(Guarantee::AtLeastOnce, clock, metrics, Arc::new(Health::default()));
        let shared = Arc::new(shared);
        let producer = Producer::new(&config, Arc::clone(&self.topics), Arc::clone(&shared), clock)
            .map_err(ConnectionError::from_creation)?;
        Ok((producer, shared))
    }
}

fn failed(failure: &KafkaFailure, what: String) -> DlqError {
    match failure {
        KafkaFailure::Stopped => DlqError::Stopped,
        _ => DlqError::Failed { what },
    }
}
