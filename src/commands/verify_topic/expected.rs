//! The expected messages of the topics: those of an archive that pass a filter, numbered as in a replay.

use tradesim_archive::{Archive, Batch, Batches, Error, Filter, Start};
use tradesim_schemas::MessageEncoder;

use crate::source;

/// Reads the expected messages one at a time.
#[derive(Debug)]
pub(super) struct Expected {
    batches: Batches,
    filter: Filter,
    batch: Batch,
    /// The number of rows of the batch that were returned.
    at: usize,
    encoder: MessageEncoder,
}

impl Expected {
    pub(super) fn new(archive: &Archive, filter: Filter) -> Expected {
        let start = filter.from().map_or(Start::Beginning, Start::Time);
        Expected {
            batches: archive.batches(start),
            filter,
            batch: Batch::default(),
            at: 0,
            encoder: MessageEncoder::new(),
        }
    }

    /// Appends the next message to `out`. Returns false if there are no more.
    pub(super) fn next_message(&mut self, out: &mut Vec<u8>) -> Result<bool, Error> {
        while self.at == self.batch.len() {
            if self.filter.has_ended() {
                return Ok(false);
            }
            let Some(batch) = self.batches.next() else { return Ok(false) };
            self.batch = self.filter.retain_rows(batch?);
            self.at = 0;
        }
        if let Some(row) = self.batch.rows_from(self.at).next() {
            row.write_message(&mut self.encoder, out);
        }
        self.at += 1;
        Ok(true)
    }
}

/// Returns the number of messages that pass the filter.
pub(super) fn count(archive: &Archive, filter: &Filter) -> anyhow::Result<u64> {
    if filter.is_open() {
        return Ok(archive.metadata().counts().total());
    }
    let mut messages = 0;
    source::for_each_batch(archive, &mut filter.clone(), |batch| {
        messages += batch.len() as u64;
        Ok(())
    })?;
    Ok(messages)
}
