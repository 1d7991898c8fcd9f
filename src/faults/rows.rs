//! Faults that are planted into the rows of an archive.
//!
//! What becomes of a message is what [`super::FaultySource`] sends of it; the numbers are the new archive's own.

use tradesim_archive::{Batch, Captured, Content, Faults, Row};
use tradesim_schemas::{MessageEncoder, Timestamp};

use super::{
    draw::{Hit, Planted},
    forge,
    plan::Kind,
    report::by_kind,
};

/// Opcodes of captured frames.
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// Rows in, in order and all of them, and rows with faults out, which are numbered anew.
#[derive(Debug)]
pub(crate) struct FaultyRows {
    planted: Planted,
    /// Rows that came.
    read: u64,
    /// The number of the next row that goes.
    seq: u64,
    /// The first row of two that change places.
    waiting: Option<Row>,
    encoder: MessageEncoder,
}

impl Planted {
    /// Which faults there are in an archive that has them, and where: what the numbers name is in FORMAT.md, 5.9.
    pub(crate) fn in_archive(&self, plan_seed: u64) -> Faults {
        // of the messages so far, those that came twice and those that are missing
        let (mut more, mut less) = (0, 0);
        let hits = self.hits.iter().map(|(&seq, hit)| {
            let mut at = seq + more - less;
            match hit.kind {
                Kind::Drop => less += 1,
                Kind::Duplicate => {
                    at += 1;
                    more += 1;
                }
                _ => {}
            }
            (at, hit)
        });
        Faults { plan_seed: Some(plan_seed), planted: Some(by_kind(hits)) }
    }
}

impl FaultyRows {
    pub(crate) fn new(planted: Planted) -> FaultyRows {
        FaultyRows { planted, read: 0, seq: 0, waiting: None, encoder: MessageEncoder::new() }
    }

    /// The number that the next row gets, if it stays.
    pub(crate) fn next_seq(&self) -> u64 {
        self.seq + u64::from(self.waiting.is_some())
    }

    /// Adds what becomes of the next row.
    pub(crate) fn push(&mut self, row: Row, out: &mut Batch) {
        let hit = self.planted.hits.get(&self.read).copied();
        self.read += 1;
        if let Some(first) = self.waiting.take() {
            let rows = [self.moved(&row, &first), self.moved(&first, &row)];
            return rows.into_iter().for_each(|row| self.put(row, out));
        }
        match hit {
            Some(Hit { kind: Kind::Drop, .. }) => {}
            Some(Hit { kind: Kind::Duplicate, .. }) => {
                self.put(row.clone(), out);
                self.put(row, out);
            }
            Some(Hit { kind: Kind::Swap, .. }) => self.waiting = Some(row),
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

    /// The row with a fault of content: it is the frame that a client would receive, and states nothing.
    fn forged(&mut self, hit: &Hit, row: &Row) -> Row {
        let mut bytes = Vec::new();
        forge::forge(hit, &self.message(row), &mut bytes);
        // a text message that is no UTF-8 would make every client close the connection
        let opcode = if std::str::from_utf8(&bytes).is_ok() { opcode(row) } else { BINARY };
        captured(row, opcode, Content::Raw { bytes, event: None })
    }

    /// A message in the place of another one. Where it is stored by columns its time is that of its row, so that it has
    /// to become a frame of its own where the place has another.
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

/// What is emitted when the row was to be, and counts as received then.
fn captured(place: &Row, opcode: u8, content: Content) -> Row {
    let timestamp = place.row_ref().timestamp();
    Row::Captured(Box::new(Captured {
        seq: 0,
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

/// How a replay sends the row.
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
