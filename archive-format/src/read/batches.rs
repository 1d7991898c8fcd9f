//! Iterates over the rows, one row group after the other.

use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow_buffer::BooleanBuffer;
use parquet::{arrow::arrow_reader::ParquetRecordBatchReader, errors::ParquetError};
use tradesim_schemas::{RecordSeq, Timestamp};

use super::{
    Inner,
    ahead::Ahead,
    decode::decode,
    frames::Frames,
    group::{GroupBytes, named},
    guarded::guarded,
    page::PageError,
};
use crate::{Batch, Content, Error, Place, RowGroup, encode::CHUNK_ROWS, layout::Column};

/// The number of bytes of raw frames after which a batch ends.
const BATCH_RAW_BYTES: usize = 4 << 20;

/// The position at which reading starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The first row.
    Beginning,
    /// The row with this index, from 0. In a cut, it differs from the seq.
    Row(u64),
    /// The first row with this seq or a later one.
    Seq(RecordSeq),
    /// The first row with this time or a later one.
    Time(Timestamp),
}

/// An iterator over the rows of an archive, in batches of about 8,000 rows, or fewer if raw frames are large. It ends after
/// an error.
///
/// The byte hash of each row group is checked before it is parsed, and the order of rows while they are decoded.
pub struct Batches {
    archive: Arc<Inner>,
    start: Start,
    /// The index of the next row group.
    group: usize,
    ahead: Ahead,
    open: Option<OpenGroup>,
    /// The number of rows of the next block that are before the start.
    early_rows: usize,
    /// The seq and time of the previous row.
    last: Option<(RecordSeq, Timestamp)>,
}

/// A row group that is being read.
struct OpenGroup {
    reader: ParquetRecordBatchReader,
    frames: Option<Frames>,
    /// Rows of a block whose frames are not read yet.
    block: Option<Batch>,
    /// True until a row is decoded, if decoding begins with the first row of the row group.
    at_first: bool,
}

