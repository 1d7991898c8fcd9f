//! The expected messages of the topics: those of an archive that pass a filter, numbered as in a replay.

use tradesim_archive::{Archive, Batch, Error, Filter, FilteredBatches};
use tradesim_bridge::audit::AuditMessage;

/// Reads the expected messages one at a time.
#[derive(Debug)]
pub(super) struct Expected {
    batches: FilteredBatches,
    batch: Batch,
    /// The number of rows of the batch that were returned.
    at: usize,
}

impl Expected {
    pub(super) fn new(archive: &Archive, filter: Filter) -> Expected {
        let batches = archive.filtered(filter);
        Expected { batches, batch: Batch::default(), at: 0 }
    }

    /// Sets the next message. Returns false after the last one.
    pub(super) fn next_message(&mut self, message: &mut AuditMessage) -> Result<bool, Error> {
        while self.at == self.batch.len() {
            let Some(batch) = self.batches.next() else { return Ok(false) };
            (self.batch, self.at) = (batch?, 0);
        }
        if let Some(row) = self.batch.rows_from(self.at).next() {
            match row.envelope() {
                Some(envelope) => message.set_envelope(envelope),
                None => message.set_text().extend_from_slice(row.raw().unwrap_or_default()),
            }
        }
        self.at += 1;
        Ok(true)
    }
}

/// Returns the number of messages that pass the filter.
pub(super) fn count(archive: &Archive, filter: &Filter) -> Result<u64, Error> {
    if filter.is_open() {
        return Ok(archive.metadata().counts().total());
    }
    archive.filtered(filter.clone()).map(|batch| Ok(batch?.len() as u64)).sum()
}
