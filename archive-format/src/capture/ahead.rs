//! A second reader of the journal, which looks ahead for the times that rows will stand at.

use std::path::Path;

use tradesim_schemas::Timestamp;

use super::stated::{Reader, Stated};
use crate::{Error, JournalReader};

/// The messages that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookFor {
    /// Those in our own text, which will stand at their envelopes' times.
    OurText,
    /// Those that state a time in whatever text.
    AnyTime,
}

/// Finds the next message of some kind. Each message is looked at once, however often it is asked; where every message
/// is in our own text, none is.
#[derive(Debug)]
pub(super) struct Ahead {
    records: JournalReader,
    stated: Reader,
    look_for: LookFor,
    /// Messages read.
    read: u64,
    /// Seq and time of the last one found.
    found: Option<(u64, Timestamp)>,
}

impl Ahead {
    pub(super) fn open(journal: &Path, look_for: LookFor) -> Result<Ahead, Error> {
        let records = JournalReader::open(journal)?;
        Ok(Ahead { records, stated: Reader::default(), look_for, read: 0, found: None })
    }

    /// The stated time of the first message behind `seq` that is looked for and not before `earliest`. Neither may go
    /// back from call to call.
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
            if at > seq {
                let stated = self.stated.read(&record.content);
                let counts = self.look_for == LookFor::AnyTime || matches!(stated, Stated::OurText(_));
                if let Some(time) = stated.time().filter(|_| counts) {
                    self.found = Some((at, time));
                }
            }
        }
    }
}
