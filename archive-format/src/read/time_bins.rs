//! Counts the rows of an archive by time and type, without decoding anything else.

use std::{
    num::NonZeroUsize,
    ops::Range,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use arrow_array::{
    Array, DictionaryArray, RecordBatch, StringArray, TimestampMicrosecondArray, types::Int32Type,
};
use parquet::errors::ParquetError;
use tradesim_schemas::{EventType, Timestamp};

use super::{Archive, Inner, guarded::guarded, open};
use crate::{Counts, Error, Place, RowGroup, layout::Column};

/// The number of rows of each type in stretches of equal length, over the whole time of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeBins {
    /// The start of the first stretch: a multiple of the width since the Unix epoch.
    pub from: Timestamp,
    /// The length of a stretch in microseconds, at least 1.
    pub width_us: u64,
    /// The rows of each stretch. Here `raw` counts the rows that have no event, so a frame that was stored as it was
    /// received counts by its event if it has one.
    pub bins: Vec<Counts>,
}

const SECOND: u64 = 1_000_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;

/// The lengths of a stretch, in microseconds, that people read easily.
const WIDTHS: [u64; 38] = [
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    60 * SECOND,
    120 * SECOND,
    300 * SECOND,
    600 * SECOND,
    900 * SECOND,
    1_800 * SECOND,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
];

/// The index in [`EventType::ALL`] that a row without an event counts as.
const RAW: usize = EventType::ALL.len();

impl TimeBins {
    /// Returns empty stretches for the time from `first` to `last`: at most one more than `bins_max`, which makes the
    /// smallest readable width.
    ///
    /// # Panics
    /// If `bins_max` is 0.
    pub fn over(first: Timestamp, last: Timestamp, bins_max: usize) -> TimeBins {
        let span = last.micros().saturating_sub(first.micros()).max(0).unsigned_abs();
        let least = span / bins_max as u64 + 1;
        let width = WIDTHS.into_iter().find(|&width| width >= least);
        let width_us = width.unwrap_or_else(|| least.div_ceil(DAY) * DAY);
        let before = first.micros().rem_euclid(width_us as i64);
        // an instant close to the first one that there is has no multiple before it
        let from = first.micros().checked_sub(before).and_then(Timestamp::from_micros).unwrap_or(first);
        let bins = (last.micros().saturating_sub(from.micros()).max(0) as u64 / width_us) as usize + 1;
        TimeBins { from, width_us, bins: vec![Counts::default(); bins] }
    }

    /// Returns the index of the stretch of an instant; one outside all of them counts to the nearest.
    fn index(&self, micros: i64) -> usize {
        let after = micros.saturating_sub(self.from.micros()).max(0) as u64;
        ((after / self.width_us) as usize).min(self.bins.len() - 1)
    }

    /// Returns the end of a stretch, exclusive; the last one has none.
    fn end_us(&self, index: usize) -> i64 {
        if index + 1 == self.bins.len() {
            return i64::MAX;
        }
        self.from.micros().saturating_add((index as i64 + 1).saturating_mul(self.width_us as i64))
    }

    /// Counts a row.
    pub fn add(&mut self, at: Timestamp, event: Option<EventType>) {
        let index = self.index(at.micros());
        let mut by_kind = [0; RAW + 1];
        by_kind[event.map_or(RAW, |event| event as usize)] = 1;
        add(&mut self.bins[index], by_kind);
    }
}

/// Adds counts by the index of the type.
fn add(counts: &mut Counts, by_kind: [u64; RAW + 1]) {
    for (event, count) in EventType::ALL.iter().zip(by_kind) {
        match event {
            EventType::Trade => counts.trade += count,
            EventType::OrderBook => counts.orderbook += count,
            EventType::MarketData => counts.marketdata += count,
        }
    }
    counts.raw += by_kind[RAW];
}

