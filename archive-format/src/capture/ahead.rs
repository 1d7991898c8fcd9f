//! A second reader of the journal, which looks ahead for the times that rows will stand at.

use std::path::Path;

use tradesim_schemas::Timestamp;

use super::stated::{Reader, Stated};
use crate::{Error, JournalReader};

/// Finds the next message that will stand at its envelope's time. Each message is looked at once, however often it is
/// asked; where every message is in our own text, none is.
#[derive(Debug)]
pub(super) struct Ahead {
    records: JournalReader,
    stated: Reader,
    /// Messages read.
    read: u64,
    /// Seq and time of the last one found in our own text.
    found: Option<(u64, Timestamp)>,
}

impl Ahead {
    pub(super) fn open(journal: &Path) -> Result<Ahead, Error> {
        let records = JournalReader::open(journal)?;
        Ok(Ahead { records, stated: Reader::default(), read: 0, found: None })
    }

    /// The envelope's time of the first message behind `seq` that is in our own text and not before `earliest`. Neither
    /// may go back from call to call.
    pub(super) fn next_time(&mut self, seq: u64, earliest: Timestamp) -> Result<Option<Timestamp>, Error> {
        loop {
            if let Some((at, time)) = self.found
                && at > seq
                && time >= earliest
            {
                return Ok(Some(time));
            }
            let Some(record) = self.records.next_record()? else { return Ok(None) };
            if record.kind.opcode().is_none() {
                continue;
            }
            let at = self.read;
            self.read += 1;
            if at > seq
                && let Stated::OurText(envelope) = self.stated.read(&record.content)
            {
                self.found = Some((at, envelope.timestamp));
            }
        }
    }
}
