//! The reader of the dead-letter topic.

use std::{collections::BTreeMap, fmt, time::Duration};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{DeadLetterRecord, DlqError, DlqOptions};
use crate::{
    clock::Clock,
    connection::ConnectionError,
    kafka::{HEADER_RETRY, HEADER_RUN, HEADER_SEQ, Isolation, TopicReader, explain, header_texts, reader},
};

/// An offset for each partition.
pub(super) type Offsets = BTreeMap<i32, i64>;

/// The timeout of a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The timeout for records that exist.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A consumer of committed dead letters.
pub(super) struct Reader<'a> {
    options: &'a DlqOptions,
    consumer: TopicReader,
    partitions: i32,
}

/// The offsets of a partition: of its first record, and after its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) low: i64,
    pub(super) end: i64,
}

impl<'a> Reader<'a> {
    /// Finds the partitions. `group` is the group whose committed offsets can be requested.
    pub(super) fn new(options: &'a DlqOptions, group: &str) -> Result<Reader<'a>, DlqError> {
        let consumer =
            reader(&options.kafka, group, Isolation::Committed).map_err(ConnectionError::from_creation)?;
        let mut reader = Reader { options, consumer, partitions: 0 };
        let topic = options.topic();
        let metadata = reader.consumer.fetch_metadata(Some(topic), CALL_TIMEOUT);
        let metadata = metadata.map_err(|error| reader.unreachable(&error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let partitions =
            found.filter(|found| found.error().is_none()).map_or(0, |found| found.partitions().len());
        if partitions == 0 {
            return Err(DlqError::NoTopic { topic: topic.to_owned() });
        }
        reader.partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        Ok(reader)
    }

    /// Returns the offsets that each partition holds now.
    pub(super) fn spans(&self) -> Result<BTreeMap<i32, Span>, DlqError> {
        let topic = self.options.topic();
        let span = |partition| {
            let found = self.consumer.fetch_watermarks(topic, partition, CALL_TIMEOUT);
            let (low, end) = found.map_err(|error| self.unreachable(&error))?;
            Ok((partition, Span { low, end }))
        };
        (0..self.partitions).map(span).collect()
    }

    /// Returns the offsets that the group has committed, of the partitions that have one.
    pub(super) fn committed(&self) -> Result<Offsets, DlqError> {
        let mut all = TopicPartitionList::new();
        all.add_partition_range(self.options.topic(), 0, self.partitions - 1);
        let committed = self.consumer.committed_offsets(all, CALL_TIMEOUT);
        let committed = committed.map_err(|error| self.unreachable(&error))?;
        let offset =
            |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element.offset() {
                Offset::Offset(offset) => Some((element.partition(), offset)),
                _ => None,
            };
        Ok(committed.elements().iter().filter_map(offset).collect())
    }

    /// Reads each partition from its offset to an end, one after the other, until `take` returns false. Records that
    /// are written meanwhile, for example by `take`, are not read.
    pub(super) fn read(
        &self,
        from: &Offsets,
        spans: &BTreeMap<i32, Span>,
        is_stopping: &dyn Fn() -> bool,
        mut take: impl FnMut(DeadLetterRecord) -> Result<bool, DlqError>,
    ) -> Result<(), DlqError> {
        let clock = Clock::start();
        for (&partition, span) in spans {
            let begin = from.get(&partition).copied().unwrap_or(span.low).max(span.low);
            if begin >= span.end {
                continue;
            }
            let mut assignment = TopicPartitionList::new();
            let broken = |error: KafkaError| DlqError::Failed { what: self.explain(&error) };
            assignment
                .add_partition_offset(self.options.topic(), partition, Offset::Offset(begin))
                .map_err(broken)?;
            self.consumer.assign(&assignment).map_err(broken)?;
            let mut last_received = clock.now();
            loop {
                if is_stopping() {
                    return Err(DlqError::Stopped);
                }
                match self.consumer.poll(Duration::from_millis(100)) {
                    None if clock.now().saturating_sub(last_received) < READ_TIMEOUT => continue,
                    None => {
                        let what = format!("no record arrived for {} s", READ_TIMEOUT.as_secs());
                        return Err(DlqError::Failed { what: self.explain(&what) });
                    }
                    Some(Ok(record)) if record.offset() >= span.end => break,
                    Some(Ok(record)) => {
                        if !take(letter(&record))? {
                            return Ok(());
                        }
                    }
                    Some(Err(KafkaError::PartitionEOF(_))) => break,
                    Some(Err(error)) => return Err(broken(error)),
                }
                last_received = clock.now();
            }
        }
        Ok(())
    }

    fn explain(&self, failure: &dyn fmt::Display) -> String {
        explain(&self.consumer, &self.consumer.context().reason, failure)
    }

    fn unreachable(&self, error: &KafkaError) -> DlqError {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
                DlqError::NoTopic { topic: self.options.topic().to_owned() }
            }
            _ => DlqError::Unreachable {
                servers: self.options.kafka.bootstrap_servers().to_owned(),
                what: self.explain(error),
            },
        }
    }
}

fn letter(record: &rdkafka::message::BorrowedMessage<'_>) -> DeadLetterRecord {
    let [run, seq, retry] = header_texts(record, [HEADER_RUN, HEADER_SEQ, HEADER_RETRY]);
    DeadLetterRecord {
        partition: record.partition(),
        offset: record.offset(),
        run,
        seq: seq.and_then(|text| text.parse().ok()),
        retry: retry.and_then(|text| text.parse().ok()).unwrap_or(0),
        value: record.payload().unwrap_or_default().to_vec(),
    }
}
