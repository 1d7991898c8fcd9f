//! The messages that should be in the topics: those of an archive that pass a filter, as a replay numbers and sends them.

use tradesim_archive::{Archive, Batch, Batches, Error, Start};
use tradesim_schemas::MessageEncoder;

use crate::{filter::Filter, source};

/// Messages of an archive, one at a time.
#[derive(Debug)]
pub(super) struct Expected {
    batches: Batches,
    filter: Filter,
    batch: Batch,
    /// Rows of the batch that were handed out.
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

    /// Appends the next message. Says whether there was one.
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

/// How many messages pass; without a filter the archive says so itself.
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
