//! Rows: events that were generated, and frames that were received.

use tradesim_schemas::{
    ContentHasher, Envelope, Event, MessageEncoder, OrderRef, Record, RecordSeq, Timestamp, append_message,
};

use crate::{
    Metadata,
    proofs::{Proofs, Proved},
};

/// A received frame of a captured feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The record sequence number, from 0.
    pub seq: RecordSeq,
    /// The time at which a replay emits the frame; never before that of the previous row. For a frame that is stored by
    /// columns, the time of the envelope.
    pub timestamp: Timestamp,
    /// The receive time.
    pub received: Option<Timestamp>,
    /// The WebSocket opcode of the message: 1 for text, 2 for binary.
    pub opcode: Option<u8>,
    /// The content of the frame.
    pub content: Content,
}

/// The content of a captured frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An event whose text in tradesim's form equals the received text. Its ids are stored.
    Event(Event),
    /// Any other frame, stored as its bytes.
    Raw {
        /// The received bytes.
        bytes: Vec<u8>,
        /// The event, if the bytes could be parsed. It is for queries only: when a book is read from an archive, its spread
        /// and mid price are derived from bid and ask, even if the bytes differ.
        event: Option<Event>,
    },
}

impl Captured {
    /// Returns the number of bytes of a raw frame, or 0 for an event.
    pub fn raw_bytes(&self) -> usize {
        match &self.content {
            Content::Event(_) => 0,
            Content::Raw { bytes, .. } => bytes.len(),
        }
    }
}

/// One row of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// A generated event.
    Event(Record),
    /// A received frame of a captured feed.
    Captured(Box<Captured>),
}

impl Row {
    /// Returns a reference to the row.
    #[inline]
    pub fn row_ref(&self) -> RowRef<'_> {
        match self {
            Row::Event(record) => RowRef::Event(record),
            Row::Captured(captured) => RowRef::Captured(captured),
        }
    }

    /// Returns the same row with another seq.
    pub fn numbered(mut self, seq: RecordSeq) -> Row {
        match &mut self {
            Row::Event(record) => record.seq = seq,
            Row::Captured(captured) => captured.seq = seq,
        }
        self
    }
}

/// Rows in order. For speed, the events are contiguous, and captured frames are stored separately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub(crate) records: Vec<Record>,
    /// The captured frames with their indices among all rows, ascending.
    pub(crate) captured: Vec<(u32, Captured)>,
}

impl Batch {
    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.records.len() + self.captured.len()
    }

    /// Returns true if it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the generated events. These are all rows if [`Batch::has_captured`] returns false.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Returns the generated events without a copy. Captured frames are dropped.
    pub fn into_records(self) -> Vec<Record> {
        self.records
    }

    /// Returns all rows in order, by value, without copying frames.
    pub fn into_rows(self) -> impl Iterator<Item = Row> {
        let total = self.len() as u32;
        let (mut records, mut captured) = (self.records.into_iter(), self.captured.into_iter().peekable());
        (0..total).map(move |at| match captured.next_if(|(place, _)| *place == at) {
            Some((_, captured)) => Row::Captured(Box::new(captured)),
            None => Row::Event(records.next().expect("what is not a captured frame is an event")),
        })
    }

    /// Returns the number of bytes of all raw frames.
    pub fn raw_bytes(&self) -> usize {
        self.captured.iter().map(|(_, captured)| captured.raw_bytes()).sum()
    }

    /// Returns true if any row is a captured frame.
    pub fn has_captured(&self) -> bool {
        !self.captured.is_empty()
    }

    /// Returns all rows in order.
    pub fn rows(&self) -> Rows<'_> {
        Rows { records: &self.records, captured: &self.captured, at: 0 }
    }

    /// Returns the rows after the first `count`, in order, without iterating over the skipped ones.
    ///
    /// # Panics
    /// Panics if there are fewer rows.
    pub fn rows_from(&self, count: usize) -> Rows<'_> {
        let captured = self.captured.partition_point(|(at, _)| (*at as usize) < count);
        let at = u32::try_from(count).expect("a batch has few rows");
        Rows { records: &self.records[count - captured..], captured: &self.captured[captured..], at }
    }

    /// Adds a row at the end.
    pub fn push(&mut self, row: Row) {
        match row {
            Row::Event(record) => self.records.push(record),
            Row::Captured(captured) => {
                let at = u32::try_from(self.len()).expect("a batch has few rows");
                self.captured.push((at, *captured));
            }
        }
    }

    /// Splits off the rows after the first `count`.
    pub(crate) fn split_off(&mut self, count: usize) -> Batch {
        let captured = self.captured.partition_point(|(at, _)| (*at as usize) < count);
        let mut rest = Batch {
            captured: self.captured.split_off(captured),
            records: self.records.split_off(count - captured),
        };
        for (at, _) in &mut rest.captured {
            *at -= u32::try_from(count).expect("a batch has few rows");
        }
        rest
    }

    /// Drops the first `count` rows.
    pub(crate) fn drop_first(&mut self, count: usize) {
        if count > 0 {
            let captured = self.captured.partition_point(|(at, _)| (*at as usize) < count);
            self.captured.drain(..captured);
            for (at, _) in &mut self.captured {
                *at -= u32::try_from(count).expect("a batch has few rows");
            }
            self.records.drain(..count - captured);
        }
    }

    /// Maps every row with `f`, in a loop that the compiler can unroll if all rows are events.
    #[inline]
    pub(crate) fn map<T>(&self, f: impl Fn(RowRef<'_>) -> T) -> Vec<T> {
        if self.captured.is_empty() {
            self.records.iter().map(|record| f(RowRef::Event(record))).collect()
        } else {
            self.rows().map(f).collect()
        }
    }
}

