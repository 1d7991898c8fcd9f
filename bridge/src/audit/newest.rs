//! Which run is the newest: that of the record with the latest time of production.
//!
//! Records of a partition come in the order of their production, so the ends of the partitions tell. What stands there may
//! be of no run, or hidden by aborted transactions: then more is looked at, until there is a record that names a run.

use std::time::Duration;

use rdkafka::{Message, Offset, TopicPartitionList, consumer::Consumer, error::KafkaError};

use super::{
    consumer::{AuditConsumer, Isolation, consumer, record},
    ends::Span,
    error::AuditError,
    record::Stream,
};
use crate::connection::KafkaConnection;

/// Offsets at the end of a partition that are looked at first.
const WINDOW: i64 = 64;
/// How many times as many are looked at next.
const WINDOW_GROWTH: i64 = 32;
/// How long one look waits.
const LOOK: Duration = Duration::from_millis(100);

/// The newest run of some streams, and when its newest record was produced (milliseconds since the epoch).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewestRun {
    pub(super) run: String,
    pub(super) produced_at_ms: i64,
}

/// Finds the newest run, if any record names one.
pub(super) fn newest_run(
    connection: &KafkaConnection,
    streams: &[Stream],
    spans: &[Span],
    patience: Duration,
) -> Result<Option<NewestRun>, AuditError> {
    let mut newest: Option<NewestRun> = None;
    let mut open: Vec<usize> = (0..streams.len()).filter(|&index| !spans[index].is_empty()).collect();
    let mut window = WINDOW;
    while !open.is_empty() {
        let found = look(connection, streams, spans, &open, window, patience)?;
        let is_settled = |index: usize| spans[index].end - spans[index].start <= window;
        open = open
            .iter()
            .zip(&found)
            .filter(|(index, found)| found.is_none() && !is_settled(**index))
            .map(|(index, _)| *index)
            .collect();
        for run in found.into_iter().flatten() {
            if newest.as_ref().is_none_or(|newest| newest.produced_at_ms < run.produced_at_ms) {
                newest = Some(run);
            }
        }
        window = window.saturating_mul(WINDOW_GROWTH);
    }
    Ok(newest)
}

/// The newest run of each of the streams `wanted`, among the last `window` offsets of each.
fn look(
    connection: &KafkaConnection,
    streams: &[Stream],
    spans: &[Span],
    wanted: &[usize],
    window: i64,
    patience: Duration,
) -> Result<Vec<Option<NewestRun>>, AuditError> {
    let consumer = consumer(connection, Isolation::Committed)?;
    let failed = |index: usize| {
        let Stream { topic, partition, .. } = streams[index].clone();
        move |source| AuditError::Read { topic, partition, source }
    };
    let mut list = TopicPartitionList::new();
    for &index in wanted {
        let (stream, span) = (&streams[index], spans[index]);
        let start = Offset::Offset(span.start.max(span.end.saturating_sub(window)));
        list.add_partition_offset(&stream.topic, stream.partition, start).map_err(failed(index))?;
    }
    consumer.assign(&list).map_err(failed(wanted[0]))?;
    let mut found: Vec<Option<NewestRun>> = vec![None; wanted.len()];
    let mut ends = 0;
    let mut waited = Duration::ZERO;
    while ends < wanted.len() {
        match consumer.poll(LOOK) {
            Some(Ok(message)) => {
                waited = Duration::ZERO;
                let of_message = |index: &usize| {
                    streams[*index].partition == message.partition()
                        && streams[*index].topic == message.topic()
                };
                let Some(place) = wanted.iter().position(of_message) else { continue };
                let record = record(&message);
                if record.offset >= spans[wanted[place]].end {
                    continue;
                }
                // a run is not newer because its dead letters were sent again
                let run = record.headers.run.filter(|_| record.headers.retry.is_none());
                if let Some(run) = run.and_then(|run| std::str::from_utf8(run).ok()) {
                    let produced_at_ms = message.timestamp().to_millis().unwrap_or(i64::MIN);
                    if found[place].as_ref().is_none_or(|newest| newest.produced_at_ms <= produced_at_ms) {
                        found[place] = Some(NewestRun { run: run.to_owned(), produced_at_ms });
                    }
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
            Some(Err(source)) => return Err(failed(wanted[0])(source)),
            None => {
                waited += LOOK;
                if waited >= patience {
                    return Err(stalled(&consumer, &streams[wanted[0]], waited));
                }
            }
        }
    }
    Ok(found)
}

fn stalled(consumer: &AuditConsumer, stream: &Stream, waited: Duration) -> AuditError {
    AuditError::Stalled {
        topic: stream.topic.clone(),
        partition: stream.partition,
        waited,
        source: consumer.context().take_error(),
    }
}