impl Batches {
    pub(super) fn new(archive: Arc<Inner>, start: Start) -> Batches {
        let groups = &archive.metadata.row_groups;
        let mut start = start;
        let group = match &mut start {
            Start::Beginning => 0,
            Start::Row(row) => {
                // the remaining rows count from the row group that contains the start
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
        Batches { archive, start, group, ahead: Ahead::default(), open: None, early_rows: 0, last: None }
    }

    fn open_group(&mut self) -> Result<OpenGroup, Error> {
        let group = self.group;
        let bytes = self.archive.group_of(group, self.ahead.take(&self.archive, group)?);
        let decoders = &self.archive.decoders;
        bytes
            .check_dictionaries(decoders.columns())
            .map_err(|error| self.corrupt(group, error.to_string()))?;
        let early = self.rows_to_skip(&bytes)?;
        // a block is decoded as a whole, because its order references are relative to its beginning
        self.early_rows = early % CHUNK_ROWS;
        let skipped = early - self.early_rows;
        let reader = guarded(|| self.archive.decoders.all(&bytes, skipped));
        let reader = reader.map_err(|what| self.corrupt(group, what))?;
        let frames = match self.archive.metadata.columns.captured {
            true => {
                Some(Frames::new(bytes.pages(Column::Raw), skipped).map_err(|error| self.bad_frame(error))?)
            }
            false => None,
        };
        Ok(OpenGroup { reader, frames, block: None, at_first: skipped == 0 })
    }

    /// Returns the number of rows of the first row group that are before the start. It reads only one column.
    fn rows_to_skip(&mut self, bytes: &GroupBytes) -> Result<usize, Error> {
        let start = std::mem::replace(&mut self.start, Start::Beginning);
        let group = self.group;
        let first = self.archive.metadata.row_groups[group].first;
        let (column, bound) = match start {
            Start::Row(row) => return Ok(usize::try_from(row).expect("a row group's rows fit")),
            Start::Seq(seq) if first.0 < seq => (Column::Seq, i64::try_from(seq.get()).unwrap_or(i64::MAX)),
            Start::Time(time) if first.1 < time => (Column::Ts, time.micros()),
            _ => return Ok(0),
        };
        let rows = guarded(|| {
            let reader = self.archive.decoders.one(bytes, column)?;
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

    /// Returns the number of rows of the file before the start. It reads one column of one row group.
    pub(super) fn rows_before_start(mut self) -> Result<u64, Error> {
        let groups = &self.archive.metadata.row_groups;
        let before: u64 = groups[..self.group].iter().map(|group| group.rows).sum();
        if self.group == groups.len() {
            return Ok(before);
        }
        let bytes = self.archive.group(self.group)?;
        Ok(before + self.rows_to_skip(&bytes)? as u64)
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, Error> {
        loop {
            let mut open = match self.open.take() {
                Some(open) => open,
                None if self.group == self.archive.metadata.row_groups.len() => return Ok(None),
                None => self.open_group()?,
            };
            let batch = match open.block.take() {
                Some(block) => Some(block),
                None => self.next_block(&mut open)?,
            };
            match batch {
                Some(block) => {
                    let batch = self.with_frames(&mut open, block)?;
                    self.open = Some(open);
                    if !batch.is_empty() {
                        return Ok(Some(batch));
                    }
                }
                None => self.end_group(open)?,
            }
        }
    }

    /// Decodes the next block of a row group, without its frames.
    fn next_block(&mut self, open: &mut OpenGroup) -> Result<Option<Batch>, Error> {
        let group = self.group;
        let read = guarded(|| open.reader.next().transpose().map_err(ParquetError::from));
        let Some(arrays) = read.map_err(|what| self.corrupt(group, what))? else { return Ok(None) };
        let framed: Option<BooleanBuffer> = match &mut open.frames {
            Some(frames) => Some(frames.presence(arrays.num_rows()).map_err(|error| self.bad_frame(error))?),
            None => None,
        };
        let columns = self.archive.metadata.columns;
        let block = decode(&arrays, columns, framed.as_ref(), &self.archive.ids);
        let block = block.and_then(|block| self.check_order(block, std::mem::take(&mut open.at_first)));
        block.map(Some).map_err(|what| self.corrupt(group, what))
    }

    /// Reads the frames of the first rows of a block and returns these rows as a batch. The other rows are kept for later.
    fn with_frames(&mut self, open: &mut OpenGroup, mut block: Batch) -> Result<Batch, Error> {
        let early = std::mem::take(&mut self.early_rows);
        if let Some(frames) = &mut open.frames {
            let mut bytes_read = 0;
            let mut filled = None;
            for (at, captured) in &mut block.captured {
                let Content::Raw { bytes, .. } = &mut captured.content else { continue };
                if (*at as usize) < early {
                    frames.skip().map_err(|error| self.bad_frame(error))?;
                    continue;
                }
                *bytes = frames.read().map_err(|error| self.bad_frame(error))?;
                bytes_read += bytes.len();
                if bytes_read >= BATCH_RAW_BYTES {
                    filled = Some(*at as usize + 1);
                    break;
                }
            }
            if let Some(filled) = filled
                && filled < block.len()
            {
                open.block = Some(block.split_off(filled));
            }
        }
        block.drop_first(early);
        Ok(block)
    }

    fn end_group(&mut self, open: OpenGroup) -> Result<(), Error> {
        if let Some(frames) = open.frames {
            frames.finish().map_err(|error| self.bad_frame(error))?;
        }
        let expected = self.archive.metadata.row_groups[self.group].last;
        if self.last.is_some_and(|last| last != expected) {
            let what = "its last row is not the one that the metadata states";
            return Err(self.corrupt(self.group, what.to_owned()));
        }
        self.group += 1;
        Ok(())
    }

    fn check_order(&mut self, batch: Batch, at_first: bool) -> Result<Batch, String> {
        let first = batch.rows().next().map(|row| (row.seq(), row.timestamp()));
        if at_first && first != Some(self.archive.metadata.row_groups[self.group].first) {
            return Err("its first row is not the one that the metadata states".to_owned());
        }
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

    fn bad_frame(&self, error: PageError) -> Error {
        self.corrupt(self.group, named(Column::Raw, &error))
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
            self.open = None;
            self.ahead.clear();
        }
        batch.transpose()
    }
}

/// Returns the number of rows of a batch of one ascending column that are below a bound.
fn rows_before(batch: &RecordBatch, bound: i64) -> Result<usize, ParquetError> {
    let column = batch.column(0).as_any();
    let values = if let Some(array) = column.downcast_ref::<Int64Array>() {
        array.values()
    } else if let Some(array) = column.downcast_ref::<TimestampMicrosecondArray>() {
        array.values()
    } else {
        return Err(ParquetError::General("seq or ts has the wrong type".to_owned()));
    };
    Ok(values.partition_point(|&value| value < bound))
}