impl AsRef<Batch> for Batch {
    fn as_ref(&self) -> &Batch {
        self
    }
}

impl From<Vec<Record>> for Batch {
    fn from(records: Vec<Record>) -> Batch {
        Batch { records, captured: Vec::new() }
    }
}

/// A reference to a row of a [`Batch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowRef<'a> {
    /// A generated event.
    Event(&'a Record),
    /// A received frame of a captured feed.
    Captured(&'a Captured),
}

impl<'a> RowRef<'a> {
    /// Returns the record sequence number.
    #[inline]
    pub fn seq(self) -> RecordSeq {
        match self {
            RowRef::Event(record) => record.seq,
            RowRef::Captured(captured) => captured.seq,
        }
    }

    /// Returns the emission time; for a raw frame, the time at which a replay emits it.
    #[inline]
    pub fn timestamp(self) -> Timestamp {
        match self {
            RowRef::Event(record) => record.envelope.timestamp,
            RowRef::Captured(captured) => captured.timestamp,
        }
    }

    /// Returns the timestamp of the message. For a raw frame, its bytes are parsed, and may not have one.
    pub fn stated_timestamp(self) -> Option<Timestamp> {
        match self.raw() {
            Some(bytes) => crate::capture::message_time(bytes),
            None => Some(self.timestamp()),
        }
    }

    /// Returns the receive time, if it is known.
    #[inline]
    pub fn received(self) -> Option<Timestamp> {
        match self {
            RowRef::Captured(captured) => captured.received,
            RowRef::Event(_) => None,
        }
    }

    /// Returns the WebSocket opcode of the received message: 1 for text, 2 for binary.
    #[inline]
    pub fn opcode(self) -> Option<u8> {
        match self {
            RowRef::Captured(captured) => captured.opcode,
            RowRef::Event(_) => None,
        }
    }

    /// Returns the event, also that of a raw frame that could be parsed.
    #[inline]
    pub fn event(self) -> Option<&'a Event> {
        match self {
            RowRef::Event(record) => Some(&record.envelope.event),
            RowRef::Captured(Captured { content: Content::Event(event), .. }) => Some(event),
            RowRef::Captured(Captured { content: Content::Raw { event, .. }, .. }) => event.as_ref(),
        }
    }

    /// Returns the bytes of a raw frame.
    #[inline]
    pub fn raw(self) -> Option<&'a [u8]> {
        match self {
            RowRef::Captured(Captured { content: Content::Raw { bytes, .. }, .. }) => Some(bytes),
            _ => None,
        }
    }

    /// Returns the order reference from which the event's ids derive.
    #[inline]
    pub fn order(self) -> Option<OrderRef> {
        match self {
            RowRef::Event(record) => record.order,
            RowRef::Captured(_) => None,
        }
    }

    /// Returns the index of the origin; 0 except in merged archives.
    #[inline]
    pub fn origin(self) -> u16 {
        match self {
            RowRef::Event(record) => record.origin,
            RowRef::Captured(_) => 0,
        }
    }

    /// Returns the envelope whose text is the message; `None` for a raw frame.
    #[inline]
    pub fn envelope(self) -> Option<Envelope> {
        match self {
            RowRef::Event(record) => Some(record.envelope),
            RowRef::Captured(captured) => match captured.content {
                Content::Event(event) => Some(Envelope { timestamp: captured.timestamp, event }),
                Content::Raw { .. } => None,
            },
        }
    }

    /// Appends the message: the text of the event, or the bytes of a raw frame.
    #[inline]
    pub fn write_message(self, encoder: &mut MessageEncoder, out: &mut Vec<u8>) {
        match self {
            RowRef::Event(record) => encoder.write(&record.envelope, out),
            RowRef::Captured(captured) => match &captured.content {
                Content::Event(event) => {
                    let envelope = Envelope { timestamp: captured.timestamp, event: *event };
                    encoder.write(&envelope, out);
                }
                Content::Raw { bytes, .. } => out.extend_from_slice(bytes),
            },
        }
    }

    /// Returns a copy of the row.
    pub fn to_row(self) -> Row {
        match self {
            RowRef::Event(record) => Row::Event(*record),
            RowRef::Captured(captured) => Row::Captured(Box::new(captured.clone())),
        }
    }
}

