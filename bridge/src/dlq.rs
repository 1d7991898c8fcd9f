//! Dead letters: reading them, and sending them again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode},
    message::Headers as _,
};
use tradesim_bridge_core::{DeadLetter, Guarantee, Original, Topic, Topics, Verdict};
use tradesim_schemas::{ReadOptions, read};

use crate::{
    avro::write_confluent,
    clock::Clock,
    connection::{ConnectionError, KafkaConnection},
    health::Health,
    kafka::{
        HEADER_RETRY, HEADER_RUN, HEADER_SEQ, Isolation, KafkaFailure, Outgoing, Producer, ProducerOptions,
        RecordHeaders, SendError, Shared, TopicReader, reader,
    },
    metrics::Metrics,
    registry::SchemaIds,
};

/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for records that are there.
const READ_PATIENCE: Duration = Duration::from_secs(30);
/// Dead letters that are sent again in one transaction.
const LETTERS_PER_TRANSACTION: usize = 500;

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
}

/// Where dead letters are.
#[derive(Clone, Debug)]
pub struct DlqOptions {
    /// The brokers.
    pub kafka: KafkaConnection,
    /// Names of the topics.
    pub topics: Arc<Topics>,
}

/// How sending again went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retried {
    /// Dead letters that were read.
    pub read: u64,
    /// Those that are records now.
    pub produced: u64,
    /// Those that still break the contract, and are dead letters again.
    pub invalid: u64,
    /// Those of which only the beginning was kept, and that nobody can send again.
    pub cut: u64,
    /// Records that are no dead letters.
    pub foreign: u64,
}

impl DlqOptions {
    fn topic(&self) -> &str {
        self.topics.name(Topic::DeadLetters)
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
        let offsets = reader.beginnings()?;
        reader.read(&offsets, is_stopping, |letter| Ok(take(letter)))?;
        Ok(())
    }

    /// Sends dead letters again, from where the last such call ended to the end that there is now: back through
    /// validation. A message and how far the dead letters were read are one transaction, so that each is sent again once.
    /// What still breaks the contract is a dead letter again, with one more try.
    ///
    /// # Errors
    /// Whatever fails; what was committed stays, and another call goes on behind it.
    pub fn retry(
        &self,
        producer: &ProducerOptions,
        schema_ids: SchemaIds,
        rules: ReadOptions,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<Retried, DlqError> {
        let group = format!("tradesim-dlq-retry-{}", self.topics.prefix());
        let reader = Reader::new(self, &group)?;
        let producer = self.producer(producer, &group)?;
        // whoever did the same is fenced before it is read how far he came
        producer.init_transactions(is_stopping).map_err(failed)?;
        let offsets = reader.committed()?;
        let mut sender = Sender {
            options: self,
            reader: &reader,
            producer,
            schema_ids,
            rules,
            clock: Clock::start(),
            pending: Vec::new(),
            retried: Retried::default(),
        };
        reader.read(&offsets, is_stopping, |letter| {
            sender.pending.push(letter);
            if sender.pending.len() >= LETTERS_PER_TRANSACTION {
                sender.send(is_stopping)?;
            }
            Ok(true)
        })?;
        sender.send(is_stopping)?;
        Ok(sender.retried)
    }

    fn producer(&self, options: &ProducerOptions, id: &str) -> Result<Producer, DlqError> {
        let clock = Clock::start();
        let options = ProducerOptions { transactional_id: Some(id.to_owned()), ..options.clone() };
        let config = options.config(&self.kafka, Guarantee::ExactlyOnce, &self.topics, None);
        let metrics = Arc::new(Metrics::new(&self.topics));
        let shared = Shared::new(Guarantee::ExactlyOnce, clock, metrics, Arc::new(Health::default()));
        Producer::new(&config, Arc::clone(&self.topics), Arc::new(shared), clock)
            .map_err(|error| ConnectionError::from_creation(error).into())
    }
}

fn failed(failure: KafkaFailure) -> DlqError {
    match failure {
        KafkaFailure::Stopped => DlqError::Stopped,
        failure => DlqError::Failed { what: failure.to_string() },
    }
}

/// Reads the topic.
struct Reader<'a> {
    options: &'a DlqOptions,
    consumer: TopicReader,
    partitions: i32,
}

