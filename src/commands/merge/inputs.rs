//! The inputs of a merge as one stream.

use std::cmp::Ordering;

use tradesim_archive::{Archive, Captured, Content, Row};
use tradesim_schemas::{ByteHash, Record, RecordSeq, Timestamp};

use super::provenance::Origins;
use crate::source::RowReader;

/// One input with its next row.
#[derive(Debug)]
struct Input {
    reader: RowReader,
    next: Option<Row>,
}

/// The rows of all inputs in the order of (time, seq, input).
#[derive(Debug)]
pub(super) struct Merged<'a> {
    inputs: Vec<Input>,
    origins: &'a Origins,
    /// The last row: rows of the same message follow each other.
    last: Option<(usize, Seen)>,
    duplicates: u64,
}

impl<'a> Merged<'a> {
    pub(super) fn new(archives: &'a [Archive], origins: &'a Origins) -> anyhow::Result<Merged<'a>> {
        let mut merged = Merged { inputs: Vec::new(), origins, last: None, duplicates: 0 };
        for (index, archive) in archives.iter().enumerate() {
            let mut reader = RowReader::new(archive);
            let next = origins.adopt(index, reader.next_row()?);
            merged.inputs.push(Input { reader, next });
        }
        Ok(merged)
    }

    /// Returns the next row of all inputs, with the origin number of the merged archive and its old sequence number.
    pub(super) fn next_row(&mut self) -> anyhow::Result<Option<Row>> {
        let first = |left: &(usize, (Timestamp, RecordSeq)), right: &(usize, (Timestamp, RecordSeq))| {
            left.1.cmp(&right.1).then(Ordering::Less)
        };
        let candidates = self.inputs.iter().enumerate();
        let next =
            candidates.filter_map(|(index, input)| Some((index, key(input.next.as_ref()?)))).min_by(first);
        let Some((index, _)) = next else { return Ok(None) };
        let input = &mut self.inputs[index];
        let row = input.next.take().expect("the input has a next row");
        input.next = self.origins.adopt(index, input.reader.next_row()?);
        let seen = Seen::of(&row);
        if self.last.as_ref().is_some_and(|(from, last)| *from != index && *last == seen) {
            self.duplicates += 1;
        }
        self.last = Some((index, seen));
        Ok(Some(row))
    }

    /// Returns the number of rows with a message that another input also contained.
    pub(super) fn duplicates(&self) -> u64 {
        self.duplicates
    }
}

fn key(row: &Row) -> (Timestamp, RecordSeq) {
    let row = row.row_ref();
    (row.timestamp(), row.seq())
}

/// Identifies a message of a recording: two rows with the same sequence number, origin and content are the same message. The
/// bytes of a raw frame, which may be long, are replaced by their digest.
#[derive(Debug, PartialEq)]
enum Seen {
    Event(Record),
    Captured(Captured, Option<ByteHash>),
}

impl Seen {
    fn of(row: &Row) -> Seen {
        match row {
            Row::Event(record) => Seen::Event(*record),
            Row::Captured(captured) => {
                let Captured { seq, timestamp, received, opcode, ref content } = **captured;
                let (content, digest) = match content {
                    Content::Event(event) => (Content::Event(*event), None),
                    Content::Raw { bytes, event } => {
                        (Content::Raw { bytes: Vec::new(), event: *event }, Some(ByteHash::of(bytes)))
                    }
                };
                Seen::Captured(Captured { seq, timestamp, received, opcode, content }, digest)
            }
        }
    }
}
