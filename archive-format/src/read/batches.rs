//! Rows in order, one row group after the other.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, TimestampMicrosecondArray};
use bytes::Bytes;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use tradesim_schemas::Timestamp;

use super::{Inner, decode::decode, open::guarded};
use crate::{Batch, Error, Place, RowGroup, encode::CHUNK_ROWS, layout::Column};

/// Where reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first row.
    Beginning,
    /// At the n-th row, from 0, whatever its seq: a cut has gaps between its seqs, and none between its rows.
    Row(u64),
    /// At the first row with this seq or a later one.
    Seq(u64),
    /// At the first row with this time or a later one.
    Time(Timestamp),
}

/// The rows of an archive in order, in batches of about 8,000; ends after an error.
///
/// Each row group is proven by its digest before it is parsed, and its order is checked while it is decoded.
pub struct Batches {
    archive: Arc<Inner>,
    start: Start,
    /// The row group to open next.
    group: usize,
    reader: Option<ParquetRecordBatchReader>,
    /// Rows of the next block that lie before the start.
    early_rows: usize,
    /// Seq and time of the row before.
    last: Option<(u64, Timestamp)>,
}

impl Batches {
    pub(super) fn new(archive: Arc<Inner>, start: Start) -> Batches {
        let groups = &archive.metadata.row_groups;
        let mut start = start;
        let group = match &mut start {
            Start::Beginning => 0,
            Start::Row(row) => {
                // what is left of it counts from the row group that holds it
                let before = |group: &&RowGroup| {
                    let lies_before = group.rows <= *row;
                    *row -= if lies_before { group.rows } else { 0 };
                    lies_before
                };
                groups.iter().take_while(before).count()
            }
            Start::Seq(seq) => groups.partition_point(|group| group.last.0 < *seq),
            Start::Time(time) => groups.partition_point(|group| group.last.1 < *time),
        };
        Batches { archive, start, group, reader: None, early_rows: 0, last: None }
    }

