//! Partitions side by side, each read at the pace at which its records are requested.

use std::{sync::Arc, time::Duration};

use rdkafka::{Offset, TopicPartitionList, consumer::Consumer, error::KafkaError};

use super::{
    consumer::{AuditConsumer, AuditContext},
    ends::Span,
    error::AuditError,
    record::Stream,
};
use crate::kafka::{PartitionRecord, PartitionRecords};

/// The wait of one poll of a queue.
const LOOK: Duration = Duration::from_millis(100);

/// The range of a partition that is read.
#[derive(Clone, Copy, Debug)]
struct Reading {
    end: i64,
    has_ended: bool,
}

/// Readers of partitions, each with a queue of its own, so that one that is far ahead does not delay the others.
pub(super) struct Reader {
    consumer: Arc<AuditConsumer>,
    queues: Vec<PartitionRecords<AuditContext>>,
    readings: Vec<Reading>,
    timeout: Duration,
}

impl Reader {
    /// Begins to read these streams. A stream that returns neither a record nor its end within `timeout` is an
    /// error.
    pub(super) fn new(
        consumer: AuditConsumer,
        streams: &[Stream],
        spans: &[Span],
        timeout: Duration,
    ) -> Result<Reader, AuditError> {
        let consumer = Arc::new(consumer);
        // before anything is fetched, so that nothing gets into the common queue
        let queue = |stream: &Stream| {
            PartitionRecords::new(&consumer, &stream.topic, stream.partition).ok_or_else(|| {
                AuditError::Read {
                    topic: stream.topic.clone(),
                    partition: stream.partition,
                    source: KafkaError::NoMessageReceived,
                }
            })
        };
        let queues = streams.iter().map(queue).collect::<Result<_, _>>()?;
        let mut list = TopicPartitionList::new();
        for (stream, span) in streams.iter().zip(spans).filter(|(_, span)| !span.is_empty()) {
            list.add_partition_offset(&stream.topic, stream.partition, Offset::Offset(span.start)).map_err(
                |source| AuditError::Read {
                    topic: stream.topic.clone(),
                    partition: stream.partition,
                    source,
                },
            )?;
        }
        if let (Some(stream), true) = (streams.first(), list.count() > 0) {
            consumer.assign(&list).map_err(|source| AuditError::Read {
                topic: stream.topic.clone(),
                partition: stream.partition,
                source,
            })?;
        }
        let readings =
            spans.iter().map(|span| Reading { end: span.end, has_ended: span.is_empty() }).collect();
        Ok(Reader { consumer, queues, readings, timeout })
    }

    /// Returns the next record of a stream, or `None` at its end.
    pub(super) fn next<'a>(
        &'a mut self,
        index: usize,
        stream: &Stream,
    ) -> Result<Option<PartitionRecord<'a>>, AuditError> {
        let Reader { consumer, queues, readings, timeout } = self;
        let reading = &mut readings[index];
        let mut waited = Duration::ZERO;
        while !reading.has_ended {
            match queues[index].advance(LOOK) {
                Some(Ok(offset)) if offset < reading.end => {
                    // a record at the very end is the last one
                    reading.has_ended = offset + 1 == reading.end;
                    return Ok(queues[index].current());
                }
                // records that were added after the audit began
                Some(Ok(_)) | Some(Err(KafkaError::PartitionEOF(_))) => reading.has_ended = true,
                Some(Err(source)) => {
                    return Err(AuditError::Read {
                        topic: stream.topic.clone(),
                        partition: stream.partition,
                        source,
                    });
                }
                None => {
                    waited += LOOK;
                    serve(consumer);
                    if waited >= *timeout {
                        return Err(AuditError::Stalled {
                            topic: stream.topic.clone(),
                            partition: stream.partition,
                            waited,
                            reason: consumer
                                .context()
                                .reason
                                .get()
                                .unwrap_or_else(|| "no broker reported an error".to_owned()),
                        });
                    }
                }
            }
        }
        Ok(None)
    }

    /// Serves the events of the client.
    pub(super) fn serve(&self) {
        serve(&self.consumer);
    }
}

/// No record arrives this way: each partition has its queue.
fn serve(consumer: &AuditConsumer) {
    while consumer.poll(Duration::ZERO).is_some() {}
}
