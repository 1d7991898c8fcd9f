//! A second reader of the journal, which looks ahead for the timestamps of later messages.

use std::path::Path;

use tradesim_schemas::{RecordSeq, Timestamp};

use super::parsed::{MessageParser, ParsedMessage};
use crate::{Error, JournalReader};

/// The messages to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookFor {
    /// Messages in our own text, whose rows will get the times of their envelopes.
    OurText,
    /// Messages with a timestamp, in any text.
    AnyTime,
}

/// Finds the next message of a kind. Each message is examined at most once. If every message is in our own text, none is
/// examined.
#[derive(Debug)]
pub(super) struct LookAhead {
    records: JournalReader,
    parser: MessageParser,
    look_for: LookFor,
    /// The number of messages read.
    read: RecordSeq,
    /// The seq and time of the last message that was found.
    found: Option<(RecordSeq, Timestamp)>,
}

impl LookAhead {
    pub(super) fn open(journal: &Path, look_for: LookFor) -> Result<LookAhead, Error> {
        let records = JournalReader::open(journal)?;
        Ok(LookAhead { records, parser: MessageParser::default(), look_for, read: RecordSeq(0), found: None })
    }

    /// Returns the timestamp of the first matching message after `seq` that is not before `earliest`. Both arguments must
    /// not descend from call to call.
    pub(super) fn next_time(
        &mut self,
        seq: RecordSeq,
        earliest: Timestamp,
    ) -> Result<Option<Timestamp>, Error> {
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
                let parsed = self.parser.read(&record.content);
                let counts = self.look_for == LookFor::AnyTime || matches!(parsed, ParsedMessage::OurText(_));
                if let Some(time) = parsed.time().filter(|_| counts) {
                    self.found = Some((at, time));
                }
            }
        }
    }
}
