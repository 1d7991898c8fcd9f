//! From what was received to an archive: which messages are stored by columns, and at what time each row stands.

mod ahead;
mod stated;

use std::path::Path;

use tradesim_schemas::Timestamp;

pub(crate) use self::stated::stated_time;
use self::{
    ahead::{Ahead, LookFor},
    stated::Stated,
};
use crate::{
    ArchiveWriter, Captured, Columns, Content, Error, JournalKind, JournalReader, JournalRecord, Provenance,
    Row, Summary, Torn, WriterOptions, journal::bounded_reason, tail,
};

/// Gaps that are named one by one.
const GAPS_NAMED_MAX: usize = 1_000;
/// Bytes of the name of a feed.
const FEED_BYTES_MAX: usize = 4_096;

/// A place where messages may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Seq of the message behind it.
    pub seq: u64,
    /// When it ended.
    pub at: Timestamp,
    /// Why it is there; of a long reason the beginning.
    pub reason: String,
}

/// What a journal came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Archived {
    /// The archive.
    pub summary: Summary,
    /// What of the journal could not be read.
    pub torn: Torn,
    /// The first gaps.
    pub gaps: Vec<Gap>,
    /// How many gaps there are.
    pub gap_count: u64,
}

/// Makes the archive of a journal. `progress` is told how many bytes of it are done, and how many messages; where it fails,
/// nothing is made.
///
/// Memory does not grow with the journal. The columns of the options are set here.
///
/// # Errors
/// A file that is no journal or cannot be read, and an archive that cannot be made. The journal stays as it is.
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
                // a journal may be anybody's
                let reason = String::from_utf8_lossy(bounded_reason(&content)).into_owned();
                gaps.push(Gap { seq: rows.seq, at: received, reason });
            }
        }
        progress(records.position(), rows.seq)?;
        record = records.next_record()?;
    }
    let seqs: Vec<u64> = gaps.iter().map(|gap| gap.seq).collect();
    writer.set_gaps(&seqs);
    Ok(Archived { summary: writer.finish()?, torn: records.torn(), gaps, gap_count })
}

/// What a capture says about itself. Its times are what was received, so that only the feed is left to be named.
fn provenance(first: Option<&JournalRecord>) -> Provenance {
    let mut provenance = Provenance::default();
    provenance.set_received_pace(true);
    if let Some(JournalRecord { kind: JournalKind::Feed, content, .. }) = first
        && content.len() <= FEED_BYTES_MAX
        && let Ok(feed) = std::str::from_utf8(content)
        // the one text that metadata may not hold
        && !tail::contains(content, tail::MARKER_START)
    {
        provenance.options.insert("feed".to_owned(), feed.to_owned());
    }
    provenance
}

/// Gives the messages of a journal their places in an archive.
///
/// A message in our own text stands at its envelope's time, by which alone its text can be made again, unless an earlier
/// row stands later. Any other one stands at the time that it states, and one that states none as long after the message
/// before it that does as it was received after it; until any message has stated a time, at its receive time. All of
/// these are moved as far as order demands: not before the row before, and not behind the next message that states a
/// time, so that a single message with a time of next year moves none of those that follow.
#[derive(Debug)]
struct Rows {
    our_text: Ahead,
    any_time: Ahead,
    stated: stated::Reader,
    seq: u64,
    last: Timestamp,
    received: Timestamp,
    /// Where the last message that states a time stands, and when it was received.
    line: Option<(Timestamp, Timestamp)>,
}

impl Rows {
    fn open(journal: &Path) -> Result<Rows, Error> {
        Ok(Rows {
            our_text: Ahead::open(journal, LookFor::OurText)?,
            any_time: Ahead::open(journal, LookFor::AnyTime)?,
            stated: stated::Reader::default(),
            seq: 0,
            last: Timestamp::MIN,
            received: Timestamp::MIN,
            line: None,
        })
    }

    fn next_row(&mut self, received: Timestamp, opcode: u8, bytes: Vec<u8>) -> Result<Captured, Error> {
        // a clock that is set back makes no message arrive before the one before it
        self.received = self.received.max(received);
        let stated = self.stated.read(&bytes);
        let time = stated.time();
        let (timestamp, content) = match stated {
            Stated::OurText(envelope) if envelope.timestamp >= self.last => {
                (envelope.timestamp, Content::Event(envelope.event))
            }
            other => {
                let timestamp = time.unwrap_or_else(|| self.unstated()).max(self.last).min(self.bound()?);
                (timestamp, Content::Raw { bytes, event: other.event() })
            }
        };
        if time.is_some() {
            self.line = Some((timestamp, self.received));
        }
        let seq = self.seq;
        self.seq += 1;
        self.last = timestamp;
        Ok(Captured { seq, timestamp, received: Some(self.received), opcode: Some(opcode), content })
    }

    /// The time of a message that states none.
    fn unstated(&self) -> Timestamp {
        let Some((stands, received)) = self.line else { return self.received };
        let since = self.received.micros() - received.micros();
        Timestamp::from_micros(stands.micros().saturating_add(since)).unwrap_or(stands)
    }

    /// The latest time at which the present row may stand.
    fn bound(&mut self) -> Result<Timestamp, Error> {
        let our_text = self.our_text.next_time(self.seq, self.last)?;
        let any_time = self.any_time.next_time(self.seq, self.last)?;
        Ok(our_text.into_iter().chain(any_time).min().unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests;