    fn open_group(&mut self) -> Result<ParquetRecordBatchReader, Error> {
        let group = self.group;
        let chunk = self.group_bytes()?;
        let early = self.rows_to_skip(&chunk)?;
        // a block is decoded as a whole, because its order references count from its beginning
        self.early_rows = early % CHUNK_ROWS;
        let skipped = early - self.early_rows;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunk, self.archive.parquet.clone());
        let reader = guarded(|| {
            let builder = builder.with_row_groups(vec![group]).with_batch_size(CHUNK_ROWS);
            if skipped == 0 { builder.build() } else { builder.with_offset(skipped).build() }
        });
        reader.map_err(|what| self.corrupt(group, what))
    }

    /// Rows of the first row group that lie before the start: found in one column alone.
    fn rows_to_skip(&mut self, chunk: &GroupBytes) -> Result<usize, Error> {
        let start = std::mem::replace(&mut self.start, Start::Beginning);
        let group = self.group;
        let first = self.archive.metadata.row_groups[group].first;
        let (column, bound) = match start {
            Start::Row(row) => return Ok(usize::try_from(row).expect("a row group's rows fit")),
            Start::Seq(seq) if first.0 < seq => (Column::Seq, i64::try_from(seq).unwrap_or(i64::MAX)),
            Start::Time(time) if first.1 < time => (Column::Ts, time.micros()),
            _ => return Ok(0),
        };
        let parquet = self.archive.parquet.clone();
        let rows = guarded(|| {
            let mask = ProjectionMask::columns(parquet.parquet_schema(), [column.name()]);
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(chunk.clone(), parquet)
                .with_row_groups(vec![group])
                .with_projection(mask)
                .with_batch_size(CHUNK_ROWS)
                .build()?;
            let mut rows = 0;
            for batch in reader {
                let batch = batch.map_err(ParquetError::from)?;
                let before = rows_before(&batch, bound)?;
                rows += before;
                if before < batch.num_rows() {
                    break;
                }
            }
            Ok(rows)
        });
        rows.map_err(|what| self.corrupt(group, what))
    }

    /// Rows of the file that lie before the start. Reads one column of one row group.
    pub(super) fn rows_before_start(mut self) -> Result<u64, Error> {
        let groups = &self.archive.metadata.row_groups;
        let before: u64 = groups[..self.group].iter().map(|group| group.rows).sum();
        if self.group == groups.len() {
            return Ok(before);
        }
        let chunk = self.group_bytes()?;
        Ok(before + self.rows_to_skip(&chunk)? as u64)
    }

    fn group_bytes(&self) -> Result<GroupBytes, Error> {
        let bytes = Bytes::from(self.archive.row_group_bytes(self.group)?);
        Ok(GroupBytes { offset: self.archive.metadata.row_groups[self.group].offset, bytes })
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, Error> {
        loop {
            let mut reader = match self.reader.take() {
                Some(reader) => reader,
                None if self.group == self.archive.metadata.row_groups.len() => return Ok(None),
                None => self.open_group()?,
            };
            let group = self.group;
            let read = guarded(|| reader.next().transpose().map_err(ParquetError::from));
            match read.map_err(|what| self.corrupt(group, what))? {
                Some(arrays) => {
                    self.reader = Some(reader);
                    let columns = self.archive.metadata.columns;
                    let mut batch = decode(&arrays, columns, &self.archive.ids)
                        .and_then(|batch| self.check_order(batch))
                        .map_err(|what| self.corrupt(group, what))?;
                    batch.drop_first(std::mem::take(&mut self.early_rows));
                    if !batch.is_empty() {
                        return Ok(Some(batch));
                    }
                }
                None => {
                    let expected = self.archive.metadata.row_groups[group].last;
                    if self.last.is_some_and(|last| last != expected) {
                        let what = "its last row is not the one that the metadata names";
                        return Err(self.corrupt(group, what.to_owned()));
                    }
                    self.group += 1;
                }
            }
        }
    }

    fn check_order(&mut self, batch: Batch) -> Result<Batch, String> {
        for row in batch.rows() {
            let at = (row.seq(), row.timestamp());
            if let Some(last) = self.last
                && (at.0 <= last.0 || at.1 < last.1)
            {
                return Err(format!("seq {} at {} does not follow seq {} at {}", at.0, at.1, last.0, last.1));
            }
            self.last = Some(at);
        }
        Ok(batch)
    }

    fn corrupt(&self, group: usize, what: String) -> Error {
        super::open::corrupt(&self.archive.source, Place::RowGroup(group), what)
    }
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches")
            .field("start", &self.start)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Result<Batch, Error>> {
        let batch = self.next_batch();
        if batch.is_err() {
            self.group = self.archive.metadata.row_groups.len();
            self.reader = None;
        }
        batch.transpose()
    }
}

/// How many rows of a batch of one ascending column lie below a bound.
fn rows_before(batch: &RecordBatch, bound: i64) -> Result<usize, ParquetError> {
    let column = batch.column(0).as_any();
    let values = if let Some(array) = column.downcast_ref::<Int64Array>() {
        array.values()
    } else if let Some(array) = column.downcast_ref::<TimestampMicrosecondArray>() {
        array.values()
    } else {
        return Err(ParquetError::General("seq or ts is of another type".to_owned()));
    };
    Ok(values.partition_point(|&value| value < bound))
}

/// The bytes of one row group, at their place in the file.
#[derive(Clone)]
struct GroupBytes {
    offset: u64,
    bytes: Bytes,
}

impl GroupBytes {
    fn range(&self, start: u64, len: usize) -> Result<Bytes, ParquetError> {
        let from = start.checked_sub(self.offset).and_then(|from| usize::try_from(from).ok());
        let range = from.and_then(|from| Some(from..from.checked_add(len)?));
        match range {
            Some(range) if range.end <= self.bytes.len() => Ok(self.bytes.slice(range)),
            _ => Err(ParquetError::EOF(format!(
                "bytes {start} to {} are outside",
                start.saturating_add(len as u64)
            ))),
        }
    }
}

impl Length for GroupBytes {
    fn len(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

impl ChunkReader for GroupBytes {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        use bytes::Buf;
        let from = start.saturating_sub(self.offset).min(self.bytes.len() as u64);
        let rest = self.range(start, self.bytes.len() - from as usize)?;
        Ok(rest.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.range(start, length)
    }
}