impl<'a> Reader<'a> {
    fn new(options: &'a DlqOptions, group: &str) -> Result<Reader<'a>, DlqError> {
        let consumer =
            reader(&options.kafka, group, Isolation::Committed).map_err(ConnectionError::from_creation)?;
        let topic = options.topic();
        let metadata = consumer.fetch_metadata(Some(topic), CALL_TIMEOUT);
        let metadata = metadata.map_err(|error| options.unreachable(&error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions =
            found.filter(|found| found.error().is_none()).map_or(0, |found| found.partitions().len());
        if partitions == 0 {
            return Err(DlqError::NoTopic { topic: topic.to_owned() });
        }
        Ok(Reader { options, consumer, partitions: i32::try_from(partitions).unwrap_or(i32::MAX) })
    }

    fn all(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(self.options.topic(), 0, self.partitions - 1);
        list
    }

    fn beginnings(&self) -> Result<BTreeMap<i32, i64>, DlqError> {
        let mut offsets = BTreeMap::new();
        for partition in 0..self.partitions {
            offsets.insert(partition, self.watermarks(partition)?.0);
        }
        Ok(offsets)
    }

    /// Where the group goes on.
    fn committed(&self) -> Result<BTreeMap<i32, i64>, DlqError> {
        let mut offsets = self.beginnings()?;
        let committed = self.consumer.committed_offsets(self.all(), CALL_TIMEOUT);
        for element in committed.map_err(|error| self.options.unreachable(&error))?.elements() {
            if let Offset::Offset(offset) = element.offset() {
                let beginning = offsets.entry(element.partition()).or_default();
                *beginning = offset.max(*beginning);
            }
        }
        Ok(offsets)
    }

    fn watermarks(&self, partition: i32) -> Result<(i64, i64), DlqError> {
        let topic = self.options.topic();
        let found = self.consumer.fetch_watermarks(topic, partition, CALL_TIMEOUT);
        found.map_err(|error| self.options.unreachable(&error))
    }

    /// Reads each partition from its offset to the end that it has now, one after the other. What is written meanwhile,
    /// by `take` for one, is left for another time.
    fn read(
        &self,
        offsets: &BTreeMap<i32, i64>,
        is_stopping: &dyn Fn() -> bool,
        mut take: impl FnMut(Letter) -> Result<bool, DlqError>,
    ) -> Result<(), DlqError> {
        let clock = Clock::start();
        let end_of = |(&partition, &from)| Ok((partition, from, self.watermarks(partition)?.1));
        let spans = offsets.iter().map(end_of).collect::<Result<Vec<_>, DlqError>>()?;
        for (partition, from, end) in spans.into_iter().filter(|(_, from, end)| from < end) {
            let mut assignment = TopicPartitionList::new();
            let broken = |error: KafkaError| DlqError::Failed { what: error.to_string() };
            assignment
                .add_partition_offset(self.options.topic(), partition, Offset::Offset(from))
                .map_err(broken)?;
            self.consumer.assign(&assignment).map_err(broken)?;
            let mut heard = clock.now();
            loop {
                if is_stopping() {
                    return Err(DlqError::Stopped);
                }
                match self.consumer.poll(Duration::from_millis(100)) {
                    None if clock.now().saturating_sub(heard) < READ_PATIENCE => continue,
                    None => {
                        let seconds = READ_PATIENCE.as_secs();
                        return Err(DlqError::Failed { what: format!("no record came for {seconds} s") });
                    }
                    Some(Ok(record)) if record.offset() >= end => break,
                    Some(Ok(record)) => {
                        if !take(letter(&record))? {
                            return Ok(());
                        }
                    }
                    Some(Err(KafkaError::PartitionEOF(_))) => break,
                    Some(Err(error)) => return Err(broken(error)),
                }
                heard = clock.now();
            }
        }
        Ok(())
    }
}

impl DlqOptions {
    fn unreachable(&self, error: &KafkaError) -> DlqError {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
                DlqError::NoTopic { topic: self.topic().to_owned() }
            }
            _ => DlqError::Unreachable {
                servers: self.kafka.bootstrap_servers().to_owned(),
                what: error.to_string(),
            },
        }
    }
}

fn letter(record: &rdkafka::message::BorrowedMessage<'_>) -> Letter {
    let header = |name: &str| {
        let headers = record.headers()?;
        let header = headers.iter().find(|header| header.key == name)?;
        Some(std::str::from_utf8(header.value?).ok()?.to_owned())
    };
    Letter {
        partition: record.partition(),
        offset: record.offset(),
        run: header(HEADER_RUN),
        seq: header(HEADER_SEQ).and_then(|text| text.parse().ok()),
        retry: header(HEADER_RETRY).and_then(|text| text.parse().ok()).unwrap_or(0),
        value: record.payload().unwrap_or_default().to_vec(),
    }
}

/// Sends dead letters again.
struct Sender<'a> {
    options: &'a DlqOptions,
    reader: &'a Reader<'a>,
    producer: Producer,
    schema_ids: SchemaIds,
    rules: ReadOptions,
    clock: Clock,
    pending: Vec<Letter>,
    retried: Retried,
}

