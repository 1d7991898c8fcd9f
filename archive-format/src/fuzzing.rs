//! The entry points of the fuzz targets of this crate (fuzz/README.md). Tests run them over the targets' corpora. They are
//! not part of the public API.
//!
//! The digests would stop a mutation before it reaches a parser. So they are recomputed first, as a malicious writer would
//! do it.

mod journal;
mod pages;

use std::{io::Write, path::Path};

use tempfile::TempDir;

use crate::{Archive, Error, OpenOptions, Start, flat_batch, metadata, testing::reseal};

pub use journal::journal;
pub use pages::pages;

/// Seals a file, and reads it to its end in every possible way.
///
/// # Panics
/// Panics if it can be read in one way but not in another.
pub fn archive(file: &[u8]) {
    let mut bytes = file.to_vec();
    reseal(&mut bytes);
    read_to_the_end(&bytes);
}

fn read_to_the_end(bytes: &[u8]) {
    let folder = Folder::new();
    let path = folder.write("a.parquet", bytes);
    let Ok(archive) = Archive::open(&path, OpenOptions { mmap: false }) else { return };
    let metadata = archive.metadata();
    document_is_stable(&metadata.to_json());
    for index in 0..metadata.state_frames().len() {
        let _ = archive.state_frame(index);
    }
    let read = walk(&archive);
    assert!(
        read.is_err() || archive.verify_structure().is_ok(),
        "rows of a file with wrong digests were read"
    );
    match (read, archive.verify_content()) {
        (Ok(rows), Ok(_)) => assert_eq!(rows, metadata.counts().total()),
        (Err(_), Ok(_)) => panic!("the content was verified, but cannot be read"),
        _ => {}
    }
    if let Some((last, _)) = metadata.last() {
        let _ = archive.rows_before(Start::Seq(last));
    }
}

/// Reads all rows, as `cat` and as `export` do.
fn walk(archive: &Archive) -> Result<u64, Error> {
    let mut encoder = tradesim_schemas::MessageEncoder::new();
    let mut text = Vec::new();
    let mut count = 0;
    for batch in archive.batches(Start::Beginning) {
        let batch = batch?;
        for row in batch.rows() {
            text.clear();
            row.write_message(&mut encoder, &mut text);
            count += 1;
        }
        let _ = flat_batch(&batch);
    }
    Ok(count)
}

/// Reads a metadata document. It must be unchanged after writing and reading it again.
///
/// # Panics
/// Panics if it is not.
pub fn document(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(read) = metadata::from_json(text) else { return };
    let _ = (read.provenance().gaps(), read.provenance().has_received_pace());
    document_is_stable(&read.to_json());
}

fn document_is_stable(text: &str) {
    let again = metadata::from_json(text).expect("our own document is read");
    assert_eq!(again.to_json(), text);
}

/// A temporary folder.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("the system has room for temporary files"))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> std::path::PathBuf {
        let path = self.0.path().join(name);
        let written = std::fs::File::create(&path).and_then(|mut file| file.write_all(bytes));
        written.expect("the system has room for temporary files");
        path
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}
