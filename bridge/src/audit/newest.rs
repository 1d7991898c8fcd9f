//! The newest run: that of the record with the latest time of production.
//!
//! Records of a partition are ordered by their production, so the ends of the partitions decide. Records there may
//! have no run, or be hidden by aborted transactions: then more offsets are read, until there is a record with a run.

use std::time::Duration;

use super::{
    consumer::{Isolation, consumer, record},
    ends::Span,
    error::AuditError,
    reader::Reader,
    record::Stream,
};
use crate::connection::KafkaConnection;

/// The number of offsets at the end of a partition that are read first.
const WINDOW: i64 = 64;
/// The factor by which the number grows with each further read.
const WINDOW_GROWTH: i64 = 32;

/// The newest run of some streams, and when its newest record was produced (milliseconds since the epoch).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewestRun {
    pub(super) run: String,
    pub(super) produced_at_ms: i64,
}

/// Finds the newest run, if any record has one.
pub(super) fn newest_run(
    connection: &KafkaConnection,
    streams: &[Stream],
    spans: &[Span],
    timeout: Duration,
) -> Result<Option<NewestRun>, AuditError> {
    let mut newest: Option<NewestRun> = None;
    let mut open: Vec<usize> = (0..streams.len()).filter(|&index| !spans[index].is_empty()).collect();
    let mut window = WINDOW;
    while !open.is_empty() {
        let found = look(connection, streams, spans, &open, window, timeout)?;
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

/// Returns the newest run of each of the streams `wanted`, among the last `window` offsets of each. Each stream has a
/// queue of its own: librdkafka reports the end of a partition without its topic, and again whenever a record was
/// added after it.
fn look(
    connection: &KafkaConnection,
    streams: &[Stream],
    spans: &[Span],
    wanted: &[usize],
    window: i64,
    timeout: Duration,
) -> Result<Vec<Option<NewestRun>>, AuditError> {
    let consumer = consumer(connection, Isolation::Committed)?;
    let streams: Vec<Stream> = wanted.iter().map(|&index| streams[index].clone()).collect();
    let last = |&index: &usize| {
        let Span { start, end } = spans[index];
        Span { start: start.max(end.saturating_sub(window)), end }
    };
    let spans: Vec<Span> = wanted.iter().map(last).collect();
    let mut reader = Reader::new(consumer, &streams, &spans, timeout)?;
    let mut found = Vec::with_capacity(streams.len());
    for (index, stream) in streams.iter().enumerate() {
        let mut newest: Option<NewestRun> = None;
        while let Some(read) = reader.next(index, stream)? {
            let record = record(read);
            // a run is not newer because its dead letters were sent again
            let run = record.headers.run.filter(|_| record.headers.retry.is_none());
            if let Some(run) = run.and_then(|run| std::str::from_utf8(run).ok()) {
                let produced_at_ms = read.timestamp_ms().unwrap_or(i64::MIN);
                if newest.as_ref().is_none_or(|newest| newest.produced_at_ms <= produced_at_ms) {
                    newest = Some(NewestRun { run: run.to_owned(), produced_at_ms });
                }
            }
        }
        found.push(newest);
    }
    Ok(found)
}
