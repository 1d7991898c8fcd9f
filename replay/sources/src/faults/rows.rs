//! Adds faults to the rows of an archive.
//!
//! The result is what [`super::FaultySource`] sends, with the sequence numbers of the new archive.

use tradesim_archive::{Batch, Captured, Columns, Content, FAULTS_MAX, Faults, Metadata, Row};
use tradesim_schemas::{MessageEncoder, RecordSeq, Timestamp};

use super::{
    draw::{Hit, Planted},
    forge,
    gaps::Gaps,
    plan::{FaultKind, FaultPlanError},
    report::by_kind,
};

/// The opcodes of captured frames.
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// Takes all rows in order, and returns rows with faults, which are renumbered.
#[derive(Debug)]
pub struct FaultyRows {
    planted: Planted,
    /// The number of rows that were taken.
    read: u64,
    /// The sequence number of the next returned row.
    seq: RecordSeq,
    /// The first of two rows that are swapped.
    waiting: Option<Row>,
    gaps: Gaps,
    encoder: MessageEncoder,
}

impl Planted {
    /// Returns the list of faults for the metadata of an archive, with sequence numbers as defined in FORMAT.md, section 5.9.
    pub fn in_archive(&self, plan_seed: u64) -> Faults {
        // the numbers of duplicated and of dropped messages so far
        let (mut more, mut less) = (0, 0);
        let hits = self.hits.iter().map(|(&seq, hit)| {
            let mut at = seq + more - less;
            match hit.kind {
                FaultKind::Drop => less += 1,
                FaultKind::Duplicate => {
                    at += 1;
                    more += 1;
                }
                _ => {}
            }
            (at, hit)
        });
        Faults { plan_seed: Some(plan_seed), planted: Some(by_kind(hits)) }
    }

    /// Checks that an archive can list the faults: their list is part of the metadata, which every reader holds in memory.
    ///
    /// # Errors
    /// Fails with [`FaultPlanError::TooManyForArchives`].
    pub fn check_for_archives(&self) -> Result<(), FaultPlanError> {
        let count = self.hits.len();
        if count > FAULTS_MAX {
            return Err(FaultPlanError::TooManyForArchives { count: count as u64 });
        }
        Ok(())
    }

    /// Returns the columns of an archive with the faults: those of its source, plus those for faulty frames.
    pub fn columns(&self, of_source: Columns) -> Columns {
        let swaps = self.has(|kind| kind == FaultKind::Swap);
        let frames = swaps || self.has(|kind| !matches!(kind, FaultKind::Drop | FaultKind::Duplicate));
        Columns {
            captured: of_source.captured || frames,
            // filters recognise a valid frame as a trade by its ids
            stored_ids: of_source.stored_ids || swaps,
            ..of_source
        }
    }
}

impl FaultyRows {
    /// Adds faults to the rows of the archive with this metadata.
    pub fn new(planted: Planted, metadata: &Metadata) -> FaultyRows {
        FaultyRows::with_gaps(planted, Gaps::of(metadata))
    }

    fn with_gaps(planted: Planted, gaps: Gaps) -> FaultyRows {
        FaultyRows {
            planted,
            read: 0,
            seq: RecordSeq(0),
            waiting: None,
            gaps,
            encoder: MessageEncoder::new(),
        }
    }

    /// Returns the gaps of a capture before the rows that were taken, by new sequence numbers.
    pub fn gaps(&self) -> &[RecordSeq] {
        &self.gaps.renumbered
    }

    /// Returns the sequence number of the next row, unless it is dropped.
    fn next_seq(&self) -> RecordSeq {
        self.seq + u64::from(self.waiting.is_some())
    }

    /// Takes the next row, and appends the resulting rows.
    pub fn push(&mut self, row: Row, out: &mut Batch) {
        self.gaps.pass(row.row_ref().seq(), self.next_seq());
        let hit = self.planted.hits.get(&self.read).copied();
        self.read += 1;
        if let Some(first) = self.waiting.take() {
            let rows = [self.moved(&row, &first), self.moved(&first, &row)];
            return rows.into_iter().for_each(|row| self.put(row, out));
        }
        match hit {
            Some(Hit { kind: FaultKind::Drop, .. }) => {}
            Some(Hit { kind: FaultKind::Duplicate, .. }) => {
                self.put(row.clone(), out);
                self.put(row, out);
            }
            Some(Hit { kind: FaultKind::Swap, .. }) => self.waiting = Some(row),
            Some(hit) if forge::reason(&hit).is_some() => {
                let forged = self.forged(&hit, &row);
                self.put(forged, out);
            }
            _ => self.put(row, out),
        }
    }

    fn put(&mut self, row: Row, out: &mut Batch) {
        out.push(row.numbered(self.seq));
        self.seq += 1;
    }

    /// Returns the row with a fault in its content: the frame that a client receives, without an event.
    fn forged(&mut self, hit: &Hit, row: &Row) -> Row {
        let mut bytes = Vec::new();
        forge::forge(hit, &self.message(row), &mut bytes);
        // clients close the connection on a text message that is not UTF-8
        let opcode = if std::str::from_utf8(&bytes).is_ok() { opcode(row) } else { BINARY };
        captured(row, opcode, Content::Raw { bytes, event: None })
    }

    /// Returns a message in the place of another one. A message that is stored by columns has the time of its row, so if the place
    /// has another time, it becomes a raw frame.
    fn moved(&mut self, message: &Row, place: &Row) -> Row {
        let fits = message.row_ref().timestamp() == place.row_ref().timestamp();
        let content = match message {
            Row::Event(_) if fits => return message.clone(),
            Row::Captured(captured) if fits || message.row_ref().raw().is_some() => captured.content.clone(),
            _ => Content::Raw { bytes: self.message(message), event: message.row_ref().event().copied() },
        };
        captured(place, opcode(message), content)
    }

    fn message(&mut self, row: &Row) -> Vec<u8> {
        let mut bytes = Vec::new();
        row.row_ref().write_message(&mut self.encoder, &mut bytes);
        bytes
    }
}

/// Returns captured content with the times of `place`.
fn captured(place: &Row, opcode: u8, content: Content) -> Row {
    let timestamp = place.row_ref().timestamp();
    Row::Captured(Box::new(Captured {
        seq: RecordSeq(0),
        timestamp,
        received: received(place),
        opcode: Some(opcode),
        content,
    }))
}

fn received(row: &Row) -> Option<Timestamp> {
    match row {
        Row::Event(_) => None,
        Row::Captured(captured) => captured.received,
    }
}

/// Returns the opcode with which a replay sends the row.
fn opcode(row: &Row) -> u8 {
    match row {
        Row::Event(_) => TEXT,
        Row::Captured(captured) => {
            let is_text = row.row_ref().raw().is_none_or(|bytes| std::str::from_utf8(bytes).is_ok());
            if captured.opcode == Some(BINARY) || !is_text { BINARY } else { TEXT }
        }
    }
}

#[cfg(test)]
mod tests;
