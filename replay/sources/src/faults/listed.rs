//! Checks that the planted faults are those that the metadata lists.

use serde::Serialize;
use tradesim_archive::{Batch, Metadata, PlantedFaults};
use tradesim_schemas::{MessageEncoder, ReadOptions, RecordSeq, read};

/// The maximum number of differences that are reported.
const EXAMPLES_MAX: usize = 5;

/// The result of the check.
#[derive(Debug, Default, Serialize)]
pub struct ListedFaults {
    /// The number of messages that a reader must refuse.
    pub checked: u64,
    /// The number of those that are missing, accepted, or refused for another reason.
    pub differing: u64,
    /// Descriptions of the first differences.
    pub examples: Vec<String>,
}

/// Compares rows with the list. Dropped, duplicated and swapped messages cannot be recognised.
#[derive(Debug)]
pub struct ListedFaultsCheck<'a> {
    /// Sequence number and reason of the messages that must be refused, in order.
    wanted: Vec<(RecordSeq, &'a str)>,
    next: usize,
    found: ListedFaults,
    encoder: MessageEncoder,
    message: Vec<u8>,
}

impl<'a> ListedFaultsCheck<'a> {
    /// Returns the check of an archive, or `None` if it lists no faults.
    pub fn of(metadata: &'a Metadata) -> Option<ListedFaultsCheck<'a>> {
        let list = metadata.provenance().faults.as_ref()?.planted.as_ref()?;
        let of_kind = |PlantedFaults { reason, seqs, .. }: &'a PlantedFaults| {
            let reason = reason.as_deref();
            seqs.iter().filter_map(move |seq| Some((*seq, reason?)))
        };
        let mut wanted: Vec<(RecordSeq, &str)> = list.iter().flat_map(of_kind).collect();
        wanted.sort_unstable();
        let found = ListedFaults { checked: wanted.len() as u64, ..ListedFaults::default() };
        Some(ListedFaultsCheck {
            wanted,
            next: 0,
            found,
            encoder: MessageEncoder::new(),
            message: Vec::new(),
        })
    }

    /// Checks the next rows.
    pub fn push(&mut self, batch: &Batch) {
        for row in batch.rows() {
            while let Some((seq, reason)) = self.next_up_to(row.seq()) {
                if seq < row.seq() {
                    self.missing(seq, reason);
                    continue;
                }
                self.message.clear();
                row.write_message(&mut self.encoder, &mut self.message);
                let found =
                    read(&self.message, ReadOptions::default()).err().map(|refusal| refusal.reason.code());
                if found != Some(reason) {
                    let found =
                        found.map_or("is accepted".to_owned(), |found| format!("is refused for {found}"));
                    self.differs(format!("seq {seq} is listed as refused for {reason}, but {found}"));
                }
            }
        }
    }

    /// Returns the result, after the last row.
    pub fn finish(mut self) -> ListedFaults {
        while let Some((seq, reason)) = self.next_up_to(RecordSeq(u64::MAX)) {
            self.missing(seq, reason);
        }
        self.found
    }

    fn next_up_to(&mut self, seq: RecordSeq) -> Option<(RecordSeq, &'a str)> {
        let next = *self.wanted.get(self.next).filter(|(wanted, _)| *wanted <= seq)?;
        self.next += 1;
        Some(next)
    }

    fn missing(&mut self, seq: RecordSeq, reason: &str) {
        self.differs(format!("seq {seq} is listed as refused for {reason}, but is missing"));
    }

    fn differs(&mut self, how: String) {
        self.found.differing += 1;
        if self.found.examples.len() < EXAMPLES_MAX {
            self.found.examples.push(how);
        }
    }
}
