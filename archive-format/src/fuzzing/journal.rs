//! Journals: arbitrary bytes with correct ordinals and checks.

use std::path::Path;

use super::{super::journal as format, Folder};
use crate::{
    Archive, Error, JournalReader, JournalRecord, OpenOptions, Start, WriterOptions, archive_journal,
};

/// Reads a journal and converts it to an archive.
///
/// # Panics
/// Panics if the archive does not have the messages of the journal, in order.
pub fn journal(bytes: &[u8]) {
    let folder = Folder::new();
    let path = folder.write("a.journal", &format::sealed(bytes));
    let Ok(records) = read(&path) else { return };
    let output = folder.path().join("a.parquet");
    let archived = archive_journal(&path, &output, WriterOptions::default(), |_, _| Ok::<(), Error>(()));
    archived.expect("any journal can be archived");
    let archive = Archive::open(&output, OpenOptions { mmap: false }).expect("our own archive is read");
    archive.verify_content().expect("our own archive is valid");
    let mut messages = records.iter().filter(|record| record.kind.opcode().is_some());
    let mut encoder = tradesim_schemas::MessageEncoder::new();
    let mut text = Vec::new();
    for batch in archive.batches(Start::Beginning) {
        for row in batch.expect("our own archive is read").rows() {
            text.clear();
            row.write_message(&mut encoder, &mut text);
            assert_eq!(messages.next().map(|record| record.content.as_slice()), Some(text.as_slice()));
        }
    }
    assert_eq!(messages.next(), None);
}

fn read(path: &Path) -> Result<Vec<JournalRecord>, Error> {
    let mut reader = JournalReader::open(path)?;
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push(record);
    }
    assert_eq!(reader.position() + reader.truncated_tail().bytes, reader.length());
    Ok(records)
}