impl Sender<'_> {
    /// Sends what is pending, in one transaction.
    fn send(&mut self, is_stopping: &dyn Fn() -> bool) -> Result<(), DlqError> {
        let letters = std::mem::take(&mut self.pending);
        if letters.is_empty() {
            return Ok(());
        }
        self.producer.begin().map_err(failed)?;
        let mut offsets = BTreeMap::new();
        let mut retried = Retried::default();
        for letter in &letters {
            offsets.insert(letter.partition, letter.offset + 1);
            self.send_letter(letter, &mut retried, is_stopping)?;
        }
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(self.options.topic(), partition, Offset::Offset(offset))
                .map_err(|error| DlqError::Failed { what: error.to_string() })?;
        }
        while self.producer.in_flight() > 0 {
            self.wait(is_stopping)?;
        }
        let group = self.reader.consumer.group_metadata();
        let group = group.ok_or_else(|| DlqError::Failed { what: "the consumer has no group".to_owned() })?;
        self.producer.send_offsets(&list, &group).map_err(failed)?;
        self.producer.commit().map_err(failed)?;
        self.retried.read += retried.read;
        self.retried.produced += retried.produced;
        self.retried.invalid += retried.invalid;
        self.retried.cut += retried.cut;
        self.retried.foreign += retried.foreign;
        Ok(())
    }

    fn wait(&self, is_stopping: &dyn Fn() -> bool) -> Result<(), DlqError> {
        if is_stopping() {
            return Err(DlqError::Stopped);
        }
        self.producer.wait_for_reports();
        Ok(())
    }

    fn send_letter(
        &self,
        letter: &Letter,
        retried: &mut Retried,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<(), DlqError> {
        retried.read += 1;
        let Ok(original) = letter.original() else {
            retried.foreign += 1;
            return Ok(());
        };
        if original.cut_from.is_some() {
            retried.cut += 1;
            return Ok(());
        }
        // a letter without them was never ours to number
        let headers = letter.run.as_deref().zip(letter.seq);
        let headers = headers.map(|(run, seq)| RecordHeaders {
            run,
            seq,
            emitted: None,
            retry: letter.retry.saturating_add(1),
        });
        let result = match read(&original.value, self.rules) {
            Ok(message) => {
                let event_type = message.event_type();
                let mut value = Vec::new();
                write_confluent(&message, self.schema_ids.of(event_type), &mut value);
                let outgoing = Outgoing {
                    topic: Topic::Data(event_type),
                    key: Some(message.symbol().as_bytes()),
                    value: &value,
                    headers: headers
                        .map(|headers| RecordHeaders { emitted: Some(message.timestamp), ..headers }),
                    number: 0,
                };
                let result = self.send_when_there_is_room(outgoing, is_stopping);
                retried.produced += u64::from(matches!(result, Ok(Ok(()))));
                result
            }
            Err(refusal) => {
                let verdict = Verdict {
                    retry_count: original.verdict.retry_count.saturating_add(1),
                    ..Verdict::of_refusal(&refusal)
                };
                Ok(Err(verdict))
            }
        };
        let verdict = match result? {
            Ok(()) => return Ok(()),
            Err(verdict) => Verdict {
                retry_count: verdict.retry_count.max(original.verdict.retry_count.saturating_add(1)),
                ..verdict
            },
        };
        retried.invalid += 1;
        let dead = DeadLetter {
            original: &original.value,
            whole: original.whole.as_ref(),
            topic: original.topic.as_deref(),
            key: original.key.as_deref(),
            failed_at: self.clock.timestamp(),
        };
        let outgoing = Outgoing {
            topic: Topic::DeadLetters,
            key: original.key.as_deref().map(str::as_bytes),
            value: &dead.to_json(&verdict),
            headers,
            number: 0,
        };
        match self.send_when_there_is_room(outgoing, is_stopping)? {
            Ok(()) => Ok(()),
            Err(verdict) => Err(DlqError::Failed { what: verdict.error }),
        }
    }

    /// Hands a record over. One that can never be sent gives the reason.
    fn send_when_there_is_room(
        &self,
        outgoing: Outgoing<'_>,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<Result<(), Verdict>, DlqError> {
        loop {
            match self.producer.send(outgoing) {
                Ok(()) => return Ok(Ok(())),
                Err(SendError::Full) => self.wait(is_stopping)?,
                Err(SendError::Refused(error)) => return Ok(Err(Verdict::of_broker(error, 0))),
                Err(SendError::Failed(failure)) => return Err(failed(failure)),
            }
        }
    }
}
