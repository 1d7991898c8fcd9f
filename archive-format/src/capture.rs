//! Converts the journal of a capture to an archive: decides which messages are stored by columns, and the time of each row.

mod look_ahead;
mod parsed;

use std::path::Path;

use tradesim_schemas::{RecordSeq, Timestamp};

pub(crate) use self::parsed::message_time;
use self::{
    look_ahead::{LookAhead, LookFor},
    parsed::ParsedMessage,
};
use crate::{
    ArchiveWriter, Captured, Columns, Content, Error, JournalKind, JournalReader, JournalRecord, Provenance,
    Row, Summary, TruncatedTail, WriterOptions, journal::bounded_reason, tail,
};

/// The maximum number of gaps that are listed.
const GAPS_NAMED_MAX: usize = 1_000;
/// The maximum length of the URL of a feed, in bytes.
const FEED_BYTES_MAX: usize = 4_096;

/// A place in a capture where messages may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The seq of the first message after the gap.
    pub seq: RecordSeq,
    /// The time at which the gap ended.
    pub at: Timestamp,
    /// The reason. A long reason is truncated.
    pub reason: String,
}

/// The result of [`archive_journal`].
#[derive(Clone, Debug, PartialEq)]
pub struct Archived {
    /// The archive that was written.
    pub summary: Summary,
    /// The end of the journal that could not be read.
    pub truncated_tail: TruncatedTail,
    /// The first gaps, at most 1,000.
    pub gaps: Vec<Gap>,
    /// The number of all gaps.
    pub gap_count: u64,
}

/// Converts a journal to an archive. `progress` is called with the number of bytes and of messages done; if it returns an
/// error, no archive is created.
///
/// Memory does not grow with the journal. `options.columns` is ignored: a capture always has the same columns.
///
/// # Errors
/// Returns an error if the file is not a journal or cannot be read, or if the archive cannot be written. The journal is not
/// changed.
pub fn archive_journal<E: From<Error>>(
    journal: &Path,
    output: &Path,
    options: WriterOptions,
    mut progress: impl FnMut(u64, u64) -> Result<(), E>,
) -> Result<Archived, E> {
    let mut records = JournalReader::open(journal)?;
    let mut record = records.next_record()?;
    let columns = Columns { captured: true, stored_ids: true, origin: false };
    let provenance = provenance(record.as_ref());
    let mut writer = ArchiveWriter::create(output, provenance, WriterOptions { columns, ..options })?;
    let mut rows = Rows::open(journal)?;
    let (mut gaps, mut gap_count) = (Vec::new(), 0);
    while let Some(JournalRecord { received, kind, content }) = record {
        if let Some(opcode) = kind.opcode() {
            let row = rows.next_row(received, opcode, content)?;
            writer.write_row(Row::Captured(Box::new(row)))?;
        } else if kind == JournalKind::Gap {
            gap_count += 1;
            if gaps.len() < GAPS_NAMED_MAX {
                // the journal may come from another program
                let reason = String::from_utf8_lossy(bounded_reason(&content)).into_owned();
                gaps.push(Gap { seq: rows.seq, at: received, reason });
            }
        }
        progress(records.position(), rows.seq.get())?;
        record = records.next_record()?;
    }
    let seqs: Vec<RecordSeq> = gaps.iter().map(|gap| gap.seq).collect();
    writer.set_gaps(&seqs);
    Ok(Archived { summary: writer.finish()?, truncated_tail: records.truncated_tail(), gaps, gap_count })
}

/// Returns the provenance of a capture: its pace, and the URL of the feed.
fn provenance(first: Option<&JournalRecord>) -> Provenance {
    let mut provenance = Provenance::default();
    provenance.set_received_pace(true);
    if let Some(JournalRecord { kind: JournalKind::Feed, content, .. }) = first
        && content.len() <= FEED_BYTES_MAX
        && let Ok(feed) = std::str::from_utf8(content)
        // the only text that metadata must not contain
        && !tail::contains(content, tail::MARKER_START)
    {
        provenance.options.insert("feed".to_owned(), feed.to_owned());
    }
    provenance
}

/// Converts the messages of a journal to rows, and chooses the time of each row.
///
/// - A message in our own text gets the time of its envelope, because its text is rebuilt from that time. If an earlier
///   row is later than that, the message is stored as a raw frame.
/// - Any other message with a timestamp gets that time.
/// - A message without a timestamp keeps its distance in receive time to the last message that has one. Before the first
///   such message, it gets its receive time.
///
/// The times of raw frames are then clamped to keep the order: not before the previous row, and not after the next message
/// that has a timestamp. So a single message with a timestamp of next year does not move the messages that follow.
#[derive(Debug)]
struct Rows {
    our_text: LookAhead,
    any_time: LookAhead,
    parser: parsed::MessageParser,
    seq: RecordSeq,
    last: Timestamp,
    received: Timestamp,
    /// The row time and the receive time of the last message that has a timestamp.
    reference: Option<(Timestamp, Timestamp)>,
}

impl Rows {
    fn open(journal: &Path) -> Result<Rows, Error> {
        Ok(Rows {
            our_text: LookAhead::open(journal, LookFor::OurText)?,
            any_time: LookAhead::open(journal, LookFor::AnyTime)?,
            parser: parsed::MessageParser::default(),
            seq: RecordSeq(0),
            last: Timestamp::MIN,
            received: Timestamp::MIN,
            reference: None,
        })
    }

    fn next_row(&mut self, received: Timestamp, opcode: u8, bytes: Vec<u8>) -> Result<Captured, Error> {
        // receive times do not descend, even if the clock was set back
        self.received = self.received.max(received);
        let parsed = self.parser.read(&bytes);
        let time = parsed.time();
        let (timestamp, content) = match parsed {
            ParsedMessage::OurText(envelope) if envelope.timestamp >= self.last => {
                (envelope.timestamp, Content::Event(envelope.event))
            }
            other => {
                let timestamp =
                    time.unwrap_or_else(|| self.estimated_time()).max(self.last).min(self.bound()?);
                (timestamp, Content::Raw { bytes, event: other.event() })
            }
        };
        if time.is_some() {
            self.reference = Some((timestamp, self.received));
        }
        let seq = self.seq;
        self.seq += 1;
        self.last = timestamp;
        Ok(Captured { seq, timestamp, received: Some(self.received), opcode: Some(opcode), content })
    }

    /// Returns the time of a message without a timestamp.
    fn estimated_time(&self) -> Timestamp {
        let Some((row_time, received)) = self.reference else { return self.received };
        let since = self.received.micros() - received.micros();
        Timestamp::from_micros(row_time.micros().saturating_add(since)).unwrap_or(row_time)
    }

    /// Returns the latest possible time of the current row.
    fn bound(&mut self) -> Result<Timestamp, Error> {
        let our_text = self.our_text.next_time(self.seq, self.last)?;
        let any_time = self.any_time.next_time(self.seq, self.last)?;
        Ok(our_text.into_iter().chain(any_time).min().unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests;
