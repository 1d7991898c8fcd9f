//! Opening archives for reading.

use std::path::Path;

use tradesim_archive::{Archive, Batches, Metadata, OpenOptions, Row, Start};
use tradesim_schemas::{Record, RecordSeq, Timestamp};

use crate::{cli::ReadingArgs, storage};

/// Opens an archive, which may be an object of a store, and checks its tail. Row groups are checked when they are read.
pub(crate) fn open(path: &Path, reading: ReadingArgs) -> anyhow::Result<Archive> {
    match storage::archive(path)? {
        Some(archive) => Ok(archive),
        None => Ok(Archive::open(path, OpenOptions { mmap: !reading.no_mmap })?),
    }
}

/// Returns the times of the first and the last message in microseconds since the epoch, for progress.
pub(crate) fn time_span(metadata: &Metadata) -> (u64, u64) {
    let micros = |at: Option<(RecordSeq, Timestamp)>| at.map_or(0, |(_, at)| at.micros().max(0) as u64);
    (micros(metadata.first()), micros(metadata.last()))
}

/// Returns the times of the first and the last message, or `None` if there are no messages.
pub(crate) fn range(metadata: &Metadata) -> Option<(Timestamp, Timestamp)> {
    Some((metadata.first()?.1, metadata.last()?.1))
}

/// Reads the rows of an archive one by one. Events are copied without an allocation; captured messages are moved.
pub(crate) struct RowReader {
    batches: Batches,
    records: std::vec::IntoIter<Record>,
    rows: Box<dyn Iterator<Item = Row>>,
}

impl std::fmt::Debug for RowReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowReader").field("batches", &self.batches).finish_non_exhaustive()
    }
}

impl RowReader {
    pub(crate) fn new(archive: &Archive) -> RowReader {
        RowReader {
            batches: archive.batches(Start::Beginning),
            records: Vec::new().into_iter(),
            rows: Box::new(std::iter::empty()),
        }
    }

    /// Returns the next row, or `None` after the last.
    pub(crate) fn next_row(&mut self) -> anyhow::Result<Option<Row>> {
        loop {
            if let Some(record) = self.records.next() {
                return Ok(Some(Row::Event(record)));
            }
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            match self.batches.next().transpose()? {
                None => return Ok(None),
                Some(batch) if batch.has_captured() => self.rows = Box::new(batch.into_rows()),
                Some(batch) => self.records = batch.into_records().into_iter(),
            }
        }
    }
}
