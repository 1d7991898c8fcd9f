//! Reads a journal up to its first record that is incomplete or invalid.

use std::{
    fs::File,
    io::{BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::{HEAD_BYTES, JournalRecord, MAGIC, decode, record_len};
use crate::{Error, regular::open_regular};

/// The size of the read buffer in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// The unreadable bytes after the last valid record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TruncatedTail {
    /// The number of bytes.
    pub bytes: u64,
    /// The maximum number of messages that these bytes can contain.
    pub messages_max: u64,
}

/// Reads the records of a journal.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    input: BufReader<File>,
    length: u64,
    /// The number of bytes of valid records so far.
    whole: u64,
    ordinal: u64,
    ended: bool,
    record: Vec<u8>,
}

impl JournalReader {
    /// Opens a journal.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, is not a regular file, or is not a journal.
    pub fn open(path: impl AsRef<Path>) -> Result<JournalReader, Error> {
        let path = path.as_ref().to_owned();
        let io = |source| Error::io(&path, "read", source);
        let file = open_regular(&path)?;
        let length = file.metadata().map_err(io)?.len();
        let mut input = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut magic = [0; MAGIC.len()];
        match input.read_exact(&mut magic) {
            Ok(()) if magic == MAGIC => {}
            Ok(()) => return Err(Error::NotJournal { path }),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(Error::NotJournal { path });
            }
            Err(error) => return Err(io(error)),
        }
        let whole = MAGIC.len() as u64;
        Ok(JournalReader { path, input, length, whole, ordinal: 0, ended: false, record: Vec::new() })
    }

    /// Returns the next record, or `None` after the last valid one.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub fn next_record(&mut self) -> Result<Option<JournalRecord>, Error> {
        if self.ended {
            return Ok(None);
        }
        let record = match self.read_record() {
            Ok(record) => record,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(Error::io(&self.path, "read", error)),
        };
        match &record {
            Some(_) => {
                self.whole += self.record.len() as u64;
                self.ordinal += 1;
            }
            None => self.ended = true,
        }
        Ok(record)
    }

    fn read_record(&mut self) -> std::io::Result<Option<JournalRecord>> {
        let mut head = [0; HEAD_BYTES];
        self.input.read_exact(&mut head)?;
        let Some(length) = record_len(&head, self.ordinal) else { return Ok(None) };
        self.record.clear();
        self.record.extend_from_slice(&head);
        // grows with the bytes that are read, not with the length in the head
        let rest = (length - HEAD_BYTES) as u64;
        (&mut self.input).take(rest).read_to_end(&mut self.record)?;
        Ok((self.record.len() == length).then(|| decode(&self.record)).flatten())
    }

    /// Returns the length of the file in bytes when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Returns the number of bytes of valid records so far.
    pub fn position(&self) -> u64 {
        self.whole
    }

    /// Returns the unreadable rest of the journal. Call it at the end.
    pub fn truncated_tail(&self) -> TruncatedTail {
        let bytes = self.length.saturating_sub(self.whole);
        TruncatedTail { bytes, messages_max: bytes.div_ceil(super::SHORTEST_RECORD) }
    }
}
