//! Opening archives for reading.

use std::path::Path;

use tradesim_archive::{Archive, Batch, Batches, Metadata, OpenOptions, Row, RowRef, Start};
use tradesim_schemas::Timestamp;

use crate::{cli::ReadingArgs, filter::Filter};

/// Opens an archive; its tail is checked, its row groups are when they are read.
pub(crate) fn open(path: &Path, reading: ReadingArgs) -> anyhow::Result<Archive> {
    Ok(Archive::open(path, OpenOptions { mmap: !reading.no_mmap })?)
}

/// Calls `each` with the rows that pass the filter, batch by batch, in order.
pub(crate) fn for_each_batch(
    archive: &Archive,
    filter: &mut Filter,
    mut each: impl FnMut(Batch) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let start = filter.from().map_or(Start::Beginning, Start::Time);
    for batch in archive.batches(start) {
        let batch = filter.retain_rows(batch?);
        if !batch.is_empty() {
            each(batch)?;
        }
        if filter.has_ended() {
            break;
        }
    }
    Ok(())
}

/// Times of the first and the last message, in microseconds since the epoch; for progress.
pub(crate) fn time_span(metadata: &Metadata) -> (u64, u64) {
    let micros = |at: Option<(u64, Timestamp)>| at.map_or(0, |(_, at)| at.micros().max(0) as u64);
    (micros(metadata.first()), micros(metadata.last()))
}

/// Times of the first and the last message, if there is any.
pub(crate) fn range(metadata: &Metadata) -> Option<(Timestamp, Timestamp)> {
    Some((metadata.first()?.1, metadata.last()?.1))
}

/// The rows of an archive, one by one.
#[derive(Debug)]
pub(crate) struct RowReader {
    batches: Batches,
    batch: Batch,
    /// Rows of the batch that were handed out.
    records: usize,
    captured: bool,
    rest: std::vec::IntoIter<Row>,
}

impl RowReader {
    pub(crate) fn new(archive: &Archive) -> RowReader {
        RowReader {
            batches: archive.batches(Start::Beginning),
            batch: Batch::default(),
            records: 0,
            captured: false,
            rest: Vec::new().into_iter(),
        }
    }

    /// The next row, or `None` after the last.
    pub(crate) fn next_row(&mut self) -> anyhow::Result<Option<Row>> {
        loop {
            if self.captured {
                if let Some(row) = self.rest.next() {
                    return Ok(Some(row));
                }
            } else if let Some(record) = self.batch.records().get(self.records) {
                self.records += 1;
                return Ok(Some(Row::Event(*record)));
            }
            match self.batches.next() {
                None => return Ok(None),
                Some(batch) => self.fill(batch?),
            }
        }
    }

    fn fill(&mut self, batch: Batch) {
        self.captured = batch.has_captured();
        self.records = 0;
        if self.captured {
            self.rest = batch.rows().map(RowRef::to_row).collect::<Vec<_>>().into_iter();
            self.batch = Batch::default();
        } else {
            self.batch = batch;
        }
    }
}
