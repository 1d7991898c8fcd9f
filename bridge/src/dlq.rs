//! Dead letters: reading them, and sending them again.

mod position;
mod reader;
mod sender;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tradesim_bridge_core::{Guarantee, Original, Topic, Topics};
use tradesim_schemas::ReadOptions;

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

/// Dead letters that are sent again in one transaction, and their bytes.
const LETTERS_PER_TRANSACTION: usize = 500;
const BYTES_PER_TRANSACTION: usize = 8 << 20;
/// How long a topic may seem to end before the position in it: a new leader learns of its end a moment after it was elected.
const END_TIMEOUT: Duration = Duration::from_secs(10);
const END_STEP: Duration = Duration::from_millis(100);

/// Dead letters cannot be read, or not be sent again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DlqError {
    /// The settings of a client.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// No broker answers.
    #[error("no broker of {servers} answers: {what}")]
    Unreachable {
        /// The brokers.
        servers: String,
        /// What happened.
        what: String,
    },
    /// The topic does not exist.
    #[error("the topic {topic} does not exist")]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// Nobody knows which letters were sent again.
    #[error(
        "{positions} holds no position for {topic}, which has dead letters: nobody knows which of them were sent again before"
    )]
    NoPosition {
        /// The topic of dead letters.
        topic: String,
        /// The topic of positions.
        positions: String,
    },
    /// The position is of another topic of the same name.
    #[error(
        "{topic} ends at offset {end} of partition {partition}, before the position {position} in {positions}: it is another topic than the one that was read"
    )]
    OtherTopic {
        /// The topic of dead letters.
        topic: String,
        /// The topic of positions.
        positions: String,
        /// The partition.
        partition: i32,
        /// Where it ends.
        end: i64,
        /// Where it was read to.
        position: i64,
    },
    /// Something failed on the way. What was not committed is as it was.
    #[error("{what}")]
    Failed {
        /// What happened.
        what: String,
    },
    /// Asked to stop.
    #[error("asked to stop")]
    Stopped,
}

/// A record of the topic of dead letters.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// The run that the message came with.
    pub run: Option<String>,
    /// The message's number.
    pub seq: Option<u64>,
    /// How often it was sent again to become a dead letter once more.
    pub retry: u32,
    /// The record's value.
    pub value: Vec<u8>,
}

impl Letter {
    /// What it says.
    ///
    /// # Errors
    /// Anything but a dead letter of ours, in words.
    pub fn original(&self) -> Result<Original, String> {
        Original::parse(&self.value)
    }

    /// The headers of what becomes of it; none where it was never ours to number.
    fn headers(&self) -> Option<RecordHeaders<'_>> {
        let (run, seq) = self.run.as_deref().zip(self.seq)?;
        Some(RecordHeaders { run, seq, emitted: None, retry: self.retry.saturating_add(1) })
    }

    /// How often it was sent again. Where no header counts that, the dead letter's own count does.
    fn tries(&self, original: &Original) -> u32 {
        if self.headers().is_some() { self.retry } else { original.verdict.retry_count }
    }
}

/// Where dead letters are.
#[derive(Clone, Debug)]
pub struct DlqOptions {
    /// The brokers.
    pub kafka: KafkaConnection,
    /// Names of the topics.
    pub topics: Arc<Topics>,
}

/// Options for sending dead letters again.
#[derive(Clone, Debug)]
pub struct Retry {
    /// The producer.
    pub producer: ProducerOptions,
    /// The id that values contain.
    pub schema_ids: SchemaIds,
    /// Which messages are valid.
    pub rules: ReadOptions,
    /// How often a letter is sent again before it is left alone.
    pub max_tries: u32,
    /// Whether to begin with the oldest letter, whatever was sent again before.
    pub from_beginning: bool,
}

/// How sending again went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Dead letters that were read.
    pub read: u64,
    /// Those that are records now.
    pub produced: u64,
    /// Those that are still refused, by the contract or by the broker, and are dead letters again.
    pub invalid: u64,
    /// Those that were sent again as often as is allowed, and are left alone.
    pub exhausted: u64,
    /// Those of which only the beginning was kept, and that nobody can send again.
    pub cut: u64,
    /// Records that are not dead letters.
    pub foreign: u64,
}

impl Retried {
    /// Dead letters that are dead letters still.
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

    /// Reads every dead letter that is there now, partition by partition, until `take` says that it is enough.
    ///
    /// # Errors
    /// Brokers that do not answer, and a topic that does not exist.
    pub fn show(
        &self,
        is_stopping: &dyn Fn() -> bool,
        mut take: impl FnMut(Letter) -> bool,
    ) -> Result<(), DlqError> {
        let reader = Reader::new(self, "tradesim-dlq-show")?;
        reader.read(&BTreeMap::new(), &reader.spans()?, is_stopping, |letter| Ok(take(letter)))
    }

    /// Sends dead letters again, from where the last such call ended to the end that there is now: back through
    /// validation. What becomes of a letter and how far the letters were read are one transaction, so that each is sent again once,
    /// however long the calls are apart. What is still refused is a dead letter again, with one more try.
    ///
    /// # Errors
    /// [`DlqError::NoPosition`] where nobody knows what was sent again before; and whatever fails: what was committed stays, and
    /// another call goes on behind it.
    pub fn retry(&self, retry: &Retry, is_stopping: &dyn Fn() -> bool) -> Result<Retried, DlqError> {
        let group = format!("tradesim-dlq-retry-{}", self.topics.prefix());
        let reader = Reader::new(self, &group)?;
        let connect = || {
            let (producer, shared) = self.producer(&retry.producer, &group)?;
            let fenced = producer.init_transactions(is_stopping);
            fenced.map_err(|failure| failed(&failure, shared.explain(&failure)))?;
            Ok((producer, shared))
        };
        // whoever did the same is fenced before it is read how far he came
        let connected = connect()?;
        let position = self.position(is_stopping)?;
        let (begin, spans) = self.begin(&reader, position.as_ref(), retry.from_beginning, is_stopping)?;
        let mut sender = Sender::new(self, retry, connected, &connect, begin.clone(), is_stopping);
        if position.is_none() {
            // from now on there is one, also where there are no letters yet
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

    /// The committed position, if there is one.
    fn position(&self, is_stopping: &dyn Fn() -> bool) -> Result<Option<RetryPosition>, DlqError> {
        let key = RetryPosition::key(self.topic());
        let newest = read_newest(&self.kafka, self.positions(), &key, Clock::start(), is_stopping);
        let value = newest.map_err(|failure| match failure {
            KafkaFailure::NoTopic(topic) => DlqError::NoTopic { topic },
            failure => failed(&failure, failure.to_string()),
        })?;
        let parsed = value.map(|value| RetryPosition::parse(&value, self.topic())).transpose();
        parsed.map_err(|what| DlqError::Failed {
            what: format!("the position {key} in {} cannot be read: {what}", self.positions()),
        })
    }

    /// Where to begin in each partition, and what each holds.
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
        // partitions that were added since begin with their first letter
        let begin = |(partition, low): (i32, i64)| {
            (partition, next_offsets.get(&partition).copied().unwrap_or(low).max(low))
        };
        Ok((lows.into_iter().map(begin).collect(), spans))
    }

    /// A position behind the end of its partition says that the topic was deleted and made again.
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

    /// Where there is no position, versions before this one may have committed offsets; they expire, so that they count only
    /// while every partition that holds something has one. Nothing else may be guessed unless there is no letter at all.
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
        // without a guarantee of its own: each record that is refused is named by its report
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