/// An iterator over the rows of a [`Batch`].
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    records: &'a [Record],
    captured: &'a [(u32, Captured)],
    at: u32,
}

impl<'a> Iterator for Rows<'a> {
    type Item = RowRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<RowRef<'a>> {
        let row = match self.captured.split_first() {
            Some(((at, captured), rest)) if *at == self.at => {
                self.captured = rest;
                RowRef::Captured(captured)
            }
            _ => {
                let (record, rest) = self.records.split_first()?;
                self.records = rest;
                RowRef::Event(record)
            }
        };
        self.at += 1;
        Some(row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.records.len() + self.captured.len();
        (len, Some(len))
    }
}

impl ExactSizeIterator for Rows<'_> {}

/// Computes the content digest of rows.
#[derive(Clone, Debug, Default)]
pub struct RowDigest {
    digest: ContentHasher,
    encoder: MessageEncoder,
    proofs: Option<Box<Proofs>>,
    /// The current message after its length, if there are proofs.
    message: Vec<u8>,
}

impl RowDigest {
    /// Starts the digest of an archive's rows, with the digests of symbols and the sums of slices if its metadata states them.
    pub fn of_archive(metadata: &Metadata) -> RowDigest {
        match metadata.slices() {
            Some(slices) => RowDigest::with_proofs(Proofs::new(metadata.key_symbols(), slices.grid())),
            None => RowDigest::default(),
        }
    }

    pub(crate) fn with_proofs(proofs: Proofs) -> RowDigest {
        RowDigest { proofs: Some(Box::new(proofs)), ..RowDigest::default() }
    }

    /// Adds the messages of all rows of a batch.
    pub fn push(&mut self, batch: &Batch) {
        if let Some(proofs) = &mut self.proofs {
            for row in batch.rows() {
                self.message.clear();
                append_message(&mut self.message, |out| row.write_message(&mut self.encoder, out));
                self.digest.push_appended(&self.message);
                proofs.push(row, &self.message);
            }
        } else if batch.captured.is_empty() {
            for record in &batch.records {
                self.digest.push_with(|out| self.encoder.write(&record.envelope, out));
            }
        } else {
            for row in batch.rows() {
                self.digest.push_with(|out| row.write_message(&mut self.encoder, out));
            }
        }
    }

    /// Returns the digest of all messages added so far.
    pub fn finish(&self) -> tradesim_schemas::ContentDigest {
        self.digest.finish()
    }

    /// Returns the digests of symbols and the sums of slices, if they were computed.
    pub(crate) fn proved(&self) -> Option<Proved> {
        self.proofs.as_ref().map(|proofs| proofs.finish())
    }
}
