//! Reading a journal, up to its first record that is not whole.

use std::{
    fs::File,
    io::{BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::{HEAD_BYTES, JournalRecord, MAGIC, decode, record_len};
use crate::{Error, regular::open_regular};

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// What stands behind the last whole record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Torn {
    /// Its bytes.
    pub bytes: u64,
    /// The most messages that these bytes can have been.
    pub messages_max: u64,
}

/// Reads the records of a journal.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    input: BufReader<File>,
    length: u64,
    /// Bytes of what was read and is whole.
    whole: u64,
    ordinal: u64,
    ended: bool,
    record: Vec<u8>,
}

impl JournalReader {
    /// Opens a journal.
    ///
    /// # Errors
    /// A file that cannot be read, that is not a regular file, or that is not a journal.
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

    /// The next record; `None` behind the last whole one.
    ///
    /// # Errors
    /// The error of the operating system.
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
        // grows with what is there, and not with what the head promises
        let rest = (length - HEAD_BYTES) as u64;
        (&mut self.input).take(rest).read_to_end(&mut self.record)?;
        Ok((self.record.len() == length).then(|| decode(&self.record)).flatten())
    }

    /// Bytes of the file when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes read so far that are whole.
    pub fn position(&self) -> u64 {
        self.whole
    }

    /// What stands behind the whole records; to be asked at the end.
    pub fn torn(&self) -> Torn {
        let bytes = self.length.saturating_sub(self.whole);
        Torn { bytes, messages_max: bytes.div_ceil(super::SHORTEST_RECORD) }
    }
}