impl Archive {
    /// Counts all rows by time and type, in about `bins_max` stretches; `None` for an archive without rows. Reads the
    /// whole file and checks every byte hash, but decodes only two columns, on up to `threads` threads. `cancelled` is
    /// asked between row groups; once it is true, the result is `None`, too.
    ///
    /// # Errors
    /// A damaged row group, a type that does not exist, rows that are not in order, and errors of reading.
    pub fn time_bins(
        &self,
        bins_max: usize,
        threads: NonZeroUsize,
        cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<TimeBins>, Error> {
        let (Some((_, first)), Some((_, last))) = (self.metadata().first(), self.metadata().last()) else {
            return Ok(None);
        };
        let empty = TimeBins::over(first, last, bins_max);
        let groups = self.metadata().row_groups().len();
        let (next, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
        let count = || -> Result<TimeBins, Error> {
            let mut bins = empty.clone();
            while !ended.load(Ordering::Relaxed) {
                let group = next.fetch_add(1, Ordering::Relaxed);
                if group >= groups {
                    break;
                }
                // the other threads need not go on after an error
                let counted = self.inner.count_group(group, &mut bins);
                if counted.is_err() || cancelled() {
                    ended.store(true, Ordering::Relaxed);
                }
                counted?;
            }
            Ok(bins)
        };
        let mut total = empty.clone();
        let results: Vec<Result<TimeBins, Error>> = thread::scope(|scope| {
            let others: Vec<_> = (1..threads.get().min(groups)).map(|_| scope.spawn(count)).collect();
            let mine = count();
            let joined = others.into_iter().map(|thread| thread.join().expect("counting does not panic"));
            joined.chain([mine]).collect()
        });
        for result in results {
            for (total, found) in total.bins.iter_mut().zip(result?.bins) {
                total.trade += found.trade;
                total.orderbook += found.orderbook;
                total.marketdata += found.marketdata;
                total.raw += found.raw;
            }
        }
        Ok((!cancelled()).then_some(total))
    }
}

impl Inner {
    fn count_group(&self, index: usize, bins: &mut TimeBins) -> Result<(), Error> {
        const COLUMNS: [Column; 2] = [Column::Ts, Column::EventType];
        let corrupt = |what: String| open::corrupt(&self.source, Place::RowGroup(index), what);
        let group = self.group(index)?;
        group.check_dictionaries(&COLUMNS).map_err(|error| corrupt(error.to_string()))?;
        let RowGroup { first, last, .. } = self.metadata.row_groups[index];
        let counted = guarded(|| {
            let mut before = first.1.micros();
            for batch in self.decoders.some(&group, &COLUMNS)? {
                before = count_batch(&batch?, before, bins)?;
            }
            if before == last.1.micros() {
                Ok(())
            } else {
                Err(defect("its last row is not the one that the metadata states"))
            }
        });
        counted.map_err(corrupt)
    }
}

fn defect(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// Counts the rows of a batch and returns the time of the last one. None may be earlier than `before`.
fn count_batch(batch: &RecordBatch, before: i64, bins: &mut TimeBins) -> Result<i64, ParquetError> {
    let column = |column: Column| batch.column_by_name(column.name()).map(|array| array.as_any());
    let times = column(Column::Ts).and_then(|array| array.downcast_ref::<TimestampMicrosecondArray>());
    let kinds =
        column(Column::EventType).and_then(|array| array.downcast_ref::<DictionaryArray<Int32Type>>());
    let (Some(times), Some(kinds)) = (times, kinds) else {
        return Err(defect("ts or event_type has the wrong type"));
    };
    let (times, kinds) = (times.values().as_ref(), Kinds::new(kinds)?);
    let Some(&last) = times.last() else { return Ok(before) };
    if times[0] < before || !times.is_sorted() {
        return Err(defect("its rows are not in order of time"));
    }
    let mut at = 0;
    while at < times.len() {
        let index = bins.index(times[at]);
        let end_us = bins.end_us(index);
        let end = at + times[at..].partition_point(|&time| time < end_us);
        // the last stretch has no end, so there is at least one row
        let end = end.max(at + 1);
        add(&mut bins.bins[index], kinds.count(at..end));
        at = end;
    }
    Ok(last)
}

/// The number of values of a dictionary up to which it is read once for each of them. Ours have one for each type.
const VALUES_FEW: usize = 4;

/// The types of the rows of a batch.
struct Kinds<'a> {
    keys: &'a arrow_array::Int32Array,
    /// The index of the type of each value of the dictionary.
    of_key: Vec<usize>,
}

impl<'a> Kinds<'a> {
    fn new(array: &'a DictionaryArray<Int32Type>) -> Result<Kinds<'a>, ParquetError> {
        let values = array.values().as_any().downcast_ref::<StringArray>();
        let values = values.ok_or_else(|| defect("event_type has the wrong type"))?;
        let of_key = values.iter().map(|name| {
            let event: Option<EventType> = name.and_then(|name| name.parse().ok());
            event.map(|event| event as usize).ok_or_else(|| defect("unknown event_type"))
        });
        Ok(Kinds { keys: array.keys(), of_key: of_key.collect::<Result<_, _>>()? })
    }

    /// Counts the rows by the index of their type.
    fn count(&self, rows: Range<usize>) -> [u64; RAW + 1] {
        let mut counts = [0; RAW + 1];
        if self.keys.null_count() == 0 && self.of_key.len() <= VALUES_FEW {
            // several passes over few bytes, each of which the compiler turns into vector instructions
            for (key, &kind) in self.of_key.iter().enumerate() {
                let is_key = |&found: &i32| u32::from(found == key as i32);
                let count: u32 = self.keys.values()[rows.clone()].iter().map(is_key).sum();
                counts[kind] += u64::from(count);
            }
        } else {
            for row in rows {
                let kind =
                    if self.keys.is_null(row) { RAW } else { self.of_key[self.keys.value(row) as usize] };
                counts[kind] += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros).unwrap()
    }

    #[test]
    fn the_width_is_readable_and_the_number_is_bounded() {
        let day = 16 * HOUR as i64;
        for (span, bins_max, width) in [
            (0, 100, 1),
            (99, 100, 1),
            (100, 100, 2),
            (day, 1_000, 60 * SECOND),
            (day, 100, 600 * SECOND),
            (300 * DAY as i64, 100, 7 * DAY),
            (36_500 * DAY as i64, 100, 366 * DAY),
        ] {
            let bins = TimeBins::over(at(1_771_425_890_000_001), at(1_771_425_890_000_001 + span), bins_max);
            assert_eq!(bins.width_us, width, "{span} {bins_max}");
            assert!(bins.bins.len() <= bins_max + 1, "{span} {bins_max}: {}", bins.bins.len());
            assert_eq!(bins.from.micros() % width as i64, 0);
            assert!(bins.from.micros() <= 1_771_425_890_000_001);
        }
    }

    #[test]
    fn an_instant_outside_counts_to_the_nearest_stretch() {
        let mut bins = TimeBins::over(at(1_000), at(1_009), 10);
        for (micros, event) in [(0, None), (1_000, Some(EventType::Trade)), (1_009, None), (9_999, None)] {
            bins.add(at(micros), event);
        }
        assert_eq!(bins.bins.len(), 10);
        assert_eq!(bins.bins[0], Counts { trade: 1, raw: 1, ..Counts::default() });
        assert_eq!(bins.bins[9], Counts { raw: 2, ..Counts::default() });
        // reversed times, as a dishonest file may state them, make one stretch
        assert_eq!(TimeBins::over(at(9), at(3), 10).bins.len(), 1);
    }
}
